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
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
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

// fromJSON returns the Store content of a document's or a Store's JSON. Marked objects are foreign, and what is no object where
// a container should be is nothing.
func fromJSON(t testing.TB, tables, values json.RawMessage) *store.Snapshot {
	var b store.Builder
	put := func(cell string, text json.RawMessage, set func(store.Value) error) {
		if _, marked := members(text)["$"]; marked || string(text) == `{"k":1}` && cell == "ymap" { // a Y.Map is not marked
			return
		}
		v, ok := parseCell(string(text))
		require.True(t, ok)
		require.NoError(t, set(v))
	}
	for table, rows := range members(tables) {
		for row, cells := range members(rows) {
			for cell, text := range members(cells) {
				put(cell, text, func(v store.Value) error { return b.SetCell(table, row, cell, v) })
			}
		}
	}
	for id, text := range members(values) {
		put("", text, func(v store.Value) error { return b.SetValue(id, v) })
	}
	return b.Snapshot()
}

// members returns the members of an object, and none of anything else.
func members(text json.RawMessage) (m map[string]json.RawMessage) {
	if len(text) == 0 || json.Unmarshal(text, &m) != nil {
		return nil
	}
	return m
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
	root := members(doc)
	return fromJSON(t, root["t"], root["v"])
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
				doc, s := newDoc(99), store.New()
				p := yjs.Bind(s, doc, &yjs.Options{Map: peer.MapName})
				require.NoError(t, p.StartAutoLoad(ctx))
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

// The same operations on a Store lead to the same documents. Where the original loses something, they lead to what should
// have come out: every cell is a register of its own, see registers.
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
	doc   *ycrdt.Doc
	s     *store.Store
	p     *persist.Persister
	o     *yjs.Options
	model *registers
}

func (rp *replayPeer) content(t *testing.T) *store.Snapshot {
	content, err := yjs.Content(rp.doc, rp.o)
	require.NoError(t, err)
	return content
}

func replay(t *testing.T, c vectorCase) {
	var peers []*replayPeer
	for _, vp := range c.Peers {
		rp := &replayPeer{doc: newDoc(vp.ClientID), s: store.New(), o: &yjs.Options{Map: vp.MapName}, model: newRegisters(vp.ClientID)}
		if vp.Initial != nil {
			rp.o.Persist = &persist.Options{Initial: fromJSON(t, vp.Initial[0], vp.Initial[1])}
		}
		rp.p = yjs.Bind(rp.s, rp.doc, rp.o)
		if vp.Auto == nil || *vp.Auto {
			require.NoError(t, rp.p.StartAutoLoad(ctx))
			require.NoError(t, rp.p.StartAutoSave(ctx))
		}
		rp.model.write(store.Diff(nil, rp.content(t)))
		peers = append(peers, rp)
	}
	for n, step := range c.Steps {
		before := peers[step.Peer].content(t)
		was := json.RawMessage(`{}`)
		if n > 0 {
			was = c.Steps[n-1].Docs[step.Peer]
		}
		play(t, peers, step, was)
		switch step.Op {
		case "copyDoc":
			peers[step.To].model.merge(peers[step.From].model)
		case "sync":
			for range 2 {
				for _, from := range peers {
					for _, to := range peers {
						to.model.merge(from.model)
					}
				}
			}
		default:
			peers[step.Peer].model.write(store.Diff(before, peers[step.Peer].content(t)))
		}
		for i, rp := range peers {
			content := rp.content(t)
			if rp.p.Status().AutoLoading {
				requireContent(t, content, rp.s.Snapshot(), "the Store equals the document")
			}
			requireContent(t, rp.model.content(t), content, "peer %d after step %d", i, n)
			original := fromDoc(t, step.Docs[i])
			if d := store.Diff(original, content); !d.IsEmpty() {
				require.Greater(t, len(peers), 1, "one peer alone has nothing to lose")
				for _, x := range d.Cells {
					require.True(t, x.New.Exists(), "%v is missing", x.Path())
				}
				for _, x := range d.Values {
					require.True(t, x.New.Exists(), "%v is missing", x.Path())
				}
				t.Logf("peer %d after step %d, compared with the original, which loses or forgets:\n%v", i, n, d)
			}
		}
	}
}

func play(t *testing.T, peers []*replayPeer, step vectorStep, was json.RawMessage) {
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
	case "stopAutoLoad":
		rp.p.StopAutoLoad()
	case "stopAutoSave":
		rp.p.StopAutoSave()
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
		playRaw(t, rp, step.Raw, was, step.Docs[step.Peer])
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
	case "setPartialRow":
		return tx.Apply(store.Diff(nil, wrap(step.Args[2], str(0), str(1))))
	case "setPartialValues":
		return tx.Apply(store.Diff(nil, fromJSON(t, nil, step.Args[0])))
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

// playRaw makes one of the changes that the original's documents got directly. One that is not known by name is made so
// that the document's JSON comes to differ in the same way.
func playRaw(t *testing.T, rp *replayPeer, kind string, was, is json.RawMessage) {
	name := rp.o.Map
	if name == "" {
		name = yjs.DefaultMap
	}
	require.NoError(t, rp.doc.Update("raw", func(tx *ycrdt.Txn) error {
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
	}))
}

// difference makes a map differ as two JSON texts of it differ. Objects are maps down to the rows.
func difference(m ycrdt.Map, was, is json.RawMessage, depth int) error {
	before, after := members(was), members(is)
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
		if depth < 3 && text[0] == '{' && members(text)["$"] == nil {
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
