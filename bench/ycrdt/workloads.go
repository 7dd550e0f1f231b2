package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// A workload is one thing that every engine does with the same inputs. twin.mjs has the same under the same names.
type workload struct {
	Name string

	// prepare makes ready what run needs; run is timed and returns a function that tells the bytes left in the end.
	prepare func() (run func() (left func() []byte))

	// measure instead of prepare: the result, and the bytes left in the end.
	measure func() (result float64, left []byte)

	calls   int     // how often run does the work of one; 1 when 0
	single  bool    // too long for more than one repetition
	slow    bool    // takes ywasm very long
	unit    string  // of measure; milliseconds when empty
	want    float64 // how many times faster than yjs; 0 when nothing is wanted
	ceiling float64 // the greatest result that will do; 0 when there is none
	alone   bool    // the JavaScript engines have nothing like it
}

const me = 4242

var rowNames, cellNames = names("r", 10_000), names("c", 10)

var workloads = []workload{
	{Name: "B1.1/append/edits=6k", want: 12, prepare: typing(0)},
	{Name: "B1.3/prepend/edits=6k", prepare: typing(1)},
	{Name: "B1.4/random-characters/edits=6k", want: 12, prepare: typing(2)},
	{Name: "B1.5/random-words/edits=6k", prepare: typing(3)},
	{Name: "B1.7/insert-delete/edits=6k", prepare: typing(4)},
	{Name: "B1/map/keys=6k", prepare: keys(func(i int) string { return fmt.Sprint("k", i) })},
	{Name: "B1/map/keys=1/sets=6k", prepare: keys(func(int) string { return "k" })},
	{Name: "B2.2/two-users-characters/edits=6k", prepare: twoUsers(0)},
	{Name: "B2.4/two-users-insert-delete/edits=6k", prepare: twoUsers(2)},
	{Name: "B3/map/clients=1540", want: 13, prepare: receive("", "b3map", -1, true)},
	{Name: "B3/object/clients=1540", want: 13, prepare: receive("", "b3obj", -1, true)},
	{Name: "B3/text/clients=1540", want: 13, prepare: receive("", "b3text", -1, true)},
	{Name: "B4/trace/edits=260k", want: 8, single: true, slow: true, prepare: func() func() func() []byte {
		edits, d := trace(), listened(me)
		return func() func() []byte { play(d, edits); return state(d) }
	}},
	{Name: "B4/load/v1", prepare: load("b4.v1", update.V1)},
	{Name: "B4/encode/v1", prepare: encode("b4.v1", update.V1)},
	{Name: "T1/build/rows=10k/cells=10", want: 11, prepare: func() func() func() []byte {
		d := create(me)
		return func() func() []byte { build(d); return state(d) }
	}},
	{Name: "T2/overwrite/cells=100k/listener=update", want: 8, single: true, slow: true, prepare: func() func() func() []byte {
		d := loaded("table.v1")
		d.OnUpdate(func(ycrdt.UpdateEvent) {})
		return func() func() []byte { overwrite(d, 100_000); return state(d) }
	}},
	{Name: "T3/remote-cells=1k/cells=100k", want: 7, prepare: receive("table.v1", "cellupdates", 1000, false)},
	{Name: "T3b/remote-cells=1k/cells=100k/listener=update", want: 7, prepare: receive("table.v1", "cellupdates", 1000, true)},
	{Name: "T3/remote-cell-median/cells=100k", want: 7, measure: func() (float64, []byte) { return latency(0.5) }},
	{Name: "T4/apply/cells=100k/v1", want: 13, prepare: load("table.v1", update.V1)},
	{Name: "T4/apply/cells=100k/v2", want: 13, prepare: load("table.v2", update.V2)},
	{Name: "T4/apply/cells=100k,history=100k/v1", want: 7, prepare: load("tablehist.v1", update.V1)},
	{Name: "T4/encode/cells=100k/v1", want: 13, prepare: encode("table.v1", update.V1)},
	{Name: "T4/encode/cells=100k/v2", want: 6, prepare: encode("table.v1", update.V2)},
	{Name: "T5/merge/updates=10k", want: 160, prepare: func() func() func() []byte {
		list := updates("cellupdates")
		return func() func() []byte { return just(must(update.Merge(update.V1, list, nil))) }
	}},
	{Name: "T5b/apply-singly/updates=10k/cells=100k", prepare: receive("table.v1", "cellupdates", -1, true)},
	{Name: "T6/diff-nothing-new/cells=100k", calls: 20, prepare: func() func() func() []byte {
		d := once("doc table.v1", func() *ycrdt.Doc { return loaded("table.v1") })
		sv := d.StateVector()
		return func() func() []byte {
			var u []byte
			for range 20 {
				u = must(d.EncodeStateAsUpdate(sv))
			}
			return just(u)
		}
	}},
	{Name: "T6b/diff-update-on-bytes/cells=100k", prepare: func() func() func() []byte {
		b := read("table.v1")
		return func() func() []byte {
			return just(must(update.Diff(update.V1, b, must(update.StateVectorOf(update.V1, b, nil)), nil)))
		}
	}},
	{Name: "memory/heap/cells=100k", unit: "MB", ceiling: 16, measure: func() (float64, []byte) {
		mb, _, left := heap()
		return mb, left
	}},
	{Name: "memory/objects/cells=100k", unit: "objects", ceiling: 10_000, alone: true, measure: func() (float64, []byte) {
		_, objects, left := heap()
		return objects, left
	}},
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func just(b []byte) func() []byte { return func() []byte { return b } }

func state(d *ycrdt.Doc) func() []byte {
	return func() []byte { return must(d.EncodeStateAsUpdate(nil)) }
}

func create(id uint64) *ycrdt.Doc { return ycrdt.New(&ycrdt.Options{ClientID: id}) }

func listened(id uint64) *ycrdt.Doc {
	d := create(id)
	d.OnUpdate(func(ycrdt.UpdateEvent) {})
	return d
}

func loaded(name string) *ycrdt.Doc {
	d := create(me)
	check(d.Apply(read(name), nil))
	return d
}

// load applies the update of a whole document.
func load(name string, v update.Version) func() func() func() []byte {
	return func() func() func() []byte {
		bytes, d := read(name), create(me)
		return func() func() []byte {
			if v == update.V2 {
				check(d.ApplyV2(bytes, nil))
			} else {
				check(d.Apply(bytes, nil))
			}
			return state(d)
		}
	}
}

func encode(name string, v update.Version) func() func() func() []byte {
	return func() func() func() []byte {
		d := once("doc "+name, func() *ycrdt.Doc { return loaded(name) })
		return func() func() []byte {
			if v == update.V2 {
				return just(must(d.EncodeStateAsUpdateV2(nil)))
			}
			return just(must(d.EncodeStateAsUpdate(nil)))
		}
	}
}

// receive applies the first n updates of a list, all when n is negative, to a document loaded before.
func receive(base, list string, n int, listen bool) func() func() func() []byte {
	return func() func() func() []byte {
		us := updates(list)
		if n >= 0 {
			us = us[:n]
		}
		d := create(me)
		if base != "" {
			check(d.Apply(read(base), nil))
		}
		if listen {
			d.OnUpdate(func(ycrdt.UpdateEvent) {})
		}
		return func() func() []byte {
			for _, u := range us {
				check(d.Apply(u, nil))
			}
			return state(d)
		}
	}
}

// latency applies updates of one cell each to a large document and returns a percentile of what one of them takes.
func latency(percentile float64) (ms float64, left []byte) {
	list, d := updates("cellupdates"), loaded("table.v1")
	samples := make([]time.Duration, len(list))
	runtime.GC()
	for i, u := range list {
		t0 := time.Now()
		check(d.Apply(u, nil))
		samples[i] = time.Since(t0)
	}
	slices.Sort(samples)
	return float64(samples[int(float64(len(samples))*percentile)].Nanoseconds()) / 1e6, state(d)()
}

// heap tells what a loaded document keeps, its share of the input included.
func heap() (mb, objects float64, left []byte) {
	clear(cache)
	var before, after runtime.MemStats
	settle := func(m *runtime.MemStats) {
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(m)
	}
	settle(&before)
	d := loaded("table.v1")
	clear(cache)
	settle(&after)
	mb, objects = float64(after.HeapAlloc)-float64(before.HeapAlloc), float64(after.HeapObjects)-float64(before.HeapObjects)
	return mb / 1e6, objects, state(d)()
}

// build makes a table of nested maps in one transaction.
func build(d *ycrdt.Doc) {
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
}

// overwrite sets n cells, each in a transaction of its own.
func overwrite(d *ycrdt.Doc, n int) {
	for i := 1; i <= n; i++ {
		check(d.Update(nil, func(tx *ycrdt.Txn) error {
			row := tx.Map("m").GetMap("t1").GetMap(rowNames[i*7919%len(rowNames)])
			return row.Set(cellNames[i%10], ycrdt.Number(float64(i)))
		}))
	}
}

func keys(key func(i int) string) func() func() func() []byte {
	return func() func() func() []byte {
		d := listened(me)
		return func() func() []byte {
			for i := range 6000 {
				check(d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set(key(i), ycrdt.Number(float64(i))) }))
			}
			return state(d)
		}
	}
}

func typing(list int) func() func() func() []byte {
	return func() func() func() []byte {
		edits, d := editLists("b1")[list], listened(me)
		return func() func() []byte { play(d, edits); return state(d) }
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

// twoUsers type into a text of 100 characters; in the end each gets the other's updates.
func twoUsers(first int) func() func() func() []byte {
	return func() func() func() []byte {
		lists := editLists("b2")[first : first+2]
		base := create(1)
		play(base, []edit{{0, 0, strings.Repeat("x", 100)}})
		start := state(base)()
		var docs [2]*ycrdt.Doc
		var sent [2][][]byte
		for i := range docs {
			docs[i] = create(uint64(i + 2))
			check(docs[i].Apply(start, nil))
			docs[i].OnUpdate(func(u ycrdt.UpdateEvent) {
				if u.Local {
					sent[i] = append(sent[i], u.Update)
				}
			})
		}
		return func() func() []byte {
			for i, d := range docs {
				play(d, lists[i])
			}
			for i, d := range docs {
				for _, u := range sent[1-i] {
					check(d.Apply(u, nil))
				}
			}
			return func() []byte {
				a, b := state(docs[0])(), state(docs[1])()
				if string(a) != string(b) {
					panic("the two users have different documents")
				}
				return a
			}
		}
	}
}
