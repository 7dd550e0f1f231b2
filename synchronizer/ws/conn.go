package ws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/rowloom/rowloom/synchronizer"
)

// Kind is the kind of frames a protocol uses. Frames of the other kind are refused with [synchronizer.CodeUnsupported].
type Kind uint8

const (
	Binary Kind = iota
	Text
)

// Options are the choices of [Accept] and [Dial]. Nil and zero fields mean the defaults.
type Options struct {
	// Kind of the frames sent and accepted. Default Binary.
	Kind Kind
	// ReadLimit is the size of the largest message accepted, in bytes; a larger one closes the connection with [synchronizer.CodeTooBig]. Default 16 MiB.
	ReadLimit int64
	// Incoming, if not nil, is for the messages that are being read, or have been read last, on all connections that share it. A message
	// longer than 64 KiB for which there is no room closes its connection with [synchronizer.CodeTryLater].
	Incoming *synchronizer.Budget
	// PingEvery is how often the other end is pinged. Default 30 s; negative: never, and a dead peer is noticed only by a failing write.
	PingEvery time.Duration
	// PingTimeout is how long the answer to a ping may take. Default 30 s.
	PingTimeout time.Duration
	// Subprotocols in order of preference.
	Subprotocols []string
	// Origins are the other hosts whose pages may connect, as patterns (see websocket.AcceptOptions.OriginPatterns); the own host always may. Only for Accept.
	Origins []string
	// Header is sent with the request. Only for Dial.
	Header http.Header
	// HTTPClient is used for the request. Only for Dial.
	HTTPClient *http.Client
	// Compression is negotiated if both ends want it. Default none: messages are compact already.
	Compression websocket.CompressionMode
}

func (o *Options) withDefaults() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.ReadLimit <= 0 {
		r.ReadLimit = 16 << 20
	}
	if r.PingEvery == 0 {
		r.PingEvery = 30 * time.Second
	}
	if r.PingTimeout <= 0 {
		r.PingTimeout = 30 * time.Second
	}
	return r
}

// Conn is a synchronizer.Conn over a WebSocket. Close must be called; it ends the one goroutine that a Conn has, which pings.
type Conn struct {
	ws   *websocket.Conn
	kind Kind

	incoming *synchronizer.Budget
	held     atomic.Int64 // of incoming
	closed   atomic.Bool

	closing sync.Once
	stop    context.CancelFunc
	pinging sync.WaitGroup
}

var _ synchronizer.Conn = (*Conn)(nil)

// Accept takes a WebSocket request. On an error it has answered the request.
func Accept(w http.ResponseWriter, r *http.Request, opts *Options) (*Conn, error) {
	o := opts.withDefaults()
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: o.Subprotocols, OriginPatterns: o.Origins, CompressionMode: o.Compression,
	})
	if err != nil {
		return nil, fmt.Errorf("ws: accept: %w", err)
	}
	return newConn(c, o), nil
}

// HandshakeError is an answer to a dialled request that is no WebSocket.
type HandshakeError struct {
	Status int // of the HTTP response; 0 if there was none
	Err    error
}

func (e *HandshakeError) Error() string { return "ws: dial: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *HandshakeError) Unwrap() error { return e.Err }

// Dial connects to a ws, wss, http or https URL. A failure is a [*HandshakeError].
func Dial(ctx context.Context, url string, opts *Options) (*Conn, error) {
	o := opts.withDefaults()
	c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: o.HTTPClient, HTTPHeader: o.Header, Subprotocols: o.Subprotocols, CompressionMode: o.Compression,
	})
	if err != nil {
		he := &HandshakeError{Err: err}
		if resp != nil {
			he.Status = resp.StatusCode
		}
		return nil, he
	}
	return newConn(c, o), nil
}

func newConn(c *websocket.Conn, o Options) *Conn {
	c.SetReadLimit(o.ReadLimit)
	ctx, stop := context.WithCancel(context.Background())
	conn := &Conn{ws: c, kind: o.Kind, incoming: o.Incoming, stop: stop}
	if o.PingEvery > 0 {
		conn.pinging.Go(func() { conn.ping(ctx, o.PingEvery, o.PingTimeout) })
	}
	return conn
}

// Subprotocol returns the subprotocol agreed on, or nothing.
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }

// Read waits for a message.
func (c *Conn) Read(ctx context.Context) ([]byte, error) {
	c.giveBack()
	kind, msg, err := c.read(ctx)
	if c.closed.Load() {
		c.giveBack()
	}
	if err != nil {
		return nil, err
	}
	if (kind == websocket.MessageText) != (c.kind == Text) {
		if c.kind == Text {
			return nil, synchronizer.Errorf(synchronizer.CodeUnsupported, "binary frame on a text protocol")
		}
		return nil, synchronizer.Errorf(synchronizer.CodeUnsupported, "text frame on a binary protocol")
	}
	return msg, nil
}

func (c *Conn) read(ctx context.Context) (websocket.MessageType, []byte, error) {
	kind, r, err := c.ws.Reader(ctx)
	if err != nil {
		return 0, nil, readError(ctx, err)
	}
	msg := make([]byte, 0, 512)
	for {
		if len(msg) == cap(msg) {
			grown := slices.Grow(msg, len(msg))
			if more := cap(grown) - cap(msg); cap(grown) > small {
				if !c.incoming.Take(more) {
					return 0, nil, synchronizer.Errorf(synchronizer.CodeTryLater, "too much is being received")
				}
				c.held.Add(int64(more))
			}
			msg = grown
		}
		n, err := r.Read(msg[len(msg):cap(msg)])
		msg = msg[:len(msg)+n]
		if err == io.EOF {
			return kind, msg, nil
		}
		if err != nil {
			return 0, nil, readError(ctx, err)
		}
	}
}

// small is how long messages may be without a budget.
const small = 64 << 10

func (c *Conn) giveBack() { c.incoming.Give(int(c.held.Swap(0))) }

// readError gives an error of the socket its code.
func readError(ctx context.Context, err error) error {
	var ce websocket.CloseError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &ce):
		code := synchronizer.Code(ce.Code)
		if ce.Code == websocket.StatusNoStatusRcvd { // a browser's close() without arguments
			code = synchronizer.CodeNormal
		}
		return &synchronizer.Error{Code: code, Reason: ce.Reason, Remote: true}
	case errors.Is(err, websocket.ErrMessageTooBig):
		return &synchronizer.Error{Code: synchronizer.CodeTooBig, Reason: "message too big", Err: err}
	}
	return &synchronizer.Error{Code: synchronizer.CodeAbnormal, Err: err}
}

// Write sends a message.
func (c *Conn) Write(ctx context.Context, msg []byte) error {
	kind := websocket.MessageBinary
	if c.kind == Text {
		kind = websocket.MessageText
	}
	if err := c.ws.Write(ctx, kind, msg); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &synchronizer.Error{Code: synchronizer.CodeAbnormal, Err: err}
	}
	return nil
}

// Close sends the code and the reason, waits up to five seconds each for that to leave and for the answer, and closes the socket.
func (c *Conn) Close(code synchronizer.Code, reason string) error {
	var err error
	c.closed.Store(true)
	defer c.giveBack()
	c.closing.Do(func() {
		c.stop()
		defer c.pinging.Wait()
		if code == synchronizer.CodeAbnormal { // nobody is there to be told
			_ = c.ws.CloseNow()
			return
		}
		err = c.ws.Close(websocket.StatusCode(code), synchronizer.CutReason(reason, 123))
	})
	return err
}

// ping asks the other end for a sign of life now and then, and drops the connection when there is none. What ends it must not cut off the ping that is
// being written: that would end the connection before the code and the reason have left.
func (c *Conn) ping(ctx context.Context, every, timeout time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		err := c.ws.Ping(one)
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				_ = c.ws.CloseNow()
			}
			return
		}
	}
}
