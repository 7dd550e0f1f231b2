package ycrdt_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// An edit replaces deleted units at a position by a string.
type edit struct {
	at, deleted int
	inserted    string
}

func (e *edit) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	for i, into := range []any{&e.at, &e.deleted, &e.inserted} {
		if i < len(parts) {
			if err := json.Unmarshal(parts[i], into); err != nil {
				return err
			}
		}
	}
	return nil
}

func play(b *testing.B, edits []edit) *ycrdt.Doc {
	d := ycrdt.New(nil)
	d.OnUpdate(func(ycrdt.UpdateEvent) {})
	for _, e := range edits {
		err := d.Update(nil, func(tx *ycrdt.Txn) error {
			text := tx.Text("t")
			if e.deleted > 0 {
				if err := text.Delete(e.at, e.deleted); err != nil {
					return err
				}
			}
			if e.inserted != "" {
				return text.Insert(e.at, e.inserted)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return d
}

// B1
func BenchmarkType(b *testing.B) {
	text := data(b, "b1.json")
	if text == nil {
		b.Skip("no input")
	}
	var lists [][]edit
	require.NoError(b, json.Unmarshal(text, &lists))
	for i, name := range []string{"B1.1-append", "B1.3-prepend", "B1.4-random", "B1.5-words", "B1.7-insert-delete"} {
		b.Run(fmt.Sprintf("%s/edits=6k", name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				play(b, lists[i])
			}
		})
	}
}

// B4
func BenchmarkTrace(b *testing.B) {
	text := data(b, "trace.json")
	if text == nil {
		b.Skip("no input")
	}
	var trace struct {
		Edits []edit
		Final string
	}
	require.NoError(b, json.Unmarshal(text, &trace))
	b.Run("B4/edits=260k", func(b *testing.B) {
		b.ReportAllocs()
		var d *ycrdt.Doc
		for b.Loop() {
			d = play(b, trace.Edits)
		}
		d.View(func(r *ycrdt.Reader) { require.Equal(b, trace.Final, r.Text("t").String()) })
		state, err := d.EncodeStateAsUpdate(nil)
		require.NoError(b, err)
		b.ReportMetric(float64(len(state)), "bytes")
	})
}
