package ysync

import (
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// Session is one end of a conversation in y-websocket's framing. It is a synchronizer.Session, and as such driven by one goroutine at a time.
type Session struct {
	peer *peer
	told bool // that it may only read
}

var (
	_ synchronizer.Timed  = (*Session)(nil)
	_ synchronizer.Closer = (*Session)(nil)
)

// NewServer returns the server's end of a conversation about a room.
func NewServer(room *Room, opts *Options) *Session {
	s := &Session{}
	s.peer = newPeer(room, s, opts, make(chan struct{}, 1))
	s.peer.echo = true
	return s
}

// NewClient returns the client's end of a conversation about a room.
func NewClient(room *Room, opts *Options) *Session {
	s := &Session{}
	s.peer = newPeer(room, s, opts, make(chan struct{}, 1))
	return s
}

// Start sends step 1 and the awareness states there are.
func (s *Session) Start() ([][]byte, error) { return s.peer.start(), nil }

// Receive takes a message.
func (s *Session) Receive(msg []byte) ([][]byte, error) {
	if err := s.peer.tooBig(msg); err != nil {
		return nil, err
	}
	m, err := ReadMessage(msg)
	if err != nil {
		return nil, refused("message", err)
	}
	out, err := s.take(m)
	if len(out) > 0 {
		s.peer.sent = s.peer.Now()
	}
	return out, err
}

func (s *Session) take(m Message) ([][]byte, error) {
	switch m.Type {
	case TypeSync:
		if m.Step == Step1 {
			reply, err := s.peer.step2(m.Payload)
			return one(reply), err
		}
		ok, err := s.peer.apply(m.Step, m.Payload)
		if !ok && err == nil && !s.told {
			s.told = true
			return one(AppendMessage(nil, Message{Type: TypeAuth, Text: "read-only: changes are not taken"})), nil
		}
		return nil, err
	case TypeAwareness:
		return nil, s.peer.applyAwareness(m.Payload)
	case TypeAuth:
		if s.peer.OnDenied != nil {
			s.peer.OnDenied(m.Text)
		}
	case TypeQueryAwareness:
		return one(awarenessTail(AppendAwareness(nil, s.peer.room.awareness.States()))), nil
	}
	return nil, nil
}

func one(msg []byte) [][]byte {
	if msg == nil {
		return nil
	}
	return [][]byte{msg}
}

// Poll sends what others have changed, and a sign of life when there was nothing for long.
func (s *Session) Poll() ([][]byte, error) {
	tails, _, err := s.peer.poll()
	return tails, err
}

// Wake fires when there is something to Poll.
func (s *Session) Wake() <-chan struct{} { return s.peer.wake }

// Next returns when to Poll at the latest.
func (s *Session) Next() time.Time { return s.peer.next() }

// Synced reports whether the other end has sent all that it had at the beginning. Only for the goroutine that drives the session.
func (s *Session) Synced() bool { return s.peer.synced }

// String returns the name of the session.
func (s *Session) String() string { return s.peer.Name }

// Close leaves the room. The awareness states that came from the other end go.
func (s *Session) Close() { s.peer.room.leave(s.peer) }
