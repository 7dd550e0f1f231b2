//go:build cgo

package automerge_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// Peers edit one table under random schedules. Some are Stores; between them changes come late, twice, in another order or
// not at all, and they are restarted. Others write to their document as JavaScript clients do, making containers of their own
// and deleting those that become empty; each of these is connected to one Store's document by a connection that keeps the
// order, as a WebSocket does, and is cut off from time to time. When all have exchanged everything,
//
//   - every Store equals its document, and all documents are equal;
//   - no cell is missing that was written last, by somebody who knew every other write of it.
//
// ROWLOOM_SEED=n runs one schedule. ROWLOOM_SOAK=1 runs 200,000, a greater number as many, from ROWLOOM_FIRST on if it is set.
func TestSimulation_NothingIsLost(t *testing.T) {
	number := func(name string, otherwise uint64) uint64 {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, name)
		return n
	}
	if os.Getenv("ROWLOOM_SEED") != "" {
		require.NoError(t, simulate(number("ROWLOOM_SEED", 0), t.Logf))
		return
	}
	schedules := number("ROWLOOM_SOAK", 2_000)
	if testing.Short() {
		schedules = min(schedules, 200)
	}
	if schedules == 1 {
		schedules = 200_000
	}
	first := number("ROWLOOM_FIRST", rand.Uint64N(1<<40))
	t.Logf("%d schedules from seed %d", schedules, first)
	var all sync.WaitGroup
	var failed sync.Once
	for w := range uint64(2) {
		all.Go(func() {
			for i := w; i < schedules && !t.Failed(); i += 2 {
				if err := simulate(first+i, func(string, ...any) {}); err != nil {
					failed.Do(func() {
						t.Errorf("%v\nto repeat it: ROWLOOM_SEED=%d go test ./adapters/automerge -run TestSimulation -v", err, first+i)
					})
				}
			}
		})
	}
	all.Wait()
}

// simPeer is one peer.
type simPeer struct {
	name  string
	actor amchange.Actor
	doc   *automerge.Doc
	opts  *automerge.Options
	news  [][]byte // changes that others have not been sent
	inbox [][]byte

	// Of a Store:
	store *store.Store
	bound *persist.Persister

	// Of one that knows only Automerge: the peer that it is connected to.
	hub    *simPeer
	online bool
}

// simOp is one write of somebody, with what he had seen.
type simOp struct {
	at    store.Path // a cell or value; for deletions also a container
	value store.Value
	actor amchange.Actor // empty for what was pruned
	seq   uint64         // of the actor's last change of the write
	seen  map[amchange.Actor]uint64
	knows map[int]bool // writes of the same place that he had been shown, or that others had who wrote what he was shown
}

type simulation struct {
	r     *rand.Rand
	peers []*simPeer
	ops   []simOp
	next  int
	text  bool // values are texts
	logf  func(string, ...any)
}

func simulate(seed uint64, logf func(string, ...any)) error {
	s := &simulation{r: rand.New(rand.NewPCG(seed, 1)), logf: logf}
	layout := automerge.Nested
	mixed := s.r.IntN(3) > 0
	if !mixed && s.r.IntN(2) == 0 {
		layout = automerge.Flat
	}
	s.text = s.r.IntN(4) == 0
	for i := range 2 + s.r.IntN(3) {
		p := &simPeer{name: string(rune('A' + i)), opts: &automerge.Options{Layout: layout, Rows: automerge.Rows(s.r.IntN(2))}}
		if mixed && i > 0 && s.r.IntN(2) == 0 {
			p.hub = s.peers[s.r.IntN(len(s.peers))]
			if p.hub.hub != nil {
				p.hub = p.hub.hub
			}
		}
		s.start(p, nil)
		s.peers = append(s.peers, p)
	}
	for range 20 + s.r.IntN(60) {
		s.step()
	}
	if err := s.settle(); err != nil {
		return err
	}
	return s.check()
}

// start gives a peer a new document, with the state of its old one.
func (s *simulation) start(p *simPeer, state []byte) {
	if p.bound != nil {
		must(p.bound.Close(ctx))
	}
	var id [16]byte
	for i := range id {
		id[i] = byte(s.r.Uint32())
	}
	p.actor = amchange.Actor(id[:])
	var err error
	p.doc, err = automerge.Load(state, &automerge.DocOptions{Actor: p.actor, Now: func() time.Time { return time.Time{} }})
	must(err)
	p.news = nil
	p.doc.OnChange(func(e *automerge.Event) {
		var data []byte
		for _, c := range e.Changes {
			data = append(data, c.Bytes()...)
		}
		if e.Origin != "network" {
			p.news = append(p.news, data)
		}
		for _, q := range s.peers {
			if q.hub == p && q.online {
				q.inbox = append(q.inbox, data)
			}
		}
	})
	if p.hub == nil {
		p.store = store.New()
		p.bound = automerge.Bind(p.store, p.doc, p.opts)
		must(p.bound.StartAutoLoad(ctx))
		must(p.bound.StartAutoSave(ctx))
	}
}

// connect lets a peer and its hub tell each other what they lack; the peer answers before it hears.
func (s *simulation) connect(p *simPeer) {
	up, err := p.doc.SaveSince(p.hub.doc.Heads()...)
	must(err)
	down, err := p.hub.doc.SaveSince(p.doc.Heads()...)
	must(err)
	s.logf("%s connects to %s", p.name, p.hub.name)
	p.news, p.inbox, p.online = nil, nil, true
	must(p.hub.doc.Apply("network", up))
	must(p.doc.Apply("network", down))
}

// carry carries up to n messages in each direction.
func (s *simulation) carry(p *simPeer, up, down int) {
	s.logf("%s sends %d of %d and hears %d of %d", p.name, min(up, len(p.news)), len(p.news), min(down, len(p.inbox)), len(p.inbox))
	for ; up > 0 && len(p.news) > 0; up-- {
		u := p.news[0]
		p.news = p.news[1:]
		must(p.hub.doc.Apply("network", u))
	}
	for ; down > 0 && len(p.inbox) > 0; down-- {
		u := p.inbox[0]
		p.inbox = p.inbox[1:]
		must(p.doc.Apply("network", u))
	}
}

// cut ends a connection when what was under way has arrived. What the hub says in answer to that does not.
func (s *simulation) cut(p *simPeer) {
	if p.online {
		s.carry(p, len(p.news), len(p.inbox))
		p.online, p.inbox = false, nil
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (s *simulation) pick() *simPeer { return s.peers[s.r.IntN(len(s.peers))] }

func (s *simulation) step() {
	p := s.pick()
	switch n := s.r.IntN(20); {
	case n < 11:
		s.edit(p)
	case p.hub != nil && !p.online:
		s.connect(p)
	case p.hub != nil && n < 18:
		s.carry(p, s.r.IntN(4), s.r.IntN(4))
	case p.hub != nil:
		s.cut(p)
	case n < 17:
		for _, u := range p.news {
			for _, q := range s.peers {
				if q != p && q.hub == nil && s.r.IntN(10) > 0 { // else it is lost
					q.inbox = append(q.inbox, u)
				}
			}
		}
		p.news = nil
		for range s.r.IntN(4) {
			if len(p.inbox) > 0 {
				i := s.r.IntN(len(p.inbox))
				must(p.doc.Apply("network", p.inbox[i]))
				if s.r.IntN(10) > 0 { // else it comes again
					p.inbox = append(p.inbox[:i], p.inbox[i+1:]...)
				}
			}
		}
	case n < 19: // two peers meet
		if q := s.pick(); q.hub == nil {
			s.meet(p, q)
		}
	default: // a restart
		for _, q := range s.peers {
			if q.hub == p {
				s.cut(q)
			}
		}
		state, err := p.doc.Save()
		must(err)
		s.start(p, state)
		s.logf("%s restarts as %v", p.name, p.actor)
	}
}

// meet lets q take from p what it lacks, and says whether there was any.
func (s *simulation) meet(p, q *simPeer) bool {
	if p == q {
		return false
	}
	before := q.doc.Heads()
	u, err := p.doc.SaveSince(before...)
	must(err)
	must(q.doc.Apply("network", u))
	return !slices.Equal(before, q.doc.Heads())
}

func (s *simulation) id(of string) string { return string(of[s.r.IntN(len(of))]) }

// seq returns the number of the last change of an actor that a peer has.
func (p *simPeer) seq(a amchange.Actor) (n uint64) {
	p.doc.View(func(ix *amchange.Index) { n = ix.Seq(a) })
	return n
}

// edit makes one write at a peer and notes it.
func (s *simulation) edit(p *simPeer) {
	at := store.Cell(s.id("tu"), s.id("rs"), s.id("xyz"))
	if s.r.IntN(8) == 0 {
		at = store.ValueOf(s.id("vw"))
	}
	var v store.Value
	switch n := s.r.IntN(12); {
	case n > 1:
		s.next++
		if v = store.Of(s.next); s.text {
			// They have nothing in common, so that they are replaced and not mixed.
			v = store.Of(strings.Repeat(string(rune(0x4E00+s.next)), 2))
		}
	case n == 1 && at.Level() == store.AtCell:
		at = at.Up() // the row is deleted
		if s.r.IntN(3) == 0 {
			at = at.Up()
		}
	}
	knows := s.shown(p, at)
	seen := map[amchange.Actor]uint64{}
	for _, o := range s.ops {
		seen[o.actor] = p.seq(o.actor)
	}
	if p.store != nil {
		had := p.store.Snapshot().TableCount()
		must(p.store.Update(func(tx *store.Tx) error { return tx.ReplaceIn(at, only(at, v)) }))
		if had > 0 && p.store.Snapshot().TableCount() == 0 { // the Store prunes, too, when its last row goes
			s.ops = append(s.ops, simOp{at: store.Tables()})
		}
	} else {
		s.bare(p, at, v)
	}
	// A mark beside the table, so that deletions, too, make a change.
	must(p.doc.Update("mark", func(tx *automerge.Tx) error {
		return tx.Edit().Set(amchange.OpID{}, "mark of "+p.name, amchange.IntValue(int64(len(s.ops))))
	}))
	s.ops = append(s.ops, simOp{at: at, value: v, actor: p.actor, seq: p.seq(p.actor), seen: seen, knows: knows})
	s.logf("%s store=%t (%v): %v = %v", p.name, p.hub == nil, p.actor, at, v)
}

// only is a Snapshot that holds one cell or value.
func only(at store.Path, v store.Value) *store.Snapshot {
	var b store.Builder
	table, row, cell := at.IDs()
	switch {
	case !v.Exists():
	case at.Level() == store.AtValue:
		must(b.SetValue(cell, v))
	default:
		must(b.SetCell(table, row, cell, v))
	}
	return b.Snapshot()
}

// bare writes as a JavaScript client does, in the layout Nested: containers are made on demand, and deleted when they
// become empty.
func (s *simulation) bare(p *simPeer, at store.Path, v store.Value) {
	table, row, cell := at.IDs()
	keys := []string{"tinybase", "t", table, row, cell}
	switch at.Level() {
	case store.AtValue:
		keys = []string{"tinybase", "v", cell}
	case store.AtRow:
		keys = keys[:4]
	case store.AtTable:
		keys = keys[:3]
	}
	isMap := func(l amchange.Live) bool { return l.Value.Kind() == amchange.Map }
	must(p.doc.Update("js", func(tx *automerge.Tx) error {
		ix := tx.Index()
		path := []amchange.OpID{{}}
		for _, k := range keys[:len(keys)-1] {
			up := path[len(path)-1]
			m, ok := ix.GetIn(up, k)
			if !ok || !isMap(m) {
				if !v.Exists() {
					return nil
				}
				id, err := tx.Edit().Make(up, k, amchange.Map)
				if err != nil {
					return err
				}
				m.ID = id
			}
			path = append(path, m.ID)
		}
		last := len(keys) - 1
		if v.Exists() {
			if !s.text {
				return tx.Edit().Set(path[last], keys[last], amchange.IntValue(int64(v.Number())))
			}
			id, err := tx.Edit().Make(path[last], keys[last], amchange.Text)
			if err != nil {
				return err
			}
			return tx.Edit().Splice(id, 0, 0, v.Text())
		}
		if err := tx.Edit().Delete(path[last], keys[last]); err != nil {
			return err
		}
		for last > 2 && empty(ix, path[last]) { // pruned, which deletes for others as well
			last--
			if keys[1] == "v" {
				break
			}
			if err := tx.Edit().Delete(path[last], keys[last]); err != nil {
				return err
			}
			up := at
			for int(up.Level()) > last {
				up = up.Up()
			}
			s.ops = append(s.ops, simOp{at: up})
		}
		return nil
	}))
}

func empty(ix *amchange.Index, obj amchange.OpID) bool {
	for range ix.EntriesOf(obj) {
		return false
	}
	return true
}

// settle lets all exchange everything, until nothing is new.
func (s *simulation) settle() error {
	for _, p := range s.peers {
		if p.hub != nil {
			s.cut(p)
		}
		for _, u := range p.inbox {
			must(p.doc.Apply("network", u))
		}
		p.inbox = nil
	}
	for range 20 {
		news := false
		for _, p := range s.peers {
			if p.hub != nil {
				s.cut(p)
				before := p.hub.doc.Heads()
				s.connect(p)
				news = news || !slices.Equal(before, p.hub.doc.Heads())
				continue
			}
			for _, q := range s.peers {
				if q.hub == nil {
					news = s.meet(p, q) || news
				}
			}
		}
		if !news {
			for _, p := range s.peers {
				if p.hub != nil {
					s.cut(p)
					s.connect(p)
				}
			}
			return nil
		}
	}
	return fmt.Errorf("the documents do not come to rest")
}

func (p *simPeer) content() *store.Snapshot {
	content, _, err := automerge.NewTarget(p.doc, p.opts).Read(ctx, []store.Path{{}})
	must(err)
	return content
}

func (s *simulation) check() error {
	first := s.peers[0]
	want := first.content()
	for _, p := range s.peers {
		got := p.content()
		if d := store.Diff(want, got); !d.IsEmpty() {
			return fmt.Errorf("the documents of %s and %s differ:\n%v", first.name, p.name, d)
		}
		if !slices.Equal(first.doc.Heads(), p.doc.Heads()) {
			return fmt.Errorf("the heads of %s and %s differ", first.name, p.name)
		}
		if p.store != nil {
			if d := store.Diff(got, p.store.Snapshot()); !d.IsEmpty() {
				return fmt.Errorf("the Store of %s differs from its document:\n%v", p.name, d)
			}
			if err := p.bound.Status().Err; err != nil {
				return err
			}
		}
	}
	var missing strings.Builder
	for i, w := range s.ops {
		if w.value.Exists() && !s.opposed(i) {
			if got := value(want, w.at); got != w.value {
				fmt.Fprintf(&missing, "%v was set to %v by %v, who knew all other writes of it, but it is %v\n", w.at, w.value, w.actor, got)
			}
		}
	}
	if missing.Len() > 0 {
		return fmt.Errorf("%s", missing.String())
	}
	for _, p := range s.peers {
		if p.bound != nil {
			must(p.bound.Close(ctx))
		}
	}
	return nil
}

// value returns a cell or value.
func value(from *store.Snapshot, at store.Path) store.Value {
	table, row, cell := at.IDs()
	if at.Level() == store.AtValue {
		return from.Value(cell)
	}
	return from.Cell(table, row, cell)
}

// shown returns the writes of a cell or value that a peer knows: the one that his document shows, and those that its writer
// knew. A write that came to his document in a container that had lost already was never shown to him.
//
// A deletion is known if the document shows its effect. Beside a value in another container it may have deleted something
// that had lost already, so the deletion itself, and what its writer knew, do not count then.
func (s *simulation) shown(p *simPeer, at store.Path) map[int]bool {
	now := value(p.content(), at)
	knows := map[int]bool{}
	for i, o := range s.ops {
		known := o.value == now && o.at == at
		if !o.value.Exists() {
			effective := !now.Exists() || p.opts.Layout == automerge.Flat
			known = effective && o.at.Contains(at) && o.actor != "" && p.seq(o.actor) >= o.seq
		}
		if known {
			knows[i] = true
			for j := range o.knows {
				knows[j] = true
			}
		}
	}
	return knows
}

// opposed says whether there is a write of the same place, or a deletion of something around it, that the writer of op i did
// not know.
func (s *simulation) opposed(i int) bool {
	w := s.ops[i]
	for j, o := range s.ops {
		switch {
		case j == i || !o.at.Contains(w.at):
		case o.value.Exists():
			if !w.knows[j] {
				return true
			}
		case o.actor == "" || w.seen[o.actor] < o.seq:
			return true
		}
	}
	return false
}
