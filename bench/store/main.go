// Command store compares the Store with TinyBase's in Node: go run ./bench/store
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/bench/internal/duel"
	"github.com/rowloom/rowloom/store"
)

const rows = 10_000

var (
	ids   = names("r", rows)
	cells = names("c", 10)
	heard int
)

func main() {
	rounds := flag.Int("rounds", 5, "how often each side runs each workload")
	only := flag.String("run", "", "run the workloads whose name contains this")
	each := flag.Duration("benchtime", 300*time.Millisecond, "how long Go repeats a workload in one round")
	flag.Parse()
	_, here, _, _ := runtime.Caller(0)
	var chosen []duel.Workload
	for _, w := range workloads {
		if strings.Contains(w.Name, *only) {
			chosen = append(chosen, w)
		}
	}
	defer fmt.Fprintln(io.Discard, &heard) // so that the work is not in vain
	if _, err := duel.Run(filepath.Dir(here), "twin.mjs", chosen, &duel.Options{Rounds: *rounds, BenchTime: *each}); err != nil {
		log.SetFlags(0)
		log.Print(err)
		os.Exit(1)
	}
}

var workloads = []duel.Workload{
	{Name: "commit/cells=1/rows=10k/listener=none", Want: 5, Go: func(b *testing.B) { one(b, filled(rows)) }},
	{Name: "commit/cells=1/rows=10k/listener=wildcard", Want: 3, Go: func(b *testing.B) { one(b, listened(filled(rows))) }},
	{Name: "commit/cells=100k/rows=10k/listener=none", Want: 5, Go: func(b *testing.B) { all(b, filled(rows)) }},
	{Name: "commit/cells=100k/rows=10k/listener=wildcard", Want: 5, Go: func(b *testing.B) { all(b, listened(filled(rows))) }},
	{Name: "fill/cells=100k", Go: func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			filled(rows)
		}
	}},
	{Name: "read/cell/rows=10k", Go: func(b *testing.B) {
		s := filled(rows)
		i := 0
		for b.Loop() {
			i++
			heard += int(s.Snapshot().Cell("t1", ids[i*7919%rows], "c5").Number())
		}
	}},
	{Name: "snapshot/rows=10k", Alone: true, Ceiling: 1000, Go: func(b *testing.B) {
		s := filled(rows)
		b.ReportAllocs()
		for b.Loop() {
			_ = s.Snapshot()
		}
	}},
	{Name: "sorted-listener/rows=10k/page=10", Ceiling: 20_000, Go: func(b *testing.B) {
		s := filled(rows)
		x := s.Sort("t1", &store.SortOptions{Cell: "c0"})
		defer x.Close()
		x.Listen(0, 10, func(*store.Commit, []string) { heard++ })
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("t1", ids[i*7919%rows], "c0", store.Of(i*31%100_000)) })
		}
	}},
	{Name: "json/out/cells=100k", Want: 3, Go: func(b *testing.B) {
		s := filled(rows).Snapshot()
		b.ReportAllocs()
		for b.Loop() {
			heard += len(store.AppendContent(nil, s, store.TinyBaseForm))
		}
	}},
	{Name: "json/in/cells=100k", Want: 3, Go: func(b *testing.B) {
		text := store.AppendContent(nil, filled(rows).Snapshot(), store.TinyBaseForm)
		b.ReportAllocs()
		for b.Loop() {
			content, err := store.ParseContent(text, store.TinyBaseForm)
			if err != nil {
				b.Fatal(err)
			}
			s := store.New()
			if err := s.Update(func(tx *store.Tx) error { return tx.ReplaceIn(store.Path{}, content) }); err != nil {
				b.Fatal(err)
			}
		}
	}},
	{Name: "memory/cells=1M", Unit: "B/cell", Want: 1, Go: func(b *testing.B) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := filled(100_000)
		runtime.GC()
		runtime.ReadMemStats(&after)
		for b.Loop() {
			heard += s.Snapshot().TableCount()
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "B/cell")
	}},
}

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

// filled returns a Store with one table of rows x 10 numbers.
func filled(rows int) *store.Store {
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
		panic(err)
	}
	return s
}

func listened(s *store.Store) *store.Store {
	s.Listen(store.AnyTable().AnyRow().AnyCell(), func(c *store.Commit) { heard += len(c.Changes().Cells) })
	return s
}

// one commits single cells.
func one(b *testing.B, s *store.Store) {
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		_ = s.Update(func(tx *store.Tx) error {
			return tx.SetCell("t1", ids[i*7919%rows], cells[i%10], store.Of(-i))
		})
	}
}

// all commits every cell in one transaction.
func all(b *testing.B, s *store.Store) {
	i := 0
	b.ReportAllocs()
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
}
