package ysync

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// Type is the first number of a message. 0 to 3 are y-websocket's, and Hocuspocus adds the others.
type Type uint64

const (
	TypeSync               Type = 0 // a step of the sync protocol: Step, Payload
	TypeAwareness          Type = 1 // states of clients: Payload, see Awareness
	TypeAuth               Type = 2 // y-websocket: permission denied, with Text. Hocuspocus: Auth, Text, Version
	TypeQueryAwareness     Type = 3 // please send all states
	TypeSyncReply          Type = 4 // as TypeSync, and not to be answered by another step 1
	TypeStateless          Type = 5 // an application's own message: Text
	TypeBroadcastStateless Type = 6 // the same to everybody, between servers: Text
	TypeClose              Type = 7 // one document of the socket is left: Text says why, if a server says it
	TypeSyncStatus         Type = 8 // the last step 2 or update was applied, or refused: Applied
	TypePing               Type = 9
	TypePong               Type = 10
)

var typeNames = [...]string{"sync", "awareness", "auth", "query-awareness", "sync-reply", "stateless", "broadcast-stateless", "close", "sync-status", "ping", "pong"}

// String returns the name.
func (t Type) String() string {
	if t < Type(len(typeNames)) {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint64(t))
}

// Step is the second number of a sync message.
type Step uint64

const (
	Step1  Step = 0 // Payload is the sender's state vector
	Step2  Step = 1 // Payload is an update: the answer to step 1
	Update Step = 2 // Payload is an update: what has just changed
)

// String returns the name.
func (s Step) String() string {
	if s <= Update {
		return [...]string{"step1", "step2", "update"}[s]
	}
	return fmt.Sprintf("step %d", uint64(s))
}

// Auth is the second number of an auth message in Hocuspocus framing.
type Auth uint64

const (
	AuthToken         Auth = 0 // from the client: Text is the token, Version the provider's. From the server: send your token (again)
	AuthDenied        Auth = 1 // Text is the reason
	AuthAuthenticated Auth = 2 // Text is the scope: "readonly" or "read-write"
)

// The scopes of AuthAuthenticated.
const (
	ScopeReadOnly  = "readonly"
	ScopeReadWrite = "read-write"
)

// Message is one message of either framing, taken apart. Which fields count depends on Type.
type Message struct {
	Type    Type
	Step    Step
	Auth    Auth
	Payload []byte
	Text    string
	Version string // of a Hocuspocus provider, after its token; from version 4 on
	Applied bool
}

// String is for logs and traces.
func (m Message) String() string {
	switch m.Type {
	case TypeSync, TypeSyncReply:
		return fmt.Sprintf("%v %v %d bytes", m.Type, m.Step, len(m.Payload))
	case TypeAwareness:
		return fmt.Sprintf("%v %d bytes", m.Type, len(m.Payload))
	case TypeSyncStatus:
		return fmt.Sprintf("%v %v", m.Type, m.Applied)
	case TypeAuth, TypeStateless, TypeBroadcastStateless, TypeClose:
		return fmt.Sprintf("%v %q", m.Type, m.Text)
	}
	return m.Type.String()
}

// AppendSync appends a sync message without a framing, as y-protocols/sync.js writes it.
func AppendSync(b []byte, step Step, payload []byte) []byte {
	return lib0.AppendBytes(lib0.AppendVarUint(b, uint64(step)), payload)
}

// ReadSync takes a sync message without a framing apart. The payload aliases b.
func ReadSync(b []byte) (Step, []byte, error) {
	r := lib0.NewReader(b)
	step, payload := readSync(&r)
	return step, payload, r.Err()
}

func readSync(r *lib0.Reader) (Step, []byte) {
	at := r.Offset()
	step := Step(r.VarUint())
	if !r.Failed() && step > Update {
		r.FailAt(lib0.ErrTag, "sync step", at)
	}
	return step, r.Bytes()
}

// AppendMessage appends a message in y-websocket's framing (https://github.com/yjs/y-websocket, PROTOCOL of y-protocols).
//
//	message = 0 step payload | 1 payload | 2 0 text | 3
func AppendMessage(b []byte, m Message) []byte {
	b = lib0.AppendVarUint(b, uint64(m.Type))
	switch m.Type {
	case TypeSync:
		b = AppendSync(b, m.Step, m.Payload)
	case TypeAwareness:
		b = lib0.AppendBytes(b, m.Payload)
	case TypeAuth:
		b = lib0.AppendString(lib0.AppendVarUint(b, 0), m.Text)
	}
	return b
}

// ReadMessage takes a message in y-websocket's framing apart. Payload aliases b. Bytes after the message are ignored, as y-websocket does.
func ReadMessage(b []byte) (Message, error) {
	r := lib0.NewReader(b)
	m := Message{Type: Type(r.VarUint())}
	switch m.Type {
	case TypeSync:
		m.Step, m.Payload = readSync(&r)
	case TypeAwareness:
		m.Payload = r.Bytes()
	case TypeAuth:
		at := r.Offset()
		if r.VarUint() != 0 {
			r.FailAt(lib0.ErrTag, "auth message", at)
		}
		m.Auth, m.Text = AuthDenied, string(r.Str())
	case TypeQueryAwareness:
	default:
		r.FailAt(lib0.ErrTag, "message type", 0)
	}
	return m, r.Err()
}

// AppendFrame appends a message in Hocuspocus framing: the name of the document, or of the session, then the message.
// A ping and a pong have no name.
//
//	frame = name message | 9 | 10
//	message = 0 step payload | 1 payload | 2 (0 token [version] | 1 reason | 2 scope) | 3 | 4 step payload | 5 text | 6 text | 7 [reason] | 8 applied
func AppendFrame(b []byte, name string, m Message) []byte {
	if m.Type != TypePing && m.Type != TypePong {
		b = lib0.AppendString(b, name)
	}
	b = lib0.AppendVarUint(b, uint64(m.Type))
	switch m.Type {
	case TypeSync, TypeSyncReply:
		b = AppendSync(b, m.Step, m.Payload)
	case TypeAwareness:
		b = lib0.AppendBytes(b, m.Payload)
	case TypeAuth:
		b = lib0.AppendString(lib0.AppendVarUint(b, uint64(m.Auth)), m.Text)
		if m.Auth == AuthToken && m.Version != "" {
			b = lib0.AppendString(b, m.Version)
		}
	case TypeStateless, TypeBroadcastStateless, TypeClose:
		b = lib0.AppendString(b, m.Text)
	case TypeSyncStatus:
		applied := uint64(0)
		if m.Applied {
			applied = 1
		}
		b = lib0.AppendVarUint(b, applied)
	}
	return b
}

// ReadFrame takes a frame in Hocuspocus framing apart. Payload aliases b. Bytes after the message are ignored.
func ReadFrame(b []byte) (name string, m Message, err error) {
	if len(b) == 1 && (Type(b[0]) == TypePing || Type(b[0]) == TypePong) {
		return "", Message{Type: Type(b[0])}, nil
	}
	r := lib0.NewReader(b)
	name = string(r.Str())
	at := r.Offset()
	m.Type = Type(r.VarUint())
	switch m.Type {
	case TypeSync, TypeSyncReply:
		m.Step, m.Payload = readSync(&r)
	case TypeAwareness:
		m.Payload = r.Bytes()
	case TypeAuth:
		at := r.Offset()
		m.Auth = Auth(r.VarUint())
		switch {
		case r.Failed():
		case m.Auth > AuthAuthenticated:
			r.FailAt(lib0.ErrTag, "auth message", at)
		case m.Auth != AuthToken || r.Len() > 0: // a server that asks for a token sends none
			m.Text = string(r.Str())
			if m.Auth == AuthToken && r.Len() > 0 {
				m.Version = string(r.Str())
			}
		}
	case TypeStateless, TypeBroadcastStateless:
		m.Text = string(r.Str())
	case TypeClose:
		if r.Len() > 0 { // a client gives no reason
			m.Text = string(r.Str())
		}
	case TypeSyncStatus:
		m.Applied = r.VarUint() == 1
	case TypeQueryAwareness, TypePing, TypePong:
	default:
		r.FailAt(lib0.ErrTag, "message type", at)
	}
	return name, m, r.Err()
}
