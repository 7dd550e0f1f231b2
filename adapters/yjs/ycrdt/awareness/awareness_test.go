package awareness_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/awareness"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func field(v lib0.Any, key string) lib0.Any {
	f, _ := v.Get(key)
	return f
}

func blob(t testing.TB, v lib0.Any, key string) []byte {
	b, err := base64.StdEncoding.DecodeString(field(v, key).Str())
	require.NoError(t, err)
	return b
}

func text(t testing.TB, v lib0.Any) []byte {
	b, err := lib0.AppendJSON(nil, v)
	require.NoError(t, err)
	return b
}

func scenarios(t testing.TB) []lib0.Any {
	b, err := os.ReadFile(filepath.Join(vectors.Dir(t, "yjs"), "awareness.json"))
	require.NoError(t, err)
	file, err := lib0.ParseJSON(b)
	require.NoError(t, err)
	return field(file, "scenarios").List()
}

func TestVectors_Awareness(t *testing.T) {
	cases := scenarios(t)
	passed := 0
	for _, c := range cases {
		if t.Run(field(c, "id").Str(), func(t *testing.T) { checkVector(t, c) }) {
			passed++
		}
	}
	vectors.Report(t, "yjs/awareness", passed, len(cases))
}

func checkVector(t *testing.T, c lib0.Any) {
	client := uint64(field(c, "clientID").Number())
	sender := awareness.New(client, noon, nil)
	receiver := awareness.New(uint64(field(c, "receiverClientID").Number()), noon, nil)
	now := noon
	var last []byte
	for i, step := range field(c, "steps").List() {
		now = now.Add(time.Second)
		want := blob(t, step, "update")
		if clients, ok := step.Get("removeAwarenessStates"); ok {
			var gone []uint64
			for _, c := range clients.List() {
				gone = append(gone, uint64(c.Number()))
			}
			ev := receiver.Remove(gone, "timeout", now)
			require.Equal(t, want, receiver.Encode(gone...))
			checkEvents(t, step, ev)
			continue
		}
		message := last
		if state, ok := step.Get("setLocalState"); ok {
			if state.Str() != "initial" {
				_, err := sender.SetLocal(text(t, state), now)
				require.NoError(t, err)
			}
			message = sender.Encode(client)
		}
		last = message
		require.Equal(t, want, message, "step %d", i)
		ev, err := receiver.Apply(message, "net", now)
		require.NoError(t, err)
		checkEvents(t, step, ev)
		if states, ok := step.Get("receiver_states"); ok {
			checkStates(t, states, receiver)
		}
	}
	require.Equal(t, blob(t, c, "all_states_update"), receiver.EncodeAll())
	modified, err := awareness.Modify(last, nil, func(_ uint64, state lib0.Any) lib0.Any {
		if state.Kind() != lib0.Object {
			return state
		}
		return lib0.ObjectOf(append(slices.Clone(state.Fields()), lib0.Field{Key: "m", Value: lib0.NumberOf(1)})...)
	})
	require.NoError(t, err)
	require.Equal(t, blob(t, c, "modified"), modified)
}

func checkEvents(t *testing.T, step lib0.Any, ev awareness.Event) {
	ids := func(list []uint64) string { return fmt.Sprint(append([]uint64{}, list...)) }
	var got []string
	if ev.IsChange() {
		got = append(got, fmt.Sprint("change", ids(ev.Added), ids(ev.Changed), ids(ev.Removed), ev.Origin))
	}
	if !ev.IsZero() {
		got = append(got, fmt.Sprint("update", ids(ev.Added), ids(ev.Updated), ids(ev.Removed), ev.Origin))
	}
	var want []string
	for _, e := range field(step, "receiver_events").List() {
		list := func(key string) string {
			out := []uint64{}
			for _, v := range field(e, key).List() {
				out = append(out, uint64(v.Number()))
			}
			return fmt.Sprint(out)
		}
		want = append(want, fmt.Sprint(field(e, "type").Str(), list("added"), list("updated"), list("removed"), field(e, "origin").Str()))
	}
	require.Equal(t, want, got)
}

func checkStates(t *testing.T, want lib0.Any, a *awareness.Awareness) {
	require.Equal(t, len(want.List()), a.Len())
	for _, pair := range want.List() {
		state, ok := a.State(uint64(pair.List()[0].Number()))
		require.True(t, ok)
		require.Equal(t, string(text(t, pair.List()[1])), state)
	}
}

func TestPoll_RenewsOursAndDropsTheSilent(t *testing.T) {
	a, b := awareness.New(1, noon, nil), awareness.New(2, noon, nil)
	_, err := b.SetLocal([]byte(`{"name":"b"}`), noon)
	require.NoError(t, err)
	_, err = a.Apply(b.Encode(2), "net", noon)
	require.NoError(t, err)
	require.Empty(t, a.Poll(noon.Add(14*time.Second)))

	events := a.Poll(noon.Add(15 * time.Second))
	require.Equal(t, []awareness.Event{{Updated: []uint64{1}, Origin: awareness.Local}}, events)
	require.False(t, events[0].IsChange())

	events = a.Poll(noon.Add(30 * time.Second))
	require.Equal(t, []uint64{1}, events[0].Updated)
	require.Equal(t, awareness.Event{Removed: []uint64{2}, Origin: awareness.Timeout}, events[1])
	require.Equal(t, []uint64{1}, a.Clients())

	// The clock of the other stays: its next message is newer.
	_, err = b.SetLocal([]byte(`{"name":"b"}`), noon)
	require.NoError(t, err)
	ev, err := a.Apply(b.Encode(2), "net", noon.Add(31*time.Second))
	require.NoError(t, err)
	require.Equal(t, []uint64{2}, ev.Changed)
}

func TestApply_NobodyElseTakesOurStateAway(t *testing.T) {
	a := awareness.New(1, noon, nil)
	ev, err := a.Apply(awareness.Encode([]awareness.Entry{{Client: 1, Clock: 5, State: "null"}}), "net", noon)
	require.NoError(t, err)
	require.Equal(t, awareness.Event{Updated: []uint64{1}, Origin: "net"}, ev)
	require.Equal(t, "1@6 {}\n", a.String())
}

func TestApply_EqualStatesAreNoChange(t *testing.T) {
	a := awareness.New(1, noon, nil)
	say := func(clock uint64, state string) awareness.Event {
		ev, err := a.Apply(awareness.Encode([]awareness.Entry{{Client: 2, Clock: clock, State: state}}), nil, noon)
		require.NoError(t, err)
		return ev
	}
	require.Equal(t, []uint64{2}, say(1, `{"a":1,"b":[{}]}`).Added)
	ev := say(2, ` {"b" : [{}], "a":1.0}`)
	require.False(t, ev.IsChange())
	require.Equal(t, []uint64{2}, ev.Updated)
	require.True(t, say(3, `{"b":[{"c":1}],"a":1}`).IsChange())
	require.True(t, say(3, `{}`).IsZero())
}

func TestApply_BadMessagesChangeNothing(t *testing.T) {
	good := awareness.Entry{Client: 2, Clock: 1, State: "{}"}
	for name, c := range map[string]struct {
		message []byte
		kind    error
	}{
		"bad JSON":       {awareness.Encode([]awareness.Entry{good, {Client: 3, Clock: 1, State: "{"}}), lib0.ErrJSON},
		"cut":            {awareness.Encode([]awareness.Entry{good, good})[:7], lib0.ErrEnd},
		"trailing":       {append(awareness.Encode([]awareness.Entry{good}), 0), lib0.ErrTrailing},
		"too large":      {awareness.Encode([]awareness.Entry{good, {Client: 3, Clock: 1, State: `"` + string(make([]byte, 100)) + `"`}}), lib0.ErrLimit},
		"too many":       {awareness.Encode([]awareness.Entry{good, good, good, good}), lib0.ErrLimit},
		"a claim":        {lib0.AppendVarUint(nil, 1<<40), lib0.ErrEnd},
		"a clock's end":  {awareness.Encode([]awareness.Entry{{Client: 2, Clock: lib0.MaxSafe, State: "{}"}}), lib0.ErrRange},
		"no more places": {awareness.Encode([]awareness.Entry{good, {Client: 3, Clock: 1, State: "{}"}, {Client: 4, Clock: 1, State: "{}"}}), lib0.ErrLimit},
	} {
		a := awareness.New(1, noon, &awareness.Options{Clients: 3, PerMessage: 3, StateBytes: 50})
		ev, err := a.Apply(c.message, nil, noon)
		require.ErrorIs(t, err, c.kind, name)
		require.True(t, ev.IsZero())
		require.Equal(t, "1@0 {}\n", a.String(), name)
	}
}

func TestApply_ForgetsWhoHasGoneLongest(t *testing.T) {
	a := awareness.New(1, noon, &awareness.Options{Clients: 5})
	for i := uint64(2); i < 100; i++ {
		now := noon.Add(time.Duration(i) * time.Second)
		_, err := a.Apply(awareness.Encode([]awareness.Entry{{Client: i, Clock: 1, State: "{}"}}), nil, now)
		require.NoError(t, err)
		a.Remove([]uint64{i}, nil, now)
	}
	require.Equal(t, []uint64{1}, a.Clients())
	ev, err := a.Apply(awareness.Encode([]awareness.Entry{{Client: 99, Clock: 1, State: "{}"}}), nil, noon)
	require.NoError(t, err)
	require.True(t, ev.IsZero(), "an old message does not bring back who has just gone")
}

func TestListen_HearsEveryChangeUntilStopped(t *testing.T) {
	a := awareness.New(1, noon, nil)
	var heard []awareness.Event
	stop := a.Listen(func(e awareness.Event) {
		heard = append(heard, e)
		a.Len() // no lock is held
	})
	_, err := a.SetLocalField("name", lib0.StringOf("Zoë"), noon)
	require.NoError(t, err)
	state, _ := a.State(1)
	require.Equal(t, `{"name":"Zoë"}`, state)
	_, err = a.SetLocal(nil, noon)
	require.NoError(t, err)
	ev, err := a.SetLocalField("name", lib0.NullOf(), noon)
	require.NoError(t, err)
	require.True(t, ev.IsZero())
	stop()
	_, err = a.SetLocal([]byte(`{}`), noon)
	require.NoError(t, err)
	require.Len(t, heard, 2)
	require.Equal(t, []uint64{1}, heard[0].Changed)
	require.Equal(t, []uint64{1}, heard[1].Removed)
}

func FuzzApply(f *testing.F) {
	for _, c := range scenarios(f) {
		for _, s := range field(c, "steps").List() {
			f.Add(blob(f, s, "update"))
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		a := awareness.New(1, noon, &awareness.Options{Clients: 20})
		before := a.String()
		ev, err := a.Apply(message, nil, noon)
		if err != nil {
			require.Equal(t, before, a.String())
			return
		}
		b := awareness.New(1, noon, nil)
		_, err = b.Apply(a.EncodeAll(), nil, noon)
		require.NoError(t, err)
		require.Equal(t, a.Len(), b.Len())
		require.Equal(t, ev.IsZero(), len(ev.Clients()) == 0)
	})
}

func Example() {
	now := time.Now()
	a, b := awareness.New(1, now, nil), awareness.New(2, now, nil)
	ev, _ := a.SetLocal([]byte(`{"user":"Ada"}`), now)
	message := a.Encode(ev.Clients()...) // to everybody who is connected

	ev, _ = b.Apply(message, "connection 7", now)
	fmt.Println(ev.Added, ev.Origin)
	fmt.Print(b)
	// Output:
	// [1] connection 7
	// 2@0 {}
	// 1@1 {"user":"Ada"}
}
