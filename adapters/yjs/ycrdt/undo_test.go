package ycrdt_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

// refs returns the types with the given root names.
func refs(d *ycrdt.Doc, names ...string) (out []ycrdt.Ref) {
	d.View(func(r *ycrdt.Reader) {
		for _, name := range names {
			out = append(out, r.Root(name).Ref())
		}
	})
	return out
}

func TestVectors_Undo(t *testing.T) {
	list := scenarios(t, "undo.json")
	passed := 0
	for _, s := range list {
		c := &differ{t: t}
		d := newDoc(uint64(field(s, "clientID").Number()), true)
		var names []string
		for _, n := range field(s, "scope").List() {
			names = append(names, n.Str())
		}
		u := ycrdt.NewUndoManager(d, &ycrdt.UndoOptions{CaptureTimeout: -1}, refs(d, names...)...)
		var v1, v2 [][]byte
		d.OnUpdate(func(u ycrdt.UpdateEvent) { v1 = append(v1, u.Update) })
		d.OnUpdateV2(func(u ycrdt.UpdateEvent) { v2 = append(v2, u.Update) })
		for i, step := range field(s, "steps").List() {
			v1, v2 = nil, nil
			do := field(step, "do").List()
			what := "step " + strconv.Itoa(i) + " " + do[0].Str()
			switch do[0].Str() {
			case "undo":
				_, _ = u.Undo()
			case "redo":
				_, _ = u.Redo()
			case "txn":
				c.ok(what, d.Update(nil, func(tx *ycrdt.Txn) error {
					for _, op := range do[1].List() {
						if err := perform(tx, op.List()); err != nil {
							return err
						}
					}
					return nil
				}))
			default:
				t.Fatalf("unknown step %v", do)
			}
			c.ok(what+": check", ycrdt.Check(d))
			want := field(step, "updates").List()
			if len(want) != len(v1) {
				c.bad = true
				t.Logf("%s: %d updates, want %d", what, len(v1), len(want))
				break
			}
			for j, w := range want {
				c.bytes(what+" v1", blob(w, "v1"), v1[j])
				c.bytes(what+" v2", blob(w, "v2"), v2[j])
			}
			c.value(what+" json", field(step, "json"), docJSON(d))
			undo, redo := u.Len()
			c.value(what+" stacks", lib0.ListOf(field(step, "canUndo"), field(step, "canRedo")),
				lib0.ListOf(lib0.NumberOf(float64(undo)), lib0.NumberOf(float64(redo))))
			if c.bad {
				break
			}
		}
		if !c.bad {
			c.expect(d, field(s, "expect"))
		}
		if c.bad {
			t.Logf("^^^ %s", field(s, "id").Str())
		} else {
			passed++
		}
	}
	vectors.Report(t, "yjs/undo", passed, len(list))
}

func set(t require.TestingT, d *ycrdt.Doc, origin any, key string, v ycrdt.Value) {
	require.NoError(t, d.Update(origin, func(tx *ycrdt.Txn) error { return tx.Map("m").Set(key, v) }))
}

func TestUndo_ChangesWithinTheTimeoutAreOneStep(t *testing.T) {
	d := newDoc(1, true)
	now := time.Unix(1000, 0)
	u := ycrdt.NewUndoManager(d, &ycrdt.UndoOptions{Now: func() time.Time { return now }}, refs(d, "m")...)
	var events []ycrdt.UndoEvent
	u.OnEvent(func(e ycrdt.UndoEvent) { events = append(events, e) })
	set(t, d, nil, "a", ycrdt.Number(1))
	now = now.Add(499 * time.Millisecond)
	set(t, d, nil, "a", ycrdt.Number(2))
	now = now.Add(500 * time.Millisecond)
	set(t, d, nil, "a", ycrdt.Number(3))
	u.StopCapturing()
	set(t, d, nil, "b", ycrdt.Number(4))
	undo, redo := u.Len()
	require.Equal(t, []int{3, 0}, []int{undo, redo})

	top, err := u.Undo()
	require.NoError(t, err)
	require.Equal(t, `{"a":3}`, docJSON(d).Fields()[0].Value.String())
	_, err = u.Undo()
	require.NoError(t, err)
	require.Equal(t, `{"a":2}`, docJSON(d).Fields()[0].Value.String())
	_, err = u.Undo()
	require.NoError(t, err)
	require.Equal(t, `{}`, docJSON(d).Fields()[0].Value.String())
	_, err = u.Undo()
	require.ErrorIs(t, err, ycrdt.ErrNothingToUndo)
	require.False(t, u.CanUndo())
	require.True(t, u.CanRedo())
	for range 3 {
		_, err = u.Redo()
		require.NoError(t, err)
	}
	require.Equal(t, `{"a":3,"b":4}`, docJSON(d).Fields()[0].Value.String())

	kinds := []ycrdt.UndoEventKind{}
	for _, e := range events[:6] {
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []ycrdt.UndoEventKind{
		ycrdt.StackItemAdded, ycrdt.StackItemUpdated, ycrdt.StackItemAdded, ycrdt.StackItemAdded, ycrdt.StackItemAdded, ycrdt.StackItemPopped,
	}, kinds)
	require.Same(t, top, events[5].Item)
	require.Same(t, top, events[3].Item)
	require.Equal(t, ycrdt.TypeRedo, events[4].Type)
}

func TestUndo_LeavesAloneWhatOthersDid(t *testing.T) {
	a, b := newDoc(1, true), newDoc(2, true)
	u := ycrdt.NewUndoManager(a, &ycrdt.UndoOptions{CaptureTimeout: -1}, refs(a, "m", "t")...)
	sync := func() {
		for _, p := range [][2]*ycrdt.Doc{{a, b}, {b, a}} {
			update, err := p[0].EncodeStateAsUpdate(p[1].StateVector())
			require.NoError(t, err)
			require.NoError(t, p[1].Apply(update, "net"))
		}
	}
	text := func(d *ycrdt.Doc, at int, s string) {
		require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Text("t").Insert(at, s) }))
	}
	text(a, 0, "mine")
	sync()
	text(b, 2, "THEIRS")
	sync()
	undo, _ := u.Len()
	require.Equal(t, 1, undo, "what came from the net is not on the stack")
	_, err := u.Undo()
	require.NoError(t, err)
	require.Equal(t, "THEIRS", field(docJSON(a), "t").Str())
	_, err = u.Redo()
	require.NoError(t, err)
	require.Equal(t, "miTHEIRSne", field(docJSON(a), "t").Str())
	sync()
	require.Equal(t, "miTHEIRSne", field(docJSON(b), "t").Str())

	// Somebody else has set the key since: undo has no effect on it, unless it is told to.
	set(t, a, nil, "k", ycrdt.Number(1))
	set(t, a, nil, "k", ycrdt.Number(2))
	sync()
	set(t, b, nil, "k", ycrdt.Number(3))
	sync()
	_, err = u.Undo()
	require.NoError(t, err)
	require.Equal(t, `{"k":3}`, field(docJSON(a), "m").String())
}

func TestUndo_TracksOnlyItsScopeAndOrigins(t *testing.T) {
	d := newDoc(1, true)
	u := ycrdt.NewUndoManager(d, &ycrdt.UndoOptions{CaptureTimeout: -1, Origins: []any{"user"}}, refs(d, "m")...)
	set(t, d, nil, "a", ycrdt.Number(1))
	set(t, d, []int{1}, "a", ycrdt.Number(1)) // an origin that cannot be compared
	require.NoError(t, d.Update("user", func(tx *ycrdt.Txn) error { return tx.Text("t").Insert(0, "x") }))
	require.False(t, u.CanUndo())
	set(t, d, "user", "a", ycrdt.Number(2))
	u.AddToScope(refs(d, "t")...)
	require.NoError(t, d.Update("user", func(tx *ycrdt.Txn) error { return tx.Text("t").Insert(0, "y") }))
	undo, _ := u.Len()
	require.Equal(t, 2, undo)
	u.RemoveTrackedOrigin("user")
	set(t, d, "user", "a", ycrdt.Number(3))
	u.AddTrackedOrigin("other")
	set(t, d, "other", "b", ycrdt.Number(4))
	undo, _ = u.Len()
	require.Equal(t, 3, undo)
	u.Close()
	set(t, d, "other", "b", ycrdt.Number(5))
	require.False(t, u.CanUndo())
}

func TestUndo_ForgetsTheOldestStepsAboveTheLimit(t *testing.T) {
	d := newDoc(1, true)
	u := ycrdt.NewUndoManager(d, &ycrdt.UndoOptions{CaptureTimeout: -1, Limit: 3})
	for i := range 10 {
		set(t, d, nil, "a", ycrdt.Number(float64(i)))
	}
	for range 3 {
		_, err := u.Undo()
		require.NoError(t, err)
	}
	_, err := u.Undo()
	require.ErrorIs(t, err, ycrdt.ErrNothingToUndo)
	require.Equal(t, `{"a":6}`, field(docJSON(d), "m").String())
	require.NoError(t, ycrdt.Check(d))
	u.Clear()
	require.False(t, u.CanRedo())
	require.NoError(t, ycrdt.Check(d))
}

func TestUndo_MetaTravelsWithTheStep(t *testing.T) {
	d := newDoc(1, true)
	u := ycrdt.NewUndoManager(d, nil, refs(d, "m")...)
	u.OnEvent(func(e ycrdt.UndoEvent) {
		if e.Kind == ycrdt.StackItemAdded {
			e.Item.Meta.Store("cursor", 5)
		}
		u.CanUndo() // the document is not locked
	})
	set(t, d, nil, "a", ycrdt.Number(1))
	s, err := u.Undo()
	require.NoError(t, err)
	cursor, _ := s.Meta.Load("cursor")
	require.Equal(t, 5, cursor)
}

// Undoing all steps and redoing them leads through the same states.
func TestUndo_AndRedoLeadThroughTheSameStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDoc(1, rapid.Bool().Draw(t, "gc"))
		u := ycrdt.NewUndoManager(d, &ycrdt.UndoOptions{CaptureTimeout: -1})
		states := []string{docJSON(d).String()}
		for range rapid.IntRange(1, 10).Draw(t, "transactions") {
			require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error { return randomEdit(t, tx) }))
			if n, _ := u.Len(); n == len(states) {
				states = append(states, docJSON(d).String())
			}
		}
		require.NoError(t, ycrdt.Check(d))
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			for i := len(states) - 2; i >= 0; i-- {
				_, err := u.Undo()
				require.NoError(t, err)
				require.NoError(t, ycrdt.Check(d))
				require.Equal(t, sortedText(states[i]), sortedText(docJSON(d).String()))
			}
			for i := 1; i < len(states); i++ {
				_, err := u.Redo()
				require.NoError(t, err)
				require.NoError(t, ycrdt.Check(d))
				require.Equal(t, sortedText(states[i]), sortedText(docJSON(d).String()))
			}
		}
	})
}

func sortedText(json string) string {
	v, _ := lib0.ParseJSON([]byte(json))
	return sorted(v).String()
}

// randomEdit makes a change that leaves something to undo.
func randomEdit(t *rapid.T, tx *ycrdt.Txn) error {
	text, m, a := tx.Text("t"), tx.Map("m"), tx.Array("a")
	key := rapid.SampledFrom([]string{"", "k"}).Draw(t, "key")
	switch rapid.IntRange(0, 6).Draw(t, "what") {
	case 0:
		return text.Insert(rapid.IntRange(0, text.Len()).Draw(t, "at"), rapid.SampledFrom([]string{"a", "bcd"}).Draw(t, "text"))
	case 1:
		at := rapid.IntRange(0, text.Len()).Draw(t, "at")
		return text.Delete(at, rapid.IntRange(0, text.Len()-at).Draw(t, "n"))
	case 2:
		return m.Set(key, ycrdt.Number(float64(rapid.IntRange(0, 9).Draw(t, "n"))))
	case 3:
		return m.Set(key, ycrdt.NewMap(ycrdt.Member{Key: "n", Value: ycrdt.NewArray(ycrdt.Number(1), ycrdt.Number(2))}))
	case 4:
		return m.Delete(key)
	case 5:
		return a.Insert(rapid.IntRange(0, a.Len()).Draw(t, "at"), ycrdt.Number(1), ycrdt.Null(), ycrdt.Number(2))
	}
	if a.Len() == 0 {
		return nil
	}
	at := rapid.IntRange(0, a.Len()-1).Draw(t, "at")
	return a.Delete(at, rapid.IntRange(1, a.Len()-at).Draw(t, "n"))
}
