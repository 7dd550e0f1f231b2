package amrepo

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// Documents finds and makes documents. Its methods are called by any number of goroutines, with no lock held.
type Documents interface {
	// Open returns the document, or nil when there is none. For the same id it returns the same document.
	Open(id DocumentID) (Doc, error)
	// Create makes the document, because a peer has one of this id; or it returns an error to refuse.
	Create(id DocumentID) (Doc, error)
}

// Doc is a document as the protocol needs it. Its methods are safe for concurrent use.
type Doc interface {
	Heads() []amchange.Hash
	// NewSync begins a conversation with one peer, or continues the saved one.
	NewSync(saved []byte) (Sync, error)
	// Watch has fn called after each change, with no lock held.
	Watch(fn func()) (stop func())
}

// Sync is one end of Automerge's sync protocol, version 1, about one document with one peer. It is used by one goroutine at
// a time.
type Sync interface {
	// Generate returns the next message, or nil when there is nothing to say.
	Generate() ([]byte, error)
	// Receive takes a message, and returns the heads that the peer says it has.
	Receive(msg []byte) ([]amchange.Hash, error)
	// Save returns what NewSync needs to continue, or nil if it has to begin anew.
	Save() []byte
}

// SyncStates keeps how far the conversations with peers have come, which saves bytes when they reconnect.
type SyncStates interface {
	LoadSyncState(id DocumentID, peer StorageID) ([]byte, error) // nil when there is none
	SaveSyncState(id DocumentID, peer StorageID, state []byte) error
}

// Peer is who is at the other end of a session.
type Peer struct {
	ID        PeerID
	StorageID StorageID // empty when the peer has none
	Ephemeral bool      // the peer keeps nothing
	Dialed    bool      // we have called it: it is a server
}

// Ephemeral is a message to everybody who looks at a document now. It is not kept.
type Ephemeral struct {
	Document DocumentID
	Author   PeerID
	Data     []byte // one CBOR value
	Session  string // of the author: Count begins anew with each
	Count    uint64 // of the author's messages
}

// Options of a Repo; nil means defaults.
type Options struct {
	// ID is the name under which peers know this process. It must not be used by two at once. Required.
	ID PeerID
	// StorageID names the storage behind the documents. Without one, peers keep no sync states about us.
	StorageID StorageID
	// States keeps sync states of peers who have a storage id. nil keeps none.
	States SyncStates

	// Announce says whether a peer is told of a document unasked. The default tells servers that we have called.
	Announce func(Peer, DocumentID) bool
	// Access says whether a peer may have a document that it asks for or sends. The default is yes.
	Access func(Peer, DocumentID) bool

	// Gossip passes on which heads other storages have, to those who subscribe.
	Gossip bool
	// With is another Repo with the same ID. What it hears about remote heads and what this one hears is passed on by
	// both, as if they were one. It says whether there is Gossip.
	With *Repo
	// Now is the clock of gossip. The default is time.Now.
	Now func() time.Time
	// Session tells the ephemeral messages of this process from those of an earlier one with the same ID. The default is
	// ID itself, which is right when ID is new for each process.
	Session string

	// MaxDocuments is how many documents one session may deal with. The default is 10,000.
	MaxDocuments int
	// MaxQueued is how many bytes of messages may wait in one session for its Poll. Ephemeral messages beyond are
	// dropped. The default is 1 MiB.
	MaxQueued int

	// The functions below are told what happens; nil ignores it. They are called with no lock held and must not block.

	// OnPeer is told when a session knows its peer, and when it has ended.
	OnPeer func(p Peer, connected bool)
	// OnEphemeral is told of each ephemeral message once.
	OnEphemeral func(Ephemeral)
	// OnUnavailable is told when all peers that were asked for a document have answered that they lack it.
	OnUnavailable func(DocumentID)
	// OnRefused is told of a sync message that a document refused. The session then ignores that document.
	OnRefused func(Peer, DocumentID, error)
	// OnError is told of failures that end nothing: a sync state could not be loaded or saved.
	OnError func(error)
	// OnRemoteHeads is told what storages have that we have subscribed to.
	OnRemoteHeads func(DocumentID, StorageID, []amchange.Hash, time.Time)
}

// Repo connects documents with sessions. It is safe for concurrent use.
//
// Lock order: a Session's, then the Repo's, then a Session's outbox. Documents are called with at most a Session's lock.
type Repo struct {
	opts Options
	docs Documents

	mu       sync.Mutex
	sessions map[PeerID]*Session
	open     map[DocumentID]*document
	heard    *counts
	count    uint64 // of our own ephemeral messages
	gossip   *gossip
	closed   bool
}

// document is what the repo knows about a document that somebody is interested in.
type document struct {
	id    DocumentID
	doc   Doc // nil while nobody is known to have it
	stop  func()
	peers map[*Session]status
	local bool // we look for it ourselves
}

// status is what is known about a peer and a document.
type status uint8

const (
	unknown status = iota
	wants
	has
	lacks
)

// New returns a Repo without sessions.
func New(docs Documents, o *Options) *Repo {
	r := &Repo{docs: docs, sessions: map[PeerID]*Session{}, open: map[DocumentID]*document{}, heard: newCounts(maxHeard)}
	if o != nil {
		r.opts = *o
	}
	if r.opts.Announce == nil {
		r.opts.Announce = func(p Peer, _ DocumentID) bool { return p.Dialed }
	}
	if r.opts.Access == nil {
		r.opts.Access = func(Peer, DocumentID) bool { return true }
	}
	if r.opts.Now == nil {
		r.opts.Now = time.Now
	}
	if r.opts.Session == "" {
		r.opts.Session = string(r.opts.ID)
	}
	if r.opts.MaxDocuments <= 0 {
		r.opts.MaxDocuments = 10_000
	}
	if r.opts.MaxQueued <= 0 {
		r.opts.MaxQueued = 1 << 20
	}
	switch {
	case r.opts.With != nil:
		r.gossip = r.opts.With.gossip
	case r.opts.Gossip:
		r.gossip = newGossip(r)
	}
	return r
}

// ErrClosed is returned by the sessions of a closed Repo.
var ErrClosed = errors.New("amrepo: the repo is closed")

// Close ends all sessions. Their next call returns ErrClosed.
func (r *Repo) Close() {
	r.mu.Lock()
	r.closed = true
	sessions := make([]*Session, 0, len(r.sessions))
	for _, s := range r.sessions {
		sessions = append(sessions, s)
	}
	r.mu.Unlock()
	for _, s := range sessions {
		s.end(ErrClosed)
	}
	r.mu.Lock()
	var stops []func()
	for _, d := range r.open {
		if d.stop != nil {
			stops = append(stops, d.stop) // those of documents that sessions still deal with
		}
	}
	r.open = map[DocumentID]*document{}
	r.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}

// Peers returns who is connected, sorted by id.
func (r *Repo) Peers() []Peer {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Peer
	for _, s := range r.sessions {
		out = append(out, s.peer)
	}
	slices.SortFunc(out, func(a, b Peer) int { return compare(a.ID, b.ID) })
	return out
}

func compare(a, b PeerID) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Share offers the document to every peer that the policy announces it to, and to all who connect later. If Documents
// does not have it, those peers are asked for it.
func (r *Repo) Share(id DocumentID) error {
	d, err := r.document(id, false)
	if err != nil {
		return err
	}
	r.mu.Lock()
	d.local = true
	r.mu.Unlock()
	r.spread(d, nil)
	return nil
}

// Release forgets about a document: it is no longer offered, and Documents may let it go. Peers who ask for it open it
// again.
func (r *Repo) Release(id DocumentID) {
	r.mu.Lock()
	d := r.open[id]
	delete(r.open, id)
	var sessions []*Session
	if d != nil {
		for s := range d.peers {
			sessions = append(sessions, s)
		}
	}
	r.mu.Unlock()
	if d == nil {
		return
	}
	if d.stop != nil {
		d.stop()
	}
	for _, s := range sessions {
		s.drop(id)
	}
}

// Reevaluate applies the policy again, after it has changed: documents that a peer may no longer have are dropped from its
// session, and those that it is to be told of are offered.
func (r *Repo) Reevaluate() {
	r.mu.Lock()
	type pair struct {
		s      *Session
		d      *document
		linked bool
	}
	var pairs []pair
	for _, d := range r.open {
		for _, s := range r.sessions {
			_, linked := d.peers[s]
			pairs = append(pairs, pair{s, d, linked})
		}
	}
	r.mu.Unlock()
	for _, p := range pairs {
		switch access := r.opts.Access(p.s.peer, p.d.id); {
		case p.linked && !access:
			p.s.drop(p.d.id)
			p.s.post(&message{Type: typeUnavailable, DocumentID: p.d.id})
		case !p.linked && access && r.opts.Announce(p.s.peer, p.d.id):
			p.s.touch(p.d.id)
		}
	}
}

// Broadcast sends an ephemeral message, one CBOR value, to all peers who look at the document.
func (r *Repo) Broadcast(id DocumentID, data []byte) {
	r.mu.Lock()
	r.count++
	m := message{Type: typeEphemeral, SenderID: r.opts.ID, DocumentID: id, Count: r.count, SessionID: r.opts.Session, Data: data}
	sessions := r.watchers(id, nil)
	r.mu.Unlock()
	for _, s := range sessions {
		s.relay(m)
	}
}

// Relay passes an ephemeral message that another Repo was told of to all peers who look at the document here, but for its
// author, unless it has been here before.
func (r *Repo) Relay(e Ephemeral) {
	m := message{Type: typeEphemeral, SenderID: e.Author, DocumentID: e.Document, Count: e.Count, SessionID: e.Session, Data: e.Data}
	r.mu.Lock()
	var sessions []*Session
	if r.heard.newer(source{e.Author, e.Session}, e.Count) {
		sessions = r.watchers(e.Document, nil)
	}
	r.mu.Unlock()
	for _, s := range sessions {
		if s.peer.ID != e.Author {
			s.relay(m)
		}
	}
}

// watchers returns the sessions that deal with a document. r.mu is held.
func (r *Repo) watchers(id DocumentID, but *Session) []*Session {
	var out []*Session
	if d := r.open[id]; d != nil {
		for s := range d.peers {
			if s != but {
				out = append(out, s)
			}
		}
	}
	return out
}

// document returns the entry for an id, with its Doc if there is one; create makes it otherwise.
func (r *Repo) document(id DocumentID, create bool) (*document, error) {
	r.mu.Lock()
	d := r.open[id]
	ready, closed := d != nil && d.doc != nil, r.closed
	r.mu.Unlock()
	switch {
	case closed:
		return nil, ErrClosed
	case ready:
		return d, nil
	}
	doc, err := r.docs.Open(id)
	if err == nil && doc == nil && create {
		doc, err = r.docs.Create(id)
	}
	if err != nil {
		return nil, fmt.Errorf("amrepo: document %s: %w", id, err)
	}
	r.mu.Lock()
	if d = r.open[id]; d == nil {
		d = &document{id: id, peers: map[*Session]status{}}
		r.open[id] = d
	}
	watch := doc != nil && d.doc == nil
	if watch {
		d.doc = doc
	}
	r.mu.Unlock()
	if watch {
		stop := doc.Watch(func() { r.changed(d) })
		r.mu.Lock()
		d.stop = stop
		gone := r.open[id] != d
		r.mu.Unlock()
		if gone {
			stop()
		}
	}
	return d, nil
}

// changed wakes every session that deals with the document.
func (r *Repo) changed(d *document) {
	r.mu.Lock()
	sessions := make([]*Session, 0, len(d.peers))
	for s := range d.peers {
		sessions = append(sessions, s)
	}
	r.mu.Unlock()
	for _, s := range sessions {
		s.touch(d.id)
	}
}

// spread wakes every session whose peer is to be told of the document and does not deal with it yet.
func (r *Repo) spread(d *document, but *Session) {
	r.mu.Lock()
	var sessions []*Session
	for _, s := range r.sessions {
		if _, linked := d.peers[s]; !linked && s != but {
			sessions = append(sessions, s)
		}
	}
	r.mu.Unlock()
	for _, s := range sessions {
		if r.opts.Announce(s.peer, d.id) && r.opts.Access(s.peer, d.id) {
			r.note(d, s, unknown) // before it is asked, so that its answer is waited for
			s.touch(d.id)
		}
	}
}

// note sets what is known about the peer and the document.
func (r *Repo) note(d *document, s *Session, to status) {
	r.mu.Lock()
	if r.sessions[s.peer.ID] != s {
		r.mu.Unlock()
		return // it has ended meanwhile
	}
	d.peers[s] = to
	r.mu.Unlock()
	if r.gossip != nil {
		r.gossip.opened(s, d.id)
	}
}

// settle tells those who want a document that nobody has it, once everybody who was asked has said so.
func (r *Repo) settle(d *document) {
	r.mu.Lock()
	if d.doc != nil {
		doc := d.doc
		r.mu.Unlock()
		if len(doc.Heads()) > 0 {
			return
		}
		r.mu.Lock()
	}
	var waiting []*Session
	asked := 0
	for s, st := range d.peers {
		switch st {
		case unknown, has:
			r.mu.Unlock()
			return
		case wants:
			waiting = append(waiting, s)
		case lacks:
			asked++
		}
	}
	for _, s := range waiting {
		d.peers[s] = lacks
	}
	local := d.local
	r.mu.Unlock()
	for _, s := range waiting {
		s.post(&message{Type: typeUnavailable, DocumentID: d.id})
	}
	if local && asked+len(waiting) > 0 && r.opts.OnUnavailable != nil {
		r.opts.OnUnavailable(d.id)
	}
}

// arrive enters a session whose peer has become known, and ends an older one of the same peer.
func (r *Repo) arrive(s *Session) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return ErrClosed
	}
	old := r.sessions[s.peer.ID]
	r.sessions[s.peer.ID] = s
	docs := make([]*document, 0, len(r.open))
	for _, d := range r.open {
		docs = append(docs, d)
	}
	r.mu.Unlock()
	if old != nil {
		old.end(errReplaced)
	}
	if r.opts.OnPeer != nil {
		r.opts.OnPeer(s.peer, true)
	}
	for _, d := range docs {
		if r.opts.Announce(s.peer, d.id) && r.opts.Access(s.peer, d.id) {
			s.touch(d.id)
		}
	}
	if r.gossip != nil && r.opts.Announce(s.peer, "") {
		r.gossip.generous(s)
	}
	return nil
}

// leave removes a session from a document, and the document when nobody is left who is interested.
func (r *Repo) leave(d *document, s *Session) {
	r.mu.Lock()
	delete(d.peers, s)
	var stop func()
	if len(d.peers) == 0 && !d.local && r.open[d.id] == d {
		delete(r.open, d.id)
		stop = d.stop
	}
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// depart removes a session.
func (r *Repo) depart(s *Session) {
	r.mu.Lock()
	known := r.sessions[s.peer.ID] == s
	if known {
		delete(r.sessions, s.peer.ID)
	}
	var docs []*document
	for _, d := range r.open {
		if _, ok := d.peers[s]; ok {
			docs = append(docs, d)
		}
	}
	r.mu.Unlock()
	if r.gossip != nil {
		r.gossip.departed(s)
	}
	for _, d := range docs {
		r.leave(d, s)
		r.settle(d)
	}
	if known && r.opts.OnPeer != nil {
		r.opts.OnPeer(s.peer, false)
	}
}
