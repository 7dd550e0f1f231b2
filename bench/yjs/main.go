// Command yjs compares the Yjs engine with yjs in Node: go run ./bench/yjs
//
// The inputs are those of the folder ROWLOOM_DATA, or ../shared/data beside the project; where there is none, inputs of
// the same shape and size are made.
package main

import (
	"flag"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
	"github.com/rowloom/rowloom/bench/internal/duel"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 3, "how often each side runs each workload")
	only := flag.String("run", "", "run the workloads whose name contains this")
	each := flag.Duration("benchtime", 500*time.Millisecond, "how long Go repeats a workload in one round")
	flag.Parse()
	remove, err := findInputs()
	if err != nil {
		log.Fatal(err)
	}
	defer remove()
	_, here, _, _ := runtime.Caller(0)
	var chosen []duel.Workload
	for _, w := range workloads {
		if strings.Contains(w.Name, *only) {
			chosen = append(chosen, w)
		}
	}
	if _, err := duel.Run(filepath.Dir(here), "twin.mjs", chosen, &duel.Options{Rounds: *rounds, BenchTime: *each}); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

var workloads = []duel.Workload{
	{Name: "T1/build/rows=10k/cells=10", Want: 11, Go: func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			build()
		}
	}},
	{Name: "T2/overwrite/cells=100k/listener=none", Want: 8, Go: func(b *testing.B) { overwrite(b, false) }},
	{Name: "T2/overwrite/cells=100k/listener=update", Want: 8, Go: func(b *testing.B) { overwrite(b, true) }},
	{Name: "T3/remote-cell/cells=100k", Want: 7, Go: remoteCell},
	{Name: "T4/apply/cells=100k/v1", Want: 13, Go: func(b *testing.B) { apply(b, "table.v1", update.V1) }},
	{Name: "T4/apply/cells=100k/v2", Want: 13, Go: func(b *testing.B) { apply(b, "table.v2", update.V2) }},
	{Name: "T4/apply/cells=100k,history=100k/v1", Want: 7, Go: func(b *testing.B) { apply(b, "tablehist.v1", update.V1) }},
	{Name: "T4/encode/cells=100k/v1", Want: 13, Go: func(b *testing.B) { encode(b, "table.v1", update.V1) }},
	{Name: "T4/encode/cells=100k/v2", Want: 6, Go: func(b *testing.B) { encode(b, "table.v1", update.V2) }},
	{Name: "T5/merge/updates=10k", Want: 160, Go: func(b *testing.B) {
		list := updates("cellupdates")
		b.ReportAllocs()
		for b.Loop() {
			_, err := update.Merge(update.V1, list, nil)
			check(err)
		}
	}},
	{Name: "T5/apply-singly-too-early/updates=10k", Go: func(b *testing.B) { applyEach(b, "cellupdates") }},
	{Name: "T6/diff-nothing-new/cells=100k", Go: func(b *testing.B) {
		d := load(read("table.v1"), update.V1)
		sv := d.StateVector()
		for b.Loop() {
			_, err := d.EncodeStateAsUpdate(sv)
			check(err)
		}
	}},
	{Name: "T6/diff-update-on-bytes/cells=100k", Go: func(b *testing.B) {
		bytes := read("table.v1")
		sv, err := update.StateVectorOf(update.V1, bytes, nil)
		check(err)
		for b.Loop() {
			_, err := update.Diff(update.V1, bytes, sv, nil)
			check(err)
		}
	}},
	{Name: "B1.1/append/edits=6k", Want: 12, Go: func(b *testing.B) { typing(b, 0) }},
	{Name: "B1.3/prepend/edits=6k", Go: func(b *testing.B) { typing(b, 1) }},
	{Name: "B1.4/random-characters/edits=6k", Want: 12, Go: func(b *testing.B) { typing(b, 2) }},
	{Name: "B1.5/random-words/edits=6k", Go: func(b *testing.B) { typing(b, 3) }},
	{Name: "B1.7/insert-delete/edits=6k", Go: func(b *testing.B) { typing(b, 4) }},
	{Name: "B2.2/two-users-characters", Go: func(b *testing.B) { twoUsers(b, 0) }},
	{Name: "B2.4/two-users-insert-delete", Go: func(b *testing.B) { twoUsers(b, 2) }},
	{Name: "B3/map/clients=1540", Want: 13, Go: func(b *testing.B) { applyEach(b, "b3map") }},
	{Name: "B3/object/clients=1540", Want: 13, Go: func(b *testing.B) { applyEach(b, "b3obj") }},
	{Name: "B3/text/clients=1540", Want: 13, Go: func(b *testing.B) { applyEach(b, "b3text") }},
	{Name: "B4/trace/edits=260k", Want: 8, Go: func(b *testing.B) {
		edits := trace()
		b.ReportAllocs()
		for b.Loop() {
			play(listened(), edits)
		}
	}},
	{Name: "B4/apply/v1", Go: func(b *testing.B) { apply(b, "b4.v1", update.V1) }},
	{Name: "B4/encode/v1", Go: func(b *testing.B) { encode(b, "b4.v1", update.V1) }},
	{Name: "memory/cells=100k", Unit: "MB", Want: 3, Ceiling: 16, Go: func(b *testing.B) {
		bytes := read("table.v1")
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := load(bytes, update.V1)
		runtime.GC()
		runtime.ReadMemStats(&after)
		for b.Loop() {
			d.StateVector()
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
	}},
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func listened() *ycrdt.Doc {
	d := ycrdt.New(nil)
	d.OnUpdate(func(ycrdt.UpdateEvent) {})
	return d
}

func load(bytes []byte, v update.Version) *ycrdt.Doc {
	d := ycrdt.New(nil)
	if v == update.V2 {
		check(d.ApplyV2(bytes, nil))
	} else {
		check(d.Apply(bytes, nil))
	}
	return d
}

func apply(b *testing.B, name string, v update.Version) {
	bytes := read(name)
	b.ReportAllocs()
	for b.Loop() {
		load(bytes, v)
	}
}

func encode(b *testing.B, name string, v update.Version) {
	d := load(read(name), update.V1)
	fn := d.EncodeStateAsUpdate
	if v == update.V2 {
		fn = d.EncodeStateAsUpdateV2
	}
	b.ReportAllocs()
	for b.Loop() {
		_, err := fn(nil)
		check(err)
	}
}

func applyEach(b *testing.B, name string) {
	list := updates(name)
	b.ReportAllocs()
	for b.Loop() {
		d := listened()
		for _, u := range list {
			check(d.Apply(u, nil))
		}
	}
}

// build makes a table of nested maps in one transaction.
func build() *ycrdt.Doc {
	d := ycrdt.New(nil)
	check(d.Update(nil, func(tx *ycrdt.Txn) error {
		table, err := tx.Map("m").SetMap("t1")
		for r := 0; r < len(rowNames) && err == nil; r++ {
			var row ycrdt.Map
			row, err = table.SetMap(rowNames[r])
			for c := 0; c < len(cellNames) && err == nil; c++ {
				err = row.Set(cellNames[c], ycrdt.Number(float64(r*c)))
			}
		}
		return err
	}))
	return d
}

// overwrite sets single cells.
func overwrite(b *testing.B, listen bool) {
	d := load(read("table.v1"), update.V1)
	if listen {
		d.OnUpdate(func(ycrdt.UpdateEvent) {})
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		check(d.Update(nil, func(tx *ycrdt.Txn) error {
			row := tx.Map("m").GetMap("t1").GetMap(rowNames[i*7919%len(rowNames)])
			return row.Set(cellNames[i%10], ycrdt.Number(float64(i)))
		}))
	}
}

// remoteCell applies updates of one cell each to a large document, which is renewed when they are used up.
func remoteCell(b *testing.B) {
	list, table := updates("cellupdates"), read("table.v1")
	d := load(table, update.V1)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if i == len(list) {
			b.StopTimer()
			d, i = load(table, update.V1), 0
			b.StartTimer()
		}
		check(d.Apply(list[i], nil))
		i++
	}
}

// play types edits into a text, one transaction each.
func play(d *ycrdt.Doc, edits []edit) {
	for _, e := range edits {
		check(d.Update(nil, func(tx *ycrdt.Txn) error {
			text := tx.Text("t")
			if e.Deleted > 0 {
				if err := text.Delete(e.At, e.Deleted); err != nil {
					return err
				}
			}
			if e.Inserted == "" {
				return nil
			}
			return text.Insert(e.At, e.Inserted)
		}))
	}
}

func typing(b *testing.B, i int) {
	edits := editLists("b1")[i]
	b.ReportAllocs()
	for b.Loop() {
		play(listened(), edits)
	}
}

// twoUsers type into a text of 100 characters; in the end each gets the other's updates.
func twoUsers(b *testing.B, first int) {
	lists := editLists("b2")[first : first+2]
	start := ycrdt.New(nil)
	play(start, []edit{{0, 0, strings.Repeat("x", 100)}})
	base, err := start.EncodeStateAsUpdate(nil)
	check(err)
	b.ReportAllocs()
	for b.Loop() {
		var docs [2]*ycrdt.Doc
		var sent [2][][]byte
		for i := range docs {
			docs[i] = load(base, update.V1)
			docs[i].OnUpdate(func(u ycrdt.UpdateEvent) {
				if u.Local {
					sent[i] = append(sent[i], u.Update)
				}
			})
			play(docs[i], lists[i])
		}
		for i, d := range docs {
			for _, u := range sent[1-i] {
				check(d.Apply(u, nil))
			}
		}
	}
}
