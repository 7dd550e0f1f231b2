package yjs_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/internal/boundtest"
	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// recording is what the original did. Marked objects are foreign.
var recording = boundtest.Recording{File: "yjs.json", Decode: func(cell string, text json.RawMessage) (json.RawMessage, bool) {
	_, marked := boundtest.Members(text)["$"]
	return text, !marked && !(string(text) == `{"k":1}` && cell == "ymap") // a Y.Map is not marked
}}

// What the original wrote is read as the original read it.
func TestVectors_OfTheOriginalAreRead(t *testing.T) {
	recording.Run(t, "read", func(t *testing.T, c boundtest.Case) {
		for i, f := range c.Final {
			doc := newDoc(99)
			require.NoError(t, doc.Apply(f.Update, nil))
			s := bind(t, doc, &yjs.Options{Map: c.Peers[i].MapName})
			want := recording.Doc(t, f.Doc)
			if !f.Differs {
				want = recording.Content(t, f.Tables, f.Values)
			}
			boundtest.RequireContent(t, want, s.Snapshot())
			state, err := doc.EncodeStateAsUpdate(nil)
			require.NoError(t, err)
			require.Equal(t, f.Update, state, "binding writes nothing")
		}
	})
}

// A Store follows the documents of the original update by update.
func TestVectors_OfTheOriginalAreFollowed(t *testing.T) {
	recording.Run(t, "follow", func(t *testing.T, c boundtest.Case) {
		for i, peer := range c.Peers {
			doc := newDoc(99)
			recording.Follow(t, c, i, document{doc, &yjs.Options{Map: peer.MapName}}, func(u []byte) error { return doc.Apply(u, nil) })
		}
	})
}

// The same operations on a Store lead to the same documents. Where the original loses something, they lead to what should
// have come out: every cell is a register of its own, see registers.
func TestVectors_OfTheOriginalAreReplayed(t *testing.T) {
	recording.Run(t, "replay", replay)
}

func replay(t *testing.T, c boundtest.Case) {
	var peers []*boundtest.Player
	var models []*registers
	for _, vp := range c.Peers {
		doc := document{newDoc(vp.ClientID), &yjs.Options{Map: vp.MapName}}
		if vp.Initial != nil {
			doc.o.Persist = &persist.Options{Initial: recording.Content(t, vp.Initial[0], vp.Initial[1])}
		}
		p, model := boundtest.NewPlayer(t, vp, doc, doc.raw), newRegisters(vp.ClientID)
		model.write(store.Diff(nil, boundtest.Content(t, p)))
		peers, models = append(peers, p), append(models, model)
	}
	for n, step := range c.Steps {
		before := boundtest.Content(t, peers[step.Peer])
		recording.Play(t, c, n, peers)
		switch step.Op {
		case "copyDoc":
			models[step.To].merge(models[step.From])
		case "sync":
			for range 2 {
				for _, from := range models {
					for _, to := range models {
						to.merge(from)
					}
				}
			}
		default:
			models[step.Peer].write(store.Diff(before, boundtest.Content(t, peers[step.Peer])))
		}
		for i, p := range peers {
			boundtest.RequireContent(t, models[i].content(t), boundtest.Content(t, p), "peer %d after step %d", i, n)
		}
		recording.RequireNothingMissing(t, c, n, peers)
	}
}

// raw makes one of the changes that the original's documents got directly. One that is not known by name is made so
// that the document's JSON comes to differ in the same way.
func (d document) raw(kind string, was, is json.RawMessage) error {
	name := d.o.Map
	if name == "" {
		name = yjs.DefaultMap
	}
	return d.Update("raw", func(tx *ycrdt.Txn) error {
		tables := tx.Map(name).GetMap("t")
		switch kind {
		case "delRowContainer":
			return tables.GetMap("t1").Delete("r1")
		case "foreign":
			row := tables.GetMap("t").GetMap("x")
			_ = row.Set("bytes", ycrdt.Bytes([]byte{1, 2}))
			_ = row.Set("big", ycrdt.BigInt(10))
			_ = row.Set("obj", ycrdt.Object(ycrdt.Field{Key: "a", Value: ycrdt.Number(1).Any()}))
			_ = row.Set("arr", ycrdt.List(ycrdt.Number(1).Any(), ycrdt.Number(2).Any()))
			_ = row.Set("ymap", ycrdt.NewMap(ycrdt.Member{Key: "k", Value: ycrdt.Number(1)}))
			return row.Set("text", ycrdt.NewText("rich"))
		}
		return difference(tx.Map(name), was, is, 0)
	})
}

// difference makes a map differ as two JSON texts of it differ. Objects are maps down to the rows.
func difference(m ycrdt.Map, was, is json.RawMessage, depth int) error {
	before, after := boundtest.Members(was), boundtest.Members(is)
	for key := range before {
		if _, stays := after[key]; !stays {
			if err := m.Delete(key); err != nil {
				return err
			}
		}
	}
	for key, text := range after {
		old := before[key]
		if string(old) == string(text) {
			continue
		}
		if depth < 3 && text[0] == '{' && boundtest.Members(text)["$"] == nil {
			if old == nil || old[0] != '{' {
				old = json.RawMessage(`{}`)
			}
			inner, err := m.GetOrCreateMap(key)
			if err == nil {
				err = difference(inner, old, text, depth+1)
			}
			if err != nil {
				return err
			}
			continue
		}
		v, err := lib0.ParseJSON(text)
		if err == nil {
			err = m.Set(key, ycrdt.Plain(v))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
