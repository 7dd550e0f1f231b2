package amrepo

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// version is the protocol version that this package speaks.
const version = "1"

var errReplaced = errors.New("amrepo: the peer has connected again")

// ErrVersion is returned when the two ends have no protocol version in common.
var ErrVersion = errors.New("amrepo: unsupported protocol version")

// Session is one end of one connection. It does no input or output: its driver calls Start once, Receive for each binary
// message, Poll when Wake says so, and sends what they return, in order. Close must be called at the end.
//
// An error of Start, Receive or Poll ends the session. What it returns together with the error is still to be sent.
type Session struct {
	repo   *Repo
	client bool

	mu    sync.Mutex // held during Start, Receive and Poll
	state sessionState
	links map[DocumentID]*link

	peer Peer // set by the handshake, before others can see the session

	box    sync.Mutex // guards what follows
	dirty  []DocumentID
	dirtyM map[DocumentID]struct{}
	dropM  []DocumentID
	outbox [][]byte
	queued int
	ended  error
	wake   chan struct{}
}

type sessionState uint8

const (
	waiting sessionState = iota // for the handshake
	ready
	done
)

// link is a document in a session.
type link struct {
	d       *document
	sync    Sync // nil while there is no Doc
	asked   bool // a request was sent
	refused bool // the document refused a message of this peer
}

// Accept returns the session of a server with somebody who has called.
func (r *Repo) Accept() *Session { return r.session(false) }

// Dial returns the session of a client with a server that it has called.
func (r *Repo) Dial() *Session { return r.session(true) }

func (r *Repo) session(client bool) *Session {
	return &Session{repo: r, client: client, links: map[DocumentID]*link{}, dirtyM: map[DocumentID]struct{}{}, wake: make(chan struct{}, 1)}
}

// Peer returns who is at the other end; before the handshake, nobody.
func (s *Session) Peer() Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peer
}

// Wake is signalled when there is something to Poll.
func (s *Session) Wake() <-chan struct{} { return s.wake }

// Start returns the first messages. A client joins; a server waits.
func (s *Session) Start() ([][]byte, error) {
	if !s.client {
		return nil, nil
	}
	m := message{Type: typeJoin, SenderID: s.repo.opts.ID, Metadata: s.repo.metadata(), Versions: []string{version}}
	return [][]byte{m.encode()}, nil
}

func (r *Repo) metadata() *metadata {
	return &metadata{StorageID: r.opts.StorageID, Ephemeral: r.opts.StorageID == ""}
}

// Receive takes one message and returns the answers.
func (s *Session) Receive(msg []byte) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.alive(); err != nil {
		return nil, err
	}
	m, err := decode(msg)
	if err != nil {
		return nil, fmt.Errorf("amrepo: %w", err)
	}
	var out [][]byte
	if s.state == waiting {
		out, err = s.handshake(m)
	} else {
		out, err = s.receive(m)
	}
	if err != nil {
		return out, err
	}
	more, err := s.poll()
	return append(out, more...), err
}

// Poll returns what has become due: changes of documents, messages from other sessions.
func (s *Session) Poll() ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.alive(); err != nil {
		return nil, err
	}
	return s.poll()
}

// Close ends the session and saves how far it has come. It may be called more than once.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == done {
		return
	}
	if err := s.saveStates(); err != nil && s.repo.opts.OnError != nil {
		s.repo.opts.OnError(err)
	}
	joined := s.state == ready
	s.state = done
	s.end(errors.New("amrepo: the session is closed"))
	if joined {
		s.repo.depart(s)
	}
	s.links = nil
}

func (s *Session) alive() error {
	s.box.Lock()
	defer s.box.Unlock()
	return s.ended
}

// end makes the next call return err.
func (s *Session) end(err error) {
	s.box.Lock()
	defer s.box.Unlock()
	if s.ended == nil {
		s.ended = err
	}
	s.signal()
}

// signal wakes the driver. s.box is held.
func (s *Session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// touch has the next poll look at a document.
func (s *Session) touch(id DocumentID) {
	s.box.Lock()
	defer s.box.Unlock()
	if _, ok := s.dirtyM[id]; !ok {
		s.dirtyM[id] = struct{}{}
		s.dirty = append(s.dirty, id)
	}
	s.signal()
}

// drop has the next poll forget a document.
func (s *Session) drop(id DocumentID) {
	s.box.Lock()
	defer s.box.Unlock()
	s.dropM = append(s.dropM, id)
	s.signal()
}

// post queues a message for the peer.
func (s *Session) post(m *message) {
	m.SenderID, m.TargetID = s.repo.opts.ID, s.peer.ID
	s.queue(m.encode(), false)
}

// relay queues somebody's ephemeral message for the peer.
func (s *Session) relay(m message) {
	m.TargetID = s.peer.ID
	s.queue(m.encode(), true)
}

func (s *Session) queue(b []byte, droppable bool) {
	s.box.Lock()
	defer s.box.Unlock()
	if s.ended != nil || droppable && s.queued+len(b) > s.repo.opts.MaxQueued {
		return
	}
	s.outbox = append(s.outbox, b)
	s.queued += len(b)
	s.signal()
}

func (s *Session) poll() (out [][]byte, err error) {
	s.box.Lock()
	dirty, drops := s.dirty, s.dropM
	s.dirty, s.dropM = nil, nil
	clear(s.dirtyM)
	s.box.Unlock()
	for _, id := range drops {
		s.unlink(id)
	}
	if s.state == ready {
		for _, id := range dirty {
			b, err := s.offer(id)
			if err != nil {
				return out, err
			}
			out = append(out, b...)
		}
	}
	s.box.Lock()
	out = append(out, s.outbox...)
	s.outbox, s.queued = nil, 0
	s.box.Unlock()
	return out, nil
}

// handshake takes the first message: join at a server, peer or error at a client.
func (s *Session) handshake(m *message) ([][]byte, error) {
	switch {
	case !s.client && m.Type == typeJoin:
		if m.SenderID == "" || m.SenderID == s.repo.opts.ID {
			return nil, fmt.Errorf("amrepo: join with the peer id %q", m.SenderID)
		}
		s.setPeer(m)
		if m.Versions != nil && !slices.Contains(m.Versions, version) {
			answer := message{Type: typeError, SenderID: s.repo.opts.ID, TargetID: m.SenderID, Message: "unsupported protocol version"}
			return [][]byte{answer.encode()}, fmt.Errorf("%w: the peer speaks %q", ErrVersion, m.Versions)
		}
		answer := message{Type: typePeer, SenderID: s.repo.opts.ID, TargetID: m.SenderID, Metadata: s.repo.metadata(), Version: version}
		s.state = ready
		return [][]byte{answer.encode()}, s.repo.arrive(s)
	case s.client && m.Type == typePeer:
		if m.Version != version && m.Version != "" {
			return nil, fmt.Errorf("%w: the server chose %q", ErrVersion, m.Version)
		}
		s.setPeer(m)
		s.state = ready
		return nil, s.repo.arrive(s)
	case s.client && m.Type == typeError:
		return nil, fmt.Errorf("amrepo: the server says: %.200q", m.Message)
	}
	return nil, fmt.Errorf("amrepo: message %.40q before the handshake", m.Type)
}

func (s *Session) setPeer(m *message) {
	s.peer = Peer{ID: m.SenderID, Dialed: s.client}
	if m.Metadata != nil {
		s.peer.StorageID, s.peer.Ephemeral = m.Metadata.StorageID, m.Metadata.Ephemeral
	}
}

// receive takes a message after the handshake. Messages of unknown types are ignored: newer peers may send them.
func (s *Session) receive(m *message) ([][]byte, error) {
	if m.Type == typeEphemeral && s.client {
		return nil, s.ephemeral(m) // a server relays the messages of others
	}
	if m.SenderID != s.peer.ID {
		return nil, nil // as JavaScript's server does
	}
	switch m.Type {
	case typeSync, typeRequest:
		return s.sync(m)
	case typeUnavailable:
		return nil, s.unavailable(m)
	case typeEphemeral:
		return nil, s.ephemeral(m)
	case typeSubscriptions:
		if s.repo.gossip != nil {
			s.repo.gossip.subscriptions(s, m)
		}
	case typeHeads:
		if s.repo.gossip != nil {
			s.repo.gossip.heads(s, m)
		}
	case typeError:
		return nil, fmt.Errorf("amrepo: the peer says: %.200q", m.Message)
	case typeLeave:
		return nil, errors.New("amrepo: the peer has left")
	}
	return nil, nil
}
