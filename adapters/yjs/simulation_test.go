package yjs_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	wire "github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// Peers edit one table under random schedules. Some are Stores; between them updates come late, twice, in another order or
// not at all, and they are restarted. Others write to their document as JavaScript clients do, making containers of their own
// and deleting those that become empty; each of these is connected to one Store's document by a connection that keeps the
// order, as a WebSocket does, and is cut off from time to time. When all have exchanged everything,
//
//   - every Store equals its document, and all documents are equal;
//   - no cell is missing that was written last, by somebody who had every other write of it in his document. A deletion by
//     somebody who had not seen the value takes nothing away, unless it is of a whole container, as JavaScript clients delete.
//
// ROWLOOM_SEED=n runs one schedule. ROWLOOM_SOAK=1 runs a million, a greater number as many, from ROWLOOM_FIRST on if it is set.
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
	schedules := number("ROWLOOM_SOAK", simulations)
	if testing.Short() {
		schedules = min(schedules, 500)
	}
	if schedules == 1 {
		schedules = 1_000_000
	}
	first := number("ROWLOOM_FIRST", rand.Uint64N(1<<40))
	t.Logf("%d schedules from seed %d", schedules, first)
	var all sync.WaitGroup
	var done, failed atomic.Uint64
	for w := range uint64(2) {
		all.Go(func() {
			for i := w; i < schedules && failed.Load() < 5; i += 2 {
				if err := simulate(first+i, func(string, ...any) {}); err != nil {
					failed.Add(1)
					t.Errorf("%v\nto repeat it: ROWLOOM_SEED=%d go test ./adapters/yjs -run TestSimulation -v", err, first+i)
				}
				if n := done.Add(1); n%50_000 == 0 {
					t.Logf("%d done", n)
				}
			}
		})
	}
	all.Wait()
}

// simPeer is one peer.
type simPeer struct {
	name  string
	id    uint64
	doc   *ycrdt.Doc
	opts  *yjs.Options
	news  [][]byte // updates that others have not been sent
	inbox [][]byte
	batch [][]byte // updates of the edit that is under way

	changes int // of the document, so far

	// Of a Store:
	store *store.Store
	bound *persist.Persister

	// Of one that knows only Yjs: the peer that it is connected to.
	hub    *simPeer
	online bool
}

// simOp is one write of somebody, with what he had in his document.
type simOp struct {
	at    store.Path // a cell or value; for deletions also a container
	value store.Value
	peer  uint64 // client id at that time
	clock uint32 // clock after the write
	seen  map[uint64]uint32

	// Of deletions:
	container bool            // deleted as a whole
	before    *store.Snapshot // what was shown
}

type simulation struct {
	r     *rand.Rand
	peers []*simPeer
	ops   []simOp
	next  int
	logf  func(string, ...any)
}

func simulate(seed uint64, logf func(string, ...any)) (err error) {
	s := &simulation{r: rand.New(rand.NewPCG(seed, 1)), logf: logf}
	layout := yjs.Nested
	mixed := s.r.IntN(3) > 0
	if !mixed && s.r.IntN(2) == 0 {
		layout = yjs.Flat
	}
	for i := range 2 + s.r.IntN(3) {
		p := &simPeer{name: string(rune('A' + i)), opts: &yjs.Options{Layout: layout, Rows: yjs.Rows(s.r.IntN(2))}}
		if mixed && i > 0 && s.r.IntN(2) == 0 {
			p.hub = s.peers[s.r.IntN(len(s.peers))]
			if p.hub.hub != nil {
				p.hub = p.hub.hub
			}
		}
		s.start(p, nil)
		s.peers = append(s.peers, p)
	}
	bare := 0
	for _, p := range s.peers {
		if p.hub != nil {
			bare++
		}
	}
	logf("kind %s", fmt.Sprintf("%v bare=%d of %d rows=%d", layout, bare, len(s.peers), s.peers[0].opts.Rows))
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
	p.id = 1 + s.r.Uint64N(1<<32-1)
	p.doc = ycrdt.New(&ycrdt.Options{ClientID: p.id, KeepLost: p.hub == nil})
	if state != nil {
		must(p.doc.Apply(state, "restart"))
	}
	p.news = nil
	p.doc.OnUpdate(func(e ycrdt.UpdateEvent) {
		p.changes++
		switch {
		case e.Origin == "restart":
		case p.batch != nil:
			p.batch = append(p.batch, e.Update)
		default:
			s.send(p, e.Update, e.Origin)
		}
	})
	if p.hub == nil {
		p.store = store.New()
		p.bound = yjs.Bind(p.store, p.doc, p.opts)
		must(p.bound.StartAutoLoad(ctx))
		must(p.bound.StartAutoSave(ctx))
	}
}

// send gives an update of a peer's document to the others: to those who are connected at once, but not back.
func (s *simulation) send(p *simPeer, update []byte, origin any) {
	if origin != "network" && origin != p.hub {
		p.news = append(p.news, update)
	}
	for _, q := range s.peers {
		if q.hub == p && q.online && origin != q {
			q.inbox = append(q.inbox, update)
		}
	}
}

// connect lets a peer and its hub tell each other what they lack; the peer answers before it hears.
func (s *simulation) connect(p *simPeer) {
	up, err := p.doc.EncodeStateAsUpdate(p.hub.doc.StateVector())
	must(err)
	down, err := p.hub.doc.EncodeStateAsUpdate(p.doc.StateVector())
	must(err)
	s.logf("%s connects to %s", p.name, p.hub.name)
	p.news, p.inbox, p.online = nil, nil, true
	must(p.hub.doc.Apply(up, p))
	must(p.doc.Apply(down, p.hub))
}

// carry carries up to n updates in each direction.
func (s *simulation) carry(p *simPeer, up, down int) {
	s.logf("%s sends %d of %d and hears %d of %d", p.name, min(up, len(p.news)), len(p.news), min(down, len(p.inbox)), len(p.inbox))
	for ; up > 0 && len(p.news) > 0; up-- {
		u := p.news[0]
		p.news = p.news[1:]
		must(p.hub.doc.Apply(u, p))
	}
	for ; down > 0 && len(p.inbox) > 0; down-- {
		u := p.inbox[0]
		p.inbox = p.inbox[1:]
		must(p.doc.Apply(u, p.hub))
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
				must(p.doc.Apply(p.inbox[i], "network"))
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
		state, err := p.doc.EncodeStateAsUpdate(nil)
		must(err)
		s.start(p, state)
		s.logf("%s restarts as %d", p.name, p.id)
	}
}

// meet lets q take from p what it lacks, and says whether there was any.
func (s *simulation) meet(p, q *simPeer) bool {
	if p == q {
		return false
	}
	before := q.changes
	u, err := p.doc.EncodeStateAsUpdate(q.doc.StateVector())
	must(err)
	must(q.doc.Apply(u, "network"))
	return q.changes > before
}

func (s *simulation) id(of string) string { return string(of[s.r.IntN(len(of))]) }

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
		v = store.Of(s.next)
	case n == 1 && at.Level() == store.AtCell:
		at = at.Up() // the row is deleted
		if s.r.IntN(3) == 0 {
			at = at.Up()
		}
	}
	seen := map[uint64]uint32{}
	for _, o := range s.ops {
		seen[o.peer] = p.doc.Clock(o.peer)
	}
	p.batch = [][]byte{}
	var before *store.Snapshot
	if !v.Exists() {
		var err error
		before, err = yjs.Content(p.doc, p.opts)
		must(err)
	}
	var pruned []store.Path
	if p.store != nil {
		must(p.store.Update(func(tx *store.Tx) error { return tx.ReplaceIn(at, at1(at, v)) }))
	} else {
		pruned = s.bare(p, at, v)
	}
	// A mark beside the table, so that deletions, too, move the clock. It travels with the edit: whoever has the mark has the
	// deletion.
	must(p.doc.Update("mark", func(tx *ycrdt.Txn) error { return tx.Map("marks").Set("m", ycrdt.Number(float64(len(s.ops)))) }))
	whole, err := wire.Merge(wire.V1, p.batch, nil)
	must(err)
	p.batch = nil
	s.send(p, whole, "edit")
	id := p.doc.ClientID()
	op := simOp{at: at, value: v, peer: id, clock: p.doc.Clock(id), seen: seen, before: before}
	op.container = p.store == nil && !v.Exists() && at.Level() != store.AtCell && at.Level() != store.AtValue
	s.ops = append(s.ops, op)
	for _, op.at = range pruned {
		op.container = true
		s.ops = append(s.ops, op)
	}
	s.logf("%s %t (%d): %v = %v", p.name, p.hub == nil, id, at, v)
}

// at1 is a Snapshot that holds one cell or value.
func at1(at store.Path, v store.Value) *store.Snapshot {
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
// become empty. It returns what they were the containers of.
func (s *simulation) bare(p *simPeer, at store.Path, v store.Value) (pruned []store.Path) {
	table, row, cell := at.IDs()
	keys := []string{"t", table, row, cell}
	switch at.Level() {
	case store.AtValue:
		keys = []string{"v", cell}
	case store.AtRow:
		keys = keys[:3]
	case store.AtTable:
		keys = keys[:2]
	}
	must(p.doc.Update("js", func(tx *ycrdt.Txn) error {
		path := []ycrdt.Map{tx.Map("tinybase")}
		for _, k := range keys[:len(keys)-1] {
			m := path[len(path)-1].GetMap(k)
			if m.Err() != nil {
				if !v.Exists() {
					return nil
				}
				var err error
				if m, err = path[len(path)-1].GetOrCreateMap(k); err != nil {
					return err
				}
			}
			path = append(path, m)
		}
		last := len(keys) - 1
		if v.Exists() {
			return path[last].Set(keys[last], ycrdt.Number(v.Number()))
		}
		if err := path[last].Delete(keys[last]); err != nil {
			return err
		}
		for last > 1 && path[last].Len() == 0 { // pruned, which deletes for others as well
			if last--; keys[0] == "v" {
				break
			}
			if err := path[last].Delete(keys[last]); err != nil {
				return err
			}
			up := at
			for int(up.Level())-1 > last {
				up = up.Up()
			}
			pruned = append(pruned, up)
		}
		return nil
	}))
	return pruned
}

// settle lets all exchange everything, until nothing is new.
func (s *simulation) settle() error {
	for _, p := range s.peers {
		if p.hub != nil {
			s.cut(p)
		}
		for _, u := range p.inbox {
			must(p.doc.Apply(u, "network"))
		}
		p.inbox = nil
	}
	for range 20 {
		news := false
		for _, p := range s.peers {
			if p.hub != nil {
				s.cut(p)
				before := p.hub.doc.StateVector()
				s.connect(p)
				news = news || !bytes.Equal(before, p.hub.doc.StateVector())
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

func (s *simulation) check() error {
	first := s.peers[0]
	want, err := yjs.Content(first.doc, first.opts)
	if err != nil {
		return err
	}
	for _, p := range s.peers {
		got, err := yjs.Content(p.doc, p.opts)
		if err != nil {
			return err
		}
		if d := store.Diff(want, got); !d.IsEmpty() {
			return fmt.Errorf("the documents of %s and %s differ:\n%v", first.name, p.name, d)
		}
		if !bytes.Equal(first.doc.StateVector(), p.doc.StateVector()) {
			return fmt.Errorf("the state vectors of %s and %s differ", first.name, p.name)
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
			if got := at(want, w.at); got != w.value {
				fmt.Fprintf(&missing, "%v was set to %v by %d, who knew all other writes of it, but it is %v\n", w.at, w.value, w.peer, got)
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

// opposed says whether there is a write of the same place, or a deletion of it or around it, that the writer of op i did not have in
// his document. A deletion by somebody who had not been shown what is written there does not count, unless he deleted a
// container: that Yjs does with all that is in it.
func (s *simulation) opposed(i int) bool {
	w := s.ops[i]
	for j, o := range s.ops {
		if j == i || !o.at.Contains(w.at) || w.seen[o.peer] >= o.clock {
			continue
		}
		if o.value.Exists() || o.container || o.seen[w.peer] >= w.clock || at(o.before, w.at) == w.value {
			return true
		}
	}
	return false
}

// at returns what a Snapshot holds in a cell or value.
func at(content *store.Snapshot, at store.Path) store.Value {
	table, row, cell := at.IDs()
	if at.Level() == store.AtValue {
		return content.Value(cell)
	}
	return content.Cell(table, row, cell)
}
