package amchange_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/internal/vectors"
)

func equalJSON(a, b any) bool { return reflect.DeepEqual(a, b) }

func parse(t testing.TB, raw []byte) []*amchange.Change {
	t.Helper()
	out, err := amchange.ParseAll(raw, nil)
	require.NoError(t, err)
	return out
}

func TestIndex_AgreesWithEveryVector(t *testing.T) {
	passed, total := 0, 0
	for _, file := range vectors.Files(t, "automerge") {
		v := readVector(t, file)
		total++
		passed++
		if !t.Run(v.Name, func(t *testing.T) {
			ix, m := amchange.NewIndex(nil), newModel()
			for _, raw := range v.Changes {
				for _, c := range parse(t, raw) {
					addAndCompare(t, ix, m, c)
				}
			}
			var heads []string
			for _, h := range ix.Heads() {
				heads = append(heads, h.String())
			}
			require.Equal(t, v.Heads, heads)
			require.Equal(t, v.Expected, m.json(amchange.OpID{}))
			require.Equal(t, vectorConflicts(v), indexConflicts(ix, m))
		}) {
			passed--
		}
	}
	vectors.Report(t, "automerge index", passed, total)
}

// addAndCompare adds the change to both, and checks that the delta covers every difference and that the winners agree.
func addAndCompare(t testing.TB, ix *amchange.Index, m *model, c *amchange.Change) {
	t.Helper()
	before := m.json(amchange.OpID{})
	state := ix.State()
	b := ix.Begin()
	require.NoError(t, b.Add(c))
	b.Rollback()
	require.Equal(t, state, ix.State(), "a rollback leaves no trace")

	delta, err := ix.Add(c)
	require.NoError(t, err)
	m.add(c)
	after := m.json(amchange.OpID{})
	differences(before, after, nil, func(path []string) {
		require.True(t, covered(delta.Touched, path), "%q is not in %s", path, delta)
	})
	compareWinners(t, ix, after, nil)
}

func covered(touched [][]string, path []string) bool {
	return slices.ContainsFunc(touched, func(p []string) bool { return len(p) <= len(path) && slices.Equal(p, path[:len(p)]) })
}

func compareWinners(t require.TestingT, ix *amchange.Index, want any, path []string) {
	got, ok := ix.Get(path...)
	require.True(t, ok, path)
	w, isMap := want.(map[string]any)
	if !isMap || w["$"] != nil {
		switch got.Value.Kind() {
		case amchange.Text:
			text, ok := ix.Text(path...)
			require.True(t, ok)
			require.Equal(t, want, text, path)
		case amchange.List:
			items, ok := ix.ItemsOf(got.ID)
			require.True(t, ok)
			require.Len(t, items, len(want.([]any)))
			for i, it := range items {
				if !it.Value.Kind().IsObject() {
					require.Equal(t, want.([]any)[i], typedJSON(it.Value))
				}
			}
		default:
			require.Equal(t, want, typedJSON(got.Value), path)
		}
		return
	}
	require.Equal(t, amchange.Map, got.Value.Kind())
	n := 0
	for key := range ix.Entries(path...) {
		require.Contains(t, w, key)
		n++
	}
	require.Len(t, w, n)
	for key, v := range w {
		compareWinners(t, ix, v, append(slices.Clone(path), key))
	}
}

func vectorConflicts(v vector) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, c := range v.Conflicts {
		out[fmt.Sprint(c.Path, " ", c.Winner)] = c.Values
	}
	return out
}

// indexConflicts renders the index's conflict sets in the form of the vectors. Contents of objects come from the model.
func indexConflicts(ix *amchange.Index, m *model) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, c := range ix.Conflicts() {
		values := map[string]any{}
		for _, l := range c.Live {
			switch {
			case l.Value.Kind().IsObject():
				values[l.ID.String()] = plainStrings(m.json(l.ID))
			default:
				values[l.ID.String()] = plainStrings(typedJSON(l.Value))
			}
		}
		out[fmt.Sprint(c.Path, " ", c.Winner().ID)] = values
	}
	return out
}

func TestIndex_FollowsMarksBlocksAndLists(t *testing.T) {
	r := readRich(t)
	ix, m := amchange.NewIndex(nil), newModel()
	for _, raw := range r.Changes {
		for _, c := range parse(t, raw) {
			addAndCompare(t, ix, m, c)
		}
	}
	var heads []string
	for _, h := range ix.Heads() {
		heads = append(heads, h.String())
	}
	require.Equal(t, r.Heads, heads)
	require.Equal(t, r.Text, m.json(amchange.OpID{}).(map[string]any)["text"])
}

// plainStrings renders scalar strings as JavaScript's getConflicts does.
func plainStrings(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["$"] == "scalarString" {
			return v["v"]
		}
		for k, e := range v {
			v[k] = plainStrings(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plainStrings(e)
		}
	}
	return v
}

func TestIndex_FollowsTinyBasesPersister(t *testing.T) {
	for name, changes := range vectorChanges(t) {
		if !strings.HasPrefix(name, "am-") {
			continue
		}
		ix, m := amchange.NewIndex(nil), newModel()
		queue := amchange.NewQueue(nil)
		for _, raw := range changes {
			for _, c := range parse(t, raw) {
				if ix.Has(c.Hash) {
					continue
				}
				if len(ix.Missing(c)) > 0 {
					require.True(t, queue.Push(ix, c))
					continue
				}
				for ; c != nil; c = queue.Pop() {
					addAndCompare(t, ix, m, c)
					queue.Added(ix, c.Hash)
				}
			}
		}
	}
}

// A change must be refused with the index unchanged, whatever is wrong with it.
func TestIndex_RefusesWhatDoesNotFit(t *testing.T) {
	base := amchange.Draft{Actor: "\xaa", Seq: 1, StartOp: 1, Ops: []amchange.Op{
		{Key: "m", Action: amchange.MakeMap},
		{Key: "l", Action: amchange.MakeList},
		{Key: "x", Action: amchange.Set, Value: amchange.IntValue(1)},
		{Obj: amchange.OpID{Counter: 2, Actor: "\xaa"}, InSequence: true, Insert: true, Action: amchange.Set, Value: amchange.IntValue(7)},
	}}
	first, err := base.Encode()
	require.NoError(t, err)
	id := func(n uint64) amchange.OpID { return amchange.OpID{Counter: n, Actor: "\xaa"} }
	next := func(ops ...amchange.Op) amchange.Draft {
		return amchange.Draft{Actor: "\xbb", Seq: 1, StartOp: 5, Deps: []amchange.Hash{first.Hash}, Ops: ops}
	}
	set := func(o amchange.Op) amchange.Op {
		o.Action, o.Value = amchange.Set, amchange.IntValue(2)
		return o
	}
	cases := map[string]struct {
		draft amchange.Draft
		want  string
	}{
		"map key against list key":     {next(set(amchange.Op{Obj: id(2), Key: "x"})), "map key in a list"},
		"list key against map key":     {next(set(amchange.Op{Obj: id(1), InSequence: true, Insert: true})), "list key in a map"},
		"object that does not exist":   {next(set(amchange.Op{Obj: id(3), Key: "x"})), "object 3@aa does not exist"},
		"element that does not exist":  {next(set(amchange.Op{Obj: id(2), InSequence: true, Elem: id(3)})), "element 3@aa does not exist"},
		"insert behind nothing":        {next(set(amchange.Op{Obj: id(2), InSequence: true, Insert: true, Elem: id(3)})), "element 3@aa does not exist"},
		"predecessor in another place": {next(set(amchange.Op{Key: "y", Preds: []amchange.OpID{id(3)}})), "predecessor 3@aa has never been"},
		"predecessor that is no value": {next(set(amchange.Op{Key: "x", Preds: []amchange.OpID{id(4)}})), "predecessor 4@aa has never been"},
		"unknown actor":                {next(set(amchange.Op{Key: "x", Preds: []amchange.OpID{{Counter: 3, Actor: "\x01"}}})), "actor 01 is not known"},
		"first operation too low":      {amchange.Draft{Actor: "\xbb", Seq: 1, StartOp: 4, Deps: []amchange.Hash{first.Hash}}, "dependencies reach to 4"},
		"first sequence number is 2":   {amchange.Draft{Actor: "\xbb", Seq: 2, StartOp: 5, Deps: []amchange.Hash{first.Hash}}, "number 2 follows 0"},
		"sequence number used twice":   {amchange.Draft{Actor: "\xaa", Seq: 1, StartOp: 5, Deps: []amchange.Hash{first.Hash}}, "has made another change with number 1"},
		"actor's own operations again": {amchange.Draft{Actor: "\xaa", Seq: 2, StartOp: 4}, "the last change reached to 4"},
		"fails after some good ones": {next(
			set(amchange.Op{Key: "x", Preds: []amchange.OpID{id(3)}}),
			amchange.Op{Key: "new", Action: amchange.MakeText},
			amchange.Op{Obj: amchange.OpID{Counter: 6, Actor: "\xbb"}, InSequence: true, Insert: true, Action: amchange.Set, Value: amchange.StringValue("a")},
			set(amchange.Op{Key: "s"}),
			set(amchange.Op{Obj: id(4), Key: "x"})), "object 4@aa does not exist"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ix := amchange.NewIndex(nil)
			_, err := ix.Add(first)
			require.NoError(t, err)
			before := ix.State()
			ch, err := c.draft.Encode()
			if err == nil {
				_, err = ix.Add(ch)
			}
			require.ErrorContains(t, err, c.want)
			require.Equal(t, before, ix.State())
		})
	}
}

func TestEncode_RefusesWhatNoDocumentCanHold(t *testing.T) {
	id := amchange.OpID{Counter: 1, Actor: "\xbb"}
	seq := amchange.Op{Obj: id, InSequence: true}
	with := func(o amchange.Op, f func(*amchange.Op)) amchange.Op { f(&o); return o }
	cases := map[string]struct {
		op   amchange.Op
		want string
	}{
		"younger object":        {amchange.Op{Obj: amchange.OpID{Counter: 9, Actor: "\xbb"}, Key: "x", Action: amchange.Set}, "younger"},
		"insert into a map":     {amchange.Op{Key: "x", Insert: true, Action: amchange.Set}, "inserts into a map"},
		"head changed":          {with(seq, func(o *amchange.Op) { o.Action = amchange.Set }), "head of a sequence"},
		"delete inserted":       {with(seq, func(o *amchange.Op) { o.Action, o.Insert = amchange.Delete, true }), "inserts with action del"},
		"increment by a string": {amchange.Op{Key: "x", Action: amchange.Increment, Value: amchange.StringValue("1")}, "increment by string"},
		"increment by null":     {amchange.Op{Key: "x", Action: amchange.Increment}, "increment by null"},
		"map with a value":      {amchange.Op{Key: "x", Action: amchange.MakeMap, Value: amchange.IntValue(1)}, "makeMap with a value"},
		"unknown action":        {amchange.Op{Key: "x", Action: 8}, "action 8: unsupported"},
		"equal predecessors":    {amchange.Op{Key: "x", Action: amchange.Set, Preds: []amchange.OpID{id, id}}, "do not ascend"},
		"mark not inserted":     {with(seq, func(o *amchange.Op) { o.Action, o.Elem = amchange.Mark, id }), "mark that is not inserted"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := amchange.Draft{Actor: "\xbb", Seq: 1, StartOp: 5, Ops: []amchange.Op{c.op}}.Encode()
			require.ErrorContains(t, err, c.want)
		})
	}
	_, err := amchange.Draft{Actor: "\xbb", Seq: 1, StartOp: 1 << 32}.Encode()
	require.ErrorContains(t, err, "out of range", "counters above 32 bits")
	_, err = amchange.Draft{Actor: "\xbb", Seq: 1, StartOp: 1<<32 - 1, Ops: []amchange.Op{{Key: "a"}, {Key: "b"}}}.Encode()
	require.ErrorContains(t, err, "out of range", "counters above 32 bits")
}

func TestIndex_ReportsTheSubtreeWhenAContainerLosesItsPlace(t *testing.T) {
	ix := amchange.NewIndex(nil)
	put := func(actor amchange.Actor, key string) amchange.Draft {
		return amchange.Draft{Actor: actor, Seq: 1, StartOp: 1, Ops: []amchange.Op{
			{Key: "t", Action: amchange.MakeMap},
			{Obj: amchange.OpID{Counter: 1, Actor: actor}, Key: key, Action: amchange.Set, Value: amchange.IntValue(1)}}}
	}
	add := func(d amchange.Draft) (*amchange.Change, *amchange.Delta) {
		c, err := d.Encode()
		require.NoError(t, err)
		delta, err := ix.Add(c)
		require.NoError(t, err)
		return c, delta
	}
	_, d := add(put("\x05", "a"))
	require.Equal(t, [][]string{{"t"}}, d.Touched)
	_, d = add(put("\x04", "b")) // loses, and nothing that can be seen changes
	require.Empty(t, d.Touched)
	require.Equal(t, [][]string{{"t"}}, d.Conflicted)
	_, d = add(put("\x06", "c")) // wins: everything under t is another
	require.Equal(t, [][]string{{"t"}}, d.Touched)

	_, d = add(amchange.Draft{Actor: "\x05", Seq: 2, StartOp: 3, Ops: []amchange.Op{
		{Obj: amchange.OpID{Counter: 1, Actor: "\x05"}, Key: "a2", Action: amchange.Set}}})
	require.True(t, d.Empty(), "inside an object that lost its place: %s", d)
	_, d = add(amchange.Draft{Actor: "\x06", Seq: 2, StartOp: 3, Ops: []amchange.Op{
		{Obj: amchange.OpID{Counter: 1, Actor: "\x06"}, Key: "c2", Action: amchange.Set}}})
	require.Equal(t, [][]string{{"t", "c2"}}, d.Touched)

	conflict := ix.Conflicts()
	require.Len(t, conflict, 1)
	require.Equal(t, "t: map (1@04) < map (1@05) < map (1@06)", conflict[0].String())
	require.Len(t, ix.Live("t"), 3)
	require.Len(t, ix.Live("t", "c"), 1)
	require.Empty(t, ix.Live("t", "a"))
}

func TestIndex_ReportsEverythingWhenThereIsTooMuchToList(t *testing.T) {
	ix := amchange.NewIndex(&amchange.Limits{Touched: 3})
	d := amchange.Draft{Actor: "\x01", Seq: 1, StartOp: 1}
	for _, k := range strings.Split("abcdefghijkl", "") {
		d.Ops = append(d.Ops, amchange.Op{Key: k, Action: amchange.Set})
	}
	c, err := d.Encode()
	require.NoError(t, err)
	delta, err := ix.Add(c)
	require.NoError(t, err)
	require.True(t, delta.Whole)
}

func TestIndex_SkipsWhatItHas(t *testing.T) {
	c, err := amchange.Draft{Actor: "\x01", Seq: 1, StartOp: 1, Ops: []amchange.Op{{Key: "a", Action: amchange.Set}}}.Encode()
	require.NoError(t, err)
	ix := amchange.NewIndex(nil)
	_, err = ix.Add(c)
	require.NoError(t, err)
	d, err := ix.Add(c)
	require.NoError(t, err)
	require.True(t, d.Empty())
	require.Zero(t, d.Changes)
}

// Every order that respects the dependencies gives the same index; every other one goes through the queue.
func TestQueue_BringsAnyOrderIntoCausalOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, file := range vectors.Files(t, "automerge") {
		v := readVector(t, file)
		var all []*amchange.Change
		for _, raw := range v.Changes {
			all = append(all, parse(t, raw)...)
		}
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		ix, m, q := amchange.NewIndex(nil), newModel(), amchange.NewQueue(nil)
		for _, c := range all {
			_, err := ix.Add(c)
			var missing *amchange.MissingError
			if errors.As(err, &missing) {
				require.NotEmpty(t, missing.Deps)
				require.True(t, q.Push(ix, c))
				continue
			}
			for ; c != nil; c = q.Pop() {
				_, err := ix.Add(c)
				require.NoError(t, err)
				m.add(c)
				q.Added(ix, c.Hash)
			}
		}
		require.Zero(t, q.Len())
		require.Zero(t, q.Bytes())
		require.Equal(t, v.Expected, m.json(amchange.OpID{}), v.Name)
		require.Equal(t, vectorConflicts(v), indexConflicts(ix, m), v.Name)
	}
}

func TestQueue_IsBounded(t *testing.T) {
	ix := amchange.NewIndex(nil)
	q := amchange.NewQueue(&amchange.QueueLimits{Changes: 2})
	for i, want := range []bool{true, true, false} {
		c, err := amchange.Draft{Actor: amchange.Actor(rune(i + 1)), Seq: 1, StartOp: 1, Deps: []amchange.Hash{{1}}}.Encode()
		require.NoError(t, err)
		require.Equal(t, want, q.Push(ix, c))
		require.Equal(t, want, q.Push(ix, c), "the same again takes no room")
	}
	require.Equal(t, 2, q.Len())
	require.Nil(t, q.Pop())
}

func TestDelta_SaysWhatHappensBehindAWinner(t *testing.T) {
	ix := amchange.NewIndex(nil)
	add := func(actor amchange.Actor, seq, start uint64, deps []amchange.Hash, ops ...amchange.Op) (amchange.Hash, string) {
		c, err := amchange.Draft{Actor: actor, Seq: seq, StartOp: start, Deps: deps, Ops: ops}.Encode()
		require.NoError(t, err)
		d, err := ix.Add(c)
		require.NoError(t, err)
		return c.Hash, d.String()
	}
	first, _ := add("\x01", 1, 1, nil, amchange.Op{Key: "m", Action: amchange.MakeMap})
	_, d := add("\x02", 1, 1, nil, amchange.Op{Key: "m", Action: amchange.MakeMap})
	require.Equal(t, "m", d)
	in := amchange.OpID{Counter: 1, Actor: "\x01"}
	_, d = add("\x01", 2, 2, []amchange.Hash{first}, amchange.Op{Obj: in, Key: "k", Action: amchange.Set, Value: amchange.IntValue(1)})
	require.Equal(t, " ~m", d)
	require.Len(t, ix.LiveIn(amchange.OpID{}, "m"), 2)
	_, d = add("\x03", 1, 5, ix.Heads(), amchange.Op{Key: "m", Action: amchange.Delete, Preds: []amchange.OpID{in, {Counter: 1, Actor: "\x02"}}})
	require.Equal(t, "m", d)
	require.Len(t, slices.Collect(ix.ReplacedIn(amchange.OpID{}, "m")), 2)
	_, d = add("\x01", 3, 6, []amchange.Hash{first}, amchange.Op{Obj: in, Key: "l", Action: amchange.Set, Value: amchange.IntValue(1)})
	require.Empty(t, d, "what was deleted is behind nothing")
	require.False(t, ix.Contested())
}
