package boundtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

// Simulation lets peers edit one table under random schedules. Some are Stores; between them updates come late, twice, in another
// order or not at all, and they are restarted. Others write to their document as JavaScript clients do, making containers of
// their own and deleting those that become empty; each of these is connected to one Store's document by a connection that keeps
// the order, as a WebSocket does, and is cut off from time to time. When all have exchanged everything,
//
//   - every Store equals its document, and all documents are equal;
//   - no cell is missing whose writing is not opposed by that of somebody else, as Framework says.
type Simulation struct {
	Package string // of the test, for the command that repeats a schedule

	// How many schedules are run: in a run of the tests, in a short one, and with ROWLOOM_SOAK=1.
	Schedules, Short, Soak uint64

	// Begin begins a schedule. It may draw from r what is special to it. flat is whether documents have the layout Flat, which
	// only Stores have.
	Begin func(r *rand.Rand, flat bool) Framework
}

// Framework is what one schedule needs to know of the documents in it.
type Framework interface {
	// Open makes the document of a peer, of an id that it draws from r, with what was saved of the peer's last one.
	Open(r *rand.Rand, p *Peer, saved []byte) Replica

	// Value is the nth value that is written.
	Value(n int) store.Value

	// Opposed says whether there is a write, among all that were made, that the writer of the ith could not know of, and that
	// may so have taken away what he wrote.
	Opposed(writes []Write, i int) bool
}

// Replica is the document of a peer. It gives the peer each of its updates (see Peer.Tell).
type Replica interface {
	Document

	// Write writes a cell or value, or deletes what is below at if v is absent: by way of the peer's Store if he has one, else
	// as a JavaScript client does (see Edit). It returns the containers that were deleted besides. It makes a mark, a number,
	// beside the table, so that deletions, too, move the clock: who has the mark has the deletion.
	Write(at store.Path, v store.Value, mark int) (pruned []store.Path)

	Save() ([]byte, error)
	Since(other Replica) ([]byte, error)     // what other lacks
	Receive(update []byte, from *Peer) error // from whom it is connected to; nil if it has come some other way
	ID() any
	Clock(of any) uint64 // how much it has of what was written under an id
	Version() string     // equal for documents with the same history
}

// Write is one write of somebody, with what he had in his document.
type Write struct {
	At     store.Path  // a cell or value; for deletions also a container
	Value  store.Value // absent for a deletion
	Bare   bool        // by one who knows only the framework
	Pruned bool        // of a container that became empty

	By     any // id of the document at that time
	Clock  uint64
	Seen   map[any]uint64  // the clocks of all writers before
	Before *store.Snapshot // what was shown
}

// Run runs the schedules. ROWLOOM_SEED=n runs one. ROWLOOM_SOAK=1 runs Soak, a greater number as many, from ROWLOOM_FIRST on if it is
// set.
func (s Simulation) Run(t *testing.T) {
	if os.Getenv("ROWLOOM_SEED") != "" {
		require.NoError(t, s.play(variable(t, "ROWLOOM_SEED", 0), t.Logf))
		return
	}
	schedules := variable(t, "ROWLOOM_SOAK", s.Schedules)
	if testing.Short() {
		schedules = min(schedules, s.Short)
	}
	if schedules == 1 {
		schedules = s.Soak
	}
	first := variable(t, "ROWLOOM_FIRST", rand.Uint64N(1<<40))
	t.Logf("%d schedules from seed %d", schedules, first)
	var all sync.WaitGroup
	var done, failed atomic.Uint64
	for w := range uint64(2) {
		all.Go(func() {
			for i := w; i < schedules && failed.Load() < 5; i += 2 {
				if err := s.play(first+i, func(string, ...any) {}); err != nil {
					failed.Add(1)
					t.Errorf("%v\nto repeat it: ROWLOOM_SEED=%d go test %s -run TestSimulation -v", err, first+i, s.Package)
				}
				if n := done.Add(1); n%50_000 == 0 {
					t.Logf("%d done", n)
				}
			}
		})
	}
	all.Wait()
}

// variable is the number that an environment variable holds.
func variable(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return n
}

// schedule is one schedule. What it does depends on the seed only: the order in which it draws must not change.
type schedule struct {
	Framework
	r      *rand.Rand
	peers  []*Peer
	writes []Write
	values int // that were written
	logf   func(string, ...any)
}

func (s Simulation) play(seed uint64, logf func(string, ...any)) error {
	r := rand.New(rand.NewPCG(seed, 1))
	mixed := r.IntN(3) > 0
	flat := !mixed && r.IntN(2) == 0
	x := &schedule{Framework: s.Begin(r, flat), r: r, logf: logf}
	for i := range 2 + r.IntN(3) {
		p := &Peer{Name: string(rune('A' + i)), Rows: r.IntN(2), among: x}
		if mixed && i > 0 && r.IntN(2) == 0 {
			p.Hub = x.pick()
			if p.Hub.Hub != nil {
				p.Hub = p.Hub.Hub
			}
		}
		p.start(nil)
		x.peers = append(x.peers, p)
		logf("%s store=%t rows=%d flat=%t", p.Name, p.Hub == nil, p.Rows, flat)
	}
	for range 20 + r.IntN(60) {
		x.step()
	}
	if err := x.settle(); err != nil {
		return err
	}
	return x.check()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (s *schedule) pick() *Peer { return s.peers[s.r.IntN(len(s.peers))] }

func (s *schedule) step() {
	p := s.pick()
	switch n := s.r.IntN(20); {
	case n < 11:
		s.write(p)
	case p.Hub != nil && !p.online:
		p.connect()
	case p.Hub != nil && n < 18:
		p.carry(s.r.IntN(4), s.r.IntN(4))
	case p.Hub != nil:
		p.cut()
	case n < 17:
		for _, u := range p.news {
			for _, q := range s.peers {
				if q != p && q.Hub == nil && s.r.IntN(10) > 0 { // else it is lost
					q.inbox = append(q.inbox, u)
				}
			}
		}
		p.news = nil
		for range s.r.IntN(4) {
			if len(p.inbox) > 0 {
				i := s.r.IntN(len(p.inbox))
				must(p.doc.Receive(p.inbox[i], nil))
				if s.r.IntN(10) > 0 { // else it comes again
					p.inbox = append(p.inbox[:i], p.inbox[i+1:]...)
				}
			}
		}
	case n < 19: // two peers meet
		if q := s.pick(); q.Hub == nil {
			q.meet(p)
		}
	default:
		p.restart()
	}
}

func (s *schedule) id(of string) string { return string(of[s.r.IntN(len(of))]) }

// write makes one write at a peer and notes it.
func (s *schedule) write(p *Peer) {
	at := store.Cell(s.id("tu"), s.id("rs"), s.id("xyz"))
	if s.r.IntN(8) == 0 {
		at = store.ValueOf(s.id("vw"))
	}
	var v store.Value
	switch n := s.r.IntN(12); {
	case n > 1:
		s.values++
		v = s.Value(s.values)
	case n == 1 && at.Level() == store.AtCell:
		at = at.Up() // the row is deleted
		if s.r.IntN(3) == 0 {
			at = at.Up()
		}
	}
	w := Write{At: at, Value: v, Bare: p.Hub != nil, Seen: map[any]uint64{}}
	for _, o := range s.writes {
		w.Seen[o.By] = p.doc.Clock(o.By)
	}
	var err error
	w.Before, err = read(p.doc)
	must(err)
	pruned := p.doc.Write(at, v, len(s.writes))
	w.By = p.doc.ID()
	w.Clock = p.doc.Clock(w.By)
	s.writes = append(s.writes, w)
	w.Value, w.Pruned = store.Value{}, true
	for _, w.At = range pruned {
		s.writes = append(s.writes, w)
	}
	s.logf("%s store=%t (%v): %v = %v", p.Name, p.Hub == nil, w.By, at, v)
}

// settle lets all exchange everything, until nothing is new.
func (s *schedule) settle() error {
	for _, p := range s.peers {
		p.cut()
		for _, u := range p.inbox {
			must(p.doc.Receive(u, nil))
		}
		p.inbox = nil
	}
	for range 20 {
		news := false
		for _, p := range s.peers {
			if p.Hub != nil {
				p.cut()
				told := p.Hub.told
				p.connect()
				news = news || p.Hub.told > told
				continue
			}
			for _, q := range s.peers {
				if q.Hub == nil {
					news = q.meet(p) || news
				}
			}
		}
		if !news {
			for _, p := range s.peers {
				if p.Hub != nil {
					p.cut()
					p.connect()
				}
			}
			return nil
		}
	}
	return fmt.Errorf("the documents do not come to rest")
}

func (s *schedule) check() error {
	first := s.peers[0]
	want, err := read(first.doc)
	if err != nil {
		return err
	}
	for _, p := range s.peers {
		got, err := read(p.doc)
		if err != nil {
			return err
		}
		if d := store.Diff(want, got); !d.IsEmpty() {
			return fmt.Errorf("the documents of %s and %s differ:\n%v", first.Name, p.Name, d)
		}
		if first.doc.Version() != p.doc.Version() {
			return fmt.Errorf("the histories of %s and %s differ", first.Name, p.Name)
		}
		if p.Store != nil {
			if d := store.Diff(got, p.Store.Snapshot()); !d.IsEmpty() {
				return fmt.Errorf("the Store of %s differs from its document:\n%v", p.Name, d)
			}
			if err := p.bound.Status().Err; err != nil {
				return err
			}
		}
	}
	var missing strings.Builder
	for i, w := range s.writes {
		if w.Value.Exists() && !s.Opposed(s.writes, i) {
			if got := At(want, w.At); got != w.Value {
				fmt.Fprintf(&missing, "%v was set to %v by %v, who knew all other writes of it, but it is %v\n", w.At, w.Value, w.By, got)
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
