package ycrdt_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// Reading at a snapshot gives what the restored document has.
func TestSnapshot_ReadsWhatWasThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newRoots(t, &ycrdt.Options{ClientID: 1, DisableGC: true})
		b := newRoots(t, &ycrdt.Options{ClientID: 2, DisableGC: true})
		snaps := []ycrdt.Snapshot{a.Snapshot()}
		for range rapid.IntRange(1, 12).Draw(t, "transactions") {
			d := rapid.SampledFrom([]*ycrdt.Doc{a, a, b}).Draw(t, "doc")
			require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error {
				if rapid.IntRange(0, 3).Draw(t, "format") == 0 {
					n := tx.Text("t").Len()
					return tx.Text("t").Format(0, n/2, ycrdt.Field{Key: "bold", Value: lib0.BoolOf(rapid.Bool().Draw(t, "bold"))})
				}
				return randomEdit(t, tx)
			}))
			update, err := b.EncodeStateAsUpdate(a.StateVector())
			require.NoError(t, err)
			require.NoError(t, a.Apply(update, nil))
			snaps = append(snaps, a.Snapshot())
		}
		for i, s := range snaps {
			old, err := a.Restore(s, nil)
			require.NoError(t, err)
			withRoots(t, old)
			old.View(func(o *ycrdt.Reader) {
				a.View(func(r *ycrdt.Reader) {
					require.Equal(t, deltaJSON(o.Text("t").Delta()).String(), deltaJSON(r.Text("t").DeltaAt(s)).String())
					want, got := map[string]string{}, map[string]string{}
					for k, v := range o.Map("m").All() {
						want[k] = v.String()
						at, ok := r.Map("m").GetAt(s, k)
						require.True(t, ok)
						require.Equal(t, v.String(), at.String())
					}
					for k, v := range r.Map("m").AllAt(s) {
						got[k] = v.String()
					}
					require.Equal(t, want, got)
					var list, at []string
					for _, v := range o.Array("a").All() {
						list = append(list, v.String())
					}
					for _, v := range r.Array("a").AllAt(s) {
						at = append(at, v.String())
					}
					require.Equal(t, list, at)
					earlier := snaps[i/2]
					both := r.Text("t").DeltaBetween(earlier, s, nil)
					require.Equal(t, plainText(r.Text("t").DeltaAt(s)), plainText(without(both, "removed")))
					require.Equal(t, plainText(r.Text("t").DeltaAt(earlier)), plainText(without(both, "added")))
				})
			})
		}
	})
}

// without drops the operations that are marked as added or removed.
func without(delta []ycrdt.Delta, what string) (out []ycrdt.Delta) {
	for _, op := range delta {
		marked := false
		for _, f := range op.Attributes {
			kind, _ := f.Value.Get("type")
			marked = marked || f.Key == "ychange" && kind.Str() == what
		}
		if !marked {
			out = append(out, op)
		}
	}
	return out
}

// text joins what a delta inserts.
func plainText(delta []ycrdt.Delta) (out string) {
	for _, op := range delta {
		out += op.Insert.Str()
	}
	return out
}

func TestDeltaBetween_SaysWhoDidWhat(t *testing.T) {
	d := newRoots(t, &ycrdt.Options{ClientID: 7, DisableGC: true})
	edit := func(fn func(x ycrdt.Text) error) {
		require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error { return fn(tx.Text("t")) }))
	}
	edit(func(x ycrdt.Text) error { return x.Insert(0, "one two") })
	before := d.Snapshot()
	edit(func(x ycrdt.Text) error { return x.Delete(0, 4) })
	edit(func(x ycrdt.Text) error { return x.Insert(3, " three") })
	after := d.Snapshot()
	d.View(func(r *ycrdt.Reader) {
		got := r.Text("t").DeltaBetween(before, after, func(added bool, id ycrdt.ID) ycrdt.Any {
			return lib0.ListOf(lib0.BoolOf(added), lib0.NumberOf(float64(id.Client)))
		})
		require.Equal(t,
			`[{"insert":"one ","attributes":{"ychange":[false,7]}},{"insert":"two"},{"insert":" three","attributes":{"ychange":[true,7]}}]`,
			deltaJSON(got).String())
	})
}
