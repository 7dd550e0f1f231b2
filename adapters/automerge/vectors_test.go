//go:build cgo

package automerge_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/internal/boundtest"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// recording is what the original did. The keys of its documents are escaped.
var recording = boundtest.Recording{File: "automerge.json", Decode: decode, Key: func(s string) string { return strings.TrimPrefix(s, "\x00") }}

// decode says what a Store reads of a cell: of a marked object, which is foreign, its value if it is one that a Store can hold.
func decode(_ string, text json.RawMessage) (json.RawMessage, bool) {
	var marked struct {
		Mark string `json:"$"`
		V    json.RawMessage
	}
	if json.Unmarshal(text, &marked) != nil {
		return text, true
	}
	switch marked.Mark {
	case "":
		return text, true
	case "counter", "str":
		return marked.V, true
	case "bigint":
		digits := strings.Trim(string(marked.V), `"`)
		n, err := strconv.ParseInt(digits, 10, 64)
		return json.RawMessage(digits), err == nil && n <= 1<<53 && n >= -1<<53
	}
	return nil, false
}

// What the original wrote is read as the original read it, or better where the original drops values.
func TestVectors_OfTheOriginalAreRead(t *testing.T) {
	recording.Run(t, "read", func(t *testing.T, c boundtest.Case) {
		for i, f := range c.Final {
			doc := document{load(t, f.Saved), &automerge.Options{Root: c.Peers[i].MapName}}
			heads := doc.Heads()
			want := recording.Doc(t, f.Doc)
			s := boundtest.Follow(t, doc)
			boundtest.RequireContent(t, want, s.Snapshot())
			require.Equal(t, heads, doc.Heads(), "loading writes nothing")
			s = boundtest.Bind(t, doc)
			if !f.Differs {
				for _, x := range store.Diff(recording.Content(t, f.Tables, f.Values), s.Snapshot()).Cells {
					require.False(t, x.Old.Exists(), "the original had %v", x.Path())
				}
			}
			d := store.Diff(want, s.Snapshot())
			for _, x := range d.Cells {
				require.False(t, x.Old.Exists(), "only what was lost is restored")
			}
			if d.IsEmpty() {
				require.Equal(t, heads, doc.Heads(), "binding writes nothing")
			}
		}
	})
}

// A Store follows the documents of the original change by change.
func TestVectors_OfTheOriginalAreFollowed(t *testing.T) {
	recording.Run(t, "follow", func(t *testing.T, c boundtest.Case) {
		for i, peer := range c.Peers {
			doc := newDoc(t, "\x99")
			recording.Follow(t, c, i, document{doc, &automerge.Options{Root: peer.MapName}}, func(u []byte) error { return doc.Apply("peer", u) })
		}
	})
}

// What the documents of the original have in the end and ours have not, and why that is better.
var better = map[string]struct{ why, holds string }{
	"am-007": {"numbers that an integer cannot hold are written as floats", "+ t1/r1/a 9007199254740991\n+ t1/r1/b 1e+21\n+ t1/r1/c 1e+300\n+ t1/r1/ok 1\n"},
	"am-029": {"foreign values stay as they are, and can be read", "+ t/new/n 1\n+ t/x/big 10\n+ t/x/counter 5\n+ t/x/n 1\n+ t/x/obj {\"a\":1}\n+ t/x/text \"scalar\"\n"},
	"am-046": {"deleting a table deletes the cells that were known, so a cell written at the same time is kept", "+ a/r/c 2\n+ b/r/c 1\n"},
	"am-053": {"a deleted cell is a deleted cell", "+ t/x/s \"keep\"\n+ t/y/n 2\n+ t/y/s \"k\"\n+ t/z/n 3\n+ t/z/s \"new\"\n"},
}

// The same operations on a Store lead to the same documents, or to ones that have more where the original loses something.
func TestVectors_OfTheOriginalAreReplayed(t *testing.T) {
	recording.Run(t, "replay", func(t *testing.T, c boundtest.Case) {
		var peers []*boundtest.Player
		for _, vp := range c.Peers {
			actor, err := amchange.ParseActor(vp.Actor)
			require.NoError(t, err)
			doc := document{newDoc(t, string(actor)), &automerge.Options{Root: vp.MapName}}
			if vp.Initial != nil {
				doc.o.Persist = &persist.Options{Initial: recording.Content(t, vp.Initial[0], vp.Initial[1])}
			}
			peers = append(peers, boundtest.NewPlayer(t, vp, doc, doc.raw))
		}
		b, isBetter := better[c.ID]
		for n := range c.Steps {
			recording.Play(t, c, n, peers)
			if !isBetter {
				recording.RequireNothingMissing(t, c, n, peers)
			}
		}
		for _, p := range peers {
			boundtest.RequireContent(t, boundtest.Content(t, peers[0]), boundtest.Content(t, p))
		}
		if isBetter {
			require.Equal(t, b.holds, boundtest.Holds(t, peers[0]), b.why)
		}
	})
}

// raw makes one of the changes that the original's documents got directly.
func (d document) raw(kind string, _, _ json.RawMessage) error {
	return d.Update("raw", func(tx *automerge.Tx) error {
		ix := tx.Index()
		tables, _ := ix.Get("tinybase", "t")
		switch kind {
		case "delRowContainer":
			table, _ := ix.Get("tinybase", "t", "t1")
			return tx.Edit().Delete(table.ID, "r1")
		case "emptyContainers":
			m, err := tx.Edit().Make(tables.ID, "emptyRow", amchange.Map)
			if err != nil {
				return err
			}
			if _, err = tx.Edit().Make(m, "r", amchange.Map); err != nil {
				return err
			}
			_, err = tx.Edit().Make(tables.ID, "emptyTable", amchange.Map)
			return err
		case "foreign":
			row, _ := ix.Get("tinybase", "t", "t", "x")
			for key, v := range map[string]amchange.Value{"bytes": amchange.BytesValue([]byte{1, 2}), "big": amchange.UintValue(10),
				"counter": amchange.CounterValue(5), "date": amchange.TimestampValue(doc2026), "text": amchange.StringValue("scalar")} {
				if err := tx.Edit().Set(row.ID, key, v); err != nil {
					return err
				}
			}
			m, err := tx.Edit().Make(row.ID, "obj", amchange.Map)
			if err != nil {
				return err
			}
			return tx.Edit().Set(m, "a", amchange.IntValue(1))
		}
		return fmt.Errorf("unknown raw change %q", kind)
	})
}
