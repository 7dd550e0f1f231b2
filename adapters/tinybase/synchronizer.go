package tinybase

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// Dialer makes a connection: to a server, a [Broadcast], or whatever else carries frames. ctx is over when it has returned.
type Dialer func(ctx context.Context) (synchronizer.Conn, error)

// SynchronizerOptions are the choices of a [Synchronizer]. Nil, and each zero field, is the default.
type SynchronizerOptions struct {
	// Session is for the session of every connection.
	Session Options
	// Run is for the driver of every session.
	Run synchronizer.RunOptions
	// DialTimeout is how long the Dialer may take; 30 s when 0.
	DialTimeout time.Duration
	// MinWait is how long to wait after a lost connection, at first; MaxWait at last. 100 ms and 30 s when 0.
	MinWait, MaxWait time.Duration
	// OnStatus is told every change of status. It must not wait for the Synchronizer.
	OnStatus func(Status)
}

// State is what a Synchronizer is doing.
type State uint8

// The states of a Synchronizer.
const (
	Stopped State = iota
	Connecting
	Connected
	Waiting // until it connects again
)

// String returns the state as a word.
func (s State) String() string {
	return [...]string{"stopped", "connecting", "connected", "waiting"}[min(s, Waiting)]
}

// Status is what a Synchronizer is doing, and why.
type Status struct {
	State State
	Err   error // how the last connection ended, or why there is none; nil when in good order
	Stats Stats // messages of all connections so far
}

// Synchronizer keeps a mergeable store connected: it dials, runs a session, and dials again when the connection is lost.
// What was missed meanwhile is made up for.
type Synchronizer struct {
	m    *mergeable.Store
	dial Dialer
	o    SynchronizerOptions

	sends, receives atomic.Int64

	mu    sync.Mutex
	state State
	err   error
	stop  context.CancelFunc
	ended chan struct{}
}

// New returns a Synchronizer, stopped.
func New(m *mergeable.Store, dial Dialer, o *SynchronizerOptions) *Synchronizer {
	s := &Synchronizer{m: m, dial: dial}
	if o != nil {
		s.o = *o
	}
	if s.o.DialTimeout <= 0 {
		s.o.DialTimeout = 30 * time.Second
	}
	if s.o.MinWait <= 0 {
		s.o.MinWait = 100 * time.Millisecond
	}
	if s.o.MaxWait <= 0 {
		s.o.MaxWait = 30 * time.Second
	}
	return s
}

// WebSocket dials a server: TinyBase's own WsServer, or ours. Nil options are the defaults.
func WebSocket(url string, o *ws.Options) Dialer {
	var own ws.Options
	if o != nil {
		own = *o
	}
	own.Kind = ws.Text
	if own.ReadLimit == 0 {
		own.ReadLimit = MaxFrame + 1<<16
	}
	return func(ctx context.Context) (synchronizer.Conn, error) { return ws.Dial(ctx, url, &own) }
}

// Start begins to connect, unless it has begun.
func (s *Synchronizer) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop, s.ended = cancel, make(chan struct{})
	go s.run(ctx, s.ended)
}

// Stop ends the connection, and returns when all is over. Start may be called again.
func (s *Synchronizer) Stop() {
	s.mu.Lock()
	stop, ended := s.stop, s.ended
	s.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	<-ended
	s.mu.Lock()
	mine := s.ended == ended && s.stop != nil // unless somebody else has stopped it too, and may have started it again
	if mine {
		s.stop = nil
	}
	s.mu.Unlock()
	if mine {
		s.set(Stopped, nil)
	}
}

// Status returns what s is doing.
func (s *Synchronizer) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Status{s.state, s.err, Stats{int(s.sends.Load()), int(s.receives.Load())}}
}

func (s *Synchronizer) set(state State, err error) {
	s.mu.Lock()
	s.state, s.err = state, err
	s.mu.Unlock()
	if s.o.OnStatus != nil {
		s.o.OnStatus(s.Status())
	}
}

func (s *Synchronizer) run(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	wait := s.o.MinWait
	for ctx.Err() == nil {
		s.set(Connecting, nil)
		conn, err := s.connect(ctx)
		if err == nil {
			s.set(Connected, nil)
			from := time.Now()
			err = synchronizer.RunWith(ctx, &counted{NewClient(s.m, &s.o.Session), s}, conn, &s.o.Run)
			if time.Since(from) > s.o.MaxWait/10 {
				wait = s.o.MinWait
			}
		}
		if ctx.Err() != nil {
			return
		}
		s.set(Waiting, err)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
		wait = min(2*wait, s.o.MaxWait)
	}
}

func (s *Synchronizer) connect(ctx context.Context) (synchronizer.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.DialTimeout)
	defer cancel()
	return s.dial(ctx)
}

// counted is a session that counts for its Synchronizer.
type counted struct {
	*Session
	of *Synchronizer
}

func (c *counted) count(before Stats) {
	c.of.sends.Add(int64(c.e.stats.Sends - before.Sends))
	c.of.receives.Add(int64(c.e.stats.Receives - before.Receives))
}

func (c *counted) Start() ([][]byte, error) {
	defer c.count(c.e.stats)
	return c.Session.Start()
}

func (c *counted) Receive(frame []byte) ([][]byte, error) {
	defer c.count(c.e.stats)
	return c.Session.Receive(frame)
}

func (c *counted) Poll() ([][]byte, error) {
	defer c.count(c.e.stats)
	return c.Session.Poll()
}

// Beside is a [Dialer] to another store of the same process: what [Local] does, with status, statistics, start and stop.
//
//	s := tinybase.New(a, tinybase.Beside(b, nil), nil)
//	s.Start()
//
// The options are for the end of b; nil is the defaults.
func Beside(b *mergeable.Store, o *Options) Dialer {
	room := NewRoom(b, o)
	return func(context.Context) (synchronizer.Conn, error) {
		near, far := synchronizer.ConnPair(16)
		session, _ := room.Session(nil)
		c := &besideConn{Conn: near}
		c.far.Go(func() { _ = synchronizer.Run(context.Background(), session, far) })
		return c, nil
	}
}

// besideConn is the near end of a connection whose far end runs here too.
type besideConn struct {
	synchronizer.Conn
	far sync.WaitGroup
}

// Close is part of [synchronizer.Conn].
func (c *besideConn) Close(code synchronizer.Code, reason string) error {
	err := c.Conn.Close(code, reason)
	c.far.Wait()
	return err
}

// Local keeps two stores in one process equal until ctx is done, and returns its cause.
func Local(ctx context.Context, a, b *mergeable.Store, o *Options) error {
	session, _ := NewRoom(b, o).Session(nil)
	err := synchronizer.RunPair(ctx, NewClient(a, o), session)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// CustomConn is a connection over functions of the caller's, for [New] and [NewClient]: what carries messages between
// stores may be anything that knows who sent them.
type CustomConn struct {
	send   func(to string, message []byte) error
	in     chan []byte
	closed chan struct{}
	once   sync.Once
	why    error // of closed
}

// Custom returns a connection that calls send for each message: for the peer called to, or for all others when to is
// empty. What others send, the caller gives to Deliver. Messages are JSON text, and must not be changed.
func Custom(send func(to string, message []byte) error) *CustomConn {
	return &CustomConn{send: send, in: make(chan []byte, 64), closed: make(chan struct{})}
}

// ErrClosed says that a connection has been closed.
var ErrClosed = errors.New("tinybase: the connection is closed")

// Deliver gives the connection a message that a peer has sent. It waits while there are too many.
func (c *CustomConn) Deliver(ctx context.Context, from string, message []byte) error {
	select {
	case c.in <- AppendFrame(make([]byte, 0, len(from)+1+len(message)), from, message):
		return nil
	case <-c.closed:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Read is part of [synchronizer.Conn].
func (c *CustomConn) Read(ctx context.Context) ([]byte, error) {
	select {
	case f := <-c.in:
		return f, nil
	case <-c.closed:
		return nil, c.why
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Write is part of [synchronizer.Conn]. An error of send ends the connection.
func (c *CustomConn) Write(_ context.Context, frame []byte) error {
	to, message, err := SplitFrame(frame)
	if err == nil {
		err = c.send(to, message)
	}
	if err != nil {
		c.end(err)
	}
	return err
}

// Close is part of [synchronizer.Conn].
func (c *CustomConn) Close(synchronizer.Code, string) error {
	c.end(ErrClosed)
	return nil
}

func (c *CustomConn) end(why error) {
	c.once.Do(func() {
		c.why = why
		close(c.closed)
	})
}
