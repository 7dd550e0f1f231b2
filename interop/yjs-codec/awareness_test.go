package yjscodec_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/awareness"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

type awarenessSession struct {
	ID      int
	Clients []uint64
	Steps   []struct {
		Do     string
		Who    int
		Arg    json.RawMessage
		Events [][6]any
		All    string
	}
}

func TestAwareness_AgreesWithYProtocols(t *testing.T) {
	steps := 0
	play(t, "awareness.mjs", func(line []byte) {
		var s awarenessSession
		require.NoError(t, json.Unmarshal(line, &s))
		steps += len(s.Steps)
		if err := replayAwareness(s); err != nil {
			t.Errorf("seed %d: %v", s.ID, err)
		}
	})
	t.Logf("seeds %d to %d: %d steps agree", *firstSeed, *firstSeed+*sessions-1, steps)
	require.Positive(t, steps)
}

func replayAwareness(s awarenessSession) error {
	now := time.Unix(0, 0)
	var all []*awareness.Awareness
	for _, c := range s.Clients {
		all = append(all, awareness.New(c, now, nil))
	}
	for i, step := range s.Steps {
		a := all[step.Who]
		var ev awareness.Event
		var err error
		switch step.Do {
		case "set", "field":
			var text string
			if err := json.Unmarshal(step.Arg, &text); err != nil {
				return err
			}
			if step.Do == "set" {
				ev, err = a.SetLocal([]byte(text), now)
				break
			}
			v, parseErr := lib0.ParseJSON([]byte(text))
			if parseErr != nil {
				return parseErr
			}
			ev, err = a.SetLocalField("f", v, now)
		case "remove":
			var gone []uint64
			if err := json.Unmarshal(step.Arg, &gone); err != nil {
				return err
			}
			ev = a.Remove(gone, "gone", now)
		case "encode":
			var arg [2]json.RawMessage
			var known []uint64
			var message string
			if json.Unmarshal(step.Arg, &arg) != nil || json.Unmarshal(arg[0], &known) != nil || json.Unmarshal(arg[1], &message) != nil {
				return fmt.Errorf("step %d: %s", i, step.Arg)
			}
			if got := base64.StdEncoding.EncodeToString(a.Encode(known...)); got != message {
				return fmt.Errorf("step %d: encoded %s, not %s", i, got, message)
			}
		case "apply":
			var message string
			if err := json.Unmarshal(step.Arg, &message); err != nil {
				return err
			}
			ev, err = a.Apply(decoded(message), "net", now)
		}
		if err != nil {
			return fmt.Errorf("step %d %s: %w", i, step.Do, err)
		}
		if got, want := theirs(step.Who, a.Client(), ev), fmt.Sprint(step.Events); got != want {
			return fmt.Errorf("step %d %s %s: events\n%s, not\n%s", i, step.Do, step.Arg, got, want)
		}
		if got := base64.StdEncoding.EncodeToString(a.EncodeAll()); got != step.All {
			return fmt.Errorf("step %d %s: states %s, not %s", i, step.Do, got, step.All)
		}
	}
	return nil
}

// theirs returns the events of y-protocols. It calls the own client removed if somebody else has said so, although it is still
// there.
func theirs(who int, own uint64, ev awareness.Event) string {
	if ev.Origin == "net" && slices.Contains(ev.Updated, own) && !slices.Contains(ev.Changed, own) {
		ev.Updated = slices.DeleteFunc(slices.Clone(ev.Updated), func(c uint64) bool { return c == own })
		ev.Removed = append(slices.Clone(ev.Removed), own)
	}
	list := func(ids []uint64) []any {
		out := []any{}
		for _, id := range ids {
			out = append(out, float64(id))
		}
		return out
	}
	out := [][6]any{}
	if ev.IsChange() {
		out = append(out, [6]any{float64(who), "change", list(ev.Added), list(ev.Changed), list(ev.Removed), fmt.Sprint(ev.Origin)})
	}
	if !ev.IsZero() {
		out = append(out, [6]any{float64(who), "update", list(ev.Added), list(ev.Updated), list(ev.Removed), fmt.Sprint(ev.Origin)})
	}
	return fmt.Sprint(out)
}
