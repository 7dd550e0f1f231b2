//go:build cgo

package automerge_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

type (
	tbCase struct {
		ID, Title string
		Peers     []tbPeer
		Initial   [][]string `json:"initialUpdates"`
		Steps     []tbStep
		Final     []tbFinal
	}
	tbPeer struct {
		Actor   string
		Auto    *bool
		MapName string
		Initial []json.RawMessage `json:"initialContent"`
	}
	tbStep struct {
		Op, Raw        string
		Peer, From, To int
		Args           []json.RawMessage
		Steps          []tbStep
		Updates        [][]string
		Docs           []json.RawMessage
	}
	tbFinal struct {
		Saved          string
		Doc            json.RawMessage
		Tables, Values json.RawMessage
		Differs        bool `json:"storeDiffersFromDoc"`
	}
)

func tbCases(t *testing.T) []tbCase {
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-store"), "automerge.json"))
	require.NoError(t, err)
	var file struct{ Cases []tbCase }
	require.NoError(t, json.Unmarshal(text, &file))
	return file.Cases
}

func unbase64(t testing.TB, s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}

// fromJSON returns the Store content of a document's or a Store's JSON. A marked object is what a Store reads of it.
func fromJSON(t testing.TB, tables, values json.RawMessage, key func(string) string) *store.Snapshot {
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
		var marked struct {
			Mark string `json:"$"`
			V    json.RawMessage
		}
		if json.Unmarshal(text, &marked) == nil && marked.Mark != "" {
			switch marked.Mark {
			case "counter", "str":
				text = marked.V
			case "bigint":
				var s string
				require.NoError(t, json.Unmarshal(marked.V, &s))
				n, err := strconv.ParseInt(s, 10, 64)
				if err != nil || n > 1<<53 || n < -1<<53 {
					return
				}
				text = json.RawMessage(s)
			default:
				return
			}
		}
		v, ok := parseCell(string(text))
		require.True(t, ok, "%s", text)
		require.NoError(t, set(v))
	}
	for table, rows := range ts {
		for row, cells := range rows {
			for cell, text := range cells {
				put(text, func(v store.Value) error { return b.SetCell(key(table), key(row), key(cell), v) })
			}
		}
	}
	for id, text := range vs {
		put(text, func(v store.Value) error { return b.SetValue(key(id), v) })
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

func asIs(s string) string { return s }

// fromDoc reads a document's JSON, whose keys are escaped.
func fromDoc(t testing.TB, doc json.RawMessage) *store.Snapshot {
	var root struct{ T, V json.RawMessage }
	if len(doc) > 0 && string(doc) != "null" {
		require.NoError(t, json.Unmarshal(doc, &root))
	}
	return fromJSON(t, root.T, root.V, func(s string) string {
		if s != "" && s[0] == 0 {
			return s[1:]
		}
		return s
	})
}

func requireContent(t testing.TB, want, got *store.Snapshot, msg ...any) {
	t.Helper()
	require.Equal(t, store.Diff(nil, want).String(), store.Diff(nil, got).String(), msg...)
}

func tbOptions(p tbPeer) *automerge.Options { return &automerge.Options{Root: p.MapName} }

// What the original wrote is read as the original read it, or better where the original drops values.
func TestVectors_OfTheOriginalAreRead(t *testing.T) {
	cases := tbCases(t)
	passed := 0
	for _, c := range cases {
		if t.Run(c.ID, func(t *testing.T) {
			for i, f := range c.Final {
				doc := load(t, unbase64(t, f.Saved))
				heads := doc.Heads()
				s := follow(t, doc, tbOptions(c.Peers[i]))
				want := fromDoc(t, f.Doc)
				requireContent(t, want, s.Snapshot())
				require.Equal(t, heads, doc.Heads(), "loading writes nothing")
				s = bind(t, doc, tbOptions(c.Peers[i]))
				if !f.Differs {
					for _, x := range store.Diff(fromJSON(t, f.Tables, f.Values, asIs), s.Snapshot()).Cells {
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
		}) {
			passed++
		}
	}
	vectors.Report(t, "tinybase-store/automerge.json (read)", passed, len(cases))
}

// A Store follows the documents of the original change by change.
func TestVectors_OfTheOriginalAreFollowed(t *testing.T) {
	cases := tbCases(t)
	passed := 0
	for _, c := range cases {
		if t.Run(c.ID, func(t *testing.T) {
			for i, peer := range c.Peers {
				doc := newDoc(t, "\x99")
				s := follow(t, doc, tbOptions(peer))
				apply := func(updates [][]string) {
					if i < len(updates) {
						for _, u := range updates[i] {
							require.NoError(t, doc.Apply("peer", unbase64(t, u)))
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
	vectors.Report(t, "tinybase-store/automerge.json (follow)", passed, len(cases))
}

// What the documents of the original have in the end and ours have not, and why that is better.
var better = map[string]struct{ why, holds string }{
	"am-007": {"numbers that an integer cannot hold are written as floats", "+ t1/r1/a 9007199254740991\n+ t1/r1/b 1e+21\n+ t1/r1/c 1e+300\n+ t1/r1/ok 1\n"},
	"am-029": {"foreign values stay as they are, and can be read", "+ t/new/n 1\n+ t/x/big 10\n+ t/x/counter 5\n+ t/x/n 1\n+ t/x/obj {\"a\":1}\n+ t/x/text \"scalar\"\n"},
	"am-046": {"deleting a table deletes the cells that were known, so a cell written at the same time is kept", "+ a/r/c 2\n+ b/r/c 1\n"},
	"am-053": {"a deleted cell is a deleted cell", "+ t/x/s \"keep\"\n+ t/y/n 2\n+ t/y/s \"k\"\n+ t/z/n 3\n+ t/z/s \"new\"\n"},
}

type replayPeer struct {
	doc *automerge.Doc
	s   *store.Store
	p   *persist.Persister
	o   *automerge.Options
}

func (rp *replayPeer) content(t *testing.T) *store.Snapshot {
	content, _, err := automerge.NewTarget(rp.doc, rp.o).Read(ctx, []store.Path{{}})
	require.NoError(t, err)
	return content
}

// The same operations on a Store lead to the same documents, or to ones that have more where the original loses something.
func TestVectors_OfTheOriginalAreReplayed(t *testing.T) {
	cases := tbCases(t)
	passed := 0
	for _, c := range cases {
		if t.Run(c.ID, func(t *testing.T) { replay(t, c) }) {
			passed++
		}
	}
	vectors.Report(t, "tinybase-store/automerge.json (replay)", passed, len(cases))
}

func replay(t *testing.T, c tbCase) {
	var peers []*replayPeer
	for _, vp := range c.Peers {
		actor, err := amchange.ParseActor(vp.Actor)
		require.NoError(t, err)
		rp := &replayPeer{doc: newDoc(t, string(actor)), s: store.New(), o: tbOptions(vp)}
		if vp.Initial != nil {
			rp.o.Persist = &persist.Options{Initial: fromJSON(t, vp.Initial[0], vp.Initial[1], asIs)}
		}
		rp.p = automerge.Bind(rp.s, rp.doc, rp.o)
		if vp.Auto == nil || *vp.Auto {
			require.NoError(t, rp.p.StartAutoLoad(ctx))
			require.NoError(t, rp.p.StartAutoSave(ctx))
		}
		peers = append(peers, rp)
	}
	for n, step := range c.Steps {
		play(t, peers, step)
		for i, rp := range peers {
			content := rp.content(t)
			if rp.p.Status().AutoLoading {
				requireContent(t, content, rp.s.Snapshot(), "the Store equals the document")
			}
			if better[c.ID].why != "" {
				continue
			}
			d := store.Diff(fromDoc(t, step.Docs[i]), content)
			if d.IsEmpty() {
				continue
			}
			require.Greater(t, len(peers), 1, "one peer alone has nothing to lose: after step %d\n%v", n, d)
			for _, x := range d.Cells {
				require.True(t, x.New.Exists(), "%v is missing after step %d", x.Path(), n)
			}
			for _, x := range d.Values {
				require.True(t, x.New.Exists(), "%v is missing after step %d", x.Path(), n)
			}
			t.Logf("peer %d after step %d, compared with the original, which loses or forgets:\n%v", i, n, d)
		}
	}
	for _, rp := range peers {
		requireContent(t, peers[0].content(t), rp.content(t))
	}
	if b := better[c.ID]; b.why != "" {
		require.Equal(t, b.holds, store.Diff(nil, peers[0].content(t)).String(), b.why)
	}
}

func play(t *testing.T, peers []*replayPeer, step tbStep) {
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
		require.NoError(t, peers[step.To].doc.Merge(peers[step.From].doc))
	case "sync":
		for range 2 {
			var docs []*automerge.Doc
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
func playStore(t *testing.T, tx *store.Tx, step tbStep) error {
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
		return fromJSON(t, json.RawMessage(text), nil, asIs)
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
		return tx.ReplaceIn(store.Tables(), fromJSON(t, step.Args[0], nil, asIs))
	case "setTable":
		return tx.ReplaceIn(store.Table(str(0)), wrap(step.Args[1], str(0)))
	case "setValue":
		return tx.SetValue(str(0), val(1))
	case "setValues":
		return tx.ReplaceIn(store.Values(), fromJSON(t, nil, step.Args[0], asIs))
	case "setContent":
		var halves []json.RawMessage
		require.NoError(t, json.Unmarshal(step.Args[0], &halves))
		return tx.ReplaceIn(store.Path{}, fromJSON(t, halves[0], halves[1], asIs))
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
func playRaw(t *testing.T, doc *automerge.Doc, kind string) {
	require.NoError(t, doc.Update("raw", func(tx *automerge.Tx) error {
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
		t.Fatalf("unknown raw change %q", kind)
		return nil
	}))
}
