package hub_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/hub/roomdb"
	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
)

// stored returns what a folder keeps of a room, and how many of the last records came after all documents had agreed.
func stored(t testing.TB, dir, room string) (records []roomdb.Record, tail int) {
	t.Helper()
	db, err := roomdb.Open(ctx, dir, nil)
	require.NoError(t, err)
	log, err := db.Open(ctx, room)
	require.NoError(t, err)
	require.NoError(t, log.Load(ctx, func(r roomdb.Record, unsettled bool) error {
		if records = append(records, r); unsettled {
			tail++
		}
		return nil
	}))
	require.NoError(t, log.Close())
	require.NoError(t, db.Close())
	return records, tail
}

// keep makes a folder that keeps records of a room, of which the last so many came after all documents had agreed.
func keep(t testing.TB, records []roomdb.Record, tail int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	records = slices.Clone(records)
	for i := range records {
		records[i].Settled = i+tail < len(records)
	}
	put(t, dir, "r", records...)
	return dir
}

func TestReplay_WhenTheLastOfThoseWhoOverlapHasLeftAllIsSettled(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, two())
	r, err := s.hub.Room(ctx, "r")
	require.NoError(t, err)
	// Somebody comes and goes while the change is being told, and stores what it has given rise to.
	r.Store().Listen(store.Path{}, func(*store.Commit) {
		var other sync.WaitGroup
		other.Go(func() { _ = r.Update(nil, func(*store.Tx) error { return nil }) })
		other.Wait()
	})
	require.NoError(t, r.Update(nil, func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of(1)) }))
	require.NoError(t, r.Sync(ctx))
	r.Release()
	s.end()
	records, tail := stored(t, dir, "r")
	require.Len(t, records, 2)
	require.Zero(t, tail)
}

// bare is a document of the family "yjs" or "second" that a client writes.
type bare struct {
	t      testing.TB
	family string
	doc    *ycrdt.Doc
	last   roomdb.Record
}

func newBare(t testing.TB, family string, records []roomdb.Record) *bare {
	b := &bare{t: t, family: family, doc: ycrdt.New(nil)}
	for _, r := range records {
		if r.Family == family {
			require.NoError(t, b.doc.Apply(r.Data, nil))
		}
	}
	b.doc.OnUpdate(func(e ycrdt.UpdateEvent) { b.last = roomdb.Record{Family: family, Data: e.Update} })
	return b
}

// set changes a cell of the row t/r, and returns the record of it.
func (b *bare) set(cell string, v store.Value) roomdb.Record {
	b.t.Helper()
	b.last = roomdb.Record{}
	c := store.Changes{Cells: []store.CellChange{{Table: "t", Row: "r", Cell: cell, New: v}}}
	require.NoError(b.t, yjs.NewTarget(b.doc, nil).Write(ctx, "test", c, nil))
	require.NotEmpty(b.t, b.last.Data)
	return b.last
}

// After a crash, what was stored last at a place is what the room holds there, whatever else the documents have.
func TestReplay_TheLatestRecordOfEachPlaceDecides(t *testing.T) {
	old, mid, other := store.Of("old"), store.Of("new"), store.Of("other")
	for name, test := range map[string]struct {
		tail func(y, second *bare) []roomdb.Record
		want string
	}{
		"each document has a change that the other lacks": {func(y, second *bare) []roomdb.Record {
			return []roomdb.Record{y.set("c", mid), second.set("gone", store.Value{})}
		}, "+ t/r/c \"new\"\n+ t/r/x 0\n"},
		"a later record of the document that lacks the change": {func(y, second *bare) []roomdb.Record {
			return []roomdb.Record{y.set("c", old), second.set("c", old), second.set("c", mid), y.set("x", other)}
		}, "+ t/r/c \"new\"\n+ t/r/gone true\n+ t/r/x \"other\"\n"},
		"the other document was told of the older value last": {func(y, second *bare) []roomdb.Record {
			return []roomdb.Record{y.set("c", old), y.set("c", mid), second.set("c", old)}
		}, "+ t/r/c \"new\"\n+ t/r/gone true\n+ t/r/x 0\n"},
		"back to the older value": {func(y, second *bare) []roomdb.Record {
			return []roomdb.Record{y.set("c", old), second.set("c", old), y.set("c", mid), second.set("c", mid), second.set("c", old)}
		}, "+ t/r/c \"old\"\n+ t/r/gone true\n+ t/r/x 0\n"},
		"deleted after it had been changed": {func(y, second *bare) []roomdb.Record {
			return []roomdb.Record{y.set("c", old), second.set("c", store.Value{}), y.set("x", other)}
		}, "+ t/r/gone true\n+ t/r/x \"other\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := serve(t, dir, two())
			s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1,"gone":true,"x":0}}}}`)
			s.end()
			records, _ := stored(t, dir, "r")
			tail := test.tail(newBare(t, "yjs", records), newBare(t, "second", records))
			dir = keep(t, append(records, tail...), len(tail))
			s = serve(t, dir, two())
			agree(t, s, "r", test.want)
			s.end()
			_, left := stored(t, dir, "r")
			require.Zero(t, left)
			agree(t, serve(t, dir, two()), "r", test.want)
		})
	}
}

// What all documents have is not changed by bringing it in again, in whichever order it was stored.
func TestReplay_OfWhatAllHaveChangesNothing(t *testing.T) {
	dir := t.TempDir()
	o := &hub.Options{Families: []hub.Family{hub.Yjs(), hub.TinyBase()}}
	s := serve(t, dir, o)
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1,"d":2}}},"values":{"v":1}}`)
	y, a := newClient(s, "r").connect(""), newStamped(s, "r").connect("")
	a.holds("+ t/r/c 1\n+ t/r/d 2\n+ :v 1\n")
	y.holds("+ t/r/c 1\n+ t/r/d 2\n+ :v 1\n")
	a.set("t", "r", "c", store.Of("a"))
	y.holds("+ t/r/c \"a\"\n+ t/r/d 2\n+ :v 1\n")
	y.set("t", "r", "d", store.Of("y"))
	a.holds("+ t/r/c \"a\"\n+ t/r/d \"y\"\n+ :v 1\n")
	before := s.content("r")
	y.disconnect()
	a.disconnect()
	s.end()
	records, _ := stored(t, dir, "r")
	for _, first := range []string{"yjs", "tinybase"} {
		for tail := range len(records) + 1 {
			if tail < len(records) && !records[len(records)-tail-1].Settled {
				continue
			}
			sorted := slices.Clone(records)
			rank := func(r roomdb.Record) int {
				if r.Family == first {
					return 0
				}
				return 1
			}
			slices.SortStableFunc(sorted[len(sorted)-tail:], func(a, b roomdb.Record) int { return rank(a) - rank(b) })
			dir := keep(t, sorted, tail)
			s := serve(t, dir, o)
			require.Equal(t, before, s.content("r"), "the last %d records, %s first", tail, first)
			s.end()
			again, left := stored(t, dir, "r")
			require.Len(t, again, len(records))
			require.Zero(t, left)
		}
	}
}

// A TinyBase client that wrote while the server was down must not lose to a new stamp of what was there before.
func TestReplay_KeepsTheStampsOfTheLatestRecord(t *testing.T) {
	dir := t.TempDir()
	o := &hub.Options{Families: hub.DefaultFamilies()[:2]}
	s := serve(t, dir, o)
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1}}}}`)
	a := newStamped(s, "r").connect("")
	a.holds("+ t/r/c 1\n")
	a.set("t", "r", "c", store.Of(2))
	s.eventually("r", `{"t":{"r":{"c":2}}}`, `{}`)
	before := s.content("r")
	a.disconnect()
	s.end()
	records, _ := stored(t, dir, "r")
	last := records[len(records)-2:]
	require.Equal(t, []string{"tinybase", "yjs"}, []string{last[0].Family, last[1].Family})
	s = serve(t, keep(t, records[:len(records)-1], 1), o)
	require.Equal(t, before, s.content("r"))
	s.holds("r", `{"t":{"r":{"c":2}}}`, `{}`)
	newClient(s, "r").connect("").holds("+ t/r/c 2\n")
}

// unbound is a family whose documents cannot be bound.
type unbound struct{ hub.Family }

func (u unbound) Name() string { return "unbound" }

func (u unbound) Open(h hub.Host) (hub.Document, error) {
	d, err := u.Family.Open(h)
	return unboundDocument{d}, err
}

type unboundDocument struct{ hub.Document }

func (unboundDocument) Bind(context.Context, *store.Store) error { return errors.New("not today") }

func TestReplay_ARoomThatCannotBeLoadedStoresNothing(t *testing.T) {
	dir := t.TempDir()
	o := &hub.Options{Families: []hub.Family{hub.Plain()}}
	s := serve(t, dir, o)
	s.ok("PUT", "/api/rooms/r/values/v", "1")
	s.end()
	o.Families = []hub.Family{hub.Plain(), hub.Yjs(), unbound{hub.Yjs()}}
	s = serve(t, dir, o)
	problem(t, s.get("/api/rooms/r"), 503)
	s.end()
	records, _ := stored(t, dir, "r")
	require.Len(t, records, 1)
}

// Several clients count, each in cells of its own, while what they write is on its way to all documents. Wherever the log ends, and as if nobody
// had ever been alone since some moment before, each cell holds the latest number in any of the records.
func TestReplay_WhereverTheLogEndsNothingIsLost(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	o := &hub.Options{Limits: hub.Limits{CompactRecords: 1 << 20}}
	o.Events.Fault = func(what string, err error) { t.Errorf("%s: %v", what, err) }
	s := serve(t, dir, o)
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"y":{"0":0,"1":0},"b":{"0":0,"1":0},"h":{"0":0,"1":0}}}}`)
	y, b := newClient(s, "r").connect(""), newStamped(s, "r").connect("")
	for _, x := range []*store.Store{y.store, b.store} {
		require.Eventually(t, func() bool { return x.Snapshot().RowCount("t") == 3 }, 20*time.Second, time.Millisecond)
	}
	const each = 40
	var work sync.WaitGroup
	work.Go(func() {
		for n := range each {
			y.set("t", "y", fmt.Sprint(n%2), store.Of(n+1))
		}
	})
	work.Go(func() {
		for n := range each {
			b.set("t", "b", fmt.Sprint(n%2), store.Of(n+1))
		}
	})
	work.Go(func() {
		for n := range each {
			s.do("PUT", fmt.Sprintf("/api/rooms/r/tables/t/h/%d", n%2), fmt.Sprint(n+1))
		}
	})
	work.Wait()
	final := fmt.Sprintf(`{"0":%d,"1":%d}`, each-1, each)
	s.eventually("r", fmt.Sprintf(`{"t":{"b":%s,"h":%s,"y":%s}}`, final, final, final), `{}`)
	y.disconnect()
	b.disconnect()
	s.end()
	endAnywhere(t, dir, rng)
}

// endAnywhere checks that a room of which the log ends anywhere holds the highest number of each cell in any record.
func endAnywhere(t *testing.T, dir string, rng *rand.Rand) {
	records, tail := stored(t, dir, "r")
	require.Zero(t, tail)
	settled := []int{0}
	for i, r := range records {
		if r.Settled {
			settled = append(settled, i+1)
		}
	}
	runs := 15
	if testing.Short() {
		runs = 5
	}
	for range runs {
		end := 1 + rng.IntN(len(records))
		agreed := 0 // not long before the end
		for _, at := range settled[rng.IntN(len(settled)):] {
			if at <= end {
				agreed = at
				if rng.IntN(3) == 0 {
					break
				}
			}
		}
		want, stamps := highest(t, records[:end])
		dir := keep(t, records[:end], end-agreed)
		o := &hub.Options{}
		o.Events.Fault = func(what string, err error) { t.Errorf("%s: %v", what, err) }
		s := serve(t, dir, o)
		for range 2 {
			room, err := s.hub.Room(ctx, "r")
			require.NoError(t, err)
			require.Equal(t, want, store.Diff(nil, room.Store().Snapshot()).String(), "%d records, of which %d agree", end, agreed)
			require.Equal(t, want, decoded(t, room, "yjs"))
			now := stampsOf(t, room.Document("tinybase"))
			for place, stamp := range stamps {
				require.Equal(t, stamp, now[place], "%s is stamped anew: %d records, of which %d agree", place, end, agreed)
			}
			room.Release()
			s.end()
			s = serve(t, dir, o)
		}
		newStamped(s, "r").connect("").holds(want)
		s.end()
	}
}

// highest says what a room holds that has the highest number of each cell in any record, and by which stamps, where there is one.
func highest(t testing.TB, records []roomdb.Record) (want string, stamps map[string]string) {
	t.Helper()
	all, stamped := store.New(), &store.Snapshot{}
	for _, f := range hub.DefaultFamilies() {
		doc, err := f.Open(hub.Host{Room: "r", Save: func([]byte) {}, Fault: func(err error) { t.Error(err) }})
		require.NoError(t, err)
		for _, r := range records {
			if r.Family == f.Name() {
				require.NoError(t, doc.Load(r.Data))
			}
		}
		has := store.New()
		require.NoError(t, doc.Bind(ctx, has))
		if f.Name() == "tinybase" {
			stamps, stamped = stampsOf(t, doc), has.Snapshot()
		}
		require.NoError(t, all.Update(func(tx *store.Tx) error {
			for _, c := range store.Diff(nil, has.Snapshot()).Cells {
				n, _ := store.As[int](c.New)
				if m, ok := store.As[int](tx.Cell(c.Table, c.Row, c.Cell)); !ok || n > m {
					if err := tx.SetCell(c.Table, c.Row, c.Cell, c.New); err != nil {
						return err
					}
				}
			}
			return nil
		}))
		require.NoError(t, doc.Close())
	}
	for _, c := range store.Diff(stamped, all.Snapshot()).Cells {
		delete(stamps, c.Path().String()) // another document has a later number
	}
	return store.Diff(nil, all.Snapshot()).String(), stamps
}

// stampsOf returns the stamps of all cells, by their path.
func stampsOf(t testing.TB, doc hub.Document) map[string]string {
	t.Helper()
	b, err := doc.Snapshot()
	require.NoError(t, err)
	c, err := mergeable.ReadChanges(jsjson.NewReader(b, nil), mergeable.ContentShape, mergeable.Encoded)
	require.NoError(t, err)
	out := map[string]string{}
	for _, x := range c.Cells {
		out[store.Cell(x.Table, x.Row, x.Cell).String()] = x.Stamp.String()
	}
	return out
}
