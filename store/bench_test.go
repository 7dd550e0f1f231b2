package store_test

import (
	"fmt"
	"testing"

	"github.com/rowloom/rowloom/store"
)

// filled returns a Store with one table of rows x 10 numbers.
func filled(b testing.TB, rows int) *store.Store {
	s := store.New()
	err := s.Update(func(tx *store.Tx) error {
		for r := range rows {
			row := fmt.Sprint("r", r)
			for c := range 10 {
				if err := tx.SetCell("t1", row, fmt.Sprint("c", c), store.Of(r*10+c)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

func BenchmarkCommit(b *testing.B) {
	for _, rows := range []int{1_000, 10_000, 100_000} {
		for _, listener := range []string{"none", "wildcard"} {
			b.Run(fmt.Sprintf("cells=1/rows=%dk/listener=%s", rows/1000, listener), func(b *testing.B) {
				s := filled(b, rows)
				heard := 0
				if listener == "wildcard" {
					s.Listen(store.AnyTable().AnyRow().AnyCell(), func(c *store.Commit) { heard += len(c.Changes().Cells) })
				}
				ids, cells := names("r", rows), names("c", 10)
				i := 0
				b.ReportAllocs()
				b.ResetTimer()
				for b.Loop() {
					i++
					_ = s.Update(func(tx *store.Tx) error {
						return tx.SetCell("t1", ids[i*7919%rows], cells[i%10], store.Of(-i))
					})
				}
			})
		}
	}
	for _, listener := range []string{"none", "wildcard"} {
		b.Run("cells=100k/rows=10k/listener="+listener, func(b *testing.B) {
			s := filled(b, 10_000)
			heard := 0
			if listener == "wildcard" {
				s.Listen(store.AnyTable().AnyRow().AnyCell(), func(c *store.Commit) { heard += len(c.Changes().Cells) })
			}
			ids, cells := names("r", 10_000), names("c", 10)
			i := 0
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				i++
				_ = s.Update(func(tx *store.Tx) error {
					for _, row := range ids {
						for _, cell := range cells {
							_ = tx.SetCell("t1", row, cell, store.Of(i))
						}
					}
					return nil
				})
			}
		})
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := filled(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Snapshot()
	}
}

func BenchmarkRead(b *testing.B) {
	s := filled(b, 10_000)
	ids := names("r", 10_000)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		_ = s.Snapshot().Cell("t1", ids[i*7919%10_000], "c5")
	}
}
