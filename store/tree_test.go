package store_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/store"
)

// alikeID draws ids that are hard to tell apart: long common beginnings, zero bytes, one the beginning of another.
var alikeID = rapid.Custom(func(t *rapid.T) string {
	id := rapid.SampledFrom([]string{"", "r", "row-", "customer-00000000000", "\x00", "é"}).Draw(t, "begin")
	id += rapid.StringOfN(rapid.SampledFrom([]rune{'0', '1', '9', 0, 'z'}), 0, 3, -1).Draw(t, "middle")
	return id + rapid.SampledFrom([]string{"", "\x00", "12345678", "-end"}).Draw(t, "end")
})

func TestStore_TellsIDsApartThatAreAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, rows := store.New(), map[string]string{}
		for range rapid.IntRange(1, 4).Draw(t, "transactions") {
			before, was := s.Snapshot(), maps.Clone(rows)
			ids := rapid.SliceOfN(alikeID, 1, 300).Draw(t, "ids")
			gone := rapid.SliceOfN(alikeID, 0, 100).Draw(t, "gone")
			require.NoError(t, s.Update(func(tx *store.Tx) error {
				for i, id := range ids {
					rows[id] = id + strings.Repeat("x", i%3)
					if err := tx.SetCell("t", id, id, store.Of(rows[id])); err != nil {
						return err
					}
				}
				for _, id := range gone {
					delete(rows, id)
					if err := tx.DelRow("t", id); err != nil {
						return err
					}
				}
				return nil
			}))
			for _, x := range []struct {
				s    *store.Snapshot
				rows map[string]string
			}{{before, was}, {s.Snapshot(), rows}} {
				store.CheckInvariants(t, x.s)
				require.Equal(t, slices.Sorted(maps.Keys(x.rows)), slices.Collect(x.s.Rows("t")))
				for id, v := range x.rows {
					require.Equal(t, store.Of(v), x.s.Cell("t", id, id))
				}
				for _, id := range gone {
					_, has := x.rows[id]
					require.Equal(t, has, x.s.HasRow("t", id), "%q", id)
				}
			}
		}
	})
}
