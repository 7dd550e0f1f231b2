package hub

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/rowloom/rowloom/internal/jsjson"
)

// presence is what a room knows of a connection that has it open.
type presence struct {
	fail   func(error) // what to do when the room fails
	family string      // "" is an event stream
	access Access
	since  time.Time
	number uint64 // counts those who came into the room
}

// enter notes that a call has the room open, until exit. If the room fails, fail is called, under the hub's lock.
func (r *Room) enter(c *Call, access Access, fail func(error)) {
	since := r.hub.opts.Now()
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	if r.calls == nil {
		r.calls = map[*Call]presence{}
	}
	r.arrivals++
	r.calls[c] = presence{fail: fail, family: c.family, access: access, since: since, number: r.arrivals}
	if r.leaving {
		fail(r.failure)
	}
}

// exit ends what enter began.
func (r *Room) exit(c *Call) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	delete(r.calls, c)
}

// peers returns who is connected to a room over WebSockets, in the order in which they came. A room that is not in memory has nobody, and is not loaded
// to find that out; nor does a room that is idle stay longer because somebody asks.
func (h *Hub) peers(room string) (out []presence) {
	h.mu.Lock()
	if r := h.rooms[room]; r != nil {
		for _, p := range r.calls {
			if p.family != "" {
				out = append(out, p)
			}
		}
	}
	h.mu.Unlock()
	slices.SortFunc(out, func(a, b presence) int { return cmp.Compare(a.number, b.number) })
	return out
}

// peers answers with who is connected to a room:
//
//	{"peers":[{"family":"yjs","since":"2026-01-31T12:00:00.000Z","access":"write"}]}
//
// What would tell who they are, addresses and tokens, is left out.
func (a *answer) peers(room string) error {
	if err := a.need(room); err != nil {
		return err
	}
	if a.hub.closed() {
		return ErrClosed
	}
	b := []byte(`{"peers":[`)
	for i, p := range a.hub.peers(room) {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsjson.AppendString(append(b, `{"family":`...), p.family)
		b = append(b, `,"since":"`...)
		b = p.since.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
		access := `","access":"read"}`
		if p.access >= ReadWrite {
			access = `","access":"write"}`
		}
		b = append(b, access...)
	}
	return a.send(http.StatusOK, jsonType, append(b, "]}\n"...))
}
