package amrepo

import (
	"slices"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// Bounds of what gossip remembers. What is beyond is not passed on; documents synchronise all the same.
const (
	maxSubscriptions = 1 << 12 // storages that somebody has subscribed to
	maxKnownHeads    = 1 << 14 // pairs of a document and a storage
	maxHeadsListed   = 1 << 8  // heads of one pair
)

// gossip passes on what storages have: "laptop A has these heads of document D", so that a peer can tell whether its change
// has reached a storage that it is not connected to.
//
// Peers subscribe to storages, and hear of the documents that they deal with. Generous peers, those that we announce
// documents to, hear everything, and are told what we and our peers subscribe to.
type gossip struct {
	repo *Repo

	mu       sync.Mutex
	ours     map[StorageID]bool
	theirs   map[StorageID]map[*Session]bool
	known    map[DocumentID]map[StorageID]remoteHeads
	total    int // entries in known
	generals map[*Session]bool
	docs     map[*Session]map[DocumentID]bool
}

func newGossip(r *Repo) *gossip {
	return &gossip{repo: r, ours: map[StorageID]bool{}, theirs: map[StorageID]map[*Session]bool{},
		known: map[DocumentID]map[StorageID]remoteHeads{}, generals: map[*Session]bool{}, docs: map[*Session]map[DocumentID]bool{}}
}

// Subscribe asks for news of what the storages have; OnRemoteHeads is told. It does nothing without [Options.Gossip].
func (r *Repo) Subscribe(storages ...StorageID) {
	g := r.gossip
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var add []StorageID
	for _, st := range storages {
		if !g.ours[st] {
			g.ours[st] = true
			add = append(add, st)
		}
	}
	g.announce(add, nil)
}

// Unsubscribe takes Subscribe back.
func (r *Repo) Unsubscribe(storages ...StorageID) {
	g := r.gossip
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var remove []StorageID
	for _, st := range storages {
		if g.ours[st] {
			delete(g.ours, st)
			if len(g.theirs[st]) == 0 {
				remove = append(remove, st)
			}
		}
	}
	g.announce(nil, remove)
}

// announce tells all generous peers about new and ended subscriptions. g.mu is held.
func (g *gossip) announce(add, remove []StorageID) {
	if len(add)+len(remove) == 0 {
		return
	}
	for s := range g.generals {
		s.post(&message{Type: typeSubscriptions, Add: add, Remove: remove})
	}
}

// tell sends one peer what one storage has. g.mu is held.
func (g *gossip) tell(s *Session, id DocumentID, st StorageID, h remoteHeads) {
	m := message{Type: typeHeads, SenderID: g.repo.opts.ID, DocumentID: id, NewHeads: map[StorageID]remoteHeads{st: h}}
	s.relay(m)
}

// generous adds a peer that hears everything.
func (g *gossip) generous(s *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.generals[s] = true
	if len(g.ours) > 0 {
		var all []StorageID
		for st := range g.ours {
			all = append(all, st)
		}
		slices.Sort(all)
		s.post(&message{Type: typeSubscriptions, Add: all})
	}
	for id, storages := range g.known {
		for st, h := range storages {
			g.tell(s, id, st, h)
		}
	}
}

// opened notes that a peer deals with a document.
func (g *gossip) opened(s *Session, id DocumentID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.docs[s] == nil {
		g.docs[s] = map[DocumentID]bool{}
	}
	if g.docs[s][id] {
		return
	}
	g.docs[s][id] = true
	for st, h := range g.known[id] {
		if g.theirs[st][s] {
			g.tell(s, id, st, h)
		}
	}
}

func (g *gossip) departed(s *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.generals, s)
	delete(g.docs, s)
	var remove []StorageID
	for st, peers := range g.theirs {
		if peers[s] {
			delete(peers, s)
			if len(peers) == 0 {
				delete(g.theirs, st)
				if !g.ours[st] {
					remove = append(remove, st)
				}
			}
		}
	}
	g.announce(nil, remove)
}

// subscriptions takes a peer's message about what it wants to hear of.
func (g *gossip) subscriptions(s *Session, m *message) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var add, remove, answer []StorageID
	for _, st := range m.Add {
		peers := g.theirs[st]
		if g.ours[st] || peers != nil {
			answer = append(answer, st)
		}
		if peers == nil {
			if len(g.theirs) >= maxSubscriptions || len(st) > maxIDLength {
				continue
			}
			peers = map[*Session]bool{}
			g.theirs[st] = peers
			if !g.ours[st] {
				add = append(add, st)
			}
		}
		peers[s] = true
	}
	for _, st := range m.Remove {
		if peers := g.theirs[st]; peers[s] {
			delete(peers, s)
			if len(peers) == 0 {
				delete(g.theirs, st)
				if !g.ours[st] {
					remove = append(remove, st)
				}
			}
		}
	}
	g.announce(add, remove)
	for _, st := range answer {
		for id := range g.docs[s] {
			if h, ok := g.known[id][st]; ok {
				g.tell(s, id, st, h)
			}
		}
	}
}

// heads takes news about storages from a peer, and passes on what is newer than what was known.
func (g *gossip) heads(from *Session, m *message) {
	type news struct {
		st StorageID
		h  remoteHeads
	}
	var mine []news
	g.mu.Lock()
	for st, h := range m.NewHeads {
		if !g.ours[st] && g.theirs[st] == nil || !g.learn(m.DocumentID, st, h) {
			continue
		}
		if g.ours[st] {
			mine = append(mine, news{st, h})
		}
		for s := range g.generals {
			if s != from {
				g.tell(s, m.DocumentID, st, h)
			}
		}
		g.publish(m.DocumentID, st, h)
	}
	g.mu.Unlock()
	if g.repo.opts.OnRemoteHeads == nil {
		return
	}
	for _, n := range mine {
		var hashes []amchange.Hash
		for _, s := range n.h.Heads {
			if h, err := decodeHead(s); err == nil {
				hashes = append(hashes, h)
			}
		}
		g.repo.opts.OnRemoteHeads(m.DocumentID, n.st, hashes, time.UnixMilli(int64(n.h.Timestamp)))
	}
}

// synced takes the heads that a peer itself has said it has.
func (g *gossip) synced(s *Session, id DocumentID, theirs []amchange.Hash) {
	if s.peer.StorageID == "" {
		return
	}
	h := remoteHeads{Heads: []string{}, Timestamp: float64(g.repo.opts.Now().UnixMilli())}
	for _, head := range theirs {
		h.Heads = append(h.Heads, encodeHead(head))
	}
	slices.Sort(h.Heads)
	g.mu.Lock()
	defer g.mu.Unlock()
	if old, ok := g.known[id][s.peer.StorageID]; ok {
		if slices.Equal(old.Heads, h.Heads) {
			return
		}
		h.Timestamp = max(h.Timestamp, old.Timestamp+1) // two changes in one millisecond
	}
	if g.learn(id, s.peer.StorageID, h) {
		g.publish(id, s.peer.StorageID, h)
	}
}

// learn notes what a storage has, and reports whether that is news. g.mu is held.
func (g *gossip) learn(id DocumentID, st StorageID, h remoteHeads) bool {
	if len(h.Heads) > maxHeadsListed || len(st) > maxIDLength {
		return false
	}
	old, ok := g.known[id][st]
	switch {
	case ok && old.Timestamp >= h.Timestamp:
		return false
	case !ok && g.total >= maxKnownHeads:
		return false
	}
	if g.known[id] == nil {
		g.known[id] = map[StorageID]remoteHeads{}
	}
	if !ok {
		g.total++
	}
	g.known[id][st] = h
	return true
}

// publish tells the subscribers of a storage. g.mu is held.
func (g *gossip) publish(id DocumentID, st StorageID, h remoteHeads) {
	for s := range g.theirs[st] {
		if g.docs[s][id] {
			g.tell(s, id, st, h)
		}
	}
}
