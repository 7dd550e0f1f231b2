package yjs_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/store/persist/persisttest"
)

var ctx = context.Background()

// newDoc returns a document with a fixed client id.
func newDoc(id uint64) *ycrdt.Doc { return ycrdt.New(&ycrdt.Options{ClientID: id}) }

// exchange gives each document the whole state of each other one.
func exchange(t require.TestingT, docs ...*ycrdt.Doc) {
	for _, from := range docs {
		state, err := from.EncodeStateAsUpdate(nil)
		require.NoError(t, err)
		for _, to := range docs {
			if to != from {
				require.NoError(t, to.Apply(state, "exchange"))
			}
		}
	}
}

// bind binds a new Store to a document, with loading and saving on.
func bind(t testing.TB, doc *ycrdt.Doc, o *yjs.Options) *store.Store {
	s := store.New()
	p := yjs.Bind(s, doc, o)
	require.NoError(t, p.StartAutoLoad(ctx))
	require.NoError(t, p.StartAutoSave(ctx))
	t.Cleanup(func() { require.NoError(t, p.Close(ctx)) })
	return s
}

// holds says what a document decodes to, in the form of the changes that make it.
func holds(t require.TestingT, doc *ycrdt.Doc, o *yjs.Options) string {
	content, err := yjs.Content(doc, o)
	require.NoError(t, err)
	return store.Diff(nil, content).String()
}

// root is what reading and writing transactions of a document have in common.
type root interface{ Map(name string) ycrdt.Map }

// cellIn returns the map and the key of a cell.
func cellIn(r root, l yjs.Layout, table, row, cell string) (ycrdt.Map, string) {
	if l == yjs.Flat {
		return r.Map("tinybase/t/" + table), row + "/" + cell
	}
	return r.Map("tinybase").GetMap("t").GetMap(table).GetMap(row), cell
}

func TestTarget_ObeysTheLaws(t *testing.T) {
	for name, o := range map[string]*yjs.Options{
		"random rows": {},
		"shared rows": {Rows: yjs.SharedRows},
		"flat":        {Layout: yjs.Flat},
		"auto":        {Layout: yjs.Auto},
	} {
		t.Run(name, func(t *testing.T) {
			persisttest.Run(t, func(t testing.TB) persisttest.Subject {
				doc, other := newDoc(1), newDoc(2)
				target := yjs.NewTarget(doc, o)
				writes := 0
				doc.OnUpdate(func(ycrdt.UpdateEvent) { writes++ })
				return persisttest.Subject{
					Target:    target,
					Persister: persist.Inline,
					Edit: func(c store.Changes) error {
						exchange(t, doc, other)
						if err := yjs.NewTarget(other, o).Write(ctx, "other", c, nil); err != nil {
							return err
						}
						exchange(t, other, doc)
						return nil
					},
					PutForeign: func(table, row, cell string) {
						err := doc.Update("foreign", func(tx *ycrdt.Txn) error {
							m, key := cellIn(tx, o.Layout, table, row, cell)
							return m.Set(key, ycrdt.Bytes([]byte{1, 2}))
						})
						require.NoError(t, err)
					},
					HasForeign: func(table, row, cell string) (has bool) {
						doc.View(func(r *ycrdt.Reader) {
							m, key := cellIn(r, o.Layout, table, row, cell)
							v, _ := m.Get(key)
							has = v.Kind() == ycrdt.KindBytes
						})
						return has
					},
					Writes: func() int { return writes },
				}
			})
		})
	}
}

func TestWalkthrough(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		doc1, doc2 := newDoc(1), newDoc(2)
		s1, s2 := bind(t, doc1, nil), bind(t, doc2, nil)
		exchange(t, doc1, doc2)
		set := func(s *store.Store, cell string, v store.Value) {
			require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", cell, v) }))
		}
		both := func(want string) {
			t.Helper()
			exchange(t, doc1, doc2)
			for _, s := range []*store.Store{s1, s2} {
				require.Equal(t, want, store.Diff(nil, s.Snapshot()).String())
			}
			require.Equal(t, want, holds(t, doc1, nil))
			require.Equal(t, want, holds(t, doc2, nil))
		}
		set(s1, "species", store.Of("dog"))
		both("+ pets/fido/species \"dog\"\n")
		require.NoError(t, s2.Update(func(tx *store.Tx) error { return tx.SetValue("open", store.Of(true)) }))
		both("+ pets/fido/species \"dog\"\n+ :open true\n")
		set(s1, "color", store.Of("brown"))
		set(s2, "legs", store.Of(4))
		both("+ pets/fido/color \"brown\"\n+ pets/fido/legs 4\n+ pets/fido/species \"dog\"\n+ :open true\n")
		winner := "5"
		if swapped {
			require.NoError(t, doc1.SetClientID(4))
			require.NoError(t, doc2.SetClientID(3))
			winner = "4"
		}
		set(s1, "price", store.Of(4))
		set(s2, "price", store.Of(5))
		both("+ pets/fido/color \"brown\"\n+ pets/fido/legs 4\n+ pets/fido/price " + winner + "\n+ pets/fido/species \"dog\"\n+ :open true\n")
	}
}

func TestTwoPeers_CreateTheSameTableAtTheSameTime(t *testing.T) {
	for name, rows := range map[string]yjs.Rows{"random rows": yjs.RandomRows, "shared rows": yjs.SharedRows} {
		t.Run(name, func(t *testing.T) {
			doc1, doc2 := newDoc(1), newDoc(2)
			s1, s2 := bind(t, doc1, &yjs.Options{Rows: rows}), bind(t, doc2, &yjs.Options{Rows: rows})
			put := func(s *store.Store, row, cell string) {
				require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", row, cell, store.Of(1)) }))
			}
			put(s1, "fido", "a")
			put(s2, "felix", "a")
			want := "+ pets/felix/a 1\n+ pets/fido/a 1\n"
			if rows == yjs.SharedRows {
				put(s1, "both", "a")
				put(s2, "both", "b")
				want = "+ pets/both/a 1\n+ pets/both/b 1\n" + want
			}
			exchange(t, doc1, doc2)
			require.Equal(t, want, store.Diff(nil, s1.Snapshot()).String())
			require.Equal(t, want, store.Diff(nil, s2.Snapshot()).String())
			require.Equal(t, want, holds(t, doc1, nil))
			require.Equal(t, want, holds(t, doc2, nil))
		})
	}
}

func TestAContainerThatWasDeleted_ComesBackTheSameOnBothSides(t *testing.T) {
	doc1, doc2 := newDoc(1), newDoc(2)
	s1, s2 := bind(t, doc1, nil), bind(t, doc2, nil)
	put := func(s *store.Store, row string) {
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", row, "n", store.Of(1)) }))
	}
	put(s1, "fido")
	exchange(t, doc1, doc2)
	for range 3 {
		// A JavaScript client prunes the table.
		require.NoError(t, doc1.Update("js", func(tx *ycrdt.Txn) error { return tx.Map("tinybase").GetMap("t").Delete("pets") }))
		require.True(t, s1.Snapshot().IsEmpty())
		exchange(t, doc1, doc2)
		require.True(t, s2.Snapshot().IsEmpty())
		put(s1, "rex")
		put(s2, "felix")
		exchange(t, doc1, doc2)
		for _, s := range []*store.Store{s1, s2} {
			require.Equal(t, "+ pets/felix/n 1\n+ pets/rex/n 1\n", store.Diff(nil, s.Snapshot()).String())
		}
	}
}
