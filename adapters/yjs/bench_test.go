package yjs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

var sizes = []int{1_000, 10_000, 50_000, 100_000, 333_334} // rows of three cells

// boundTable returns a Store with one table of rows x 3 cells, bound to a document.
func boundTable(b testing.TB, rows int) (*store.Store, *ycrdt.Doc) {
	doc := newDoc(1)
	s := bind(b, doc, nil)
	require.NoError(b, s.Update(func(tx *store.Tx) error {
		for r := range rows {
			for c := range 3 {
				_ = tx.SetCell("t1", fmt.Sprint("r", r), fmt.Sprint("c", c), store.Of(r))
			}
		}
		return nil
	}))
	return s, doc
}

// One cell is changed in the Store, and so in the document.
func BenchmarkLocalCell(b *testing.B) {
	for _, rows := range sizes {
		b.Run(fmt.Sprintf("rows=%dk", rows/1000), func(b *testing.B) {
			s, doc := boundTable(b, rows)
			defer doc.OnUpdate(func(ycrdt.UpdateEvent) {}).Close()
			ids := make([]string, rows)
			for i := range ids {
				ids[i] = fmt.Sprint("r", i)
			}
			i := 0
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				i++
				if err := s.Update(func(tx *store.Tx) error { return tx.SetCell("t1", ids[i*7919%rows], "c1", store.Of(-i)) }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One row of three cells is added to the Store, and so to the document.
func BenchmarkLocalRow(b *testing.B) {
	for _, rows := range sizes {
		b.Run(fmt.Sprintf("rows=%dk", rows/1000), func(b *testing.B) {
			s, doc := boundTable(b, rows)
			defer doc.OnUpdate(func(ycrdt.UpdateEvent) {}).Close()
			i := 0
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				i++
				id := fmt.Sprint("new", i)
				err := s.Update(func(tx *store.Tx) error {
					for _, c := range [...]string{"c0", "c1", "c2"} {
						if err := tx.SetCell("t1", id, c, store.Of(i)); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One cell that another client has changed is applied to the document, and so to the Store.
func BenchmarkRemoteCell(b *testing.B) {
	for _, rows := range sizes {
		b.Run(fmt.Sprintf("rows=%dk", rows/1000), func(b *testing.B) {
			_, doc := boundTable(b, rows)
			other := newDoc(2)
			exchange(b, doc, other)
			var updates [][]byte
			other.OnUpdate(func(e ycrdt.UpdateEvent) { updates = append(updates, e.Update) })
			target := yjs.NewTarget(other, nil)
			const batch = 20_000
			next, done := 0, 0
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if done == len(updates) {
					b.StopTimer()
					updates, done = updates[:0], 0
					for range batch {
						next++
						require.NoError(b, target.Write(ctx, "other", store.Changes{Cells: []store.CellChange{
							{Table: "t1", Row: fmt.Sprint("r", next*7919%rows), Cell: "c1", New: store.Of(-next)}}}, nil))
					}
					b.StartTimer()
				}
				if err := doc.Apply(updates[done], nil); err != nil {
					b.Fatal(err)
				}
				done++
			}
		})
	}
}

// A document of 100,000 cells is loaded and its table appears in a Store.
func BenchmarkLoad(b *testing.B) {
	_, doc := boundTable(b, 33_334)
	state, err := doc.EncodeStateAsUpdate(nil)
	require.NoError(b, err)
	b.Run("cells=100k/document", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, newDoc(2).Apply(state, nil))
		}
	})
	b.Run("cells=100k/document+store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			loaded := newDoc(2)
			s := bind(b, loaded, nil)
			require.NoError(b, loaded.Apply(state, nil))
			require.Equal(b, 33_334, s.Snapshot().RowCount("t1"))
		}
	})
	b.Run("cells=100k/encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = doc.EncodeStateAsUpdate(nil)
		}
	})
}
