package ycrdt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// conflictsOf collects what a document reports, a line for each conflict.
func conflictsOf(d *ycrdt.Doc) *[]string {
	var out []string
	var claim func(c ycrdt.Claim) string
	claim = func(c ycrdt.Claim) string {
		if c.Kind != ycrdt.KindMap {
			return fmt.Sprint(c.ID, "=", c.Value)
		}
		var in []string
		for _, e := range c.Entries {
			in = append(in, e.Key+" "+claim(e.Claim))
		}
		return fmt.Sprintf("%v={%s}", c.ID, strings.Join(in, " "))
	}
	d.OnCommit(func(c *ycrdt.Commit) {
		for _, x := range c.Conflicts {
			s := ""
			for _, p := range x.Path {
				s += p.Key + "/"
			}
			s += x.Key + ": " + claim(x.Winner) + " beats"
			for _, l := range x.Losers {
				s += " " + claim(l)
			}
			out = append(out, s)
		}
	})
	return &out
}

func syncAll(t *testing.T, docs ...*ycrdt.Doc) {
	t.Helper()
	for _, from := range docs {
		for _, to := range docs {
			u, err := from.EncodeStateAsUpdate(to.StateVector())
			require.NoError(t, err)
			require.NoError(t, to.Apply(u, "sync"))
		}
	}
}

func TestConflict_IsReportedOnBothSidesWithTheLosingValue(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	set := func(d *ycrdt.Doc, v float64) {
		require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("price", ycrdt.Number(v)) }))
	}
	set(a, 3)
	syncAll(t, a, b)
	atA, atB := conflictsOf(a), conflictsOf(b)
	set(a, 4)
	set(b, 5)
	set(b, 6)
	syncAll(t, a, b)
	want := []string{"m/price: 2:1=6 beats 1:1=4"}
	require.Equal(t, want, *atA)
	require.Equal(t, want, *atB)
	set(a, 7) // knows all of it
	syncAll(t, a, b)
	require.Equal(t, want, *atB)
}

func TestConflict_ReportsWhatALostMapHeld(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	atA, atB := conflictsOf(a), conflictsOf(b)
	fill := func(d *ycrdt.Doc, row string) {
		require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error {
			table, err := tx.Map("m").SetMap("pets")
			require.NoError(t, err)
			r, err := table.SetMap(row)
			require.NoError(t, err)
			require.NoError(t, r.Set("gone", ycrdt.Null()))
			require.NoError(t, r.Set("n", ycrdt.Number(1)))
			return nil
		}))
		require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").GetMap("pets").GetMap(row).Delete("gone") }))
	}
	fill(a, "fido")
	fill(b, "felix")
	syncAll(t, a, b)
	want := []string{`m/pets: 2:0={} beats 1:0={fido 1:1={n 1:3=1}}`}
	require.Equal(t, want, *atA, "the old content of the loser")
	require.Equal(t, want, *atB, "the content that came with the loser")
}

func TestEnsureValue_IsWrittenOnceByAll(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	for _, d := range []*ycrdt.Doc{a, b} {
		require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error {
			done, err := tx.Map("m").EnsureValue("k", ycrdt.ID{Client: 1 << 52}, ycrdt.String("x"))
			require.NoError(t, err)
			require.True(t, done)
			done, err = tx.Map("m").EnsureValue("k", ycrdt.ID{Client: 1<<52 + 1}, ycrdt.String("y"))
			require.NoError(t, err)
			require.True(t, done)
			done, err = tx.Map("m").EnsureValue("other", ycrdt.ID{Client: 1 << 52}, ycrdt.String("x"))
			require.NoError(t, err)
			require.False(t, done, "the identity has been used")
			return nil
		}))
	}
	require.Equal(t, a.StateVector(), b.StateVector())
	atA := conflictsOf(a)
	syncAll(t, a, b)
	require.Empty(t, *atA)
}
