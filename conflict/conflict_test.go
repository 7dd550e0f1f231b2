package conflict_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/conflict"
	"github.com/rowloom/rowloom/store"
)

func parse(t testing.TB, text string) *conflict.Scenario {
	s, err := conflict.Parse(strings.NewReader(text))
	require.NoError(t, err)
	return s
}

func explore(t testing.TB, e conflict.Engine, text string) *conflict.Exploration {
	x, err := conflict.Explore(e, parse(t, text), 1)
	require.NoError(t, err)
	require.Nil(t, x.Differs, "%v", x.Differs)
	return x
}

func content(x *conflict.Exploration) string { return store.Diff(nil, x.First.Content).String() }

func forEach(t *testing.T, test func(t *testing.T, e conflict.Engine)) {
	for _, e := range conflict.Engines() {
		t.Run(e.Name, func(t *testing.T) { test(t, e) })
	}
}

func TestAdjacentCells_Merge(t *testing.T) {
	forEach(t, func(t *testing.T, e conflict.Engine) {
		x := explore(t, e, "replicas 1 2\nbase pets/fido/species = \"dog\"\n1 pets/fido/color = \"brown\"\n2 pets/fido/legs = 4\n")
		require.Equal(t, "+ pets/fido/color \"brown\"\n+ pets/fido/legs 4\n+ pets/fido/species \"dog\"\n", content(x))
		require.Empty(t, x.First.Verdicts)
	})
}

func TestTheSameCell_IsDecidedByTheIDs(t *testing.T) {
	forEach(t, func(t *testing.T, e conflict.Engine) {
		const text = "replicas 1 2\nbase pets/fido/species = \"dog\"\n1 pets/fido/price = 4\n2 pets/fido/price = 5\n"
		x := explore(t, e, text)
		require.Len(t, x.First.Verdicts, 1)
		v := x.First.Verdicts[0]
		require.Equal(t, e.Rule, v.Rule)
		y, err := conflict.Explore(e, parse(t, text).Swapped(), 1)
		require.NoError(t, err)
		require.Equal(t, 1-v.Winner, y.First.Verdicts[0].Winner, "with the ids exchanged the other one wins")
		if e.Name != "tinybase" { // where a hash of the id decides
			require.Equal(t, store.Of(5), v.Stands)
		}
	})
}

func TestASetBesideADeletion_Stays(t *testing.T) {
	for _, name := range []string{"yjs", "automerge"} {
		t.Run(name, func(t *testing.T) {
			e, err := conflict.EngineNamed(name)
			if err != nil {
				t.Skip(err)
			}
			for _, ids := range []string{"1 2", "2 1"} {
				x := explore(t, e, "replicas "+ids+"\nbase t/r/c = 1\nbase t/r/d = 1\nbase t/x/n = 1\n1 delete t/r\n2 t/r/c = 2\n")
				require.Equal(t, "+ t/r/c 2\n+ t/x/n 1\n", content(x))
				require.Equal(t, "a deletion takes away only what its writer had seen", x.First.Verdicts[0].Rule)
			}
		})
	}
}

func TestTheSameTableMadeByAll_KeepsTheRowsOfAll(t *testing.T) {
	forEach(t, func(t *testing.T, e conflict.Engine) {
		x := explore(t, e, "replicas 1 2 3\n1 t/a/n = 1\n2 t/b/n = 2\n3 t/c/n = 3\n3 :v = true\n")
		require.Equal(t, "+ t/a/n 1\n+ t/b/n 2\n+ t/c/n 3\n+ :v true\n", content(x))
	})
}

func TestParse_PrintsWhatItReads(t *testing.T) {
	const text = "replicas 7 3\nbase \"a b\"/r/\"\" = {\"x\":[1]}\n7 delete t/r\n3 :v = null\n3 delete :v\n"
	require.Equal(t, text, parse(t, text).String())
}

func TestParse_SaysWhatIsWrongAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "conflict: there is no line with the replicas, such as: replicas 1 2",
		"1 a/b/c = 1":                  "conflict: line 1: the first line has to name the replicas, such as: replicas 1 2",
		"replicas 1 1":                 "conflict: line 1: replica 1 is named twice",
		"replicas x":                   `conflict: line 1: replica "x": an id is a number from 1 to 4294967295`,
		"replicas 1 2 3 4 5 6":         "conflict: line 1: 6 replicas; choose 1 to 5",
		"replicas 1\n\n2 a/b/c = 1":    `conflict: line 3: "2" is neither base nor one of the replicas`,
		"replicas 1\n1 a/b = 1":        "conflict: line 2: a/b is no cell or value",
		"replicas 1\n1 a/b/c 1":        `conflict: line 2: "a/b/c 1": expected PLACE = JSON or delete PLACE`,
		"replicas 1\n1 a/b/c = nope":   "conflict: line 2: a/b/c: json:",
		"replicas 1\n1 a//c = 1":       `conflict: line 2: "/c = 1": expected an id, plain or in quotes`,
		"replicas 1\n1 delete a/b/c x": `conflict: line 2: unexpected " x"`,
	} {
		_, err := conflict.Parse(strings.NewReader(text))
		require.ErrorContains(t, err, want, "%q", text)
	}
}

func TestShrink_FindsTheEditThatMatters(t *testing.T) {
	s := parse(t, "replicas 1 2\nbase t/r/a = 1\n1 t/r/b = 1\n2 t/r/b = 2\n2 t/r/c = 3\n")
	small := conflict.Shrink(s, func(s *conflict.Scenario) bool {
		o, err := conflict.Play(conflict.Yjs(), s, conflict.AllToAll(2))
		return err == nil && len(o.Verdicts) > 0
	})
	require.Equal(t, "replicas 1 2\n1 t/r/b = 1\n2 t/r/b = 2\n", small.String())
}

func FuzzParse(f *testing.F) {
	f.Add("replicas 1 2\nbase t/r/c = 1\n1 delete t\n2 :v = [1]\n")
	f.Add("replicas 4294967295\n4294967295 \"\\u0000\"/\"\"/x = \"\\ud800\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := conflict.Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := conflict.Parse(strings.NewReader(s.String()))
		require.NoError(t, err)
		require.Equal(t, s.String(), again.String())
	})
}

func Example() {
	s, err := conflict.Parse(strings.NewReader(`
replicas 1 2
base     pets/fido/species = "dog"
1        pets/fido/price = 4
2        pets/fido/price = 5
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := conflict.Explore(conflict.Yjs(), s, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range x.First.Verdicts {
		fmt.Println(v)
	}
	fmt.Print(conflict.Table([]*conflict.Exploration{x}))
	// Output:
	// pets/fido/price 5: of values that were set at the same time, the one of the highest client id stays
	// | place | yjs |
	// |---|---|
	// | pets/fido/price | 5 by 2 |
	// | in every order | the same (2) |
}
