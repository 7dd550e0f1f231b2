package yjs_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

type (
	vectorCase struct {
		ID, Title string
		Peers     []vectorPeer
		Initial   [][]string `json:"initialUpdates"`
		Steps     []vectorStep
		Final     []vectorFinal
	}
	vectorPeer struct {
		ClientID     uint64
		Auto         *bool
		MapName      string
		TablesSchema json.RawMessage
		Initial      []json.RawMessage `json:"initialContent"`
	}
	vectorStep struct {
		Op, Raw        string
		Peer, From, To int
		Args           []json.RawMessage
		Steps          []vectorStep
		Updates        [][]string
		Docs           []json.RawMessage
	}
	vectorFinal struct {
		Update         string
		Doc            json.RawMessage
		Tables, Values json.RawMessage
		Differs        bool `json:"storeDiffersFromDoc"`
	}
)

// better holds the cases that record a flaw of the original: what the documents hold in the end here, and why.
var better = map[string]struct{ why, docs string }{
	"yjs-029": {"a foreign value stays until its cell is written", `{"t":{"t":{"x":{"n":1,"text":{"$":"ytext","v":"rich"},"bytes":{"$":"bytes","v":"AQI="},"big":{"$":"bigint","v":"10"},"obj":{"a":1},"arr":[1,2],"ymap":{"k":1}},"new":{"n":1}}}}`},
	"yjs-043": {"a table is not deleted with its last row, so a row that comes at the same time is kept", `{"t":{"pets":{"felix":{"species":"cat"}}}}`},
	"yjs-044": {"a row is not deleted with its last cell, so a cell that comes at the same time is kept", `{"t":{"pets":{"fido":{"legs":4},"z":{"n":1}}}}`},
	"yjs-046": {"deleting a table deletes the cells that were known, so a cell written at the same time is kept", `{"t":{"a":{"r":{"c":2}},"b":{"r":{"c":1}}}}`},
	"yjs-047": {"both peers make the same containers, so both tables are kept", `{"t":{"a":{"r":{"c":1}},"b":{"r":{"c":1}}},"v":{"va":1,"vb":1}}`},
	"yjs-050": {"a burst arrives whole", `{"t":{"pets":{"fido":{"n":2},"new":{"m":3}}},"v":{"v":1}}`},
	"yjs-052": {"a peer deletes nothing that it does not know", `{"t":{"t":{"x":{"n":1,"extra":"keep"}},"other":{"o":{"k":1}}}}`},
	"yjs-053": {"a deleted cell is a deleted cell", `{"t":{"t":{"x":{"s":"keep"},"y":{"n":2,"s":"k"},"z":{"n":3,"s":"new"}}}}`},
}

func vectorCases(t *testing.T) []vectorCase {
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-store"), "yjs.json"))
	require.NoError(t, err)
	var file struct{ Cases []vectorCase }
	require.NoError(t, json.Unmarshal(text, &file))
	return file.Cases
}

func unbase64(t testing.TB, s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}

// fromJSON returns the Store content of a document's or a Store's JSON. Marked objects are foreign.
func fromJSON(t testing.TB, tables, values json.RawMessage) *store.Snapshot {
	var b store.Builder
	var ts map[string]map[string]map[string]json.RawMessage
	var vs map[string]json.RawMessage
	if len(tables) > 0 {
		require.NoError(t, json.Unmarshal(tables, &ts))
	}
	if len(values) > 0 {
		require.NoError(t, json.Unmarshal(values, &vs))
	}
	put := func(text json.RawMessage, set func(store.Value) error) {
		var marked map[string]any
		if json.Unmarshal(text, &marked) == nil && marked["$"] != nil {
			return
		}
		v, ok := parseCell(string(text))
		require.True(t, ok)
		require.NoError(t, set(v))
	}
	for table, rows := range ts {
		for row, cells := range rows {
			for cell, text := range cells {
				if string(text) == `{"k":1}` && cell == "ymap" {
					continue // a Y.Map, which is foreign
				}
				put(text, func(v store.Value) error { return b.SetCell(table, row, cell, v) })
			}
		}
	}
	for id, text := range vs {
		put(text, func(v store.Value) error { return b.SetValue(id, v) })
	}
	return b.Snapshot()
}

// parseCell reads a cell that may be in the encoded form.
func parseCell(text string) (store.Value, bool) {
	if text[0] == '"' {
		var s string
		if json.Unmarshal([]byte(text), &s) != nil {
			return store.Value{}, false
		}
		v, err := store.Of(s).Decoded()
		return v, err == nil
	}
	v, err := store.ParseJSON(text)
	return v, err == nil
}

func fromDoc(t testing.TB, doc json.RawMessage) *store.Snapshot {
	var root struct{ T, V json.RawMessage }
	require.NoError(t, json.Unmarshal(doc, &root))
	return fromJSON(t, root.T, root.V)
}

func requireContent(t testing.TB, want, got *store.Snapshot, msg ...any) {
	t.Helper()
	require.Equal(t, store.Diff(nil, want).String(), store.Diff(nil, got).String(), msg...)
}

// What the original wrote is read as the original read it.
func TestVectors_OfTheOriginalAreRead(t *testing.T) {
	cases := vectorCases(t)
	passed := 0
	for _, c := range cases {
		if t.Run(c.ID, func(t *testing.T) {
			for i, f := range c.Final {
				doc := newDoc(99)
				require.NoError(t, doc.Apply(unbase64(t, f.Update), nil))
				s := bind(t, doc, &yjs.Options{Map: c.Peers[i].MapName})
				if !f.Differs {
					requireContent(t, fromJSON(t, f.Tables, f.Values), s.Snapshot())
				} else {
					requireContent(t, fromDoc(t, f.Doc), s.Snapshot())
				}
				state, err := doc.EncodeStateAsUpdate(nil)
				require.NoError(t, err)
				require.Equal(t, f.Update, base64.StdEncoding.EncodeToString(state), "binding writes nothing")
			}
		}) {
			passed++
		}
	}
	vectors.Report(t, "tinybase-store/yjs.json (read)", passed, len(cases))
}

// A Store follows the documents of the original update by update.
func TestVectors_OfTheOriginalAreFollowed(t *testing.T) {
	cases := vectorCases(t)
	passed := 0
	for _, c := range cases {
		if t.Run(c.ID, func(t *testing.T) {
			for i, peer := range c.Peers {
				doc := newDoc(99)
				s := bind(t, doc, &yjs.Options{Map: peer.MapName})
				apply := func(updates [][]string) {
					if i < len(updates) {
						for _, u := range updates[i] {
							require.NoError(t, doc.Apply(unbase64(t, u), nil))
						}
					}
				}
				apply(c.Initial)
				for n, step := range c.Steps {
					apply(step.Updates)
					requireContent(t, fromDoc(t, step.Docs[i]), s.Snapshot(), "peer %d after step %d", i, n)
				}
			}
		}) {
			passed++
		}
	}
	vectors.Report(t, "tinybase-store/yjs.json (follow)", passed, len(cases))
}

// The same operations on a Store lead to the same documents, or to better ones.
func TestVectors_OfTheOriginalAreReplayed(t *testing.T) {
	cases := vectorCases(t)
	passed := 0
	for _, c := range cases {
		if t.Run(c.ID, func(t *testing.T) { replay(t, c) }) {
			passed++
		}
	}
	vectors.Report(t, "tinybase-store/yjs.json (replay)", passed, len(cases))
}

type replayPeer struct {
	doc *ycrdt.Doc
	s   *store.Store
	p   *persist.Persister
	o   *yjs.Options
}

func replay(t *testing.T, c vectorCase) {
	var peers []*replayPeer
	for _, vp := range c.Peers {
		rp := &replayPeer{doc: newDoc(vp.ClientID), s: store.New(), o: &yjs.Options{Map: vp.MapName}}
		if vp.Initial != nil {
			rp.o.Persist = &persist.Options{Initial: fromJSON(t, vp.Initial[0], vp.Initial[1])}
		}
		rp.p = yjs.Bind(rp.s, rp.doc, rp.o)
		if vp.Auto == nil || *vp.Auto {
			require.NoError(t, rp.p.StartAutoLoad(ctx))
			require.NoError(t, rp.p.StartAutoSave(ctx))
		}
		peers = append(peers, rp)
	}
	flaw, isBetter := better[c.ID]
	for n, step := range c.Steps {
		play(t, peers, step)
		for i, rp := range peers {
			content, _, err := yjs.NewTarget(rp.doc, rp.o).Read(ctx, []store.Path{{}})
			require.NoError(t, err)
			if st := rp.p.Status(); st.AutoLoading {
				requireContent(t, content, rp.s.Snapshot(), "the Store equals the document")
			}
			if !isBetter {
				requireContent(t, fromDoc(t, step.Docs[i]), content, "peer %d after step %d", i, n)
			}
		}
	}
	if isBetter {
		t.Log(flaw.why)
		for _, rp := range peers {
			requireContent(t, fromDoc(t, json.RawMessage(flaw.docs)), rp.s.Snapshot())
			if c.ID == "yjs-029" {
				rp.doc.View(func(r *ycrdt.Reader) {
					row := r.Map("tinybase").GetMap("t").GetMap("t").GetMap("x")
					require.Equal(t, 7, row.Len(), "every foreign cell is there")
				})
			}
		}
	}
}

func play(t *testing.T, peers []*replayPeer, step vectorStep) {
	rp := peers[step.Peer]
	switch step.Op {
	case "save":
		require.NoError(t, rp.p.Save(ctx))
	case "load":
		require.NoError(t, rp.p.Load(ctx))
	case "startAutoLoad":
		require.NoError(t, rp.p.StartAutoLoad(ctx))
	case "startAutoSave":
		require.NoError(t, rp.p.StartAutoSave(ctx))
	case "copyDoc":
		state, err := peers[step.From].doc.EncodeStateAsUpdate(nil)
		require.NoError(t, err)
		require.NoError(t, peers[step.To].doc.Apply(state, "copy"))
	case "sync":
		for range 2 {
			var docs []*ycrdt.Doc
			for _, p := range peers {
				docs = append(docs, p.doc)
			}
			exchange(t, docs...)
		}
	case "raw":
		playRaw(t, rp.doc, step.Raw)
	case "burst":
		for _, s := range step.Steps {
			require.NoError(t, rp.s.Update(func(tx *store.Tx) error { return playStore(t, tx, s) }))
		}
	default:
		require.NoError(t, rp.s.Update(func(tx *store.Tx) error { return playStore(t, tx, step) }))
	}
}

// playStore makes one Store operation of the original.
func playStore(t *testing.T, tx *store.Tx, step vectorStep) error {
	str := func(i int) (s string) {
		if json.Unmarshal(step.Args[i], &s) != nil {
			s = string(step.Args[i])
		}
		return s
	}
	val := func(i int) store.Value {
		v, ok := parseCell(string(step.Args[i]))
		require.True(t, ok)
		return v
	}
	wrap := func(raw json.RawMessage, keys ...string) *store.Snapshot {
		text := string(raw)
		for i := len(keys) - 1; i >= 0; i-- {
			k, _ := json.Marshal(keys[i])
			text = fmt.Sprintf("{%s:%s}", k, text)
		}
		return fromJSON(t, json.RawMessage(text), nil)
	}
	switch step.Op {
	case "setCell":
		return tx.SetCell(str(0), str(1), str(2), val(3))
	case "setRow":
		return tx.ReplaceIn(store.Row(str(0), str(1)), wrap(step.Args[2], str(0), str(1)))
	case "addRow":
		row := 0
		for tx.HasRow(str(0), strconv.Itoa(row)) {
			row++
		}
		id := strconv.Itoa(row)
		return tx.ReplaceIn(store.Row(str(0), id), wrap(step.Args[1], str(0), id))
	case "setTables":
		return tx.ReplaceIn(store.Tables(), fromJSON(t, step.Args[0], nil))
	case "setTable":
		return tx.ReplaceIn(store.Table(str(0)), wrap(step.Args[1], str(0)))
	case "setValue":
		return tx.SetValue(str(0), val(1))
	case "setValues":
		return tx.ReplaceIn(store.Values(), fromJSON(t, nil, step.Args[0]))
	case "setContent":
		var halves []json.RawMessage
		require.NoError(t, json.Unmarshal(step.Args[0], &halves))
		return tx.ReplaceIn(store.Path{}, fromJSON(t, halves[0], halves[1]))
	case "delCell":
		return tx.DelCell(str(0), str(1), str(2))
	case "delRow":
		return tx.DelRow(str(0), str(1))
	case "delTable":
		return tx.DelTable(str(0))
	case "delTables":
		return tx.DelTables()
	case "delValue":
		return tx.DelValue(str(0))
	case "delValues":
		return tx.DelValues()
	case "transaction":
		for _, s := range step.Steps {
			if err := playStore(t, tx, s); err != nil {
				return err
			}
		}
		return nil
	}
	t.Fatalf("unknown operation %q", step.Op)
	return nil
}

// playRaw makes one of the changes that the original's documents got directly.
func playRaw(t *testing.T, doc *ycrdt.Doc, kind string) {
	require.NoError(t, doc.Update("raw", func(tx *ycrdt.Txn) error {
		tables := tx.Map("tinybase").GetMap("t")
		switch kind {
		case "delRowContainer":
			return tables.GetMap("t1").Delete("r1")
		case "emptyContainers":
			m, err := tables.SetMap("emptyRow")
			if err != nil {
				return err
			}
			if _, err = m.SetMap("r"); err != nil {
				return err
			}
			_, err = tables.SetMap("emptyTable")
			return err
		case "foreign":
			row := tables.GetMap("t").GetMap("x")
			_ = row.Set("bytes", ycrdt.Bytes([]byte{1, 2}))
			_ = row.Set("big", ycrdt.BigInt(10))
			_ = row.Set("obj", ycrdt.Object(ycrdt.Field{Key: "a", Value: ycrdt.Number(1).Any()}))
			_ = row.Set("arr", ycrdt.List(ycrdt.Number(1).Any(), ycrdt.Number(2).Any()))
			m, err := row.SetMap("ymap")
			if err != nil {
				return err
			}
			_ = m.Set("k", ycrdt.Number(1))
			return row.Set("text", ycrdt.Undefined()) // as foreign as the Y.Text of the original
		}
		t.Fatalf("unknown raw change %q", kind)
		return nil
	}))
}
