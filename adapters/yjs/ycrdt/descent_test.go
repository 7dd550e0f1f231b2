package ycrdt_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// Copies set one key, meet each other now and then, and report what lost. All that was ever set must compare as it stands in
// the documents' lists, whichever copy has reported it.
func TestDescent_ComparesAsYjsSorts(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		var docs []*ycrdt.Doc
		descents := map[ycrdt.ID]ycrdt.Descent{}
		for i := range 2 + r.IntN(4) {
			d := ycrdt.New(&ycrdt.Options{ClientID: uint64(r.IntN(1000)*10 + i + 1), DisableGC: r.IntN(2) == 0})
			d.OnCommit(func(c *ycrdt.Commit) {
				for _, x := range c.Conflicts {
					if x.Key != "k" {
						continue
					}
					for _, l := range x.Losers {
						if have, ok := descents[l.ID]; ok {
							require.Equal(t, have, l.Descent, "seed %d: it is the same in all copies", seed)
						}
						descents[l.ID] = l.Descent
					}
				}
			})
			docs = append(docs, d)
		}
		for range 10 + r.IntN(100) {
			d := docs[r.IntN(len(docs))]
			if r.IntN(3) == 0 {
				from := docs[r.IntN(len(docs))]
				u, err := from.EncodeStateAsUpdate(d.StateVector())
				require.NoError(t, err)
				require.NoError(t, d.Apply(u, nil))
				continue
			}
			require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error {
				if r.IntN(10) == 0 {
					return tx.Map("m").Set("other", ycrdt.Null())
				}
				return tx.Map("m").Set("k", ycrdt.Number(1))
			}))
		}
		syncAll(t, docs...)
		syncAll(t, docs...)
		docs[0].View(func(reader *ycrdt.Reader) {
			var order []ycrdt.ID // from the last one to the first one
			for e := range reader.Map("m").History("k") {
				for n := range uint32(e.Len()) {
					order = append(order, ycrdt.ID{Client: e.ID().Client, Clock: e.ID().Clock - n})
				}
			}
			for a, left := range descents {
				require.Equal(t, a, left.Last())
				for b, right := range descents {
					if left.Omitted > 0 && right.Omitted > 0 {
						continue // decided by length
					}
					want := 0
					if i, j := slices.Index(order, a), slices.Index(order, b); i > j {
						want = -1
					} else if i < j {
						want = 1
					}
					require.Equal(t, want, left.Compare(right), "seed %d: %v and %v", seed, left, right)
				}
			}
		})
	}
}
