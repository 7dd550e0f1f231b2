package yjscodec_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

type session struct {
	ID                      int
	GC, Ignore, Whole, Long bool
	Thrown                  string
	Steps                   []struct {
		Do      string
		Arg     json.RawMessage
		Updates []string
		Stacks  []int

		Position [4]any // list, index, assoc, bytes
		Found    [][2]any
		Snapshot [2]string
		Last     []bool
	}
	State    string
	Restored []*string
}

func TestEdits_AgreeWithYjs(t *testing.T) {
	played, steps, thrown := 0, 0, 0
	play(t, "edits.mjs", func(line []byte) {
		var s session
		require.NoError(t, json.Unmarshal(line, &s))
		if s.Thrown != "" {
			thrown++ // yjs itself gave up
			return
		}
		played++
		steps += len(s.Steps)
		if err := replay(s); err != nil {
			t.Errorf("seed %d: %v", s.ID, err)
		}
	})
	t.Logf("seeds %d to %d: %d sessions with %d steps agree; yjs threw in %d", *firstSeed, *firstSeed+*sessions-1, played, steps, thrown)
	require.Positive(t, played)
}

func replay(s session) error {
	d := ycrdt.New(&ycrdt.Options{ClientID: 10, DisableGC: !s.GC})
	var scope []ycrdt.Ref
	if err := d.Update(nil, func(tx *ycrdt.Txn) error {
		scope = []ycrdt.Ref{tx.Map("m").Ref(), tx.Text("t").Ref(), tx.XMLFragment("x").Ref()}
		tx.Array("a")
		return nil
	}); err != nil {
		return err
	}
	if s.Whole {
		scope = nil
	}
	timeout := time.Duration(-1)
	if s.Long {
		timeout = 1000 * time.Hour
	}
	u := ycrdt.NewUndoManager(d, &ycrdt.UndoOptions{CaptureTimeout: timeout, IgnoreRemoteMapChanges: s.Ignore}, scope...)
	var updates []string
	d.OnUpdate(func(u ycrdt.UpdateEvent) { updates = append(updates, base64.StdEncoding.EncodeToString(u.Update)) })
	for i, step := range s.Steps {
		updates = []string{}
		var err error
		switch step.Do {
		case "txn":
			arg, parseErr := lib0.ParseJSON(step.Arg)
			if parseErr != nil {
				return parseErr
			}
			err = d.Update(nil, func(tx *ycrdt.Txn) error {
				for _, op := range arg.List() {
					if err := perform(tx, op.List()); err != nil {
						return fmt.Errorf("%v: %w", op, err)
					}
				}
				return nil
			})
		case "net":
			var text string
			if err = json.Unmarshal(step.Arg, &text); err == nil {
				b, _ := base64.StdEncoding.DecodeString(text)
				err = d.Apply(b, "net")
			}
		case "stop":
			u.StopCapturing()
		case "undo":
			_, _ = u.Undo()
		case "redo":
			_, _ = u.Redo()
		}
		if err != nil {
			return fmt.Errorf("step %d %s: %w", i, step.Do, err)
		}
		if fmt.Sprint(updates) != fmt.Sprint(step.Updates) {
			return fmt.Errorf("step %d %s: updates differ\nyjs  %s\nhere %s", i, step.Do, dumps(step.Updates), dumps(updates))
		}
		undo, redo := u.Len()
		if undo != step.Stacks[0] || redo != step.Stacks[1] {
			return fmt.Errorf("step %d %s: stacks %v, not %d and %d", i, step.Do, step.Stacks, undo, redo)
		}
		if err := positions(d, step.Position, step.Found); err != nil {
			return fmt.Errorf("step %d %s: %w", i, step.Do, err)
		}
		snap := d.Snapshot()
		if got := snap.Encode(); !bytes.Equal(got, decoded(step.Snapshot[0])) {
			return fmt.Errorf("step %d %s: snapshot %x, not %x", i, step.Do, got, decoded(step.Snapshot[0]))
		}
		if got := snap.EncodeV2(); !bytes.Equal(got, decoded(step.Snapshot[1])) {
			return fmt.Errorf("step %d %s: snapshot V2 %x, not %x", i, step.Do, got, decoded(step.Snapshot[1]))
		}
		for k, u := range step.Updates {
			if got, err := snap.ContainsUpdate(decoded(u)); err != nil || got != step.Last[k] {
				return fmt.Errorf("step %d %s: contains %v, %v", i, step.Do, got, err)
			}
		}
	}
	for i, want := range s.Restored {
		if want == nil {
			continue
		}
		snap, _ := ycrdt.DecodeSnapshot(decoded(s.Steps[i].Snapshot[0]))
		old, err := d.Restore(snap, nil)
		if err != nil {
			return fmt.Errorf("restore %d: %w", i, err)
		}
		b, err := old.EncodeStateAsUpdate(nil)
		if got := base64.StdEncoding.EncodeToString(b); err != nil || got != *want {
			return fmt.Errorf("restore %d (%v)\nyjs  %s\nhere %s", i, err, dumps([]string{*want}), dumps([]string{got}))
		}
	}
	state, err := d.EncodeStateAsUpdate(nil)
	if got := base64.StdEncoding.EncodeToString(state); err != nil || got != s.State {
		return fmt.Errorf("the state differs (%v)\nyjs  %s\nhere %s", err, dumps([]string{s.State}), dumps([]string{got}))
	}
	return nil
}

func decoded(text string) []byte {
	b, _ := base64.StdEncoding.DecodeString(text)
	return b
}

// positions makes a relative position and finds others again.
func positions(d *ycrdt.Doc, made [4]any, found [][2]any) (err error) {
	d.View(func(r *ycrdt.Reader) {
		var list ycrdt.Shared
		for i, step := range made[0].([]any) {
			if i == 0 {
				list = r.Root(step.(string))
				continue
			}
			v, _ := element(list.XML().Children(), int(step.(float64)))
			list = v.Shared()
		}
		p, perr := list.PositionAt(int(made[1].(float64)), int(made[2].(float64)))
		if got := base64.StdEncoding.EncodeToString(p.Encode()); perr != nil || got != made[3] {
			err = fmt.Errorf("position %v: %s (%w)", made, got, perr)
			return
		}
		for _, f := range found {
			p, perr := ycrdt.DecodeRelativePosition(decoded(f[0].(string)))
			_, index, ok := r.Resolve(p)
			if perr != nil || ok != (f[1] != nil) || ok && float64(index) != f[1] {
				err = fmt.Errorf("position %+v found at %d, %v (%v), not at %v", p, index, ok, perr, f[1])
				return
			}
		}
	})
	return err
}

func dumps(updates []string) (out string) {
	for _, u := range updates {
		b, _ := base64.StdEncoding.DecodeString(u)
		text, err := update.Dump(update.V1, b, nil)
		out += fmt.Sprintf("%s %v\n", text, err)
	}
	return out
}

// perform does one operation of edits.mjs.
func perform(tx *ycrdt.Txn, op []lib0.Any) error {
	num := func(i int) int { return int(op[i].Number()) }
	text, array, m, x := tx.Text("t"), tx.Array("a"), tx.Map("m"), tx.XMLFragment("x")
	switch op[0].Str() {
	case "tins":
		return text.Insert(num(1), op[2].Str())
	case "tdel":
		return text.Delete(num(1), num(2))
	case "fmt":
		return text.Format(num(1), num(2), ycrdt.Field{Key: op[3].Str(), Value: op[4]})
	case "embed":
		return text.InsertEmbed(num(1), ycrdt.Object(ycrdt.Field{Key: "v", Value: op[2]}))
	case "ins":
		var values []ycrdt.Value
		for _, v := range op[2].List() {
			values = append(values, ycrdt.Plain(v))
		}
		return array.Insert(num(1), values...)
	case "del":
		return array.Delete(num(1), num(2))
	case "set":
		return m.Set(op[1].Str(), ycrdt.Plain(op[2]))
	case "mdel":
		return m.Delete(op[1].Str())
	case "setmap":
		n, err := m.SetMap(op[1].Str())
		if err != nil {
			return err
		}
		return n.Set(op[2].Str(), ycrdt.Plain(op[3]))
	case "insmap":
		return array.Insert(num(1), ycrdt.NewMap(ycrdt.Member{Key: op[2].Str(), Value: ycrdt.Plain(op[3])}))
	case "arrset":
		v, _ := element(array.All(), num(1))
		return v.Map().Set(op[2].Str(), ycrdt.Plain(op[3]))
	case "xml":
		return x.Insert(num(1), ycrdt.NewXMLElement(op[2].Str(), nil, ycrdt.NewXMLText(op[3].Str())))
	case "xmldel":
		return x.Delete(num(1), num(2))
	case "xmlattr":
		v, _ := element(x.Children(), num(1))
		return v.Shared().XML().SetAttribute(op[2].Str(), ycrdt.Plain(op[3]))
	case "xmltext":
		v, _ := element(x.Children(), num(1))
		v, _ = element(v.Shared().XML().Children(), 0)
		return v.Shared().Text().Insert(0, op[2].Str())
	case "clear":
		return m.Clear()
	case "deep":
		inner := ycrdt.NewMap(ycrdt.Member{Key: "x", Value: ycrdt.Plain(op[3])})
		return m.Set(op[1].Str(), ycrdt.NewMap(ycrdt.Member{Key: op[2].Str(), Value: inner}))
	case "bin":
		return m.Set(op[1].Str(), ycrdt.Bytes([]byte{1, 2, 3}))
	case "nested":
		return m.GetMap(op[1].Str()).Set(op[2].Str(), ycrdt.Plain(op[3]))
	}
	return fmt.Errorf("unknown operation %v", op)
}

func element(all iter.Seq2[int, ycrdt.Value], n int) (ycrdt.Value, bool) {
	for i, v := range all {
		if i == n {
			return v, true
		}
	}
	return ycrdt.Value{}, false
}
