package ysync

import (
	"sync/atomic"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// HocuspocusClientOptions are the choices of [NewHocuspocusClient].
type HocuspocusClientOptions struct {
	Options
	// Token is shown to the server.
	Token string
	// Version is what this client calls itself. Default "rowloom".
	Version string
	// OnStateless, if not nil, gets the server's application messages. It must not wait.
	OnStateless func(text string)
	// OnAuthenticated, if not nil, is told what the server lets this client do. It must not wait.
	OnAuthenticated func(Access)
}

// HocuspocusClient is the client's end of a conversation about one document with a Hocuspocus server. It is a synchronizer.Session.
//
// Source: packages/provider of https://github.com/ueberdosis/hocuspocus, version 4.
type HocuspocusClient struct {
	peer *peer
	opts HocuspocusClientOptions
	name string
	open atomic.Int64 // steps and updates that the server has not confirmed
}

var (
	_ synchronizer.Timed  = (*HocuspocusClient)(nil)
	_ synchronizer.Closer = (*HocuspocusClient)(nil)
)

// NewHocuspocusClient returns the client's end of a conversation about the document that the server knows by this name.
func NewHocuspocusClient(room *Room, name string, opts *HocuspocusClientOptions) *HocuspocusClient {
	s := &HocuspocusClient{name: name}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Version == "" {
		s.opts.Version = "rowloom"
	}
	s.peer = newPeer(room, s, &s.opts.Options, make(chan struct{}, 1))
	s.peer.address = &s.name
	return s
}

// Start sends the token, step 1 and the awareness states there are.
func (s *HocuspocusClient) Start() ([][]byte, error) {
	s.open.Store(1) // the step 2 that the server will ask for
	return append([][]byte{s.token()}, s.peer.framesOf(s.peer.start())...), nil
}

func (s *HocuspocusClient) token() []byte {
	return AppendFrame(nil, s.name, Message{Type: TypeAuth, Auth: AuthToken, Text: s.opts.Token, Version: s.opts.Version})
}

// Unconfirmed returns how many of this end's updates the server has not confirmed yet; at the beginning that is one. May be called by any goroutine.
func (s *HocuspocusClient) Unconfirmed() int { return int(s.open.Load()) }

// SendStateless sends an application's own message. May be called by any goroutine.
func (s *HocuspocusClient) SendStateless(text string) {
	s.peer.pushFrame(AppendFrame(nil, s.name, Message{Type: TypeStateless, Text: text}))
}

// Receive takes a frame.
func (s *HocuspocusClient) Receive(msg []byte) ([][]byte, error) {
	if err := s.peer.tooBig(msg); err != nil {
		return nil, err
	}
	name, m, err := ReadFrame(msg)
	if err != nil {
		return nil, refused("frame", err)
	}
	if m.Type == TypePing {
		return one(AppendFrame(nil, "", Message{Type: TypePong})), nil
	}
	if name != s.name {
		return nil, nil
	}
	out, err := s.take(m)
	if len(out) > 0 {
		s.peer.sent = s.peer.Now()
	}
	return out, err
}

func (s *HocuspocusClient) take(m Message) ([][]byte, error) {
	switch m.Type {
	case TypeSync, TypeSyncReply:
		if m.Step != Step1 {
			_, err := s.peer.apply(m.Step, m.Payload)
			return nil, err
		}
		reply, err := s.peer.step2(m.Payload)
		return s.peer.framesOf(one(reply)), err
	case TypeAwareness:
		return nil, s.peer.applyAwareness(m.Payload)
	case TypeQueryAwareness:
		return s.peer.framesOf(one(awarenessTail(AppendAwareness(nil, s.peer.room.awareness.States())))), nil
	case TypeAuth:
		return s.auth(m)
	case TypeStateless:
		if s.opts.OnStateless != nil {
			s.opts.OnStateless(m.Text)
		}
	case TypeSyncStatus:
		switch {
		case !m.Applied:
			if s.opts.OnDenied != nil {
				s.opts.OnDenied("read-only: changes are not taken")
			}
		case s.open.Load() > 0:
			s.open.Add(-1)
		}
	case TypeClose:
		return nil, &synchronizer.Error{Code: synchronizer.CodeNormal, Reason: m.Text, Remote: true}
	}
	return nil, nil
}

func (s *HocuspocusClient) auth(m Message) ([][]byte, error) {
	switch m.Auth {
	case AuthToken:
		return one(s.token()), nil
	case AuthDenied:
		if s.opts.OnDenied != nil {
			s.opts.OnDenied(m.Text)
		}
		return nil, &synchronizer.Error{Code: codeForbidden, Reason: m.Text, Remote: true}
	}
	if s.opts.OnAuthenticated != nil {
		access := ReadWrite
		if m.Text == ScopeReadOnly {
			access = ReadOnly
		}
		s.opts.OnAuthenticated(access)
	}
	return nil, nil
}

// codeForbidden is how Hocuspocus closes a socket for good.
const codeForbidden synchronizer.Code = 4403

// Poll sends what has changed here.
func (s *HocuspocusClient) Poll() ([][]byte, error) {
	tails, frames, err := s.peer.poll()
	for _, t := range tails {
		if Type(t[0]) == TypeSync {
			s.open.Add(1)
		}
	}
	return append(s.peer.framesOf(tails), frames...), err
}

// Wake fires when there is something to Poll.
func (s *HocuspocusClient) Wake() <-chan struct{} { return s.peer.wake }

// Next returns when to Poll at the latest.
func (s *HocuspocusClient) Next() time.Time { return s.peer.next() }

// String returns the name of the session.
func (s *HocuspocusClient) String() string { return s.peer.Name }

// Close leaves the room. The awareness states that came from the server go.
func (s *HocuspocusClient) Close() { s.peer.room.leave(s.peer) }
