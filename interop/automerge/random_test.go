//go:build cgo

package automerge_test

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the seed of the first random document")
	documents = flag.Int("documents", 30, "how many random documents")
)

// Random documents of JavaScript, with maps, lists, texts, marks and counters edited by three actors at once: our index says of
// each what JavaScript says, whichever order the changes come in. With -args -seed=N -documents=M others are made.
func TestIndex_AgreesWithJavaScriptOnRandomDocuments(t *testing.T) {
	js := peers(t)
	for seed := *firstSeed; seed < *firstSeed+uint64(*documents); seed++ {
		rng := rand.New(rand.NewPCG(seed, 0))
		var want struct {
			Heads     []string
			Changes   [][]byte
			Doc       any
			Conflicts map[string][]string
		}
		require.NoError(t, js.Do("random", args{"seed": rng.Uint32(), "steps": 60}, &want), "seed %d", seed)
		rng.Shuffle(len(want.Changes), func(i, j int) { want.Changes[i], want.Changes[j] = want.Changes[j], want.Changes[i] })
		d, err := automerge.Load(nil, nil)
		require.NoError(t, err)
		for _, c := range want.Changes {
			require.NoError(t, d.Apply("test", c), "seed %d", seed)
		}
		require.Equal(t, want.Heads, headsOf(d), "seed %d", seed)
		d.View(func(ix *amchange.Index) {
			root, _ := ix.Get()
			got, err := json.Marshal(plain(ix, root))
			require.NoError(t, err)
			wanted, err := json.Marshal(want.Doc)
			require.NoError(t, err)
			require.JSONEq(t, string(wanted), string(got), "seed %d", seed)
		})
		conflicts := map[string][]string{}
		for _, c := range d.Conflicts() {
			if len(c.Path) == 2 && c.Path[0] == "m" && c.Elem.IsZero() {
				for _, l := range c.Live {
					conflicts[c.Path[1]] = append(conflicts[c.Path[1]], l.ID.String())
				}
				slices.Sort(conflicts[c.Path[1]])
			}
		}
		require.Equal(t, want.Conflicts, conflicts, "seed %d", seed)
		saved, err := d.Save()
		require.NoError(t, err)
		again, err := automerge.Load(saved, nil)
		require.NoError(t, err)
		require.Equal(t, want.Heads, headsOf(again), "seed %d", seed)
	}
}

// A JavaScript document that lives on is shown as the patches of each step have it, and they are not always right; one who reads
// the same document anew sees what our index says.
func TestIndex_IsRightWhereALivingJavaScriptDocumentIsShownWrong(t *testing.T) {
	js := peers(t)
	var got map[string]struct {
		Shown, Anew int64
		Changes     [][]byte
	}
	js.Call("stale", nil, &got)
	require.Len(t, got, 2)
	for name, doc := range got {
		t.Logf("%s: JavaScript shows %d, the document says %d", name, doc.Shown, doc.Anew)
		d, err := automerge.Load(nil, nil)
		require.NoError(t, err)
		for _, c := range doc.Changes {
			require.NoError(t, d.Apply("test", c), name)
		}
		d.View(func(ix *amchange.Index) {
			v, ok := ix.Get("m", "a")
			require.True(t, ok, name)
			require.Equal(t, doc.Anew, v.Value.Int(), name)
		})
	}
}

// plain renders what an index has in the form of the script.
func plain(ix *amchange.Index, v amchange.Live) any {
	switch v.Value.Kind() {
	case amchange.Map:
		out := map[string]any{}
		for k, e := range ix.EntriesOf(v.ID) {
			out[k] = plain(ix, e)
		}
		return out
	case amchange.List:
		out := []any{}
		items, _ := ix.ItemsOf(v.ID)
		for _, e := range items {
			out = append(out, plain(ix, e))
		}
		return out
	case amchange.Text:
		s, _ := ix.TextOf(v.ID)
		return s
	case amchange.String:
		return map[string]any{"scalar": v.Value.Str()}
	case amchange.Counter:
		return map[string]any{"counter": v.Value.Int()}
	case amchange.Bool:
		return v.Value.Bool()
	case amchange.Int:
		return v.Value.Int()
	case amchange.Float:
		return v.Value.Float()
	}
	return nil
}
