package ysync

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// AwarenessOptions are the choices of [NewAwareness]. Nil and zero fields mean the defaults.
type AwarenessOptions struct {
	// ClientID is the own client, whose state SetLocal sets. Zero: there is none, as on a server.
	ClientID uint64
	// Timeout is how long a state lives without being renewed; the own one is renewed in half of it. Default 30 s, as every Yjs client expects.
	Timeout time.Duration
	// MaxClients is how many clients are remembered, gone ones included. Default 10,000.
	MaxClients int
	// MaxPerOrigin is how many clients one origin (a session) may speak for at a time. Default 1,000.
	MaxPerOrigin int
	// MaxStateBytes is the size of the largest state. Default 256 KiB.
	MaxStateBytes int
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Awareness holds what clients of a document say about themselves: names, cursors, selections. Each client has one state, a JSON value,
// which is gone when the client is. Nothing of it is stored.
//
// It follows y-protocols/awareness.js. Its methods may be called by any goroutine. Lock order: an Awareness, then a Session.
type Awareness struct {
	opts AwarenessOptions

	mu      sync.Mutex
	clients map[uint64]*presence
	owned   map[any]int // live clients by owner
	due     time.Time   // nothing times out or is to be renewed before
	subs    map[*awarenessSub]struct{}
}

type presence struct {
	clock uint64
	state []byte // nil: gone
	seen  time.Time
	owner any  // origin of the last accepted update
	lost  bool // gone because its connection is, not by its own word: it may come back with the same clock
}

type awarenessSub struct{ fn func(AwarenessEvent) }

// AwarenessEvent says which clients an update or a timeout was about.
type AwarenessEvent struct {
	Added   []uint64 // never seen before
	Updated []uint64 // said something again, perhaps the same
	Changed []uint64 // those of Updated whose state is another one now
	Removed []uint64
	Origin  any
}

// Touched returns all clients of the event.
func (e AwarenessEvent) Touched() []uint64 { return slices.Concat(e.Added, e.Updated, e.Removed) }

func (e AwarenessEvent) empty() bool { return len(e.Added)+len(e.Updated)+len(e.Removed) == 0 }

// The origins of events that no update caused.
const (
	OriginLocal   = "local"
	OriginTimeout = "timeout"
)

// NewAwareness returns an Awareness without states.
func NewAwareness(opts *AwarenessOptions) *Awareness {
	a := &Awareness{clients: map[uint64]*presence{}, owned: map[any]int{}, subs: map[*awarenessSub]struct{}{}}
	if opts != nil {
		a.opts = *opts
	}
	o := &a.opts
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxClients <= 0 {
		o.MaxClients = 10_000
	}
	if o.MaxPerOrigin <= 0 {
		o.MaxPerOrigin = 1000
	}
	if o.MaxStateBytes <= 0 {
		o.MaxStateBytes = 256 << 10
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return a
}

// ClientID returns the own client, or zero.
func (a *Awareness) ClientID() uint64 { return a.opts.ClientID }

// OnUpdate calls fn after every accepted update, removal and renewal, until stop is called.
func (a *Awareness) OnUpdate(fn func(AwarenessEvent)) (stop func()) {
	sub := &awarenessSub{fn}
	a.mu.Lock()
	a.subs[sub] = struct{}{}
	a.mu.Unlock()
	return func() {
		a.mu.Lock()
		delete(a.subs, sub)
		a.mu.Unlock()
	}
}

// SetLocal sets the own state, a JSON text; nil says goodbye.
func (a *Awareness) SetLocal(state []byte) error {
	id := a.opts.ClientID
	if id == 0 {
		return fmt.Errorf("ysync: awareness has no client of its own")
	}
	if state != nil {
		if err := lib0.ValidJSON(state); err != nil {
			return fmt.Errorf("ysync: awareness state: %w", err)
		}
		if bytes.Equal(bytes.TrimSpace(state), []byte("null")) {
			state = nil
		} else {
			state = bytes.Clone(state)
		}
	}
	a.mu.Lock()
	e := a.setLocal(state)
	a.tell(e)
	return nil
}

func (a *Awareness) setLocal(state []byte) AwarenessEvent {
	id := a.opts.ClientID
	e := AwarenessEvent{Origin: OriginLocal}
	p, known := a.clients[id]
	if !known {
		p = &presence{}
		a.clients[id] = p
	} else {
		p.clock++
	}
	switch {
	case state == nil:
		e.Removed = []uint64{id}
	case p.state == nil:
		e.Added = []uint64{id}
	default:
		e.Updated = []uint64{id}
		if !sameJSON(p.state, state) {
			e.Changed = e.Updated
		}
	}
	p.state, p.seen, p.lost = state, a.opts.Now(), false
	a.sooner(p.seen.Add(a.opts.Timeout / 2))
	return e
}

// Local returns the own state, or nil.
func (a *Awareness) Local() []byte { return a.State(a.opts.ClientID) }

// State returns the state of a client as JSON text, or nil. It must not be changed.
func (a *Awareness) State(client uint64) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.clients[client]; p != nil {
		return p.state
	}
	return nil
}

// States returns the states there are, ordered by client.
func (a *Awareness) States() []ClientState {
	a.mu.Lock()
	defer a.mu.Unlock()
	var states []ClientState
	for id, p := range a.clients {
		if p.state != nil {
			states = append(states, ClientState{id, p.clock, p.state})
		}
	}
	slices.SortFunc(states, func(x, y ClientState) int {
		if x.Client < y.Client {
			return -1
		}
		return 1
	})
	return states
}

// Encode returns an awareness update of the given clients, those of them that were never heard of left out.
func (a *Awareness) Encode(clients []uint64) []byte {
	a.mu.Lock()
	states := make([]ClientState, 0, len(clients))
	for _, id := range clients {
		if p := a.clients[id]; p != nil {
			states = append(states, ClientState{id, p.clock, p.state})
		}
	}
	a.mu.Unlock()
	return AppendAwareness(nil, states)
}

// Apply takes an awareness update. What is older than what is known is ignored, without an error. An update that is not well formed or goes over a limit changes nothing.
func (a *Awareness) Apply(b []byte, origin any) error {
	states, err := ReadAwareness(b, a.opts.MaxClients, a.opts.MaxStateBytes)
	if err != nil {
		return err
	}
	a.mu.Lock()
	if err := a.room(states, origin); err != nil {
		a.mu.Unlock()
		return err
	}
	e := AwarenessEvent{Origin: origin}
	now := a.opts.Now()
	for _, s := range states {
		a.apply(s, now, &e)
	}
	a.tell(e)
	return nil
}

// room makes room for the clients of an update that are new, by forgetting those that are gone, or refuses.
func (a *Awareness) room(states []ClientState, origin any) error {
	fresh, mine := 0, 0
	for _, s := range states {
		p := a.clients[s.Client]
		if p == nil {
			fresh++
		}
		if s.State != nil && (p == nil || p.state == nil || p.owner != origin) {
			mine++
		}
	}
	if a.owned[origin]+mine > a.opts.MaxPerOrigin {
		return &lib0.DecodeError{Kind: lib0.ErrLimit, What: fmt.Sprintf("awareness: more than %d clients of one connection", a.opts.MaxPerOrigin)}
	}
	if len(a.clients)+fresh <= a.opts.MaxClients {
		return nil
	}
	for id, p := range a.clients {
		if p.state == nil && id != a.opts.ClientID {
			delete(a.clients, id)
		}
	}
	if len(a.clients)+fresh > a.opts.MaxClients {
		return &lib0.DecodeError{Kind: lib0.ErrLimit, What: fmt.Sprintf("awareness: more than %d clients", a.opts.MaxClients)}
	}
	return nil
}

// apply follows applyAwarenessUpdate of y-protocols for one client. As there, the first word of a client is not heard if its clock is 0.
func (a *Awareness) apply(s ClientState, now time.Time, e *AwarenessEvent) {
	p, known := a.clients[s.Client]
	if !known {
		p = &presence{}
	}
	newer := s.Clock > p.clock
	leaves := s.Clock == p.clock && s.State == nil && p.state != nil
	returns := s.Clock == p.clock && s.State != nil && p.lost
	if !newer && !leaves && !returns {
		return
	}
	if s.State != nil {
		s.State = bytes.Clone(s.State)
	}
	before := p.state
	if s.State == nil && s.Client == a.opts.ClientID && p.state != nil {
		s.Clock++ // somebody took us for gone: say that we are here
		s.State = p.state
		e.Removed = append(e.Removed, s.Client)
	} else {
		switch {
		case s.State == nil:
			if known {
				e.Removed = append(e.Removed, s.Client)
			}
		case !known:
			e.Added = append(e.Added, s.Client)
		default:
			e.Updated = append(e.Updated, s.Client)
			if !sameJSON(before, s.State) {
				e.Changed = append(e.Changed, s.Client)
			}
		}
		a.own(p, s.State != nil, e.Origin)
	}
	p.clock, p.state, p.seen, p.lost = s.Clock, s.State, now, false
	a.clients[s.Client] = p
	if s.State != nil {
		timeout := a.opts.Timeout
		if s.Client == a.opts.ClientID {
			timeout /= 2
		}
		a.sooner(now.Add(timeout))
	}
}

// own makes origin the owner of a live client, or nobody of one that is gone.
func (a *Awareness) own(p *presence, live bool, origin any) {
	if p.owner != nil {
		if a.owned[p.owner]--; a.owned[p.owner] <= 0 {
			delete(a.owned, p.owner)
		}
		p.owner = nil
	}
	if live && origin != nil {
		p.owner = origin
		a.owned[origin]++
	}
}

// Remove takes the states of clients away, without their word.
func (a *Awareness) Remove(clients []uint64, origin any) {
	a.mu.Lock()
	e := AwarenessEvent{Origin: origin}
	for _, id := range clients {
		a.remove(id, &e)
	}
	a.tell(e)
}

// Leave takes the states away that came from origin last: its connection is closed.
func (a *Awareness) Leave(origin any) {
	a.mu.Lock()
	e := AwarenessEvent{Origin: origin}
	if a.owned[origin] > 0 {
		for id, p := range a.clients {
			if p.owner == origin {
				a.remove(id, &e)
			}
		}
		slices.Sort(e.Removed)
	}
	a.tell(e)
}

func (a *Awareness) remove(id uint64, e *AwarenessEvent) {
	p := a.clients[id]
	if p == nil || p.state == nil {
		return
	}
	p.state, p.lost = nil, true
	a.own(p, false, nil)
	if id == a.opts.ClientID {
		p.clock++
	}
	e.Removed = append(e.Removed, id)
}

// Next returns when Tick has something to do; zero: never. It may be too early, never too late.
func (a *Awareness) Next() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.due
}

// Tick removes the states that were not renewed in time, and renews the own one. The sessions of a [Room] call it.
func (a *Awareness) Tick() {
	a.mu.Lock()
	now := a.opts.Now()
	if a.due.IsZero() || now.Before(a.due) {
		a.mu.Unlock()
		return
	}
	a.due = time.Time{}
	var renewed AwarenessEvent
	gone := AwarenessEvent{Origin: OriginTimeout}
	for id, p := range a.clients {
		if p.state == nil {
			continue
		}
		if id == a.opts.ClientID {
			if due := p.seen.Add(a.opts.Timeout / 2); now.Before(due) {
				a.sooner(due)
			} else {
				renewed = a.setLocal(p.state)
			}
			continue
		}
		if due := p.seen.Add(a.opts.Timeout); now.Before(due) {
			a.sooner(due)
		} else {
			a.remove(id, &gone)
		}
	}
	slices.Sort(gone.Removed)
	a.tell(renewed, gone)
}

func (a *Awareness) sooner(t time.Time) {
	if a.due.IsZero() || t.Before(a.due) {
		a.due = t
	}
}

// tell unlocks a and calls the listeners.
func (a *Awareness) tell(events ...AwarenessEvent) {
	events = slices.DeleteFunc(events, AwarenessEvent.empty)
	var subs []*awarenessSub
	if len(events) > 0 {
		for sub := range a.subs {
			subs = append(subs, sub)
		}
	}
	a.mu.Unlock()
	for _, e := range events {
		for _, sub := range subs {
			sub.fn(e)
		}
	}
}
