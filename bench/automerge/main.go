// Command automerge compares a Store on an Automerge document with TinyBase's createAutomergePersister in Node:
// go run ./bench/automerge
package main

import (
	"context"
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

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/bench/internal/duel"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// The original takes seconds for one cell of a large table, so it does few of them in each round, and at 100,000 rows there is
// one round, with one new row and one load. Both sides begin with the same document, which is made here.
func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 3, "how often each side runs each workload; once with 100,000 rows")
	only := flag.String("run", "", "run the workloads whose name contains this")
	each := flag.Duration("benchtime", 300*time.Millisecond, "how long Go repeats a workload in one round")
	flag.Parse()
	_, here, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "rowloom-bench-automerge")
	check(err)
	results, err := run(filepath.Dir(here), dir, *only, *rounds, *each)
	check(os.RemoveAll(dir))
	check(err)
	duel.Print(os.Stdout, results)
}

var sizes = []int{1_000, 10_000, 100_000}

func run(here, dir, only string, rounds int, each time.Duration) (all []duel.Result, err error) {
	for _, rows := range sizes {
		d := document{rows: rows}
		workloads := d.workloads(only)
		if len(workloads) == 0 {
			continue
		}
		if err := d.make(filepath.Join(dir, "document")); err != nil {
			return all, err
		}
		o := &duel.Options{Rounds: rounds, BenchTime: each, Out: io.Discard}
		if rows >= 100_000 {
			o.Rounds = 1
		}
		results, err := duel.Run(here, "twin.mjs", workloads, o)
		all = append(all, results...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// document is a saved document of one table: in each row two numbers and a text.
type document struct {
	rows  int
	saved []byte
}

func (d *document) make(file string) error {
	doc, err := automerge.New(nil)
	if err != nil {
		return err
	}
	s := bind(doc)
	check(s.Update(func(tx *store.Tx) error {
		for r := range d.rows {
			if err := row(tx, fmt.Sprint("r", r), r); err != nil {
				return err
			}
		}
		return nil
	}))
	if d.saved, err = doc.Save(); err != nil {
		return err
	}
	// The twin finds it there.
	if err := os.Setenv("ROWLOOM_BENCH_DOCUMENT", file); err != nil {
		return err
	}
	return os.WriteFile(file, d.saved, 0o600)
}

func row(tx *store.Tx, id string, n int) error {
	if err := tx.SetCell("t", id, "c0", store.Of(n)); err != nil {
		return err
	}
	if err := tx.SetCell("t", id, "c1", store.Of(2*n)); err != nil {
		return err
	}
	return tx.SetCell("t", id, "s", store.Of("text"))
}

func bind(doc *automerge.Doc) *store.Store {
	s := store.New()
	p := automerge.Bind(s, doc, &automerge.Options{Persist: &persist.Options{}})
	check(p.StartAutoLoad(context.Background()))
	check(p.StartAutoSave(context.Background()))
	return s
}

func (d *document) open() (*automerge.Doc, *store.Store) {
	doc, err := automerge.Load(d.saved, nil)
	check(err)
	return doc, bind(doc)
}

func (d *document) workloads(only string) (out []duel.Workload) {
	for _, w := range []duel.Workload{
		{Name: "one cell, local", Go: d.localCell},
		{Name: "one cell, remote", Go: d.remoteCell, Ceiling: 30_000},
		{Name: "a new row", Go: d.newRow},
		{Name: "load", Go: d.load},
	} {
		if w.Name = fmt.Sprintf("%s/rows=%dk", w.Name, d.rows/1000); strings.Contains(w.Name, only) {
			out = append(out, w)
		}
	}
	return out
}

// localCell sets a cell in the Store; it is in the document when Update returns.
func (d *document) localCell(b *testing.B) {
	_, s := d.open()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		check(s.Update(func(tx *store.Tx) error { return tx.SetCell("t", fmt.Sprint("r", i%d.rows), "c0", store.Of(-i)) }))
	}
}

// remoteCell applies a change of a peer; it is in the Store when Apply returns.
func (d *document) remoteCell(b *testing.B) {
	doc, s := d.open()
	rows, cells := make([]amchange.OpID, d.rows), make([]amchange.OpID, d.rows)
	last, next := doc.Heads(), uint64(0)
	doc.View(func(ix *amchange.Index) {
		next = ix.MaxOp() + 1
		for r := range rows {
			row, _ := ix.Get("tinybase", "t", "t", fmt.Sprint("r", r))
			cell, _ := ix.GetIn(row.ID, "c0")
			rows[r], cells[r] = row.ID, cell.ID
		}
	})
	const actor = "\xff\xff"
	made, done := 0, 0
	var chunks [][]byte
	more := func() {
		chunks = chunks[:0]
		for range 2_000 {
			r := made % d.rows
			made++
			c, err := amchange.Draft{Actor: actor, Seq: uint64(made), StartOp: next, Deps: last, Ops: []amchange.Op{
				{Obj: rows[r], Key: "c0", Action: amchange.Set, Value: amchange.IntValue(int64(-made)), Preds: []amchange.OpID{cells[r]}}}}.Encode()
			check(err)
			chunks = append(chunks, c.Bytes())
			last, cells[r] = []amchange.Hash{c.Hash}, amchange.OpID{Counter: next, Actor: actor}
			next++
		}
	}
	more()
	b.ReportAllocs()
	for b.Loop() {
		if done == made {
			b.StopTimer()
			more()
			b.StartTimer()
		}
		check(doc.Apply("peer", chunks[done%2_000]))
		done++
	}
	if s.Snapshot().Cell("t", fmt.Sprint("r", (done-1)%d.rows), "c0") != store.Of(-done) {
		log.Fatal("the cell is not in the Store")
	}
}

// newRow adds a row of three cells to the Store.
func (d *document) newRow(b *testing.B) {
	_, s := d.open()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		check(s.Update(func(tx *store.Tx) error { return row(tx, fmt.Sprint("new", i), i) }))
	}
}

// load loads the document and binds a Store to it.
func (d *document) load(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, s := d.open(); s.Snapshot().RowCount("t") != d.rows {
			log.Fatal("rows are missing")
		}
	}
}
