package tinybase

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"slices"
	"sync"

	"github.com/rowloom/rowloom/store/mergeable"
)

// Room is the server's side of one mergeable store: everybody in it has the same content. Clients talk to the server only:
// it answers their questions itself, from the store, and passes changes on after it has merged them. What it refuses, no
// client sees; what was merged already, nobody is told again.
//
// A Room may be used by many goroutines; each of its sessions by one.
type Room struct {
	m *mergeable.Store
	o Options

	frames frames

	mu      sync.Mutex
	clients map[string]*Session
	watch   map[*func(string, int)]struct{}
}

// NewRoom returns the room of a store. The options are for all its sessions; those of a session may say otherwise.
func NewRoom(m *mergeable.Store, o *Options) *Room {
	r := &Room{m: m, clients: map[string]*Session{}, watch: map[*func(string, int)]struct{}{}}
	if o != nil {
		r.o = *o
	}
	return r
}

// Store returns the mergeable store.
func (r *Room) Store() *mergeable.Store { return r.m }

// Session returns the server's end of a new client's connection, and the id that the client has in this room, which nobody
// can choose or guess. Nil options are those of the room. The session leaves the room when it is closed. A client that does
// not say what it has ([Options].Greeting) is asked.
func (r *Room) Session(o *Options) (s *Session, client string) {
	if o == nil {
		o = &r.o
	}
	s = newSession(newEngine(r.m, o, make(chan struct{}, 1), true))
	s.start = s.e.await
	client = r.join(s)
	return s, client
}

// Channel returns the server's end of a channel of a [Shared] connection, which wakes the connection when it has something
// to say. A client that lost its connection opens the channel again, but does not ask what it missed; so it is told what is
// here.
func (r *Room) Channel(wake chan struct{}, o *Options) (s *Session, client string) {
	if o == nil {
		o = &r.o
	}
	s = newSession(newEngine(r.m, o, wake, true))
	s.start = func() {
		s.e.await()
		if s.e.hashes() != ([2]uint32{}) {
			s.e.announce("")
		}
	}
	return s, r.join(s)
}

func (r *Room) join(s *Session) (client string) {
	s.e.frames = &r.frames
	client = newClientID(s.e.Random)
	r.mu.Lock()
	r.clients[client] = s
	r.mu.Unlock()
	r.tell(client, +1)
	s.onClose = sync.OnceFunc(func() {
		r.mu.Lock()
		delete(r.clients, client)
		r.mu.Unlock()
		r.tell(client, -1)
	})
	return client
}

// frames makes the frame of a change once for all sessions of a room, which are told of it at about the same time.
type frames struct {
	mu    sync.Mutex
	delta *mergeable.Delta
	frame []byte
}

// of returns a frame, which must not be written to.
func (f *frames) of(d *mergeable.Delta, id func(int) string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.delta != d {
		m := Message{ID: id(11), Kind: ContentDiff, Body: d.JSON()}
		f.delta, f.frame = d, m.Append(AppendFrame(make([]byte, 0, len(m.Body)+32), ServerID, nil))
	}
	return f.frame
}

// newClientID returns 24 characters, of the form of the WebSocket key that TinyBase takes for it.
func newClientID(random io.Reader) string {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		_, _ = rand.Read(b[:])
	}
	return base64.StdEncoding.EncodeToString(b[:])
}

// Clients returns the ids of the clients, sorted.
func (r *Room) Clients() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]string, 0, len(r.clients))
	for id := range r.clients {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Listen calls fn when a client has come (+1) or gone (-1), in the goroutine that brought it. stop ends it.
func (r *Room) Listen(fn func(client string, change int)) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watch[&fn] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watch, &fn)
	}
}

func (r *Room) tell(client string, change int) {
	r.mu.Lock()
	var fns []func(string, int)
	for fn := range r.watch {
		fns = append(fns, *fn)
	}
	r.mu.Unlock()
	for _, fn := range fns {
		fn(client, change)
	}
}
