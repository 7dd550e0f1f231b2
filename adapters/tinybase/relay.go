package tinybase

import (
	"crypto/rand"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// Relay is a room without data of its own, as TinyBase's simple server: it checks what clients send and passes it on, to
// one of them or to all others, with the sender's id in front. Ids are the relay's choice.
//
// A Relay may be used by many goroutines; each of its sessions by one.
type Relay struct {
	fragments time.Duration
	now       func() time.Time
	random    io.Reader
	budget    *Budget

	mu      sync.Mutex
	clients map[string]*RelaySession
}

// NewRelay returns an empty relay. Of the options it uses FragmentTimeout, Budget, Now and Random.
func NewRelay(o *Options) *Relay {
	r := &Relay{fragments: time.Second, now: time.Now, random: rand.Reader, clients: map[string]*RelaySession{}}
	if o != nil {
		if o.FragmentTimeout > 0 {
			r.fragments = o.FragmentTimeout
		}
		if o.Now != nil {
			r.now = o.Now
		}
		if o.Random != nil {
			r.random = o.Random
		}
		r.budget = o.Budget
	}
	return r
}

// Clients returns the ids of the clients, sorted.
func (r *Relay) Clients() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]string, 0, len(r.clients))
	for id := range r.clients {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Session returns the relay's end of a new client's connection, and the client's id.
func (r *Relay) Session() (s *RelaySession, client string) {
	return r.Channel(make(chan struct{}, 1), nil)
}

// Channel returns the relay's end of a channel of a [Shared] connection, which wakes the connection when it has something to
// say. The budget is the connection's; nil is one of the session's own.
func (r *Relay) Channel(wake chan struct{}, budget *Budget) (s *RelaySession, client string) {
	if budget == nil {
		budget = r.budget
	}
	if budget != nil {
		budget = NewBudget(MaxFragmentGroups, MaxFrame, budget)
	}
	client = newClientID(r.random)
	s = &RelaySession{relay: r, id: client, wake: wake,
		assembler: NewAssembler(&AssemblerOptions{Timeout: r.fragments, Budget: budget})}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients[client] = s
	return s, client
}

// RelaySession is the relay's end of one connection. What waits for its client is bounded by MaxFrame: a client that reads
// too slowly is closed with CloseOverflow.
type RelaySession struct {
	relay     *Relay
	id        string
	assembler *Assembler
	wake      chan struct{}

	mu    sync.Mutex // after the Relay's
	queue [][]byte
	bytes int
	full  bool
}

var _ synchronizer.Closer = (*RelaySession)(nil)

// Start is part of [synchronizer.Session].
func (s *RelaySession) Start() ([][]byte, error) { return nil, nil }

// Receive is part of [synchronizer.Session].
func (s *RelaySession) Receive(frame []byte) ([][]byte, error) {
	to, rest, err := SplitFrame(frame)
	if err != nil {
		return nil, ended(err)
	}
	text, pieces, err := s.assembler.Add(to, rest, s.relay.now())
	if err != nil || text == nil {
		return nil, ended(err)
	}
	if _, err := ParseMessage(text); err != nil {
		return nil, ended(err)
	}
	frames := make([][]byte, len(pieces))
	for i, p := range pieces {
		frames[i] = AppendFrame(make([]byte, 0, len(s.id)+1+len(p)), s.id, p)
	}
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	if to != "" {
		if c := s.relay.clients[to]; c != nil {
			c.add(frames)
		}
		return nil, nil
	}
	for _, c := range s.relay.clients {
		if c != s {
			c.add(frames)
		}
	}
	return nil, nil
}

func (s *RelaySession) add(frames [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range frames {
		if s.bytes+len(f) > MaxFrame && len(s.queue) > 0 {
			s.full = true
			break
		}
		s.queue = append(s.queue, f)
		s.bytes += len(f)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Poll is part of [synchronizer.Session].
func (s *RelaySession) Poll() ([][]byte, error) {
	s.assembler.Expire(s.relay.now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return nil, ended(overflow(OverSocket, "the client reads too slowly"))
	}
	out := s.queue
	s.queue, s.bytes = nil, 0
	return out, nil
}

// Wake is part of [synchronizer.Session].
func (s *RelaySession) Wake() <-chan struct{} { return s.wake }

// Close is part of [synchronizer.Closer].
func (s *RelaySession) Close() {
	s.assembler.Close()
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	delete(s.relay.clients, s.id)
}
