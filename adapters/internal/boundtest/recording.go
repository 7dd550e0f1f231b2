package boundtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// Recording is what TinyBase's own persister did with one kind of document: a file in testdata/vectors/tinybase-store.
type Recording struct {
	File string // "yjs.json"

	// Decode turns the JSON of a marked or otherwise special cell into the JSON of what a Store reads of it; ok is false if it
	// reads nothing.
	Decode func(cell string, text json.RawMessage) (decoded json.RawMessage, ok bool)

	// Key turns a key of a document into an id of a Store; nil if they are the same.
	Key func(string) string
}

type (
	// Case is one scenario. What is indexed by peer is as long as Peers.
	Case struct {
		ID      string
		Peers   []CasePeer
		Initial [][][]byte `json:"initialUpdates"` // by peer
		Steps   []Step
		Final   []Final // by peer
	}
	// CasePeer says who a peer is.
	CasePeer struct {
		ClientID uint64 // of Yjs
		Actor    string // of Automerge
		Auto     *bool  // whether it loads and saves from the beginning; nil if it does
		MapName  string
		Initial  []json.RawMessage `json:"initialContent"` // tables and values
	}
	// Step is what one peer did, and the documents after it.
	Step struct {
		Op, Raw        string
		Peer, From, To int
		Args           []json.RawMessage
		Steps          []Step            // of a transaction or a burst
		Updates        [][][]byte        // by peer
		Docs           []json.RawMessage // by peer
	}
	// Final is what a peer had in the end.
	Final struct {
		Update, Saved  []byte // the document, of Yjs or of Automerge
		Doc            json.RawMessage
		Tables, Values json.RawMessage
		Differs        bool `json:"storeDiffersFromDoc"`
	}
)

// Run runs a test for each case, and reports how many passed.
func (r *Recording) Run(t *testing.T, what string, test func(*testing.T, Case)) {
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "tinybase-store"), r.File))
	require.NoError(t, err)
	var file struct{ Cases []Case }
	require.NoError(t, json.Unmarshal(text, &file))
	passed := 0
	for _, c := range file.Cases {
		if t.Run(c.ID, func(t *testing.T) { test(t, c) }) {
			passed++
		}
	}
	vectors.Report(t, fmt.Sprintf("tinybase-store/%s (%s)", r.File, what), passed, len(file.Cases))
}

// Doc returns what a Store reads of a document's JSON.
func (r *Recording) Doc(t testing.TB, doc json.RawMessage) *store.Snapshot {
	root := Members(doc)
	key := r.Key
	if key == nil {
		key = asIs
	}
	return r.content(t, root["t"], root["v"], key)
}

// Content returns what a Store reads of the JSON of tables and values.
func (r *Recording) Content(t testing.TB, tables, values json.RawMessage) *store.Snapshot {
	return r.content(t, tables, values, asIs)
}

func asIs(id string) string { return id }

// content reads tables and values. What is no object where a container should be is nothing.
func (r *Recording) content(t testing.TB, tables, values json.RawMessage, key func(string) string) *store.Snapshot {
	var b store.Builder
	put := func(cell string, text json.RawMessage, set func(store.Value) error) {
		if text, ok := r.Decode(cell, text); ok {
			require.NoError(t, set(parse(t, text)))
		}
	}
	for table, rows := range Members(tables) {
		for row, cells := range Members(rows) {
			for cell, text := range Members(cells) {
				put(cell, text, func(v store.Value) error { return b.SetCell(key(table), key(row), key(cell), v) })
			}
		}
	}
	for id, text := range Members(values) {
		put(id, text, func(v store.Value) error { return b.SetValue(key(id), v) })
	}
	return b.Snapshot()
}

// Members returns the members of an object, and none of anything else.
func Members(text json.RawMessage) (m map[string]json.RawMessage) {
	if len(text) == 0 || json.Unmarshal(text, &m) != nil {
		return nil
	}
	return m
}

// parse reads a cell that may be in the encoded form.
func parse(t testing.TB, text json.RawMessage) (v store.Value) {
	var err error
	if text[0] == '"' {
		var s string
		require.NoError(t, json.Unmarshal(text, &s))
		v, err = store.Of(s).Decoded()
	} else {
		v, err = store.ParseJSON(string(text))
	}
	require.NoError(t, err, "%s", text)
	return v
}

// Follow binds a Store to a document, with loading only, and gives the document what a peer's had got before and in each step of a
// case: the Store is at every step what the peer's document was.
func (r *Recording) Follow(t testing.TB, c Case, peer int, doc Document, apply func(update []byte) error) {
	s := Follow(t, doc)
	give := func(updates [][][]byte) {
		if peer < len(updates) {
			for _, u := range updates[peer] {
				require.NoError(t, apply(u))
			}
		}
	}
	give(c.Initial)
	for n, step := range c.Steps {
		give(step.Updates)
		RequireContent(t, r.Doc(t, step.Docs[peer]), s.Snapshot(), "peer %d after step %d", peer, n)
	}
}

// Player is a peer of a recording: a document and the Store that is bound to it.
type Player struct {
	Document
	Store *store.Store
	bound *persist.Persister
	raw   func(kind string, was, is json.RawMessage) error
}

// NewPlayer binds a Store to a document as a peer of a recording did. raw makes a change that the original's documents got
// directly: its name, and the document before and after it.
func NewPlayer(t testing.TB, peer CasePeer, doc Document, raw func(kind string, was, is json.RawMessage) error) *Player {
	p := &Player{Document: doc, Store: store.New(), raw: raw}
	p.bound = doc.Bind(p.Store)
	if peer.Auto == nil || *peer.Auto {
		require.NoError(t, p.bound.StartAutoLoad(ctx))
		require.NoError(t, p.bound.StartAutoSave(ctx))
	}
	return p
}

// Play plays step n of a case.
func (r *Recording) Play(t testing.TB, c Case, n int, peers []*Player) {
	step := c.Steps[n]
	p := peers[step.Peer]
	switch step.Op {
	case "save":
		require.NoError(t, p.bound.Save(ctx))
	case "load":
		require.NoError(t, p.bound.Load(ctx))
	case "startAutoLoad":
		require.NoError(t, p.bound.StartAutoLoad(ctx))
	case "startAutoSave":
		require.NoError(t, p.bound.StartAutoSave(ctx))
	case "stopAutoLoad":
		p.bound.StopAutoLoad()
	case "stopAutoSave":
		p.bound.StopAutoSave()
	case "copyDoc":
		require.NoError(t, peers[step.To].Merge(peers[step.From].Document))
	case "sync":
		for range 2 {
			for _, from := range peers {
				for _, to := range peers {
					if to != from {
						require.NoError(t, to.Merge(from.Document))
					}
				}
			}
		}
	case "raw":
		was := json.RawMessage(`{}`)
		if n > 0 {
			was = c.Steps[n-1].Docs[step.Peer]
		}
		require.NoError(t, p.raw(step.Raw, was, step.Docs[step.Peer]))
	case "burst":
		for _, s := range step.Steps {
			require.NoError(t, p.Store.Update(func(tx *store.Tx) error { return r.operate(t, tx, s) }))
		}
	default:
		require.NoError(t, p.Store.Update(func(tx *store.Tx) error { return r.operate(t, tx, step) }))
	}
	for i, p := range peers {
		if p.bound.Status().AutoLoading {
			RequireContent(t, Content(t, p), p.Store.Snapshot(), "the Store of peer %d equals its document after step %d", i, n)
		}
	}
}

// RequireNothingMissing compares the documents with those of the original after step n: they may have more where the original
// loses something, which one peer alone does not.
func (r *Recording) RequireNothingMissing(t testing.TB, c Case, n int, peers []*Player) {
	for i, p := range peers {
		d := store.Diff(r.Doc(t, c.Steps[n].Docs[i]), Content(t, p))
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

// operate makes one Store operation of the original.
func (r *Recording) operate(t testing.TB, tx *store.Tx, step Step) error {
	str := func(i int) (s string) {
		if json.Unmarshal(step.Args[i], &s) != nil {
			s = string(step.Args[i])
		}
		return s
	}
	val := func(i int) store.Value { return parse(t, step.Args[i]) }
	wrap := func(raw json.RawMessage, keys ...string) *store.Snapshot {
		text := string(raw)
		for i := len(keys) - 1; i >= 0; i-- {
			k, _ := json.Marshal(keys[i])
			text = fmt.Sprintf("{%s:%s}", k, text)
		}
		return r.Content(t, json.RawMessage(text), nil)
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
		return tx.ReplaceIn(store.Tables(), r.Content(t, step.Args[0], nil))
	case "setTable":
		return tx.ReplaceIn(store.Table(str(0)), wrap(step.Args[1], str(0)))
	case "setValue":
		return tx.SetValue(str(0), val(1))
	case "setValues":
		return tx.ReplaceIn(store.Values(), r.Content(t, nil, step.Args[0]))
	case "setContent":
		var halves []json.RawMessage
		require.NoError(t, json.Unmarshal(step.Args[0], &halves))
		return tx.ReplaceIn(store.Path{}, r.Content(t, halves[0], halves[1]))
	case "setPartialRow":
		return tx.Apply(store.Diff(nil, wrap(step.Args[2], str(0), str(1))))
	case "setPartialValues":
		return tx.Apply(store.Diff(nil, r.Content(t, nil, step.Args[0])))
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
			if err := r.operate(t, tx, s); err != nil {
				return err
			}
		}
		return nil
	}
	t.Fatalf("unknown operation %q", step.Op)
	return nil
}
