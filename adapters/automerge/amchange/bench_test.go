package amchange_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// table builds a document of rows of ten numbers in TinyBase's layout, and returns its changes.
func table(t testing.TB, rows int, text bool) []*amchange.Change {
	t.Helper()
	const actor = amchange.Actor("\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa")
	id := func(n int) amchange.OpID { return amchange.OpID{Counter: uint64(n), Actor: actor} }
	d := amchange.Draft{Actor: actor, Seq: 1, StartOp: 1, Ops: []amchange.Op{
		{Key: "tinybase", Action: amchange.MakeMap},
		{Obj: id(1), Key: "t", Action: amchange.MakeMap},
		{Obj: id(2), Key: "table", Action: amchange.MakeMap},
	}}
	for r := range rows {
		d.Ops = append(d.Ops, amchange.Op{Obj: id(3), Key: fmt.Sprintf("row%d", r), Action: amchange.MakeMap})
		row := id(len(d.Ops))
		for c := range 10 {
			if text && c%2 == 0 {
				d.Ops = append(d.Ops, amchange.Op{Obj: row, Key: fmt.Sprintf("cell%d", c), Action: amchange.MakeText})
				s, last := id(len(d.Ops)), amchange.OpID{}
				for _, ch := range fmt.Sprintf("word %d", r) {
					d.Ops = append(d.Ops, amchange.Op{Obj: s, InSequence: true, Insert: true, Elem: last, Action: amchange.Set, Value: amchange.StringValue(string(ch))})
					last = id(len(d.Ops))
				}
				continue
			}
			d.Ops = append(d.Ops, amchange.Op{Obj: row, Key: fmt.Sprintf("cell%d", c), Action: amchange.Set, Value: amchange.IntValue(int64(r * c))})
		}
	}
	c, err := d.Encode()
	require.NoError(t, err)
	return []*amchange.Change{c}
}

func benchmarkTables(b *testing.B, f func(b *testing.B, changes []*amchange.Change)) {
	for _, rows := range []int{1000, 10_000} {
		for _, kind := range []string{"numbers", "text"} {
			b.Run(fmt.Sprintf("rows=%dk/%s", rows/1000, kind), func(b *testing.B) { f(b, table(b, rows, kind == "text")) })
		}
	}
}

// BenchmarkIndex builds the index of a document from its changes, and reports its size.
func BenchmarkIndex(b *testing.B) {
	benchmarkTables(b, func(b *testing.B, changes []*amchange.Change) {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		ix := amchange.NewIndex(nil)
		for _, c := range changes {
			_, err := ix.Add(c)
			require.NoError(b, err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		ops := ix.Ops()
		b.ResetTimer()
		for range b.N {
			ix = amchange.NewIndex(nil)
			for _, c := range changes {
				_, err := ix.Add(c)
				require.NoError(b, err)
			}
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(ops), "bytes/op-kept")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*ops), "ns/op-added")
		runtime.KeepAlive(ix)
	})
}

// BenchmarkRemoteCell parses and adds one change of one cell.
func BenchmarkRemoteCell(b *testing.B) {
	benchmarkTables(b, func(b *testing.B, changes []*amchange.Change) {
		ix := amchange.NewIndex(nil)
		for _, c := range changes {
			_, err := ix.Add(c)
			require.NoError(b, err)
		}
		last, max := changes[len(changes)-1].Hash, ix.MaxOp()
		cell := ix.Live("tinybase", "t", "table", "row7", "cell3")[0].ID
		row := ix.Live("tinybase", "t", "table", "row7")[0].ID
		var chunks [][]byte
		for i := range b.N {
			c, err := amchange.Draft{Actor: "\xbb", Seq: uint64(i + 1), StartOp: max + uint64(i) + 1, Deps: []amchange.Hash{last}, Ops: []amchange.Op{
				{Obj: row, Key: "cell3", Action: amchange.Set, Value: amchange.IntValue(int64(i)), Preds: []amchange.OpID{cell}}}}.Encode()
			require.NoError(b, err)
			last, cell = c.Hash, amchange.OpID{Counter: c.StartOp, Actor: "\xbb"}
			chunks = append(chunks, c.Bytes())
		}
		b.ReportAllocs()
		b.ResetTimer()
		for _, raw := range chunks {
			chunk, _, err := amchange.ReadChunk(raw, nil)
			if err != nil {
				b.Fatal(err)
			}
			c, err := amchange.Parse(chunk, nil)
			if err != nil {
				b.Fatal(err)
			}
			d, err := ix.Add(c)
			if err != nil || len(d.Touched) != 1 {
				b.Fatal(err, d)
			}
		}
	})
}
