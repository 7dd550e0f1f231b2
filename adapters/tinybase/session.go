package tinybase

import (
	"time"

	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
)

// Session is one end of a conversation about one mergeable store: see [NewClient] and [Room.Session].
type Session struct {
	e         *engine
	assembler *Assembler
	onClose   func()
	start     func()
}

var (
	_ synchronizer.Timed  = (*Session)(nil)
	_ synchronizer.Closer = (*Session)(nil)
)

// NewClient returns the client's end of a connection to TinyBase's own WsServer, or to a [Room]. It asks everybody in the
// room what they have, takes what is missing here, and tells them what is here. A lost connection takes a new Session on
// the same store, which makes up for what was missed.
func NewClient(m *mergeable.Store, o *Options) *Session {
	return newClient(m, o, make(chan struct{}, 1))
}

func newClient(m *mergeable.Store, o *Options, wake chan struct{}) *Session {
	s := newSession(newEngine(m, o, wake, false))
	s.start = s.e.greet
	return s
}

func newSession(e *engine) *Session {
	return &Session{e: e, assembler: NewAssembler(&AssemblerOptions{Timeout: e.FragmentTimeout, Budget: e.Budget})}
}

// Start is part of [synchronizer.Session].
func (s *Session) Start() ([][]byte, error) {
	if s.start != nil {
		s.start()
	}
	return s.e.flush(), nil
}

// Receive is part of [synchronizer.Session]. The error, when a peer breaks the protocol, closes the connection with the code
// and reason that TinyBase uses.
func (s *Session) Receive(frame []byte) ([][]byte, error) {
	err := s.receive(frame)
	return s.e.flush(), ended(err)
}

func (s *Session) receive(frame []byte) error {
	client, rest, err := SplitFrame(frame)
	if err != nil {
		return err
	}
	text, _, err := s.assembler.Add(client, rest, s.e.Now())
	if err != nil || text == nil {
		return err
	}
	m, err := ParseMessage(text)
	if err != nil {
		return err
	}
	if s.e.server && client != "" && client != ServerID {
		return nil // for somebody who is not there
	}
	if s.e.server {
		client = ""
	}
	return s.e.receive(client, m)
}

// Poll is part of [synchronizer.Session].
func (s *Session) Poll() ([][]byte, error) {
	s.assembler.Expire(s.e.Now())
	s.e.poll()
	return s.e.flush(), nil
}

// Wake is part of [synchronizer.Session].
func (s *Session) Wake() <-chan struct{} { return s.e.wake }

// Next is part of [synchronizer.Timed].
func (s *Session) Next() time.Time { return s.e.next() }

// Close is part of [synchronizer.Closer].
func (s *Session) Close() {
	s.assembler.Close()
	s.e.close()
	if s.onClose != nil {
		s.onClose()
	}
}

// Stats returns how many messages were sent and received. It must be called by whoever drives the session.
func (s *Session) Stats() Stats { return s.e.stats }
