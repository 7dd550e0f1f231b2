package ysync

import (
	"fmt"
	"sync"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// Room is a document, with the awareness of its clients, that any number of sessions share: those of clients that connect here, those that connect elsewhere, and of either framing.
// What comes in by one session, or is written to the document by anybody else, goes out by all others.
//
// Its methods may be called by any goroutine. Lock order: a Room, then a Session.
type Room struct {
	doc       Document
	awareness *Awareness
	stop      func()

	mu    sync.Mutex
	peers map[*peer]struct{}
}

// NewRoom returns a room for doc. A nil awareness stands for a new one without a client of its own. Close lets go of the document.
func NewRoom(doc Document, awareness *Awareness) *Room {
	if awareness == nil {
		awareness = NewAwareness(nil)
	}
	r := &Room{doc: doc, awareness: awareness, peers: map[*peer]struct{}{}}
	stopDoc := doc.OnUpdate(r.updated)
	stopAwareness := awareness.OnUpdate(r.aware)
	r.stop = func() { stopDoc(); stopAwareness() }
	return r
}

// Close ends the room's subscriptions. Sessions that still run hear nothing of the document any more.
func (r *Room) Close() { r.stop() }

// Document returns the document.
func (r *Room) Document() Document { return r.doc }

// Awareness returns the states of the clients.
func (r *Room) Awareness() *Awareness { return r.awareness }

// Sessions returns how many sessions there are.
func (r *Room) Sessions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.peers)
}

// String tells who is there.
func (r *Room) String() string {
	return fmt.Sprintf("ysync room: %d sessions, %d clients", r.Sessions(), len(r.awareness.States()))
}

// BroadcastStateless sends a text to every client that is connected in Hocuspocus framing. The others have no such message.
func (r *Room) BroadcastStateless(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.peers {
		if p.address != nil && p.echo {
			p.pushFrame(AppendFrame(nil, *p.address, Message{Type: TypeStateless, Text: text}))
		}
	}
}

func (r *Room) join(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers[p] = struct{}{}
}

func (r *Room) leave(p *peer) {
	r.mu.Lock()
	delete(r.peers, p)
	r.mu.Unlock()
	r.awareness.Leave(p.origin)
}

func (r *Room) updated(bytes []byte, origin any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.peers) == 0 {
		return
	}
	n := &news{update: bytes, tail: AppendMessage(nil, Message{Type: TypeSync, Step: Update, Payload: bytes})}
	for p := range r.peers {
		if p.origin != origin {
			p.push(n)
		}
	}
}

func (r *Room) aware(e AwarenessEvent) {
	touched := e.Touched()
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.peers {
		if p.echo || p.origin != e.Origin {
			p.pushAwareness(touched)
		}
	}
}

// news is an update on its way to all peers of a room, encoded once.
type news struct {
	update []byte
	tail   []byte // the message in y-websocket's framing, which is also the end of it in Hocuspocus framing
	once   sync.Once
	spans  []span
}

// span is a run of one client's clocks, without holes.
type span struct {
	client   uint64
	from, to uint32
}

// covers returns the clocks that the update brings.
func (n *news) covers() []span {
	n.once.Do(func() { n.spans, _ = spansOf(n.update) })
	return n.spans
}

func spansOf(b []byte) ([]span, error) {
	var spans []span
	r := update.NewReader(update.V1, b, nil)
	for r.Next() {
		s := r.Struct()
		if s.Ref == update.RefSkip {
			continue
		}
		if n := len(spans); n > 0 && spans[n-1].client == s.ID.Client && spans[n-1].to == s.ID.Clock {
			spans[n-1].to = s.End()
		} else {
			spans = append(spans, span{s.ID.Client, s.ID.Clock, s.End()})
		}
	}
	return spans, r.Err()
}
