//go:build cgo

package automerge_test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
)

// benchmarkRows runs f for documents of several sizes, three cells to a row, bound to a Store.
func benchmarkRows(b *testing.B, f func(b *testing.B, rows int, doc *automerge.Doc, s *store.Store)) {
	for _, rows := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("rows=%dk", rows/1000), func(b *testing.B) {
			doc := newDoc(b, "\xaa\xaa")
			s := bind(b, doc, nil)
			require.NoError(b, s.Update(func(tx *store.Tx) error {
				for r := range rows {
					for c := range 2 {
						if err := tx.SetCell("t", fmt.Sprint("r", r), fmt.Sprint("c", c), store.Of(r*c)); err != nil {
							return err
						}
					}
					if err := tx.SetCell("t", fmt.Sprint("r", r), "s", store.Of("text")); err != nil {
						return err
					}
				}
				return nil
			}))
			b.ReportAllocs()
			b.ResetTimer()
			before := processor()
			f(b, rows, doc, s)
			b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// processor returns the processor time that the process has used, in nanoseconds: it says more than the clock on a machine
// that others use too.
func processor() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkLocalCell sets one cell in the Store: it is in the document when Update returns.
func BenchmarkLocalCell(b *testing.B) {
	benchmarkRows(b, func(b *testing.B, rows int, _ *automerge.Doc, s *store.Store) {
		for i := range b.N {
			if err := s.Update(func(tx *store.Tx) error { return tx.SetCell("t", fmt.Sprint("r", i%rows), "c0", store.Of(-i-1)) }); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkNewRow adds a row of three cells, one of them a text.
func BenchmarkNewRow(b *testing.B) {
	benchmarkRows(b, func(b *testing.B, rows int, _ *automerge.Doc, s *store.Store) {
		for i := range b.N {
			err := s.Update(func(tx *store.Tx) error {
				row := fmt.Sprint("new", i)
				_ = tx.SetCell("t", row, "c0", store.Of(i))
				_ = tx.SetCell("t", row, "c1", store.Of(i))
				return tx.SetCell("t", row, "s", store.Of("text"))
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRemoteCell applies one change of a peer: it is in the Store when Apply returns.
func BenchmarkRemoteCell(b *testing.B) {
	benchmarkRows(b, func(b *testing.B, rows int, doc *automerge.Doc, s *store.Store) {
		b.StopTimer()
		chunks := make([][]byte, b.N)
		cells, ids := make([]amchange.OpID, rows), make([]amchange.OpID, rows)
		last, max := doc.Heads(), uint64(0)
		doc.View(func(ix *amchange.Index) {
			max = ix.MaxOp()
			for r := range rows {
				row, _ := ix.Get("tinybase", "t", "t", fmt.Sprint("r", r))
				cell, _ := ix.GetIn(row.ID, "c0")
				ids[r], cells[r] = row.ID, cell.ID
			}
		})
		for i := range chunks {
			row, cell := ids[i%rows], &cells[i%rows]
			c, err := amchange.Draft{Actor: "\xbb", Seq: uint64(i + 1), StartOp: max + uint64(i) + 1, Deps: last, Ops: []amchange.Op{
				{Obj: row, Key: "c0", Action: amchange.Set, Value: amchange.IntValue(int64(i + 1)), Preds: []amchange.OpID{*cell}}}}.Encode()
			require.NoError(b, err)
			chunks[i], last, *cell = c.Bytes(), []amchange.Hash{c.Hash}, amchange.OpID{Counter: c.StartOp, Actor: "\xbb"}
		}
		b.StartTimer()
		before := processor()
		for _, c := range chunks {
			if err := doc.Apply("peer", c); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		b.ReportMetric(float64(processor()-before)/float64(b.N), "apply-cpu-ns/op")
		require.Equal(b, store.Of(b.N), s.Snapshot().Cell("t", fmt.Sprint("r", (b.N-1)%rows), "c0"))
	})
}

// BenchmarkLoad loads a saved document and binds a Store to it.
func BenchmarkLoad(b *testing.B) {
	benchmarkRows(b, func(b *testing.B, rows int, doc *automerge.Doc, s *store.Store) {
		b.StopTimer()
		saved, err := doc.Save()
		require.NoError(b, err)
		b.SetBytes(int64(len(saved)))
		for range b.N {
			b.StartTimer()
			again := load(b, saved)
			t := bind(b, again, nil)
			b.StopTimer()
			require.Equal(b, rows, t.Snapshot().RowCount("t"))
		}
	})
}
