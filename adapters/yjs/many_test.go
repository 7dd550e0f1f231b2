package yjs_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

func TestSeveralStores_OnOneDocumentAreEqual(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		doc := newDoc(1)
		stores := []*store.Store{bind(t, doc, o), bind(t, doc, o), bind(t, doc, o)}
		for i, s := range stores {
			set(t, s, fmt.Sprintf("t/%d/n", i), store.Of(i))
			set(t, s, "t/r/n", store.Of(i))
		}
		update(t, stores[0], func(tx *store.Tx) error { return tx.DelRow("t", "1") })
		want := "+ t/0/n 0\n+ t/2/n 2\n+ t/r/n 2\n"
		for _, s := range stores {
			require.Equal(t, want, store.Diff(nil, s.Snapshot()).String())
		}
		require.Equal(t, want, holds(t, doc, o))
	})
}

func TestSeveralMaps_InOneDocumentAreApart(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		doc := newDoc(1)
		a, b := &yjs.Options{Layout: o.Layout, Map: "a"}, &yjs.Options{Layout: o.Layout, Map: "b"}
		sa, sb := bind(t, doc, a), bind(t, doc, b)
		set(t, sa, "t/r/n", store.Of(1))
		set(t, sb, "t/r/n", store.Of(2))
		require.Equal(t, "+ t/r/n 1\n", holds(t, doc, a))
		require.Equal(t, "+ t/r/n 2\n", holds(t, doc, b))
		update(t, sa, func(tx *store.Tx) error { return tx.DelTables() })
		require.Equal(t, "+ t/r/n 2\n", store.Diff(nil, sb.Snapshot()).String())
	})
}

// One Store is a bridge between two maps, even of one document, and of different layouts.
func TestSeveralBindings_OfOneStoreKeepAllEqual(t *testing.T) {
	doc1, doc2 := newDoc(1), newDoc(2)
	s := store.New()
	type place struct {
		doc *ycrdt.Doc
		o   *yjs.Options
	}
	places := []place{{doc1, &yjs.Options{Map: "a"}}, {doc1, &yjs.Options{Map: "b", Layout: yjs.Flat}}, {doc2, &yjs.Options{Rows: yjs.SharedRows}}}
	for _, p := range places {
		b := yjs.Bind(s, p.doc, p.o)
		require.NoError(t, b.StartAutoLoad(ctx))
		require.NoError(t, b.StartAutoSave(ctx))
		t.Cleanup(func() { require.NoError(t, b.Close(ctx)) })
	}
	set(t, s, "t/r/n", store.Of(1))
	want := "+ t/r/n 1\n"
	for i, p := range places {
		id := fmt.Sprint("r", i)
		c := store.Changes{Cells: []store.CellChange{{Table: "t", Row: id, Cell: "n", New: store.Of(i)}}}
		require.NoError(t, yjs.NewTarget(p.doc, p.o).Write(ctx, "somebody", c, nil))
		want += fmt.Sprintf("+ t/%s/n %d\n", id, i)
		for j, q := range places {
			require.Equal(t, want, holds(t, q.doc, q.o), "written to %d, read from %d", i, j)
		}
		require.Equal(t, want, store.Diff(nil, s.Snapshot()).String())
	}
}

// Goroutines write to the Stores and to the documents, which exchange what they have: a deadlock or a race would show here.
func TestConcurrentWriters_EndEqual(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		const seed = 1
		docs := []*ycrdt.Doc{newDoc(1), newDoc(2)}
		var stores []*store.Store
		for i := range 4 {
			stores = append(stores, bind(t, docs[i/2], o))
		}
		shared := bind(t, docs[0], o) // one Store that is bound to both documents
		both := yjs.Bind(shared, docs[1], o)
		require.NoError(t, both.StartAutoLoad(ctx))
		require.NoError(t, both.StartAutoSave(ctx))
		defer func() { require.NoError(t, both.Close(ctx)) }()
		var all sync.WaitGroup
		for n, s := range append(stores, shared) {
			all.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(n)))
				for i := range 200 {
					_ = s.Update(func(tx *store.Tx) error {
						if r.IntN(5) == 0 {
							return tx.DelRow("t", fmt.Sprint(r.IntN(8)))
						}
						return tx.SetCell("t", fmt.Sprint(r.IntN(8)), fmt.Sprint(r.IntN(3)), store.Of(i*10+n))
					})
				}
			})
		}
		for n, doc := range docs {
			all.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(100+n)))
				for i := range 200 {
					_ = doc.Update("js", func(tx *ycrdt.Txn) error {
						if m, key := cellIn(tx, o.Layout, "t", fmt.Sprint(r.IntN(8)), "js"); m.Err() == nil {
							return m.Set(key, ycrdt.Number(float64(i)))
						}
						return nil
					})
					if i%10 == 0 {
						exchange(t, docs...)
					}
				}
			})
		}
		all.Wait()
		for range 3 { // what is restored or written back has to travel, too
			exchange(t, docs...)
		}
		want := holds(t, docs[0], o)
		require.Equal(t, want, holds(t, docs[1], o))
		for i, s := range append(stores, shared) {
			require.Equal(t, want, store.Diff(nil, s.Snapshot()).String(), "Store %d", i)
		}
	})
}

// Undo takes back what this user wrote. What others wrote, also over the document, stays.
func TestUndo_OverTheBindingLeavesTheWorkOfOthers(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/r/a", "t/r/b")
		mine := store.NewCheckpoints(p.s1, "me", nil)
		defer mine.Close()
		write := func(row, cell string, v int) {
			require.NoError(t, p.s1.UpdateAs("me", func(tx *store.Tx) error { return tx.SetCell("t", row, cell, store.Of(v)) }))
		}
		write("r", "a", 1)
		write("n", "a", 1)
		mine.Add("first")
		write("r", "b", 1)
		set(t, p.s2, "t/r/c", store.Of(2))
		set(t, p.s2, "t/n/x", store.Of(2))
		p.requireBoth("t/n/a 1", "t/n/x 2", "t/r/a 1", "t/r/b 1", "t/r/c 2")

		require.NoError(t, mine.GoBackward())
		p.requireBoth("t/n/a 1", "t/n/x 2", "t/r/a 1", "t/r/b 0", "t/r/c 2")
		set(t, p.s2, "t/r/a", store.Of(7)) // over what is to be undone
		p.sync()
		require.NoError(t, mine.GoBackward())
		p.requireBoth("t/n/x 2", "t/r/a 7", "t/r/b 0", "t/r/c 2")
		require.NoError(t, mine.GoForward())
		p.requireBoth("t/n/a 1", "t/n/x 2", "t/r/a 7", "t/r/b 0", "t/r/c 2")
	})
}

func TestFirstMeeting_FollowsItsPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		policy persist.Meeting
		both   string
	}{
		"target wins": {persist.TargetWins, "1"},
		"store wins":  {persist.StoreWins, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
				doc := newDoc(1)
				first := bind(t, doc, o)
				set(t, first, "t/r/a", store.Of(1))
				set(t, first, "t/r/b", store.Of(1))
				s := store.New()
				set(t, s, "t/r/b", store.Of(2))
				set(t, s, "t/s/c", store.Of(2))
				b := yjs.Bind(s, doc, &yjs.Options{Layout: o.Layout, Persist: &persist.Options{FirstMeeting: c.policy}})
				require.NoError(t, b.StartAutoLoad(ctx))
				require.NoError(t, b.StartAutoSave(ctx))
				want := "+ t/r/a 1\n+ t/r/b " + c.both + "\n+ t/s/c 2\n"
				require.Equal(t, want, store.Diff(nil, s.Snapshot()).String())
				require.Equal(t, want, store.Diff(nil, first.Snapshot()).String())
				require.Equal(t, want, holds(t, doc, o))
				require.NoError(t, b.Close(ctx))
			})
		})
	}
}
