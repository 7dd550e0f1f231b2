package tinybase

import (
	"errors"
	"time"

	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
)

// SharedClient is the client's end of a connection with channels: one for each of its stores.
type SharedClient struct {
	wake     chan struct{}
	channels map[string]*sharedChannel
	hello    string
	greeted  bool
	id       func(n int) string
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
// (9.3 or later) or ours: each store in the channel of its name. The error is about a channel's name, or their number.
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
	var own Options
	if o != nil {
		own = *o
	}
	own.Budget = NewBudget(MaxFragmentGroups, MaxFrame, own.Budget)
	for name, m := range stores {
		c := newClient(m, &own, s.wake)
		s.channels[name] = &sharedChannel{Session: c}
		s.id = c.e.id
	}
	return s, nil
}

// Start is part of [synchronizer.Session].
func (s *SharedClient) Start() ([][]byte, error) {
	s.hello = s.id(11)
	return [][]byte{Control{ID: s.hello, Op: Hello}.Append(nil)}, nil
}

// Receive is part of [synchronizer.Session].
func (s *SharedClient) Receive(frame []byte) (out [][]byte, err error) {
	if channel, inner, ok := SplitChannel(frame); ok {
		c := s.channels[channel]
		if c == nil || !c.open {
			return nil, nil
		}
		frames, err := c.Receive(inner)
		return inChannel(channel, nil, frames), err
	}
	control, err := ParseControl(frame)
	if err != nil {
		return nil, ended(err)
	}
	switch {
	case control.Op == Hello && control.ID == s.hello && !s.greeted:
		s.greeted = true
		for name, c := range s.channels {
			c.subscribe = s.id(11)
			out = append(out, Control{ID: c.subscribe, Op: Subscribe, Channel: name}.Append(nil))
		}
	case control.Op == Subscribe:
		if c := s.channels[control.Channel]; c != nil && c.subscribe == control.ID && !c.open {
			c.open = true
			frames, err := c.Start()
			return inChannel(control.Channel, nil, frames), err
		}
	}
	return out, nil
}

// Poll is part of [synchronizer.Session].
func (s *SharedClient) Poll() (out [][]byte, err error) {
	for name, c := range s.channels {
		if c.open {
			frames, err := c.Poll()
			if out = inChannel(name, out, frames); err != nil {
				return out, err
			}
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
