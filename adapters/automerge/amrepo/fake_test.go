package amrepo_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

// fakeDoc is a document without an engine: a set of changes. It speaks the sync protocol in the simplest way that is
// right: it sends everything that the peer is not known to have.
type fakeDoc struct {
	mu       sync.Mutex
	ix       *amchange.Index
	changes  []*amchange.Change
	watchers map[int]func()
	next     int
}

func newFakeDoc() *fakeDoc {
	return &fakeDoc{ix: amchange.NewIndex(nil), watchers: map[int]func(){}}
}

func (d *fakeDoc) Heads() []amchange.Hash {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ix.Heads()
}

func (d *fakeDoc) Watch(fn func()) func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := d.next
	d.next++
	d.watchers[id] = fn
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, id)
	}
}

func (d *fakeDoc) add(changes ...*amchange.Change) error {
	d.mu.Lock()
	var watchers []func()
	var failed error
	for _, c := range changes {
		if d.ix.Has(c.Hash) {
			continue
		}
		if _, err := d.ix.Add(c); err != nil {
			failed = err
			break
		}
		d.changes = append(d.changes, c)
		watchers = watchers[:0]
		for _, w := range d.watchers {
			watchers = append(watchers, w)
		}
	}
	d.mu.Unlock()
	for _, w := range watchers {
		w()
	}
	return failed
}

// set makes a change that sets a key of the root map.
func (d *fakeDoc) set(t testing.TB, actor amchange.Actor, key string, v int64) *amchange.Change {
	t.Helper()
	d.mu.Lock()
	draft := amchange.Draft{Actor: actor, Seq: d.ix.Seq(actor) + 1, StartOp: d.ix.MaxOp() + 1, Deps: d.ix.Heads()}
	op := amchange.Op{Key: key, Action: amchange.Set, Value: amchange.IntValue(v)}
	for _, l := range d.ix.Live(key) {
		op.Preds = append(op.Preds, l.ID)
	}
	draft.Ops = append(draft.Ops, op)
	d.mu.Unlock()
	c, err := draft.Encode()
	require.NoError(t, err)
	require.NoError(t, d.add(c))
	return c
}

func (d *fakeDoc) get(key string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.ix.Get(key)
	if !ok {
		return "nothing"
	}
	return v.Value.String()
}

func (d *fakeDoc) NewSync(saved []byte) (amrepo.Sync, error) {
	s := &fakeSync{d: d, theirs: map[amchange.Hash]bool{}}
	if saved != nil {
		shared, err := amchange.CheckSyncState(saved)
		if err != nil {
			return nil, err
		}
		for _, h := range shared {
			s.theirs[h] = true
		}
	}
	return s, nil
}

type fakeSync struct {
	d        *fakeDoc
	theirs   map[amchange.Hash]bool // what the peer has, or is on its way to it
	lastSent string
	their    []amchange.Hash
	heard    bool
}

func (s *fakeSync) Generate() ([]byte, error) {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	m := amchange.SyncMessage{Heads: s.d.ix.Heads(), Have: []amchange.Have{{}}}
	for _, h := range s.their {
		if !s.d.ix.Has(h) {
			m.Need = append(m.Need, h)
		}
	}
	if s.heard {
		for _, c := range s.d.changes {
			if !s.theirs[c.Hash] {
				m.Changes = append(m.Changes, c)
				s.theirs[c.Hash] = true
			}
		}
	}
	now := fmt.Sprint(m.Heads, m.Need, s.heard && len(s.their) == 0)
	if len(m.Changes) == 0 && now == s.lastSent {
		return nil, nil
	}
	s.lastSent = now
	return m.Encode(), nil
}

func (s *fakeSync) Receive(msg []byte) ([]amchange.Hash, error) {
	m, err := amchange.ParseSyncMessage(msg, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range m.Changes {
		s.theirs[c.Hash] = true
	}
	if err := s.d.add(m.Changes...); err != nil {
		return nil, err
	}
	s.heard, s.their = true, m.Heads
	// The peer has what its heads have, and says so also about changes that we know.
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	known := slices.Clone(m.Heads)
	for len(known) > 0 {
		h := known[len(known)-1]
		known = known[:len(known)-1]
		for _, c := range s.d.changes {
			if c.Hash == h {
				s.theirs[h] = true
				for _, dep := range c.Deps {
					if !s.theirs[dep] {
						known = append(known, dep)
					}
				}
			}
		}
	}
	return m.Heads, nil
}

func (s *fakeSync) Save() []byte {
	b := []byte{0x43, byte(len(s.their))}
	for _, h := range s.their {
		b = append(b, h[:]...)
	}
	return b
}

// fakeDocuments keeps fake documents.
type fakeDocuments struct {
	mu     sync.Mutex
	docs   map[amrepo.DocumentID]*fakeDoc
	closed bool // refuses to create
	states map[string][]byte
}

func newFakeDocuments() *fakeDocuments {
	return &fakeDocuments{docs: map[amrepo.DocumentID]*fakeDoc{}, states: map[string][]byte{}}
}

func (f *fakeDocuments) Open(id amrepo.DocumentID) (amrepo.Doc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.docs[id]; d != nil {
		return d, nil
	}
	return nil, nil
}

func (f *fakeDocuments) Create(id amrepo.DocumentID) (amrepo.Doc, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errors.New("no more documents")
	}
	if f.docs[id] == nil {
		f.docs[id] = newFakeDoc()
	}
	return f.docs[id], nil
}

func (f *fakeDocuments) doc(id amrepo.DocumentID) *fakeDoc {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.docs[id]
}

func (f *fakeDocuments) make(id amrepo.DocumentID) *fakeDoc {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.docs[id] = newFakeDoc()
	return f.docs[id]
}

func (f *fakeDocuments) LoadSyncState(id amrepo.DocumentID, peer amrepo.StorageID) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.states[string(id)+"/"+string(peer)], nil
}

func (f *fakeDocuments) SaveSyncState(id amrepo.DocumentID, peer amrepo.StorageID, b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.states[string(id)+"/"+string(peer)] = b
	return nil
}

// network carries messages between sessions until nobody has anything to say.
type network struct {
	t     testing.TB
	pairs []*pair
}

type pair struct {
	client, server *amrepo.Session
	log            []string // types of messages, with the direction
	errs           [2]error
}

func (n *network) connect(client, server *amrepo.Repo) *pair {
	p := &pair{client: client.Dial(), server: server.Accept()}
	n.pairs = append(n.pairs, p)
	out, err := p.client.Start()
	require.NoError(n.t, err)
	more, err := p.server.Start()
	require.NoError(n.t, err)
	require.Empty(n.t, more)
	p.carry(n.t, true, out)
	n.settle()
	return p
}

// carry delivers messages and the answers to them.
func (p *pair) carry(t testing.TB, toServer bool, msgs [][]byte) {
	for _, m := range msgs {
		to, side, arrow := p.client, 0, "<"
		if toServer {
			to, side, arrow = p.server, 1, ">"
		}
		if p.errs[side] != nil {
			continue
		}
		p.log = append(p.log, arrow+typeOf(t, m))
		require.Less(t, len(p.log), 10_000, "the conversation does not end")
		out, err := to.Receive(m)
		p.errs[side] = err
		p.carry(t, !toServer, out)
	}
}

func (n *network) settle() {
	for {
		quiet := true
		for _, p := range n.pairs {
			for side, s := range []*amrepo.Session{p.client, p.server} {
				if p.errs[side] != nil {
					continue
				}
				out, err := s.Poll()
				p.errs[side] = err
				quiet = quiet && len(out) == 0
				p.carry(n.t, side == 0, out)
			}
		}
		if quiet {
			return
		}
	}
}

func (n *network) cut(p *pair) {
	p.client.Close()
	p.server.Close()
	n.pairs = slices.DeleteFunc(n.pairs, func(q *pair) bool { return p == q })
}
