package tinybase

import (
	"errors"
	"fmt"
	"time"

	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
)

// Shared is the server's end of a connection with channels: one for each room that the client opens. All channels share the
// connection's budget of fragments.
type Shared struct {
	o        Options
	open     func(channel string) (*Room, error)
	budget   *Budget
	wake     chan struct{}
	greeted  bool
	channels map[string]*Session
}

var (
	_ synchronizer.Timed  = (*Shared)(nil)
	_ synchronizer.Closer = (*Shared)(nil)
)

// NewShared returns the server's end of a connection that was opened with the [Subprotocol]. open finds the room of a
// channel; its error ends the connection, with its code when it is a *synchronizer.Error.
func NewShared(open func(channel string) (*Room, error), o *Options) *Shared {
	s := &Shared{open: open, wake: make(chan struct{}, 1), channels: map[string]*Session{}}
	if o != nil {
		s.o = *o
	}
	s.budget = NewBudget(MaxFragmentGroups, MaxFrame, s.o.Budget)
	return s
}

// Start is part of [synchronizer.Session].
func (s *Shared) Start() ([][]byte, error) { return nil, nil }

// Receive is part of [synchronizer.Session].
func (s *Shared) Receive(frame []byte) ([][]byte, error) {
	out, err := s.receive(frame)
	return out, ended(err)
}

func (s *Shared) receive(frame []byte) ([][]byte, error) {
	if len(frame) > MaxFrame {
		return nil, overflow(OverSocket, "a frame of %d bytes, where %d are allowed", len(frame), MaxFrame)
	}
	channel, inner, ok := SplitChannel(frame)
	if !ok {
		c, err := ParseControl(frame)
		if err != nil {
			return nil, err
		}
		return s.control(c)
	}
	if err := CheckChannel(channel); err != nil {
		return nil, err
	}
	c := s.channels[channel]
	if !s.greeted || c == nil {
		return nil, invalid("a frame for the channel %q, which is not open", channel)
	}
	err := c.receive(inner)
	return c.e.flush(), err
}

func (s *Shared) control(c Control) ([][]byte, error) {
	if c.Op == Hello {
		s.greeted = true
		return [][]byte{c.Append(nil)}, nil
	}
	if err := CheckChannel(c.Channel); err != nil {
		return nil, err
	}
	if !s.greeted {
		return nil, nil
	}
	session := s.channels[c.Channel]
	if c.Op == Unsubscribe {
		if session != nil {
			session.Close()
			delete(s.channels, c.Channel)
		}
		return nil, nil
	}
	out := [][]byte{c.Append(nil)}
	if session != nil {
		return out, nil
	}
	if len(s.channels) >= MaxChannels {
		return nil, overflow(OverChannels, "more than %d channels", MaxChannels)
	}
	room, err := s.open(c.Channel)
	if err != nil {
		return nil, fmt.Errorf("tinybase: channel %q: %w", c.Channel, err)
	}
	o := s.o
	o.Budget = s.budget
	e := newEngine(room.m, &o, s.wake, true)
	e.channel, e.mux = c.Channel, true
	session = newSession(e)
	room.join(session)
	s.channels[c.Channel] = session
	// A client that lost its connection subscribes again, but does not ask what it missed: so it is told.
	if e.hashes() != ([2]uint32{}) {
		e.announce("")
	}
	return append(out, e.flush()...), nil
}

// Poll is part of [synchronizer.Session].
func (s *Shared) Poll() (out [][]byte, err error) {
	for _, c := range s.channels {
		part, _ := c.Poll()
		out = append(out, part...)
	}
	return out, nil
}

// Wake is part of [synchronizer.Session].
func (s *Shared) Wake() <-chan struct{} { return s.wake }

// Next is part of [synchronizer.Timed].
func (s *Shared) Next() (at time.Time) {
	for _, c := range s.channels {
		if t := c.Next(); !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// Channels returns how many channels are open.
func (s *Shared) Channels() int { return len(s.channels) }

// Close is part of [synchronizer.Closer].
func (s *Shared) Close() {
	for _, c := range s.channels {
		c.Close()
	}
	clear(s.channels)
}

// SharedClient is the client's end of a connection with channels: one for each of its stores.
type SharedClient struct {
	wake     chan struct{}
	channels map[string]*sharedChannel
	hello    string
	greeted  bool
	ids      *engine
}

type sharedChannel struct {
	*Session
	subscribe string // the id of the question
	open      bool
}

var (
	_ synchronizer.Timed  = (*SharedClient)(nil)
	_ synchronizer.Closer = (*SharedClient)(nil)
)

// ErrNoChannels says that nothing is to be shared.
var ErrNoChannels = errors.New("tinybase: a shared connection needs at least one channel")

// NewSharedClient returns the client's end of a connection that was opened with the [Subprotocol], to TinyBase's own WsServer
// (9.3 or later) or ours: each store in the channel of its name. The error is about a channel's name.
func NewSharedClient(stores map[string]*mergeable.Store, o *Options) (*SharedClient, error) {
	if len(stores) == 0 {
		return nil, ErrNoChannels
	}
	if len(stores) > MaxChannels {
		return nil, overflow(OverChannels, "%d channels, where %d are allowed", len(stores), MaxChannels)
	}
	for name := range stores {
		if err := CheckChannel(name); err != nil {
			return nil, err
		}
	}
	s := &SharedClient{wake: make(chan struct{}, 1), channels: map[string]*sharedChannel{}}
	var parent *Budget
	if o != nil {
		parent = o.Budget
	}
	budget := NewBudget(MaxFragmentGroups, MaxFrame, parent)
	for name, m := range stores {
		var own Options
		if o != nil {
			own = *o
		}
		own.Budget = budget
		e := newEngine(m, &own, s.wake, false)
		e.channel, e.mux = name, true
		s.channels[name] = &sharedChannel{Session: newSession(e)}
		s.ids = e
	}
	return s, nil
}

// Start is part of [synchronizer.Session].
func (s *SharedClient) Start() ([][]byte, error) {
	s.hello = s.ids.id(11)
	return [][]byte{Control{ID: s.hello, Op: Hello}.Append(nil)}, nil
}

// Receive is part of [synchronizer.Session].
func (s *SharedClient) Receive(frame []byte) ([][]byte, error) {
	out, err := s.receive(frame)
	return out, ended(err)
}

func (s *SharedClient) receive(frame []byte) (out [][]byte, err error) {
	channel, inner, ok := SplitChannel(frame)
	if ok {
		c := s.channels[channel]
		if c == nil || !c.open {
			return nil, nil // of a channel that was closed meanwhile
		}
		err := c.receive(inner)
		return c.e.flush(), err
	}
	control, err := ParseControl(frame)
	if err != nil {
		return nil, err
	}
	switch {
	case control.Op == Hello && control.ID == s.hello && !s.greeted:
		s.greeted = true
		for name, c := range s.channels {
			c.subscribe = s.ids.id(11)
			out = append(out, Control{ID: c.subscribe, Op: Subscribe, Channel: name}.Append(nil))
		}
	case control.Op == Subscribe:
		if c := s.channels[control.Channel]; c != nil && c.subscribe == control.ID && !c.open {
			c.open = true
			c.e.greet()
			out = c.e.flush()
		}
	}
	return out, nil
}

// Poll is part of [synchronizer.Session].
func (s *SharedClient) Poll() (out [][]byte, err error) {
	for _, c := range s.channels {
		if c.open {
			part, _ := c.Poll()
			out = append(out, part...)
		}
	}
	return out, nil
}

// Wake is part of [synchronizer.Session].
func (s *SharedClient) Wake() <-chan struct{} { return s.wake }

// Next is part of [synchronizer.Timed].
func (s *SharedClient) Next() (at time.Time) {
	for _, c := range s.channels {
		if t := c.Next(); c.open && !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// Close is part of [synchronizer.Closer].
func (s *SharedClient) Close() {
	for _, c := range s.channels {
		c.Session.Close()
	}
}
