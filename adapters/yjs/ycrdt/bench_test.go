package ycrdt_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// data reads a benchmark input from the folder ROWLOOM_DATA, nil if it is not there.
func data(b testing.TB, name string) []byte {
	dir := os.Getenv("ROWLOOM_DATA")
	if dir == "" {
		_, here, _, _ := runtime.Caller(0)
		dir = filepath.Join(filepath.Dir(here), "..", "..", "..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(dir, name+".gz"))
	if err != nil {
		return nil
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(b, err)
	out, err := io.ReadAll(z)
	require.NoError(b, err)
	return out
}

// cell returns the value of a cell in made inputs.
func cell(r, c int) ycrdt.Value {
	if c%2 == 0 {
		return ycrdt.Number(float64(r * c))
	}
	return ycrdt.String(fmt.Sprintf("value %d", r))
}

// buildTable makes a table of nested maps: m / t1 / r0.. / c0..
func buildTable(d *ycrdt.Doc, rows, cells int) error {
	return d.Update(nil, func(tx *ycrdt.Txn) error {
		table, err := tx.Map("m").SetMap("t1")
		if err != nil {
			return err
		}
		for r := range rows {
			row, err := table.SetMap(fmt.Sprintf("r%d", r))
			if err != nil {
				return err
			}
			for c := range cells {
				if err := row.Set(fmt.Sprintf("c%d", c), cell(r, c)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// table returns the encoded document of 10,000 rows with 10 cells.
func table(b testing.TB) []byte {
	if v := data(b, "table.v1"); v != nil {
		return v
	}
	b.Log("inputs not found: made here")
	d := ycrdt.New(&ycrdt.Options{ClientID: 1})
	require.NoError(b, buildTable(d, 10000, 10))
	v, err := d.EncodeStateAsUpdate(nil)
	require.NoError(b, err)
	return v
}

func tableV2(b testing.TB) []byte {
	d := ycrdt.New(nil)
	require.NoError(b, d.Apply(table(b), nil))
	v, err := d.EncodeStateAsUpdateV2(nil)
	require.NoError(b, err)
	return v
}

// cellUpdates returns small updates of one cell each, by another client.
func cellUpdates(b testing.TB) (out [][]byte) {
	if text := data(b, "cellupdates.json"); text != nil {
		var list []string
		require.NoError(b, json.Unmarshal(text, &list))
		for _, s := range list {
			u, err := base64.StdEncoding.DecodeString(s)
			require.NoError(b, err)
			out = append(out, u)
		}
		return out
	}
	d := ycrdt.New(&ycrdt.Options{ClientID: 99})
	require.NoError(b, d.Apply(table(b), nil))
	d.OnUpdate(func(u ycrdt.UpdateEvent) { out = append(out, u.Update) })
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		require.NoError(b, overwrite(d, rng))
	}
	return out
}

func overwrite(d *ycrdt.Doc, rng *rand.Rand) error {
	return d.Update(nil, func(tx *ycrdt.Txn) error {
		row := tx.Map("m").GetMap("t1").GetMap(rowNames[rng.IntN(len(rowNames))])
		return row.Set(cellNames[rng.IntN(len(cellNames))], ycrdt.Number(float64(rng.IntN(1000))))
	})
}

var rowNames, cellNames = func() (rows, cells []string) {
	for i := range 10000 {
		rows = append(rows, fmt.Sprintf("r%d", i))
	}
	for i := range 10 {
		cells = append(cells, fmt.Sprintf("c%d", i))
	}
	return
}()

// T1
func BenchmarkBuild(b *testing.B) {
	b.Run("rows=10k/cells=10", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, buildTable(ycrdt.New(nil), 10000, 10))
		}
	})
}

// T2
func BenchmarkOverwrite(b *testing.B) {
	for _, listen := range []bool{false, true} {
		b.Run(fmt.Sprintf("cells=100k/listen=%v", listen), func(b *testing.B) {
			d := ycrdt.New(nil)
			require.NoError(b, d.Apply(table(b), nil))
			if listen {
				d.OnUpdate(func(ycrdt.UpdateEvent) {})
			}
			rng := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				if overwrite(d, rng) != nil {
					b.Fatal("overwrite")
				}
			}
		})
	}
}

// T3
func BenchmarkRemoteCell(b *testing.B) {
	updates := cellUpdates(b)
	doc := table(b)
	b.Run("cells=100k", func(b *testing.B) {
		b.ReportAllocs()
		var d *ycrdt.Doc
		i := len(updates)
		for b.Loop() {
			if i == len(updates) {
				b.StopTimer()
				d = ycrdt.New(nil)
				require.NoError(b, d.Apply(doc, nil))
				i = 0
				b.StartTimer()
			}
			if d.Apply(updates[i], nil) != nil {
				b.Fatal("apply")
			}
			i++
		}
	})
}

// One cell of a table set here, and the update applied to another copy: it should cost the same however many rows there are.
func BenchmarkCell(b *testing.B) {
	for _, rows := range []int{1000, 10_000, 100_000} {
		a, other := ycrdt.New(nil), ycrdt.New(nil)
		require.NoError(b, buildTable(a, rows, 10))
		state, err := a.EncodeStateAsUpdate(nil)
		require.NoError(b, err)
		require.NoError(b, other.Apply(state, nil))
		var updates [][]byte
		a.OnUpdate(func(u ycrdt.UpdateEvent) { updates = append(updates, u.Update) })
		rng := rand.New(rand.NewPCG(1, 2))
		b.Run(fmt.Sprintf("local/rows=%dk", rows/1000), func(b *testing.B) {
			for b.Loop() {
				row, cell := fmt.Sprintf("r%d", rng.IntN(rows)), cellNames[rng.IntN(10)]
				_ = a.Update(nil, func(tx *ycrdt.Txn) error {
					return tx.Map("m").GetMap("t1").GetMap(row).Set(cell, ycrdt.Number(1))
				})
			}
		})
		b.Run(fmt.Sprintf("remote/rows=%dk", rows/1000), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if other.Apply(updates[i%len(updates)], nil) != nil {
					b.Fatal("apply")
				}
			}
		})
	}
}

// T4
func BenchmarkLoad(b *testing.B) {
	load := func(name string, input []byte, v2 bool) {
		b.Run(name, func(b *testing.B) {
			if input == nil {
				b.Skip("no input")
			}
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			for b.Loop() {
				d := ycrdt.New(nil)
				apply := d.Apply
				if v2 {
					apply = d.ApplyV2
				}
				if err := apply(input, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	load("cells=100k/v1", table(b), false)
	load("cells=100k/v2", tableV2(b), true)
	load("cells=100k,history=100k/v1", data(b, "tablehist.v1"), false)
	load("text=B4/v1", data(b, "b4.v1"), false)
	load("text=B4/v2", data(b, "b4.v2"), true)
}

func BenchmarkEncode(b *testing.B) {
	encode := func(name string, input []byte) {
		b.Run(name, func(b *testing.B) {
			if input == nil {
				b.Skip("no input")
			}
			d := ycrdt.New(nil)
			require.NoError(b, d.Apply(input, nil))
			out, err := d.EncodeStateAsUpdate(nil)
			require.NoError(b, err)
			require.True(b, bytes.Equal(input, out), "not the same bytes")
			for name, fn := range map[string]func([]byte) ([]byte, error){"v1": d.EncodeStateAsUpdate, "v2": d.EncodeStateAsUpdateV2} {
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						_, _ = fn(nil)
					}
				})
			}
			sv := d.StateVector()
			b.Run("nothing-new", func(b *testing.B) {
				for b.Loop() {
					_, _ = d.EncodeStateAsUpdate(sv)
				}
			})
		})
	}
	encode("cells=100k", table(b))
	encode("cells=100k,history=100k", data(b, "tablehist.v1"))
	encode("text=B4", data(b, "b4.v1"))
}

// B3
func BenchmarkManyClients(b *testing.B) {
	for _, name := range []string{"b3map", "b3obj", "b3text"} {
		b.Run(name+"/clients=1540", func(b *testing.B) {
			text := data(b, name+".json")
			if text == nil {
				b.Skip("no input")
			}
			var list [][]byte
			require.NoError(b, json.Unmarshal(text, &list))
			b.ReportAllocs()
			for b.Loop() {
				d := ycrdt.New(nil)
				d.OnUpdate(func(ycrdt.UpdateEvent) {})
				for _, u := range list {
					if err := d.Apply(u, nil); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	b.Run("cells=100k", func(b *testing.B) {
		input := table(b)
		for b.Loop() {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			d := ycrdt.New(nil)
			require.NoError(b, d.Apply(input, nil))
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
			b.ReportMetric(float64(after.HeapObjects)-float64(before.HeapObjects), "objects")
			runtime.KeepAlive(d)
		}
	})
}
