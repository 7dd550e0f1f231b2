// Command yjsbinding compares the Yjs binding with TinyBase's createYjsPersister in Node: go run ./bench/yjsbinding
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/bench/internal/duel"
	"github.com/rowloom/rowloom/store"
)

var ctx = context.Background()

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 3, "how often each side runs each workload")
	only := flag.String("run", "", "run the workloads whose name contains this")
	each := flag.Duration("benchtime", 300*time.Millisecond, "how long Go repeats a workload in one round")
	flag.Parse()
	_, here, _, _ := runtime.Caller(0)
	var chosen []duel.Workload
	for _, w := range workloads() {
		if strings.Contains(w.Name, *only) {
			chosen = append(chosen, w)
		}
	}
	_, err := duel.Run(filepath.Dir(here), "twin.mjs", chosen, &duel.Options{Rounds: *rounds, BenchTime: *each})
	check(err)
}

func workloads() (out []duel.Workload) {
	for _, rows := range []int{1_000, 10_000, 50_000, 100_000} {
		at := fmt.Sprintf("/rows=%dk", rows/1000)
		out = append(out,
			duel.Workload{Name: "cell" + at, Go: func(b *testing.B) { cell(b, rows) }},
			duel.Workload{Name: "row" + at, Ceiling: 20_000, Go: func(b *testing.B) { row(b, rows) }},
			duel.Workload{Name: "remote" + at, Ceiling: 10_000, Go: func(b *testing.B) { remote(b, rows) }})
	}
	return append(out,
		duel.Workload{Name: "load-document/cells=100k", Want: 8, Go: func(b *testing.B) { load(b, false) }},
		duel.Workload{Name: "load-store/cells=100k", Go: func(b *testing.B) { load(b, true) }},
		duel.Workload{Name: "encode/cells=100k", Go: encode})
}

// bind returns a Store that is bound to a document.
func bind(doc *ycrdt.Doc) *store.Store {
	s := store.New()
	p := yjs.Bind(s, doc, nil)
	check(p.StartAutoLoad(ctx))
	check(p.StartAutoSave(ctx))
	return s
}

// filled returns a bound Store with one table of rows x 3 cells.
func filled(rows int) (*store.Store, *ycrdt.Doc, []string) {
	doc := ycrdt.New(nil)
	s := bind(doc)
	ids := make([]string, rows)
	check(s.Update(func(tx *store.Tx) error {
		for r := range ids {
			ids[r] = fmt.Sprint("r", r)
			for _, c := range cells {
				check(tx.SetCell("t1", ids[r], c, store.Of(r)))
			}
		}
		return nil
	}))
	return s, doc, ids
}

var cells = []string{"c0", "c1", "c2"}

func cell(b *testing.B, rows int) {
	s, _, ids := filled(rows)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		check(s.Update(func(tx *store.Tx) error { return tx.SetCell("t1", ids[i*7919%rows], "c1", store.Of(-i)) }))
	}
}

func row(b *testing.B, rows int) {
	s, _, _ := filled(rows)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		id := fmt.Sprint("new", i)
		check(s.Update(func(tx *store.Tx) error {
			for _, c := range cells {
				check(tx.SetCell("t1", id, c, store.Of(i)))
			}
			return nil
		}))
	}
}

func remote(b *testing.B, rows int) {
	s, doc, ids := filled(rows)
	state, err := doc.EncodeStateAsUpdate(nil)
	check(err)
	other := ycrdt.New(nil)
	check(other.Apply(state, nil))
	var updates [][]byte
	other.OnUpdate(func(e ycrdt.UpdateEvent) { updates = append(updates, e.Update) })
	from := bind(other)
	next, done := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		if done == len(updates) {
			b.StopTimer()
			updates, done = updates[:0], 0
			for range 20_000 {
				next++
				check(from.Update(func(tx *store.Tx) error { return tx.SetCell("t1", ids[next*7919%rows], "c1", store.Of(-next)) }))
			}
			b.StartTimer()
		}
		check(doc.Apply(updates[done], nil))
		done++
	}
	if s.Snapshot().Cell("t1", ids[7919%rows], "c1").Number() >= 0 {
		log.Fatal("nothing came")
	}
}

func load(b *testing.B, withStore bool) {
	_, doc, _ := filled(33_334)
	state, err := doc.EncodeStateAsUpdate(nil)
	check(err)
	b.ReportAllocs()
	for b.Loop() {
		loaded := ycrdt.New(nil)
		check(loaded.Apply(state, nil))
		if withStore && bind(loaded).Snapshot().RowCount("t1") != 33_334 {
			log.Fatal("rows are missing")
		}
	}
}

func encode(b *testing.B) {
	_, doc, _ := filled(33_334)
	b.ReportAllocs()
	for b.Loop() {
		_, err := doc.EncodeStateAsUpdate(nil)
		check(err)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
