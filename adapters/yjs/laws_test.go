package yjs_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/internal/boundtest"
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

// document is a document as package boundtest wants it.
type document struct {
	*ycrdt.Doc
	o *yjs.Options
}

func (d document) Target() persist.Target                 { return yjs.NewTarget(d.Doc, d.o) }
func (d document) Bind(s *store.Store) *persist.Persister { return yjs.Bind(s, d.Doc, d.o) }

func (d document) Merge(from boundtest.Document) error {
	state, err := from.(document).EncodeStateAsUpdate(nil)
	if err != nil {
		return err
	}
	return d.Apply(state, "merge")
}

// bind binds a new Store to a document, with loading and saving on.
func bind(t testing.TB, doc *ycrdt.Doc, o *yjs.Options) *store.Store {
	return boundtest.Bind(t, document{doc, o})
}

// holds says what a document decodes to, in the form of the changes that make it.
func holds(t require.TestingT, doc *ycrdt.Doc, o *yjs.Options) string {
	return boundtest.Holds(t, document{doc, o})
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
				subject := boundtest.Subject(document{doc, o}, document{other, o})
				writes := 0
				doc.OnUpdate(func(ycrdt.UpdateEvent) { writes++ })
				subject.Writes = func() int { return writes }
				subject.PutForeign = func(table, row, cell string) {
					err := doc.Update("foreign", func(tx *ycrdt.Txn) error {
						m, key := cellIn(tx, o.Layout, table, row, cell)
						return m.Set(key, ycrdt.Bytes([]byte{1, 2}))
					})
					require.NoError(t, err)
				}
				subject.HasForeign = func(table, row, cell string) (has bool) {
					doc.View(func(r *ycrdt.Reader) {
						m, key := cellIn(r, o.Layout, table, row, cell)
						v, _ := m.Get(key)
						has = v.Kind() == ycrdt.KindBytes
					})
					return has
				}
				return subject
			})
		})
	}
}

func TestWalkthrough(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		doc1, doc2 := newDoc(1), newDoc(2)
		var swap func()
		if swapped {
			swap = func() {
				require.NoError(t, doc1.SetClientID(4))
				require.NoError(t, doc2.SetClientID(3))
			}
		}
		boundtest.NewPair(t, document{doc1, nil}, document{doc2, nil}).Walkthrough(swap)
	}
}

func TestTwoPeers_CreateTheSameTableAtTheSameTime(t *testing.T) {
	for name, rows := range map[string]yjs.Rows{"random rows": yjs.RandomRows, "shared rows": yjs.SharedRows} {
		t.Run(name, func(t *testing.T) {
			o := &yjs.Options{Rows: rows}
			boundtest.NewPair(t, document{newDoc(1), o}, document{newDoc(2), o}).SameTable(rows == yjs.SharedRows)
		})
	}
}

// A JavaScript client prunes the table.
func TestAContainerThatWasDeleted_ComesBackTheSameOnBothSides(t *testing.T) {
	doc1, doc2 := newDoc(1), newDoc(2)
	boundtest.NewPair(t, document{doc1, nil}, document{doc2, nil}).NewLives(func() {
		require.NoError(t, doc1.Update("js", func(tx *ycrdt.Txn) error { return tx.Map("tinybase").GetMap("t").Delete("pets") }))
	})
}
