package hub

import (
	"context"
	"net/http"
	"strconv"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
)

// events sends one server-sent event per commit (https://html.spec.whatwg.org/multipage/server-sent-events.html):
//
//	id: 12
//	data: {"first":12,"last":12,"cells":[{"table":"pets","row":"fido","cell":"price","old":3,"new":5}],"values":[{"id":"open","new":true}]}
//
// old or new is missing where there was or is nothing. A reader that is slow gets several commits as one event, from first to last. The stream begins
// with what is committed after its first line has been sent: who reads the room then misses nothing.
func (a *answer) events(r *Room) (err error) {
	leave, err := a.hub.connect("events", r.name, a.r)
	if err != nil {
		return err
	}
	defer func() { leave(err) }()

	ctx, cancel := context.WithCancelCause(a.r.Context())
	defer cancel(nil)
	stop := context.AfterFunc(a.hub.ctx, func() { cancel(ErrClosed) })
	defer stop()
	call := &Call{}
	r.enter(call, ReadOnly, cancel)
	defer r.exit(call)

	feed := r.store.Feed(store.Path{})
	defer feed.Close()
	h := a.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	a.w.WriteHeader(http.StatusOK)
	if a.r.Method == http.MethodHead {
		return nil
	}
	b := strconv.AppendUint([]byte(": at version "), r.store.Snapshot().Version(), 10)
	if err := a.emit(append(b, "\nretry: 2000\n\n"...)); err != nil {
		return err
	}
	for {
		b = b[:0]
		one, done := context.WithTimeout(ctx, a.hub.opts.Heartbeat)
		c, err := feed.Next(one)
		done()
		switch {
		case err == nil:
			b = appendEvent(b, c)
		case ctx.Err() != nil || a.hub.ctx.Err() != nil:
			return nil // the reader has gone, or the hub or the room goes
		default:
			b = append(b, ":\n\n"...)
		}
		if err := a.emit(b); err != nil {
			return nil // the reader has gone
		}
	}
}

// emit sends a piece of the stream at once.
func (a *answer) emit(b []byte) error {
	if _, err := a.w.Write(b); err != nil {
		return &errWritten{err}
	}
	if err := http.NewResponseController(a.w).Flush(); err != nil {
		return &errWritten{err}
	}
	return nil
}

func appendEvent(b []byte, c *store.Commit) []byte {
	b = strconv.AppendUint(append(b, "id: "...), c.Last, 10)
	b = strconv.AppendUint(append(b, "\ndata: {\"first\":"...), c.First, 10)
	b = strconv.AppendUint(append(b, `,"last":`...), c.Last, 10)
	changes := c.Changes()
	b = append(b, `,"cells":[`...)
	for i, x := range changes.Cells {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsjson.AppendString(append(b, `{"table":`...), x.Table)
		b = jsjson.AppendString(append(b, `,"row":`...), x.Row)
		b = jsjson.AppendString(append(b, `,"cell":`...), x.Cell)
		b = appendOldNew(b, x.Old, x.New)
	}
	b = append(b, `],"values":[`...)
	for i, x := range changes.Values {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsjson.AppendString(append(b, `{"id":`...), x.ID)
		b = appendOldNew(b, x.Old, x.New)
	}
	return append(b, "]}\n\n"...)
}

func appendOldNew(b []byte, old, new store.Value) []byte {
	if old.Exists() {
		b = old.AppendJSON(append(b, `,"old":`...))
	}
	if new.Exists() {
		b = new.AppendJSON(append(b, `,"new":`...))
	}
	return append(b, '}')
}

// connect counts a connection. leave ends it.
func (h *Hub) connect(family, room string, r *http.Request) (leave func(error), err error) {
	busy := &problem{status: http.StatusServiceUnavailable, detail: "too many connections", header: map[string]string{"Retry-After": "5"}}
	h.mu.Lock()
	if h.closing || h.conns.Load() >= int64(h.opts.Limits.Connections) {
		closing := h.closing
		h.mu.Unlock()
		if closing {
			return nil, ErrClosed
		}
		return nil, busy
	}
	h.conns.Add(1)
	h.mu.Unlock()
	gauge := h.metrics.connections.WithLabelValues(family)
	gauge.Inc()
	if ev := h.opts.Events.Connected; ev != nil {
		ev(family, room, remoteOf(r))
	}
	return func(err error) {
		gauge.Dec()
		if ev := h.opts.Events.Disconnected; ev != nil {
			ev(family, room, remoteOf(r), orderly(err))
		}
		h.conns.Add(-1)
	}, nil
}
