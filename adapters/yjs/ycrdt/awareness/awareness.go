package awareness

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// An Awareness knows the states of all clients, its own among them. Make one with New.
type Awareness struct {
	client uint64
	opts   Options

	mu        sync.Mutex // held for the maps below only; nothing else is locked under it
	known     map[uint64]*entry
	present   int
	arrivals  uint64
	listeners []*listener
}

// An entry stays when its client has gone, so that an old message does not bring it back.
type entry struct {
	clock   uint64
	state   string // "" if the client is not there
	seen    time.Time
	arrival uint64 // order in which states came
}

type listener struct{ f func(Event) }

// New returns the Awareness of a client. Its own state is {} with clock 0, as in Yjs. A server that is no participant calls
// SetLocal with nil next.
func New(client uint64, now time.Time, opts *Options) *Awareness {
	a := &Awareness{client: client, opts: opts.resolve(), known: make(map[uint64]*entry)}
	a.known[client] = &entry{}
	a.put(a.known[client], 0, "{}", now)
	return a
}

// Client returns the own client ID.
func (a *Awareness) Client() uint64 { return a.client }

// Listen calls f after every change, until stop is called.
func (a *Awareness) Listen(f func(Event)) (stop func()) {
	l := &listener{f}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listeners = append(slices.Clip(a.listeners), l)
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.listeners = slices.DeleteFunc(slices.Clone(a.listeners), func(x *listener) bool { return x == l })
	}
}

// report unlocks and tells the listeners.
func (a *Awareness) report(events ...Event) {
	listeners := a.listeners
	a.mu.Unlock()
	for _, e := range events {
		if e.IsZero() {
			continue
		}
		for _, l := range listeners {
			l.f(e)
		}
	}
}

// put gives e a state, "" for none.
func (a *Awareness) put(e *entry, clock uint64, state string, now time.Time) {
	switch {
	case e.state == "" && state != "":
		a.present++
		a.arrivals++
		e.arrival = a.arrivals
	case e.state != "" && state == "":
		a.present--
	}
	e.clock, e.state, e.seen = clock, state, now
}

// Len returns the number of clients that are there.
func (a *Awareness) Len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.present
}

// Clients returns the clients that are there, in the order in which they came.
func (a *Awareness) Clients() []uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clients()
}

func (a *Awareness) clients() []uint64 {
	out := make([]uint64, 0, a.present)
	for c, e := range a.known {
		if e.state != "" {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(x, y uint64) int { return cmp.Compare(a.known[x].arrival, a.known[y].arrival) })
	return out
}

// State returns a client's state as JSON text, and whether the client is there.
func (a *Awareness) State(client uint64) (json string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.known[client]; e != nil && e.state != "" {
		return e.state, true
	}
	return "", false
}

// SetLocal sets the own state to a JSON value, or takes it away if json is nil or null. Every call makes a new version,
// which others must be told of, also if the state is the same.
func (a *Awareness) SetLocal(json []byte, now time.Time) (Event, error) {
	state, err := a.checked(json)
	if err != nil {
		return Event{}, err
	}
	a.mu.Lock()
	ev := a.setLocal(state, now)
	a.report(ev)
	return ev, nil
}

// checked returns JSON text as it is kept.
func (a *Awareness) checked(json []byte) (string, error) {
	if json == nil {
		return "", nil
	}
	state, err := canonical(json)
	switch {
	case err != nil:
		return "", fmt.Errorf("awareness: %w", err)
	case len(state) > a.opts.StateBytes:
		return "", fmt.Errorf("awareness: %w", &lib0.DecodeError{Kind: lib0.ErrLimit, What: "size of a state"})
	case state == gone:
		return "", nil
	}
	return state, nil
}

func (a *Awareness) setLocal(state string, now time.Time) Event {
	e := a.known[a.client]
	ev := Event{Origin: Local}
	own := []uint64{a.client}
	switch {
	case state == "":
		ev.Removed = own
	case e.state == "":
		ev.Added = own
	default:
		ev.Updated = own
		if !sameState(e.state, state) {
			ev.Changed = own
		}
	}
	a.put(e, e.clock+1, state, now)
	return ev
}

// SetLocalField sets one field of the own state, which must be an object. Without a state nothing happens, as in Yjs.
func (a *Awareness) SetLocalField(field string, value lib0.Any, now time.Time) (Event, error) {
	a.mu.Lock()
	state := a.known[a.client].state
	if state == "" {
		a.mu.Unlock()
		return Event{}, nil
	}
	state, err := a.withField(state, field, value)
	if err != nil {
		a.mu.Unlock()
		return Event{}, err
	}
	ev := a.setLocal(state, now)
	a.report(ev)
	return ev, nil
}

func (a *Awareness) withField(state, field string, value lib0.Any) (string, error) {
	v, err := lib0.ParseJSON([]byte(state))
	if err != nil {
		return "", fmt.Errorf("awareness: %w", err)
	}
	fields := append(slices.Clone(v.Fields()), lib0.Field{Key: field, Value: value})
	text, err := lib0.AppendJSON(nil, lib0.ObjectOf(fields...))
	if err != nil {
		return "", fmt.Errorf("awareness: field %q: %w", field, err)
	}
	return a.checked(text)
}

// Apply takes in a message. What is not newer than what is known is passed over. A message that says that we have gone is
// answered by a newer version of our state: the own client is in Updated then (Yjs calls it removed, which it is not).
// An error changes nothing.
func (a *Awareness) Apply(message []byte, origin any, now time.Time) (Event, error) {
	entries, err := Decode(message, &a.opts)
	if err != nil {
		return Event{}, fmt.Errorf("awareness: %w", err)
	}
	a.mu.Lock()
	if err := a.makeRoom(entries); err != nil {
		a.mu.Unlock()
		return Event{}, err
	}
	ev := Event{Origin: origin}
	for _, in := range entries {
		a.accept(in, now, &ev)
	}
	a.report(ev)
	return ev, nil
}

func (a *Awareness) accept(in Entry, now time.Time, ev *Event) {
	state := in.State
	if state == gone {
		state = ""
	}
	e, isKnown := a.known[in.Client]
	if !isKnown {
		if in.Clock == 0 {
			return
		}
		e = &entry{}
		a.known[in.Client] = e
	} else if in.Clock < e.clock || in.Clock == e.clock && (state != "" || e.state == "") {
		return
	}
	before := e.state
	if state == "" && in.Client == a.client && before != "" {
		a.put(e, in.Clock+1, before, now)
		ev.Updated = append(ev.Updated, in.Client)
		return
	}
	a.put(e, in.Clock, state, now)
	switch {
	case !isKnown && state != "":
		ev.Added = append(ev.Added, in.Client)
	case isKnown && state == "":
		ev.Removed = append(ev.Removed, in.Client)
	case state != "":
		if before == "" || !sameState(state, before) {
			ev.Changed = append(ev.Changed, in.Client)
		}
		ev.Updated = append(ev.Updated, in.Client)
	}
}

// makeRoom keeps the number of known clients within its bound: those that have gone longest are forgotten first. If all
// are there, that is an error.
func (a *Awareness) makeRoom(entries []Entry) error {
	needed := make(map[uint64]bool)
	for _, e := range entries {
		needed[e.Client] = true
	}
	more := 0
	for c := range needed {
		if a.known[c] == nil {
			more++
		}
	}
	over := len(a.known) + more - a.opts.Clients
	if over <= 0 {
		return nil
	}
	var absent []uint64
	for c, e := range a.known {
		if e.state == "" && c != a.client && !needed[c] {
			absent = append(absent, c)
		}
	}
	if len(absent) < over {
		return fmt.Errorf("awareness: %w", &lib0.DecodeError{Kind: lib0.ErrLimit, What: "number of clients"})
	}
	slices.SortFunc(absent, func(x, y uint64) int { return a.known[x].seen.Compare(a.known[y].seen) })
	for _, c := range absent[:over] {
		delete(a.known, c)
	}
	return nil
}

// Remove takes away the states of clients, for example when their connection has ended. Clocks of others stay: only the
// client itself may raise its clock. Clients that are not there are passed over.
func (a *Awareness) Remove(clients []uint64, origin any, now time.Time) Event {
	a.mu.Lock()
	ev := a.remove(clients, origin, now)
	a.report(ev)
	return ev
}

func (a *Awareness) remove(clients []uint64, origin any, now time.Time) Event {
	ev := Event{Origin: origin}
	for _, c := range clients {
		e := a.known[c]
		if e == nil || e.state == "" {
			continue
		}
		if c == a.client {
			a.put(e, e.clock+1, "", now)
		} else {
			a.put(e, e.clock, "", e.seen)
		}
		ev.Removed = append(ev.Removed, c)
	}
	return ev
}

// Poll does what is due: it renews the own state after half the timeout (origin Local) and removes clients that were
// silent for the timeout (origin Timeout). A tenth of the timeout is a good interval. The events say what to send.
func (a *Awareness) Poll(now time.Time) []Event {
	a.mu.Lock()
	var events []Event
	if own := a.known[a.client]; own.state != "" && now.Sub(own.seen) >= a.opts.Timeout/2 {
		events = append(events, a.setLocal(own.state, now))
	}
	var silent []uint64
	for _, c := range a.clients() {
		if c != a.client && now.Sub(a.known[c].seen) >= a.opts.Timeout {
			silent = append(silent, c)
		}
	}
	if len(silent) > 0 {
		events = append(events, a.remove(silent, Timeout, now))
	}
	a.report(events...)
	return events
}

// Encode returns the message with the states of these clients; null for those that have gone. Clients that were never
// known are left out.
func (a *Awareness) Encode(clients ...uint64) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.encode(clients)
}

// EncodeAll returns the message with the states of all clients that are there: the answer to a query.
func (a *Awareness) EncodeAll() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.encode(a.clients())
}

func (a *Awareness) encode(clients []uint64) []byte {
	entries := make([]Entry, 0, len(clients))
	for _, c := range clients {
		e := a.known[c]
		if e == nil {
			continue
		}
		state := e.state
		if state == "" {
			state = gone
		}
		entries = append(entries, Entry{c, e.clock, state})
	}
	return Encode(entries)
}

// String returns one line per client that is there.
func (a *Awareness) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := ""
	for _, c := range a.clients() {
		out += fmt.Sprintf("%d@%d %s\n", c, a.known[c].clock, a.known[c].state)
	}
	return out
}
