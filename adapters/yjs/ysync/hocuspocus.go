package ysync

import (
	"errors"
	"strings"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// OpenRequest is what a HocuspocusProvider shows to get into a document.
type OpenRequest struct {
	Name    string // of the document
	Session string // of the provider, when several share a socket for one document; usually empty
	Token   string
	Version string // of the provider; empty before version 4
}

// HocuspocusOptions are the choices of [NewHocuspocusServer]. Open is needed.
type HocuspocusOptions struct {
	// Options are for each document; Access is what Open says.
	Options
	// Open returns the room of a document and what the client may do there. With an error it is told "permission denied", with the reason of a
	// [*synchronizer.Error] if it is one; other documents of the socket go on.
	Open func(OpenRequest) (*Room, Access, error)
	// Left is called for every document that was opened, when the client leaves it or the socket closes. May be nil.
	Left func(OpenRequest, *Room)
	// Stateless takes an application's own message about a document; reply answers to this client alone, now or later. May be nil.
	Stateless func(req OpenRequest, text string, reply func(text string))
	// MaxDocuments is how many documents one socket may have open. Default 100.
	MaxDocuments int
	// AuthTimeout is how long a socket may stay without any document open for the first time. Default 30 s.
	AuthTimeout time.Duration
}

// HocuspocusServer is the server's end of a socket in Hocuspocus framing, with any number of documents. It is a synchronizer.Session.
//
// Source: packages/server of https://github.com/ueberdosis/hocuspocus, version 4.
type HocuspocusServer struct {
	opts  HocuspocusOptions
	wake  chan struct{}
	docs  map[string]*hpDoc // by address
	order []*hpDoc
	until time.Time // for the first document to be open; then zero
}

var (
	_ synchronizer.Timed  = (*HocuspocusServer)(nil)
	_ synchronizer.Closer = (*HocuspocusServer)(nil)
)

// hpDoc is one document of a socket; it is the origin of what comes in.
type hpDoc struct {
	*peer
	req OpenRequest
}

func (d *hpDoc) String() string { return d.Name }

// NewHocuspocusServer returns the server's end of a socket.
func NewHocuspocusServer(opts HocuspocusOptions) *HocuspocusServer {
	opts.Options = opts.Options.withDefaults()
	if opts.MaxDocuments <= 0 {
		opts.MaxDocuments = 100
	}
	if opts.AuthTimeout <= 0 {
		opts.AuthTimeout = 30 * time.Second
	}
	return &HocuspocusServer{opts: opts, wake: make(chan struct{}, 1), docs: map[string]*hpDoc{}}
}

// Start says nothing: the client begins.
func (s *HocuspocusServer) Start() ([][]byte, error) {
	s.until = s.opts.Now().Add(s.opts.AuthTimeout)
	return nil, nil
}

// Receive takes a frame.
func (s *HocuspocusServer) Receive(msg []byte) ([][]byte, error) {
	if err := s.opts.tooBig(msg); err != nil {
		return nil, err
	}
	address, m, err := ReadFrame(msg)
	if err != nil {
		return nil, refused("frame", err)
	}
	switch m.Type {
	case TypePing:
		return one(AppendFrame(nil, "", Message{Type: TypePong})), nil
	case TypePong:
		return nil, nil
	}
	d := s.docs[address]
	if d == nil && m.Type == TypeAuth && m.Auth == AuthToken {
		return s.open(address, m)
	}
	if d == nil { // a provider may leave its session away
		name, _, _ := strings.Cut(address, "\x00")
		d = s.docs[name]
	}
	if d == nil {
		return nil, nil // what follows a refused token
	}
	out, err := s.take(d, m)
	if len(out) > 0 {
		d.sent = s.opts.Now()
	}
	return out, err
}

func (s *HocuspocusServer) open(address string, m Message) ([][]byte, error) {
	name, session, _ := strings.Cut(address, "\x00")
	req := OpenRequest{Name: name, Session: session, Token: m.Text, Version: m.Version}
	var room *Room
	var access Access
	err := error(synchronizer.Errorf(synchronizer.CodePolicy, "too many documents on one socket"))
	if len(s.docs) < s.opts.MaxDocuments {
		room, access, err = s.opts.Open(req)
	}
	if err != nil {
		reason := "permission-denied"
		var e *synchronizer.Error
		if errors.As(err, &e) && e.Reason != "" {
			reason = e.Reason
		}
		return one(AppendFrame(nil, address, Message{Type: TypeAuth, Auth: AuthDenied, Text: reason})), nil
	}
	s.until = time.Time{}
	d := &hpDoc{req: req}
	opts := s.opts.Options
	opts.Access = access
	d.peer = newPeer(room, d, &opts, s.wake)
	d.address, d.echo = &address, true
	s.docs[address] = d
	s.order = append(s.order, d)
	d.sent = d.Now()
	room.join(d.peer)
	scope := ScopeReadWrite
	if access == ReadOnly {
		scope = ScopeReadOnly
	}
	out := [][]byte{AppendFrame(nil, address, Message{Type: TypeAuth, Auth: AuthAuthenticated, Text: scope})}
	return append(out, d.framesOf(d.states())...), nil
}

func (s *HocuspocusServer) take(d *hpDoc, m Message) ([][]byte, error) {
	switch m.Type {
	case TypeSync, TypeSyncReply:
		if m.Step != Step1 {
			ok, err := d.apply(m.Step, m.Payload)
			if err != nil {
				return nil, err
			}
			if m.Step == Update && d.Access == ReadOnly {
				ok = false // as Hocuspocus does, new or not
			}
			return one(AppendFrame(nil, *d.address, Message{Type: TypeSyncStatus, Applied: ok})), nil
		}
		reply, err := d.step2(m.Payload)
		if err != nil {
			return nil, err
		}
		if m.Type == TypeSyncReply {
			return d.framesOf(one(reply)), nil
		}
		return d.framesOf([][]byte{d.step1(), reply}), nil
	case TypeAwareness:
		return nil, d.applyAwareness(m.Payload)
	case TypeQueryAwareness:
		return d.framesOf(one(awarenessTail(AppendAwareness(nil, d.room.awareness.States())))), nil
	case TypeStateless:
		if s.opts.Stateless != nil {
			s.opts.Stateless(d.req, m.Text, func(text string) {
				d.pushFrame(AppendFrame(nil, *d.address, Message{Type: TypeStateless, Text: text}))
			})
		}
	case TypeBroadcastStateless:
		return nil, synchronizer.Errorf(synchronizer.CodePolicy, "broadcast-stateless is not for clients")
	case TypeClose:
		s.leave(d)
		return one(AppendFrame(nil, *d.address, Message{Type: TypeClose, Text: "provider_initiated"})), nil
	}
	return nil, nil // a further token, and what only servers send
}

// framesOf puts the name before messages.
func (p *peer) framesOf(tails [][]byte) [][]byte {
	for i, t := range tails {
		frame := AppendFrame(make([]byte, 0, len(*p.address)+len(t)+5), *p.address, Message{Type: TypeQueryAwareness})
		tails[i] = append(frame[:len(frame)-1], t...) // the name alone
	}
	return tails
}

func (s *HocuspocusServer) leave(d *hpDoc) {
	delete(s.docs, *d.address)
	for i, o := range s.order {
		if o == d {
			s.order = append(s.order[:i:i], s.order[i+1:]...)
			break
		}
	}
	d.room.leave(d.peer)
	if s.opts.Left != nil {
		s.opts.Left(d.req, d.room)
	}
}

// Poll sends what others have changed in any of the documents.
func (s *HocuspocusServer) Poll() ([][]byte, error) {
	if !s.until.IsZero() && !s.opts.Now().Before(s.until) {
		return nil, synchronizer.Errorf(4408, "Connection Timeout")
	}
	var out [][]byte
	for _, d := range s.order {
		tails, frames, err := d.poll()
		out = append(append(out, d.framesOf(tails)...), frames...)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// Wake fires when there is something to Poll.
func (s *HocuspocusServer) Wake() <-chan struct{} { return s.wake }

// Next returns when to Poll at the latest.
func (s *HocuspocusServer) Next() time.Time {
	at := s.until
	for _, d := range s.order {
		if t := d.next(); at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}

// Close leaves all rooms.
func (s *HocuspocusServer) Close() {
	for len(s.order) > 0 {
		s.leave(s.order[len(s.order)-1])
	}
}
