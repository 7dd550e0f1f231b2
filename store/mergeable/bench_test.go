package mergeable_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
)

func fill(b testing.TB, m *mergeable.Store, cells int) {
	b.Helper()
	if err := m.Store().Update(func(tx *store.Tx) error {
		for i := range cells / 5 {
			row := fmt.Sprint("r", i)
			for j := range 5 {
				if err := tx.SetCell("t", row, fmt.Sprint("c", j), store.Of(i*5+j)); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func size(n int) string { return fmt.Sprintf("cells=%dk", n/1000) }

func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run("one transaction/"+size(n), func(b *testing.B) {
			for b.Loop() {
				fill(b, newStore(b, "s1", now), n)
			}
		})
	}
	for _, n := range []int{10_000, 100_000} {
		b.Run("one cell/"+size(n), func(b *testing.B) {
			m := newStore(b, "s1", now)
			fill(b, m, n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				_ = m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r77", "c3", store.Of(i)) })
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		from := newStore(b, "s1", now)
		fill(b, from, n)
		text := from.Changes().AppendJSON(nil)
		read := func() *mergeable.Changes {
			c, err := mergeable.ReadChanges(jsjson.NewReader(text, nil), mergeable.ChangesShape, mergeable.Encoded)
			if err != nil {
				b.Fatal(err)
			}
			return c
		}
		b.Run("into empty/"+size(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := newStore(b, "s2", now).Apply("peer", read()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("again/"+size(n), func(b *testing.B) {
			m := newStore(b, "s2", now)
			for b.Loop() {
				if _, err := m.Apply("peer", read()); err != nil {
					b.Fatal(err)
				}
			}
		})
		content := from.AppendContent(nil)
		b.Run("load/"+size(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := newStore(b, "s2", now).Load("peer", content); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("save/"+size(n), func(b *testing.B) {
			var out []byte
			for b.Loop() {
				out = from.AppendContent(out[:0])
			}
		})
	}
	b.Run("one cell/cells=10k", func(b *testing.B) {
		writer, m := newStore(b, "s1", now), newStore(b, "s2", now)
		fill(b, writer, 10_000)
		fill(b, m, 10_000)
		feed := writer.Feed()
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			_ = writer.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r77", "c3", store.Of(i)) })
			d, _ := feed.Next()
			c, _ := mergeable.ReadChanges(jsjson.NewReader(d[0].JSON(), nil), mergeable.ChangesShape, mergeable.Encoded)
			_, _ = m.Apply("peer", c)
		}
	})
}

// BenchmarkMemory reports the bytes that one cell takes, with the Store's part and without.
func BenchmarkMemory(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	const cells = 100_000
	b.Run("written/"+size(cells), func(b *testing.B) {
		for b.Loop() {
			before := heap()
			m := newStore(b, "s1", now)
			fill(b, m, cells)
			all := heap() - before
			m.Close()
			s := m.Store()
			runtime.KeepAlive(m)
			m = nil
			b.ReportMetric(float64(all)/cells, "B/cell")
			b.ReportMetric(float64(heap()-before)/cells, "B/cell-of-store")
			runtime.KeepAlive(s)
		}
	})
	b.Run("applied/"+size(cells), func(b *testing.B) {
		from := newStore(b, "s1", now)
		fill(b, from, cells)
		text := from.Changes().AppendJSON(nil)
		for b.Loop() {
			before := heap()
			m := newStore(b, "s1", now)
			c, _ := mergeable.ReadChanges(jsjson.NewReader(text, nil), mergeable.ChangesShape, mergeable.Encoded)
			_, _ = m.Apply("peer", c)
			c = nil
			b.ReportMetric(float64(heap()-before)/cells, "B/cell")
			runtime.KeepAlive(m)
		}
	})
}
