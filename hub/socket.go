package hub

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// socket is one client's WebSocket, from the request to its end.
func (a *answer) socket(e Endpoint, room string, hasRoom bool) (err error) {
	h, family := a.hub, e.Name()
	wire := e.Wire()
	if hasRoom || !wire.Roomless {
		if err := h.checkRoom(room); err != nil {
			return err
		}
		if _, err := h.access(a.r, room); err != nil {
			return err
		}
	}
	if a.r.Header.Get("Upgrade") == "" {
		return &problem{status: http.StatusUpgradeRequired, detail: "this address is for WebSockets", header: map[string]string{"Upgrade": "websocket", "Connection": "Upgrade"}}
	}
	leave, err := h.connect(family, room, a.r)
	if err != nil {
		return err
	}
	defer func() { leave(err) }()
	conn, err := ws.Accept(a.w, a.r, &ws.Options{
		Kind:         wire.Kind,
		ReadLimit:    h.opts.Limits.Message,
		Incoming:     h.incoming,
		PingEvery:    h.opts.PingEvery,
		Subprotocols: wire.Subprotocols,
		Origins:      []string{"*"}, // they have been checked
	})
	if err != nil {
		return &errWritten{err}
	}

	ctx, cancel := context.WithCancelCause(a.r.Context())
	defer cancel(nil)
	stop := context.AfterFunc(h.ctx, func() { cancel(ErrClosed) })
	defer stop()
	call := &Call{Request: a.r, Subprotocol: conn.Subprotocol(), Room: room, HasRoom: hasRoom, hub: h, family: family, fail: cancel}
	defer call.release()
	session, err := e.Accept(ctx, call)
	if err != nil {
		_ = conn.Close(synchronizer.CodeOf(err), synchronizer.ReasonOf(err))
		return &errWritten{err}
	}
	err = synchronizer.RunWith(ctx, newDriven(session, call, h.metrics, family), &vouching{conn, ctx, call, family}, &synchronizer.RunOptions{WriteTimeout: h.opts.Limits.SendTimeout, Budget: h.outgoing})
	if err != nil {
		return &errWritten{err}
	}
	return nil
}

// vouching is a connection that passes on what the server itself has written only when that is durable.
type vouching struct {
	synchronizer.Conn
	ctx    context.Context // the call's
	call   *Call
	family string
}

func (c *vouching) Write(ctx context.Context, msg []byte) error {
	for _, r := range c.call.open() {
		if err := r.vouch(c.ctx, c.family); err != nil {
			<-c.ctx.Done() // the room fails, and the call with it
			return err
		}
	}
	return c.Conn.Write(ctx, msg)
}

// driven is a session that passes the gates of its call's rooms, and is counted.
type driven struct {
	synchronizer.Session
	call                       *Call
	in, out, inBytes, outBytes prometheus.Counter
}

func newDriven(s synchronizer.Session, c *Call, m *metrics, family string) *driven {
	return &driven{
		Session: s, call: c,
		in: m.messages.WithLabelValues(family, "in"), inBytes: m.messageBytes.WithLabelValues(family, "in"),
		out: m.messages.WithLabelValues(family, "out"), outBytes: m.messageBytes.WithLabelValues(family, "out"),
	}
}

func (d *driven) Start() ([][]byte, error) { return d.counted(d.Session.Start()) }
func (d *driven) Poll() ([][]byte, error)  { return d.counted(d.Session.Poll()) }

// Receive lets a message change the rooms of the call.
func (d *driven) Receive(msg []byte) (out [][]byte, err error) {
	d.in.Inc()
	d.inBytes.Add(float64(len(msg)))
	entered := d.call.open()
	for i, r := range entered {
		r.gate.enter(i > 0)
	}
	d.call.opened = func(r *Room) { // by this message, which may change it at once
		r.gate.enter(len(entered) > 0)
		entered = append(entered, r)
	}
	defer func() {
		d.call.opened = nil
		for _, r := range entered {
			r.leave()
		}
	}()
	defer func() {
		if p := recover(); p != nil { // a fault of ours: what the rooms hold in memory is not to be trusted any more
			err = &synchronizer.Error{Code: synchronizer.CodeInternal, Reason: "internal error", Err: fmt.Errorf("hub: panic: %v\n%s", p, debug.Stack())}
			d.call.hub.fault("receive a message", err)
			for _, r := range d.call.open() {
				d.call.hub.fail(r, err)
			}
		}
	}()
	return d.counted(d.Session.Receive(msg))
}

func (d *driven) counted(out [][]byte, err error) ([][]byte, error) {
	for _, m := range out {
		d.out.Inc()
		d.outBytes.Add(float64(len(m)))
	}
	return out, err
}

// Next is that of the session, if it has one.
func (d *driven) Next() (at time.Time) {
	if t, ok := d.Session.(synchronizer.Timed); ok {
		at = t.Next()
	}
	return at
}

// Close ends the session.
func (d *driven) Close() { synchronizer.End(d.Session) }
