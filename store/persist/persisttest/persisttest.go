// Package persisttest is the suite that every [persist.Target] passes: one test for each law of two-way traffic.
package persisttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// Subject is one fresh, empty Target with what the suite needs to test it.
type Subject struct {
	Target persist.Target

	// Persister binds a Store to the Target: persist.Inline or persist.Queued.
	Persister func(*store.Store, persist.Target, *persist.Options) *persist.Persister

	// Edit makes changes in the Target as somebody else would, not by way of Target.Write. It returns when the Target's
	// watcher, if it has one that works at once, has been told.
	Edit func(c store.Changes) error

	// PutForeign puts something into a cell that a Store cannot hold, and HasForeign says whether it is still there. Both are
	// nil when the Target has no such things.
	PutForeign func(table, row, cell string)
	HasForeign func(table, row, cell string) bool

	// Writes counts the transactions that the Target has seen, by anybody; nil when it cannot.
	Writes func() int
}

// Run runs the suite; open makes a fresh Subject for each test.
func Run(t *testing.T, open func(t testing.TB) Subject) {
	for _, law := range []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"OriginNotStatus_AWriteDuringALoadIsSaved", testOrigin},
		{"WhereThenWhat_TheTargetIsReadAgain", testWhere},
		{"StoreEqualsDocument", testEqual},
		{"EqualIsSilence", testSilence},
		{"FirstMeetingIsExplicit", testMeeting},
		{"OnlyWhatChangedIsWritten_OnlyWhatIsKnownIsDeleted", testKnown},
		{"UnsavedBeatsStale", testUnsaved},
		{"ABurstIsNotARace", testBurst},
		{"ARefusedChangeIsCorrectedInTheTarget", testRefused},
		{"ARefusedFirstLoadDeletesNothing", testRefusedFirst},
		{"OddIdsAndValuesSurvive", testOdd},
	} {
		t.Run(law.name, func(t *testing.T) {
			law.test(t, &suite{Subject: open(t), Store: store.New(), t: t})
		})
	}
}

type suite struct {
	Subject
	*store.Store
	t *testing.T
	p *persist.Persister
}

var ctx = context.Background()

// bind starts loading and saving.
func (s *suite) bind(o *persist.Options) *persist.Persister {
	s.t.Helper()
	if o == nil {
		o = &persist.Options{}
	}
	if o.OnError == nil {
		o.OnError = func(err error) { s.t.Errorf("unexpected: %v", err) }
	}
	s.p = s.Persister(s.Store, s.Target, o)
	require.NoError(s.t, s.p.StartAutoLoad(ctx))
	require.NoError(s.t, s.p.StartAutoSave(ctx))
	s.t.Cleanup(func() { _ = s.p.Close(ctx) })
	return s.p
}

// set writes one cell or, where row is empty, one value.
func (s *suite) set(table, row, cell string, v store.Value) {
	s.t.Helper()
	require.NoError(s.t, s.Update(func(tx *store.Tx) error { return tx.SetCell(table, row, cell, v) }))
}

func (s *suite) edit(c store.Changes) {
	s.t.Helper()
	require.NoError(s.t, s.Edit(c))
}

// read returns what the Target holds.
func (s *suite) read() *store.Snapshot {
	s.t.Helper()
	content, _, err := s.Target.Read(ctx, []store.Path{{}})
	require.NoError(s.t, err)
	return content
}

// settle waits until Store and Target are equal; at once for an inline Target.
func (s *suite) settle() {
	s.t.Helper()
	s.settleWith(nil)
}

// settleWith is settle where a queued Persister may report err until then.
func (s *suite) settleWith(err error) {
	s.t.Helper()
	flush := func() {
		if got := s.p.Flush(ctx); got != nil {
			require.ErrorIs(s.t, got, err)
		}
	}
	flush()
	deadline := time.Now().Add(20 * time.Second)
	for {
		diff := store.Diff(s.read(), s.Snapshot())
		if diff.IsEmpty() {
			return
		}
		if time.Now().After(deadline) {
			require.Empty(s.t, diff.String(), "what the Store has and the Target has not")
		}
		time.Sleep(5 * time.Millisecond)
		flush()
	}
}

func cell(table, row, cell string, v any) store.Changes {
	return store.Changes{Cells: []store.CellChange{{Table: table, Row: row, Cell: cell, New: val(v)}}}
}

func val(v any) store.Value {
	if v == nil {
		return store.Value{}
	}
	x, err := store.FromAny(v)
	if err != nil {
		panic(err)
	}
	return x
}

// content prints a snapshot as the changes that make it.
func content(s *store.Snapshot) string { return store.Diff(nil, s).String() }

func testOrigin(t *testing.T, s *suite) {
	s.edit(cell("pets", "fido", "price", 1))
	wrote := false
	// A listener writes while the first load is being delivered; TinyBase would drop this write.
	s.Listen(store.Path{}, func(*store.Commit) {
		if !wrote {
			wrote = true
			s.set("pets", "felix", "price", store.Of(2))
		}
	})
	s.bind(nil)
	s.settle()
	require.Equal(t, "+ pets/felix/price 2\n+ pets/fido/price 1\n", content(s.read()))
}

func testWhere(t *testing.T, s *suite) {
	s.bind(nil)
	// Each change of the Target is answered by the Store, so that events of old changes arrive when the Target has moved on.
	s.Listen(store.Row("t", "r"), func(c *store.Commit) {
		if n := c.After.Cell("t", "r", "n").Number(); c.Origin == store.Origin(s.p) && n < 20 {
			s.set("t", "r", "n", store.Of(n+1))
		}
	})
	for i := range 10 {
		s.edit(cell("t", "r", "n", i*2))
		s.settle()
	}
}

func testEqual(t *testing.T, s *suite) {
	s.bind(nil)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	id := func() string { return string(rune('a' + r.IntN(3))) }
	for range 120 {
		var c store.Changes
		for range 1 + r.IntN(3) {
			var v store.Value
			if r.IntN(3) > 0 {
				v = store.Of(r.IntN(4))
			}
			if r.IntN(5) == 0 {
				c.Values = append(c.Values, store.ValueChange{ID: id(), New: v})
			} else {
				c.Cells = append(c.Cells, store.CellChange{Table: id(), Row: id(), Cell: id(), New: v})
			}
		}
		if r.IntN(2) == 0 {
			s.edit(c)
		} else {
			require.NoError(t, s.Update(func(tx *store.Tx) error {
				if r.IntN(8) == 0 {
					_ = tx.DelTable(id())
				}
				return tx.Apply(c)
			}))
		}
		s.settle()
	}
}

func testSilence(t *testing.T, s *suite) {
	s.edit(cell("pets", "fido", "price", 1))
	s.bind(nil)
	s.settle()
	commits, writes := 0, 0
	s.Listen(store.Path{}, func(*store.Commit) { commits++ })
	if s.Writes != nil {
		writes = s.Writes()
	}
	s.set("pets", "fido", "price", store.Of(1))
	require.NoError(t, s.p.Load(ctx))
	require.NoError(t, s.p.Save(ctx))
	s.settle()
	require.Zero(t, commits)
	if s.Writes != nil {
		require.Equal(t, writes, s.Writes(), "nothing has been written")
	}
}

func testMeeting(t *testing.T, s *suite) {
	s.edit(cell("pets", "fido", "price", 1).Then(cell("pets", "fido", "color", "brown")))
	s.set("pets", "fido", "price", store.Of(2))
	s.set("pets", "felix", "price", store.Of(3))
	s.bind(nil)
	s.settle()
	require.Equal(t, "+ pets/felix/price 3\n+ pets/fido/color \"brown\"\n+ pets/fido/price 1\n", content(s.read()))
}

func testKnown(t *testing.T, s *suite) {
	s.edit(cell("pets", "fido", "price", 1))
	if s.PutForeign != nil {
		s.PutForeign("pets", "fido", "photo")
	}
	// Saving before anything was loaded deletes nothing.
	p := s.Persister(s.Store, s.Target, nil)
	s.p = p
	require.NoError(t, p.StartAutoSave(ctx))
	s.set("pets", "felix", "price", store.Of(3))
	s.set("pets", "felix", "price", store.Value{})
	require.NoError(t, p.Flush(ctx))
	require.Equal(t, "+ pets/fido/price 1\n", content(s.read()))
	// What was loaded may be deleted; a foreign value stays until its cell is written.
	require.NoError(t, p.StartAutoLoad(ctx))
	s.set("pets", "fido", "price", store.Value{})
	s.set("pets", "rex", "price", store.Of(5))
	s.settle()
	require.Equal(t, "+ pets/rex/price 5\n", content(s.read()))
	if s.PutForeign != nil {
		require.True(t, s.HasForeign("pets", "fido", "photo"))
		s.set("pets", "fido", "photo", store.Of("none"))
		s.settle()
		require.False(t, s.HasForeign("pets", "fido", "photo"))
	}
	require.NoError(t, p.Close(ctx))
}

// broken is a Target whose writes can be made to fail.
type broken struct {
	persist.Target
	err error
}

func (b *broken) Write(ctx context.Context, by store.Origin, c store.Changes, after store.Reader) error {
	if b.err != nil {
		return b.err
	}
	return b.Target.Write(ctx, by, c, after)
}

func (b *broken) Watch(dirty func(store.Origin, []store.Path)) (func(), error) {
	if w, ok := b.Target.(persist.Watcher); ok {
		return w.Watch(dirty)
	}
	return func() {}, nil
}

func testUnsaved(t *testing.T, s *suite) {
	b := &broken{Target: s.Target, err: errors.New("no space")}
	p := s.Persister(s.Store, b, &persist.Options{RetryAfter: func(int) time.Duration { return time.Hour }})
	s.p = p
	require.NoError(t, p.StartAutoLoad(ctx))
	require.NoError(t, p.StartAutoSave(ctx))
	s.set("pets", "fido", "price", store.Of(2))
	require.ErrorIs(t, p.Flush(ctx), b.err)
	st := p.Status()
	require.Equal(t, 1, st.Unsaved)
	require.ErrorIs(t, st.Err, b.err)
	// The Target changes the same cell and another one. The unsaved cell is not overwritten; the other one arrives.
	s.edit(cell("pets", "fido", "price", 1).Then(cell("pets", "fido", "color", "brown")))
	require.ErrorIs(t, errors.Join(p.Load(ctx), p.Flush(ctx)), b.err)
	require.Equal(t, "+ pets/fido/color \"brown\"\n+ pets/fido/price 2\n", content(s.Snapshot()))
	b.err = nil
	require.NoError(t, p.Flush(ctx))
	s.settle()
	require.Equal(t, "+ pets/fido/color \"brown\"\n+ pets/fido/price 2\n", content(s.read()))
	require.Zero(t, p.Status().Unsaved)
	require.NoError(t, p.Status().Err)
	require.NoError(t, p.Close(ctx))
	require.ErrorIs(t, p.Save(ctx), persist.ErrClosed)
}

func testBurst(t *testing.T, s *suite) {
	s.bind(nil)
	const n = 1000
	for i := range n {
		s.set("t", fmt.Sprint("r", i), "n", store.Of(i))
		s.set("t", "counter", "n", store.Of(i))
	}
	s.settle()
	require.Equal(t, n+1, s.read().RowCount("t"))
	require.Equal(t, store.Of(n-1), s.read().Cell("t", "counter", "n"))
}

// guard refuses negative prices.
type guard struct{}

var errNegative = errors.New("a price is negative")

func (guard) Prepare(tx *store.Tx, _ store.Origin) error {
	for _, c := range tx.Changes().Cells {
		if c.Cell == "price" && c.New.Number() < 0 {
			return errNegative
		}
		if c.Cell == "price" && c.New.Number() > 100 {
			if err := tx.SetCell(c.Table, c.Row, c.Cell, store.Of(100)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (guard) Committed(*store.Commit) {}

func testRefused(t *testing.T, s *suite) {
	s.Join(guard{})
	s.bind(&persist.Options{OnError: func(err error) { require.ErrorIs(t, err, errNegative) }, RetryAfter: func(int) time.Duration { return 0 }})
	s.set("pets", "fido", "price", store.Of(1))
	s.settle()
	s.edit(cell("pets", "fido", "price", -1))
	s.settleWith(errNegative)
	require.Equal(t, "+ pets/fido/price 1\n", content(s.read()))
	s.edit(cell("pets", "fido", "price", 1000))
	s.settle()
	require.Equal(t, "+ pets/fido/price 100\n", content(s.read()))
}

// A Store that could not take over what the Target has must not pass for one that has seen it and deleted it.
func testRefusedFirst(t *testing.T, s *suite) {
	s.edit(cell("pets", "fido", "price", -1))
	s.edit(cell("pets", "rex", "price", 2))
	s.Join(guard{})
	s.p = s.Persister(s.Store, s.Target, &persist.Options{OnError: func(error) {}, RetryAfter: func(int) time.Duration { return 0 }})
	t.Cleanup(func() { _ = s.p.Close(ctx) })
	require.ErrorIs(t, s.p.StartAutoLoad(ctx), errNegative)
	require.NoError(t, s.p.StartAutoSave(ctx))
	require.ErrorIs(t, s.p.StartAutoLoad(ctx), errNegative)
	s.set("pets", "tom", "price", store.Of(3))
	require.NoError(t, s.p.Save(ctx))
	require.Equal(t, "+ pets/fido/price -1\n+ pets/rex/price 2\n+ pets/tom/price 3\n", content(s.read()))

	s.edit(cell("pets", "fido", "price", 1))
	require.NoError(t, s.p.StartAutoLoad(ctx))
	s.settle()
	require.Equal(t, "+ pets/fido/price 1\n+ pets/rex/price 2\n+ pets/tom/price 3\n", content(s.read()))
}

func testOdd(t *testing.T, s *suite) {
	s.bind(nil)
	ids := []string{"", "__proto__", "constructor", "a/b", "a.b", "\x00", "é", "e\u0301", "😀", "0", "10", "9", " "}
	values := []any{"", "x", 0, -1.5, 1e300, 1 << 53, true, false, map[string]any{"a": []int{1}}, []any{}, "\x00", "😀", store.NullValue()}
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		for i, id := range ids {
			require.NoError(t, tx.SetCell(id, ids[(i+1)%len(ids)], ids[(i+2)%len(ids)], val(values[i])))
			require.NoError(t, tx.SetValue(id, val(values[i])))
		}
		return nil
	}))
	s.settle()
	other := &suite{Subject: s.Subject, Store: store.New(), t: t}
	p := s.Persister(other.Store, s.Target, nil)
	require.NoError(t, p.Load(ctx))
	require.Empty(t, store.Diff(s.Snapshot(), other.Snapshot()).String())
	require.NoError(t, p.Close(ctx))
}
