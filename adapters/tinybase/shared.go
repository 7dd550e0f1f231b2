package tinybase

import (
	"fmt"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// Shared is the server's end of a connection with channels: one for each room that the client opens. All channels share the
// connection's budget of fragments.
type Shared struct {
	open     func(channel string, wake chan struct{}, budget *Budget) (synchronizer.Session, error)
	budget   *Budget
	wake     chan struct{}
	greeted  bool
	channels map[string]synchronizer.Session
}

var (
	_ synchronizer.Timed  = (*Shared)(nil)
	_ synchronizer.Closer = (*Shared)(nil)
)

// NewShared returns the server's end of a connection that was opened with the [Subprotocol]. open makes the session of a
// channel, by [Room.Channel] or [Relay.Channel], with the wake and the budget that it is given; its error ends the
// connection, with its code when it is a *synchronizer.Error. The budget, which may be nil, is for all connections.
func NewShared(open func(channel string, wake chan struct{}, budget *Budget) (synchronizer.Session, error), total *Budget) *Shared {
	return &Shared{open: open, wake: make(chan struct{}, 1), channels: map[string]synchronizer.Session{},
		budget: NewBudget(MaxFragmentGroups, MaxFrame, total)}
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
	out, err := c.Receive(inner)
	return inChannel(channel, nil, out), err
}

// inChannel adds frames of a channel to out.
func inChannel(channel string, out, frames [][]byte) [][]byte {
	for _, f := range frames {
		out = append(out, AppendChannel(make([]byte, 0, len(channel)+len(f)+3), channel, f))
	}
	return out
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
			synchronizer.End(session)
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
	session, err := s.open(c.Channel, s.wake, s.budget)
	if err != nil {
		return nil, fmt.Errorf("tinybase: channel %q: %w", c.Channel, err)
	}
	s.channels[c.Channel] = session
	first, err := session.Start()
	return inChannel(c.Channel, out, first), err
}

// Poll is part of [synchronizer.Session].
func (s *Shared) Poll() (out [][]byte, err error) {
	for name, c := range s.channels {
		frames, err := c.Poll()
		if out = inChannel(name, out, frames); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Wake is part of [synchronizer.Session].
func (s *Shared) Wake() <-chan struct{} { return s.wake }

// Next is part of [synchronizer.Timed].
func (s *Shared) Next() (at time.Time) {
	for _, c := range s.channels {
		if timed, ok := c.(synchronizer.Timed); ok {
			if t := timed.Next(); !t.IsZero() && (at.IsZero() || t.Before(at)) {
				at = t
			}
		}
	}
	return at
}

// Channels returns how many channels are open.
func (s *Shared) Channels() int { return len(s.channels) }

// Close is part of [synchronizer.Closer].
func (s *Shared) Close() {
	for _, c := range s.channels {
		synchronizer.End(c)
	}
	clear(s.channels)
}
