package tinybase

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// ServerOptions are the choices of a [Server]. Nil, and each zero field, is the default.
type ServerOptions struct {
	// Session is for every session.
	Session Options
	// Open finds the store of a path when its first client comes, with its content; the client is answered once it
	// returns. Its error refuses the client, with its code when it is a *synchronizer.Error. When nil, paths have no
	// data of their own, as in TinyBase's simple server. Open and Shut are called for different paths at the same time.
	Open func(ctx context.Context, path string) (*mergeable.Store, error)
	// Shut is called when the last client of a path has gone, and is waited for before the path is opened again: it saves
	// what has not been saved. If it fails, the path stays as it is, and Shut is called again when the next last client has gone, or by Close.
	Shut func(path string, m *mergeable.Store) error
	// Path says which path a request is for; the URL's, as it is written, without the first slash, when nil. Its error
	// refuses the request.
	Path func(r *http.Request) (string, error)
	// Conn is for every connection, and Run for every session.
	Conn ws.Options
	Run  synchronizer.RunOptions
	// Fragments is what all unfinished messages of all clients may hold; 64 MiB when nil.
	//
	// What all clients are sending and what waits for all of them is bounded by the budgets of Conn and Run, 1 GiB each when nil.
	Fragments *Budget
	// MaxClients is how many connections there may be, others are refused with 503; MaxPaths how many paths may be in memory, clients of others
	// are closed with CloseOverflow. 10,000 each when 0.
	MaxClients, MaxPaths int
	// OnError is told how a client's connection ended, unless in good order, and what Shut returned.
	OnError func(path, client string, err error)
}

// Server answers TinyBase clients on WebSockets, as TinyBase's WsServer does: a room for each path, and for each channel of
// a shared connection the room of path/channel.
type Server struct {
	o      ServerOptions
	ctx    context.Context
	cancel context.CancelCauseFunc
	conns  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	clients int
	paths   map[string]*hosted
	watch   map[*func(string, int)]struct{}
}

// hosted is a path that is open, being opened or being shut.
type hosted struct {
	users int
	ready chan struct{} // closed when open
	gone  chan struct{} // closed when shut
	shut  bool
	room  *Room
	relay *Relay
	err   error
}

// NewServer returns a Server. It must be closed.
func NewServer(o *ServerOptions) *Server {
	s := &Server{paths: map[string]*hosted{}, watch: map[*func(string, int)]struct{}{}}
	if o != nil {
		s.o = *o
	}
	if s.o.Fragments == nil {
		s.o.Fragments = NewBudget(10_000, 64<<20, nil)
	}
	if s.o.Conn.Incoming == nil {
		s.o.Conn.Incoming = synchronizer.NewBudget(1 << 30)
	}
	if s.o.Run.Budget == nil {
		s.o.Run.Budget = synchronizer.NewBudget(1 << 30)
	}
	if s.o.MaxClients <= 0 {
		s.o.MaxClients = 10_000
	}
	if s.o.MaxPaths <= 0 {
		s.o.MaxPaths = 10_000
	}
	s.o.Conn.Kind = ws.Text
	if s.o.Conn.ReadLimit == 0 {
		s.o.Conn.ReadLimit = MaxFrame + 1<<16 // so that the reason is TinyBase's
	}
	s.o.Conn.Subprotocols = []string{Subprotocol}
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	return s
}

// errClosed ends what is still running when the server is closed.
var errClosed = errors.New("tinybase: the server was closed")

// Close ends all connections and waits for them, and for all Shut.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel(errClosed)
	s.conns.Wait()
	s.mu.Lock()
	unsaved := s.paths // nobody is there any more, but they could not be shut
	s.paths = map[string]*hosted{}
	s.mu.Unlock()
	for path, h := range unsaved {
		_ = s.save(path, h)
	}
}

// ServeHTTP takes a WebSocket request, and returns when its connection has ended.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if s.o.Path != nil {
		var err error
		if path, err = s.o.Path(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	if !s.begin() {
		http.Error(w, "closing, or too many clients", http.StatusServiceUnavailable)
		return
	}
	defer s.end()
	conn, err := ws.Accept(w, r, &s.o.Conn)
	if err != nil {
		return // the request has been answered
	}
	session, client, err := s.session(path, conn.Subprotocol() == Subprotocol)
	if err != nil {
		_ = conn.Close(synchronizer.CodeOf(err), synchronizer.ReasonOf(err))
	} else {
		err = synchronizer.RunWith(s.ctx, session, conn, &s.o.Run)
	}
	if err != nil && !errors.Is(err, errClosed) && s.o.OnError != nil {
		s.o.OnError(path, client, err)
	}
}

// begin counts a connection, unless the server is being closed, or has too many.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.clients >= s.o.MaxClients {
		return false
	}
	s.clients++
	s.conns.Add(1)
	return true
}

func (s *Server) end() {
	s.mu.Lock()
	s.clients--
	s.mu.Unlock()
	s.conns.Done()
}

func (s *Server) session(path string, shared bool) (synchronizer.Session, string, error) {
	if !shared {
		return s.enter(path, make(chan struct{}, 1), nil, false)
	}
	return NewShared(func(channel string, wake chan struct{}, budget *Budget) (synchronizer.Session, error) {
		if path != "" {
			channel = path + "/" + channel
		}
		session, _, err := s.enter(channel, wake, budget, true)
		return session, err
	}, s.o.Fragments), "", nil
}

// enter makes a session in the room of a path, which it opens when nobody is there.
func (s *Server) enter(path string, wake chan struct{}, budget *Budget, channel bool) (synchronizer.Session, string, error) {
	h, err := s.open(path)
	if err != nil {
		return nil, "", fmt.Errorf("tinybase: path %q: %w", path, err)
	}
	if budget == nil {
		budget = NewBudget(MaxFragmentGroups, MaxFrame, s.o.Fragments)
	}
	if h.relay != nil {
		session, client := h.relay.Channel(wake, budget)
		return &leaving{session, func() { s.leave(path, h) }}, client, nil
	}
	o := s.o.Session
	o.Budget = budget
	var session *Session
	var client string
	if channel {
		session, client = h.room.Channel(wake, &o)
	} else {
		session, client = h.room.Session(&o)
	}
	return &leavingTimed{session, func() { s.leave(path, h) }}, client, nil
}

// leaving leaves a path when its session is closed.
type leaving struct {
	synchronizer.Closer
	leave func()
}

func (l *leaving) Close() {
	l.Closer.Close()
	l.leave()
}

type leavingTimed struct {
	*Session
	leave func()
}

func (l *leavingTimed) Close() {
	l.Session.Close()
	l.leave()
}

func (s *Server) open(path string) (*hosted, error) {
	for {
		s.mu.Lock()
		h := s.paths[path]
		switch {
		case h == nil && len(s.paths) >= s.o.MaxPaths:
			s.mu.Unlock()
			return nil, ended(overflow(OverServer, "more than %d paths", s.o.MaxPaths))
		case h == nil:
			h = &hosted{users: 1, ready: make(chan struct{}), gone: make(chan struct{})}
			s.paths[path] = h
			s.mu.Unlock()
			s.start(path, h)
		case h.shut:
			gone := h.gone
			s.mu.Unlock()
			<-gone // what the last one left is being saved
			continue
		default:
			h.users++
			back := h.users == 1 // it could not be shut
			s.mu.Unlock()
			<-h.ready
			if back && h.err == nil {
				s.tell(path, +1)
			}
		}
		if h.err != nil {
			s.leave(path, h)
			return nil, h.err
		}
		return h, nil
	}
}

func (s *Server) start(path string, h *hosted) {
	defer close(h.ready)
	if s.o.Open == nil {
		h.relay = NewRelay(&s.o.Session)
	} else {
		m, err := s.o.Open(s.ctx, path)
		if err != nil {
			h.err = err
			return
		}
		h.room = NewRoom(m, &s.o.Session)
	}
	s.tell(path, +1)
}

func (s *Server) leave(path string, h *hosted) {
	s.mu.Lock()
	h.users--
	last := h.users == 0
	h.shut = h.shut || last
	s.mu.Unlock()
	if !last {
		return
	}
	saved := s.save(path, h)
	if h.err == nil {
		s.tell(path, -1)
	}
	s.mu.Lock()
	gone := h.gone
	if saved {
		delete(s.paths, path)
	} else {
		h.shut, h.gone = false, make(chan struct{})
	}
	s.mu.Unlock()
	close(gone)
}

// save lets a path be shut, and says whether it is.
func (s *Server) save(path string, h *hosted) bool {
	if h.room == nil || s.o.Shut == nil {
		return true
	}
	err := s.o.Shut(path, h.room.m)
	if err != nil && s.o.OnError != nil {
		s.o.OnError(path, "", err)
	}
	return err == nil
}

// Paths returns the paths that have a client, sorted.
func (s *Server) Paths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	paths := make([]string, 0, len(s.paths))
	for p, h := range s.paths {
		if h.users > 0 {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// Clients returns the ids of the clients of a path, sorted.
func (s *Server) Clients(path string) []string {
	h := s.inUse(path)
	switch {
	case h == nil:
		return nil
	case h.room != nil:
		return h.room.Clients()
	case h.relay != nil:
		return h.relay.Clients()
	}
	return nil
}

// Room returns the room of a path that has a client and data of its own, else nil.
func (s *Server) Room(path string) *Room {
	if h := s.inUse(path); h != nil {
		return h.room
	}
	return nil
}

// inUse returns a path that has clients, when it is open, or nil.
func (s *Server) inUse(path string) *hosted {
	s.mu.Lock()
	h := s.paths[path]
	nobody := h == nil || h.users == 0
	s.mu.Unlock()
	if nobody {
		return nil
	}
	<-h.ready
	return h
}

// Stats returns how many paths and clients there are.
func (s *Server) Stats() (paths, clients int) {
	for _, p := range s.Paths() {
		paths++
		clients += len(s.Clients(p))
	}
	return paths, clients
}

// Listen calls fn when a path has its first client (+1), and when its last one has gone (-1). stop ends it.
func (s *Server) Listen(fn func(path string, change int)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch[&fn] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watch, &fn)
	}
}

func (s *Server) tell(path string, change int) {
	s.mu.Lock()
	var fns []func(string, int)
	for fn := range s.watch {
		fns = append(fns, *fn)
	}
	s.mu.Unlock()
	for _, fn := range fns {
		fn(path, change)
	}
}
