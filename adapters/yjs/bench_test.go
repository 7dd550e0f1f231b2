package yjs_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// Law 9: what one change costs does not depend on the size of the document, here from 1,000 to 1,000,000 cells in rows of three.
// Changes that go all over a large table miss the processor's caches at every step; those of "hot" go to the same 300 rows
// again and again, and show what is left without that.
func benchmarkSizes(b *testing.B, run func(b *testing.B, rows int, row func(i int) string)) {
	for _, cells := range []int{1_000, 10_000, 100_000, 1_000_000} {
		rows := cells / 3
		ids := make([]string, rows)
		for i := range ids {
			ids[i] = fmt.Sprint("r", i)
		}
		size := fmt.Sprintf("cells=%dk", cells/1000)
		b.Run(size, func(b *testing.B) { run(b, rows, func(i int) string { return ids[i*7919%rows] }) })
		if cells > 1000 {
			b.Run(size+"/hot", func(b *testing.B) { run(b, rows, func(i int) string { return ids[i%300*(rows/300)] }) })
		}
	}
}

// timed measures fn, which is given the number of the call, from 1 on.
func timed(b *testing.B, fn func(i int) error) {
	runtime.GC()
	b.ReportAllocs()
	b.ResetTimer()
	before := processor()
	for i := range b.N {
		if err := fn(i + 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op")
}

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
	benchmarkSizes(b, func(b *testing.B, rows int, row func(int) string) {
		s, doc := boundTable(b, rows)
		defer doc.OnUpdate(func(ycrdt.UpdateEvent) {}).Close()
		timed(b, func(i int) error {
			return s.Update(func(tx *store.Tx) error { return tx.SetCell("t1", row(i), "c1", store.Of(-i)) })
		})
	})
}

// One row of three cells is added to the Store, and so to the document.
func BenchmarkLocalRow(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, rows int, _ func(int) string) {
		s, doc := boundTable(b, rows)
		defer doc.OnUpdate(func(ycrdt.UpdateEvent) {}).Close()
		timed(b, func(i int) error {
			id := fmt.Sprint("new", i)
			return s.Update(func(tx *store.Tx) error {
				for _, c := range [...]string{"c0", "c1", "c2"} {
					if err := tx.SetCell("t1", id, c, store.Of(i)); err != nil {
						return err
					}
				}
				return nil
			})
		})
	})
}

// One cell that another client has changed is applied to the document, and so to the Store.
func BenchmarkRemoteCell(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, rows int, row func(int) string) {
		_, doc := boundTable(b, rows)
		other := newDoc(2)
		exchange(b, doc, other)
		updates := make([][]byte, 0, b.N)
		other.OnUpdate(func(e ycrdt.UpdateEvent) { updates = append(updates, e.Update) })
		target := yjs.NewTarget(other, nil)
		for i := range b.N {
			require.NoError(b, target.Write(ctx, "other", store.Changes{Cells: []store.CellChange{
				{Table: "t1", Row: row(i), Cell: "c1", New: store.Of(-i - 1)}}}, nil))
		}
		timed(b, func(i int) error { return doc.Apply(updates[i-1], nil) })
	})
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
