package main

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// findInputs sets ROWLOOM_DATA, for this program and its twin, to a folder with the inputs: the one it names already, the
// one beside the project, or a new one that is made. remove takes the new one away.
func findInputs() (made bool, remove func(), err error) {
	_, here, _, _ := runtime.Caller(0)
	dir := os.Getenv("ROWLOOM_DATA")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(here), "..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(filepath.Join(dir, "table.v1.gz")); err == nil {
		return false, func() {}, os.Setenv("ROWLOOM_DATA", dir)
	}
	log.Print("no inputs found: made from a seed")
	if dir, err = os.MkdirTemp("", "rowloom-bench"); err != nil {
		return false, nil, err
	}
	if err := os.Setenv("ROWLOOM_DATA", dir); err != nil {
		return false, nil, err
	}
	makeInputs()
	return true, func() { _ = os.RemoveAll(dir) }, nil
}

// cache keeps inputs, and documents made of them, while a workload is repeated.
var cache = map[string]any{}

func once[T any](key string, fn func() T) T {
	v, ok := cache[key]
	if !ok {
		v = fn()
		cache[key] = v
	}
	return v.(T)
}

func read(name string) []byte {
	return once("bytes "+name, func() []byte { return unzip(name) })
}

func unzip(name string) []byte {
	f, err := os.Open(filepath.Join(os.Getenv("ROWLOOM_DATA"), name+".gz"))
	check(err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	check(err)
	b, err := io.ReadAll(z)
	check(err)
	return b
}

func write(name string, content []byte) {
	f, err := os.Create(filepath.Join(os.Getenv("ROWLOOM_DATA"), name+".gz"))
	check(err)
	z := gzip.NewWriter(f)
	_, err = z.Write(content)
	check(err)
	check(z.Close())
	check(f.Close())
}

func writeJSON(name string, v any) {
	b, err := json.Marshal(v)
	check(err)
	write(name+".json", b)
}

func updates(name string) [][]byte { return parsed[[][]byte](name) }

func parsed[T any](name string) T {
	return once("parsed "+name, func() (v T) {
		check(json.Unmarshal(unzip(name+".json"), &v))
		return v
	})
}

// An edit replaces deleted units at a position by a string. In JSON it is a list of the three, the last one may be left out.
type edit struct {
	At, Deleted int
	Inserted    string
}

func (e *edit) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	for i, into := range []any{&e.At, &e.Deleted, &e.Inserted} {
		if i < len(parts) {
			if err := json.Unmarshal(parts[i], into); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e edit) MarshalJSON() ([]byte, error) { return json.Marshal([]any{e.At, e.Deleted, e.Inserted}) }

func editLists(name string) [][]edit { return parsed[[][]edit](name) }

func trace() []edit { return parsed[struct{ Edits []edit }]("trace").Edits }

func names(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(prefix, i))
	}
	return out
}

// makeInputs makes inputs of the shape and size of the shared ones.
func makeInputs() {
	rng := rand.New(rand.NewPCG(1, 2))
	state := func(name string, d *ycrdt.Doc) {
		v1, err := d.EncodeStateAsUpdate(nil)
		check(err)
		v2, err := d.EncodeStateAsUpdateV2(nil)
		check(err)
		write(name+".v1", v1)
		write(name+".v2", v2)
	}
	table := create(1)
	build(table)
	state("table", table)
	var list []string
	other := create(2)
	check(other.Apply(read("table.v1"), nil))
	other.OnUpdate(func(u ycrdt.UpdateEvent) { list = append(list, base64.StdEncoding.EncodeToString(u.Update)) })
	random := func(d *ycrdt.Doc) {
		check(d.Update(nil, func(tx *ycrdt.Txn) error {
			row := tx.Map("m").GetMap("t1").GetMap(rowNames[rng.IntN(len(rowNames))])
			return row.Set(cellNames[rng.IntN(10)], ycrdt.Number(float64(rng.IntN(1000))))
		}))
	}
	for range 10_000 {
		random(other)
	}
	writeJSON("cellupdates", list)
	for range 100_000 {
		random(table)
	}
	state("tablehist", table)

	writeJSON("b1", [][]edit{
		typed(rng, 0, 6000, func(n int) edit { return edit{n, 0, letter(rng)} }),
		typed(rng, 0, 6000, func(int) edit { return edit{0, 0, letter(rng)} }),
		typed(rng, 0, 6000, func(n int) edit { return edit{rng.IntN(n + 1), 0, letter(rng)} }),
		typed(rng, 0, 6000, func(n int) edit { return edit{rng.IntN(n + 1), 0, word(rng)} }),
		typed(rng, 0, 6000, func(n int) edit { return insertOrDelete(rng, n) }),
	})
	characters := func(n int) edit { return edit{rng.IntN(n + 1), 0, letter(rng)} }
	mixed := func(n int) edit { return insertOrDelete(rng, n) }
	writeJSON("b2", [][]edit{
		typed(rng, 100, 6000, characters), typed(rng, 100, 6000, characters), typed(rng, 100, 6000, mixed), typed(rng, 100, 6000, mixed),
	})
	for name, fn := range map[string]func(tx *ycrdt.Txn, i int) error{
		"b3map": func(tx *ycrdt.Txn, i int) error { return tx.Map("m").Set("v", ycrdt.Number(float64(i))) },
		"b3obj": func(tx *ycrdt.Txn, i int) error {
			return tx.Map("m").Set("v", ycrdt.Object(ycrdt.Field{Key: "n", Value: ycrdt.Number(float64(i)).Any()}))
		},
		"b3text": func(tx *ycrdt.Txn, i int) error { return tx.Text("t").Insert(0, word(rng)) },
	} {
		var list [][]byte
		for i := range 1540 {
			d := ycrdt.New(&ycrdt.Options{ClientID: uint64(i + 1)})
			check(d.Update(nil, func(tx *ycrdt.Txn) error { return fn(tx, i) }))
			u, err := d.EncodeStateAsUpdate(nil)
			check(err)
			list = append(list, u)
		}
		writeJSON(name, list)
	}

	// Somebody who types mostly where he typed before.
	at := 0
	edits := typed(rng, 0, 259_778, func(n int) edit {
		if rng.IntN(60) == 0 {
			at = rng.IntN(n + 1)
		}
		if at > 0 && rng.IntN(4) == 0 {
			at--
			return edit{at, 1, ""}
		}
		at++
		return edit{at - 1, 0, letter(rng)}
	})
	writeJSON("trace", map[string]any{"edits": edits})
	d := ycrdt.New(nil)
	play(d, edits)
	state("b4", d)
}

// typed makes n edits of a text that has a length already.
func typed(_ *rand.Rand, length, n int, next func(length int) edit) (out []edit) {
	for range n {
		e := next(length)
		length += len(e.Inserted) - e.Deleted
		out = append(out, e)
	}
	return out
}

func insertOrDelete(rng *rand.Rand, n int) edit {
	at := rng.IntN(n + 1)
	if n > at && rng.IntN(3) == 0 {
		return edit{at, 1 + rng.IntN(min(9, n-at)), ""}
	}
	return edit{at, 0, word(rng)}
}

func letter(rng *rand.Rand) string { return string(rune('a' + rng.IntN(26))) }

func word(rng *rand.Rand) string {
	var b strings.Builder
	for n := 3 + rng.IntN(7); n > 0; n-- {
		b.WriteString(letter(rng))
	}
	return b.String()
}
