//go:build cgo

package automerge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/internal/boundtest"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/store/persist/persisttest"
)

var ctx = context.Background()

var doc2026 = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// document is a document as package boundtest wants it.
type document struct {
	*automerge.Doc
	o *automerge.Options
}

func (d document) Target() persist.Target                 { return automerge.NewTarget(d.Doc, d.o) }
func (d document) Bind(s *store.Store) *persist.Persister { return automerge.Bind(s, d.Doc, d.o) }
func (d document) Merge(from boundtest.Document) error    { return d.Doc.Merge(from.(document).Doc) }

// exchange gives each document all changes of each other one.
func exchange(t require.TestingT, docs ...*automerge.Doc) {
	for _, from := range docs {
		for _, to := range docs {
			if to != from {
				require.NoError(t, to.Merge(from))
			}
		}
	}
}

// bind binds a new Store to a document, with loading and saving on.
func bind(t testing.TB, doc *automerge.Doc, o *automerge.Options) *store.Store {
	return boundtest.Bind(t, document{doc, o})
}

// holds says what a document decodes to, in the form of the changes that make it.
func holds(t require.TestingT, doc *automerge.Doc, o *automerge.Options) string {
	return boundtest.Holds(t, document{doc, o})
}

var allOptions = map[string]*automerge.Options{
	"nested":                  {},
	"nested with shared rows": {Rows: automerge.SharedRows},
	"flat":                    {Layout: automerge.Flat},
	"nested below a name that JavaScript reserves": {Root: "constructor"},
}

func TestTarget_ObeysTheLaws(t *testing.T) {
	for name, o := range allOptions {
		t.Run(name, func(t *testing.T) {
			persisttest.Run(t, func(t testing.TB) persisttest.Subject {
				doc, other := newDoc(t, "\x01"), newDoc(t, "\x02")
				subject := boundtest.Subject(document{doc, o}, document{other, o})
				writes := 0
				doc.OnChange(func(*automerge.Event) { writes++ })
				subject.Writes = func() int { return writes }
				if o.Layout == automerge.Nested {
					root := o.Root
					if root == "" {
						root = automerge.DefaultRoot
					} else {
						root = "\x00" + root
					}
					subject.PutForeign = func(table, row, cell string) {
						require.NoError(t, doc.Update("foreign", func(tx *automerge.Tx) error {
							m, ok := tx.Index().Get(root, "t", table, row)
							require.True(t, ok)
							return tx.Edit().Set(m.ID, cell, amchange.BytesValue([]byte{1, 2}))
						}))
					}
					subject.HasForeign = func(table, row, cell string) bool {
						return get(doc, root, "t", table, row, cell) == "bytes 0102"
					}
				}
				return subject
			})
		})
	}
}

func TestWalkthrough(t *testing.T) {
	for name, o := range allOptions {
		for _, swapped := range []bool{false, true} {
			t.Run(fmt.Sprint(name, swapped), func(t *testing.T) {
				doc1, doc2 := newDoc(t, "\x01"), newDoc(t, "\x02")
				var swap func()
				if swapped {
					swap = func() {
						doc1.SetActor("\x04")
						doc2.SetActor("\x03")
					}
				}
				boundtest.NewPair(t, document{doc1, o}, document{doc2, o}).Walkthrough(swap)
				require.Len(t, doc1.Conflicts(), 1)
				require.Equal(t, doc1.Conflicts(), doc2.Conflicts())
			})
		}
	}
}

func TestTwoPeers_CreateTheSameTableAtTheSameTime(t *testing.T) {
	for name, o := range allOptions {
		t.Run(name, func(t *testing.T) {
			doc1, doc2 := newDoc(t, "\x01"), newDoc(t, "\x02")
			boundtest.NewPair(t, document{doc1, o}, document{doc2, o}).SameTable(o.Rows == automerge.SharedRows || o.Layout == automerge.Flat)
			require.Empty(t, doc1.Conflicts())
		})
	}
}

// A container that was deleted by somebody gets a new life, and both peers give it the same.
func TestTwoPeers_CreateATableAgainAfterItWasDeleted(t *testing.T) {
	doc1, doc2 := newDoc(t, "\x01"), newDoc(t, "\x02")
	boundtest.NewPair(t, document{doc1, nil}, document{doc2, nil}).NewLives(func() {
		require.Empty(t, doc1.Conflicts())
		require.NoError(t, doc1.Update("somebody", func(tx *automerge.Tx) error {
			m, _ := tx.Index().Get("tinybase", "t")
			return tx.Edit().Delete(m.ID, "pets")
		}))
	})
	require.Empty(t, doc1.Conflicts())
}

func TestTexts_AreEditedAndNotReplacedWhereTheyHaveMuchInCommon(t *testing.T) {
	doc1, doc2 := newDoc(t, "\x01"), newDoc(t, "\x02")
	s1, s2 := bind(t, doc1, nil), bind(t, doc2, nil)
	set := func(s *store.Store, v store.Value) {
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", v) }))
	}
	after := func() string {
		exchange(t, doc1, doc2)
		require.Equal(t, s1.Snapshot().Cell("t", "r", "c"), s2.Snapshot().Cell("t", "r", "c"))
		return s1.Snapshot().Cell("t", "r", "c").Text()
	}
	set(s1, store.Of("hello world, 😀"))
	after()
	set(s1, store.Of("oh hello world, 😀"))
	set(s2, store.Of("hello world, 😀!"))
	require.Equal(t, "oh hello world, 😀!", after())
	set(s1, store.Of("open"))
	after()
	set(s1, store.Of("closed"))
	set(s2, store.Of("done"))
	require.Contains(t, []string{"closed", "done"}, after(), "words that are others are not mixed")
	object := func(text string) store.Value {
		v, err := store.ParseJSON(text)
		require.NoError(t, err)
		return v
	}
	set(s1, object(`{"a":1,"b":2}`))
	after()
	set(s1, object(`{"a":1,"b":3}`))
	set(s2, object(`{"a":4,"b":2}`))
	require.Contains(t, []string{`{"a":1,"b":3}`, `{"a":4,"b":2}`}, after(), "objects are not mixed")
}

func TestForeignValues_CanBeReadAndStay(t *testing.T) {
	doc := newDoc(t, "\x01")
	s := bind(t, doc, nil)
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "n", store.Of(1)) }))
	foreign := map[string]amchange.Value{"scalar": amchange.StringValue("s"), "counter": amchange.CounterValue(7), "uint": amchange.UintValue(8),
		"big": amchange.IntValue(1 << 60), "bytes": amchange.BytesValue([]byte{1}), "date": amchange.TimestampValue(doc2026)}
	require.NoError(t, doc.Update("peer", func(tx *automerge.Tx) error {
		row, _ := tx.Index().Get("tinybase", "t", "t", "r")
		for k, v := range foreign {
			if err := tx.Edit().Set(row.ID, k, v); err != nil {
				return err
			}
		}
		m, err := tx.Edit().Make(row.ID, "map", amchange.Map)
		if err != nil {
			return err
		}
		return tx.Edit().Set(m, "k", amchange.IntValue(1))
	}))
	require.Equal(t, "+ t/r/counter 7\n+ t/r/map {\"k\":1}\n+ t/r/n 1\n+ t/r/scalar \"s\"\n+ t/r/uint 8\n", store.Diff(nil, s.Snapshot()).String())
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		require.NoError(t, tx.SetCell("t", "r", "n", store.Of(2)))
		return tx.SetCell("t", "r2", "n", store.Of(2))
	}))
	for k, v := range foreign {
		require.Equal(t, v.String(), get(doc, "tinybase", "t", "t", "r", k))
	}
	// A counter that is incremented by a peer is a number that changes.
	require.NoError(t, doc.Update("peer", func(tx *automerge.Tx) error {
		row, _ := tx.Index().Get("tinybase", "t", "t", "r")
		return tx.Edit().Increment(row.ID, "counter", 5)
	}))
	require.Equal(t, store.Of(12), s.Snapshot().Cell("t", "r", "counter"))
}

// Random schedules of Store transactions, document edits and exchanges: at every step each Store equals its document, and in
// the end all are equal.
func TestStores_EqualTheirDocumentsUnderAnySchedule(t *testing.T) {
	for name, o := range allOptions {
		t.Run(name, func(t *testing.T) {
			for range 12 {
				seed := rand.Uint64()
				rnd := rand.New(rand.NewPCG(seed, 0))
				var docs []*automerge.Doc
				var stores []*store.Store
				for i := range 3 {
					docs = append(docs, newDoc(t, string(rune('a'+i))))
					stores = append(stores, bind(t, docs[i], o))
				}
				id := func() string { return string(rune('p' + rnd.IntN(3))) }
				val := func() store.Value {
					return []store.Value{store.Of(rnd.IntN(5)), store.Of("text " + id()), store.Of(true), store.NullValue(), {}}[rnd.IntN(5)]
				}
				for range 60 {
					i := rnd.IntN(3)
					if rnd.IntN(3) == 0 {
						require.NoError(t, docs[i].Merge(docs[rnd.IntN(3)]))
					} else {
						require.NoError(t, stores[i].Update(func(tx *store.Tx) error {
							switch rnd.IntN(6) {
							case 0:
								return tx.SetValue(id(), val())
							case 1:
								return tx.DelRow(id(), id())
							}
							return tx.SetCell(id(), id(), id(), val())
						}))
					}
					require.Equal(t, holds(t, docs[i], o), store.Diff(nil, stores[i].Snapshot()).String(), "seed %d", seed)
				}
				exchange(t, docs...)
				exchange(t, docs...)
				for i := range docs {
					require.Equal(t, docs[0].Heads(), docs[i].Heads(), "seed %d", seed)
					require.Equal(t, holds(t, docs[0], o), holds(t, docs[i], o), "seed %d", seed)
					require.Equal(t, holds(t, docs[i], o), store.Diff(nil, stores[i].Snapshot()).String(), "seed %d", seed)
				}
				saved, err := docs[0].Save()
				require.NoError(t, err)
				require.Equal(t, holds(t, docs[0], o), holds(t, load(t, saved), o), "seed %d", seed)
			}
		})
	}
}

// A document whose content was deleted, as far up as it goes, is not one that was never written.
func TestLoad_TakesOverThatEverythingWasDeleted(t *testing.T) {
	for name, o := range allOptions {
		for _, inside := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " inside ", inside), func(t *testing.T) {
				doc := newDoc(t, "\x01")
				s := bind(t, doc, o)
				set := func(s *store.Store, v int) {
					require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "a", store.Of(v)) }))
				}
				set(s, 1)
				require.NoError(t, doc.Update("js", func(tx *automerge.Tx) error {
					for key, v := range tx.Index().Entries() {
						if !inside || o.Layout == automerge.Flat {
							require.NoError(t, tx.Edit().Delete(amchange.OpID{}, key))
							continue
						}
						for in := range tx.Index().EntriesOf(v.ID) {
							require.NoError(t, tx.Edit().Delete(v.ID, in))
						}
					}
					return nil
				}))
				require.True(t, s.Snapshot().IsEmpty(), "while they are bound")
				require.Empty(t, holds(t, doc, o))

				loaded := newDoc(t, "\x02")
				require.NoError(t, loaded.Merge(doc))
				_, exists, err := automerge.NewTarget(loaded, o).Read(ctx, []store.Path{{}})
				require.NoError(t, err)
				require.True(t, exists, "when it is loaded")

				set(s, 2)
				require.Equal(t, "+ t/r/a 2\n", holds(t, doc, o))
			})
		}
	}
}

func TestRead_OfADocumentThatTinyBaseHasOnlyOpenedFindsNone(t *testing.T) {
	doc := newDoc(t, "\x01")
	require.NoError(t, doc.Update("js", func(tx *automerge.Tx) error {
		_, err := tx.Edit().Make(amchange.OpID{}, automerge.DefaultRoot, amchange.Map)
		return err
	}))
	for _, o := range allOptions {
		_, exists, err := automerge.NewTarget(doc, o).Read(ctx, []store.Path{{}})
		require.NoError(t, err)
		require.False(t, exists)
	}
}
