package update_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

var versions = []update.Version{update.V1, update.V2}

// sessions are the small updates of the scenarios in both formats, in the order they were made.
func sessions(t testing.TB) (out [][2][][]byte) {
	for _, c := range scenarios(t, "update-utils.json") {
		var s [2][][]byte
		for _, u := range field(c, "updates").List() {
			s[0] = append(s[0], blob(t, field(u, "v1")))
			s[1] = append(s[1], blob(t, field(u, "v2")))
		}
		out = append(out, s)
	}
	return out
}

func TestMerge_IsTheSameInAnyGrouping(t *testing.T) {
	all := sessions(t)
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(versions).Draw(t, "version")
		us := all[rapid.IntRange(0, len(all)-1).Draw(t, "session")][v-1]
		k := rapid.IntRange(0, len(us)).Draw(t, "k")
		whole := merged(t, v, us)
		left, right := merged(t, v, us[:k]), merged(t, v, us[k:])
		require.Equal(t, whole, merged(t, v, [][]byte{left, right}))
		require.Equal(t, whole, merged(t, v, [][]byte{right, left}))
		require.Equal(t, whole, merged(t, v, [][]byte{whole, whole}))
		require.Equal(t, whole, merged(t, v, append([][]byte{whole}, us...)))
	})
}

func merged(t require.TestingT, v update.Version, us [][]byte) []byte {
	b, err := update.Merge(v, us, nil)
	require.NoError(t, err)
	return b
}

func TestDiff_AndWhatWasThereMakeTheWhole(t *testing.T) {
	all := sessions(t)
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(versions).Draw(t, "version")
		us := all[rapid.IntRange(0, len(all)-1).Draw(t, "session")][v-1]
		whole := merged(t, v, us)
		sv, err := update.StateVectorOf(v, whole, nil)
		require.NoError(t, err)

		none, err := update.Diff(v, whole, sv, nil)
		require.NoError(t, err)
		m, err := update.MetaOf(v, none, nil)
		require.NoError(t, err)
		require.Empty(t, m.From, "a diff to the own state has no structs")

		everything, err := update.Diff(v, whole, nil, nil)
		require.NoError(t, err)
		require.Equal(t, whole, everything)

		have := merged(t, v, us[:rapid.IntRange(0, len(us)).Draw(t, "have")])
		sv, err = update.StateVectorOf(v, have, nil)
		require.NoError(t, err)
		news, err := update.Diff(v, whole, sv, nil)
		require.NoError(t, err)
		require.Equal(t, whole, merged(t, v, [][]byte{have, news}))
	})
}

func TestMerge_OfNothingIsTheEmptyUpdate(t *testing.T) {
	require.Equal(t, []byte{0, 0}, merged(t, update.V1, nil))
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, merged(t, update.V2, nil))
}

func TestMerge_OfOneIsThatOneButChecked(t *testing.T) {
	b := []byte{1, 1, 7, 0, 8, 1, 1, 'm', 1, 125, 5, 0}
	require.Equal(t, b, merged(t, update.V1, [][]byte{b}))
	_, err := update.Merge(update.V1, [][]byte{b[:9]}, nil)
	require.ErrorIs(t, err, lib0.ErrEnd)
}

func TestMerge_SaysWhichUpdateIsBad(t *testing.T) {
	good := []byte{0, 0}
	_, err := update.Merge(update.V1, [][]byte{good, good, {0}, good}, nil)
	var which *update.InputError
	require.ErrorAs(t, err, &which)
	require.Equal(t, 2, which.Index)
	var bad *lib0.DecodeError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, lib0.ErrEnd, bad.Kind)
	require.Equal(t, 1, bad.Offset)
	require.Equal(t, "update 2: number: unexpected end of input at byte 1", err.Error())
}

func TestDeleteSet_NormalizeJoinsAndContainsFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ds update.DeleteSet
		model := map[update.ID]bool{}
		for range rapid.IntRange(0, 20).Draw(t, "ranges") {
			d := update.Deletion{
				Client: rapid.Uint64Range(1, 3).Draw(t, "client"), Clock: rapid.Uint32Range(0, 30).Draw(t, "clock"),
				Len: rapid.Uint32Range(1, 6).Draw(t, "len"),
			}
			ds = append(ds, d)
			for c := d.Clock; c < d.End(); c++ {
				model[update.ID{Client: d.Client, Clock: c}] = true
			}
		}
		ds = ds.Normalize()
		for client := uint64(0); client < 5; client++ {
			for c := uint32(0); c < 40; c++ {
				id := update.ID{Client: client, Clock: c}
				require.Equal(t, model[id], ds.Contains(id), "%v in %v", id, ds)
			}
		}
		for i := 1; i < len(ds); i++ {
			require.True(t, ds[i-1].Client > ds[i].Client || ds[i-1].End() < ds[i].Clock)
		}
		for _, v := range versions {
			b := update.AppendDeleteSet(nil, v, ds)
			r := lib0.NewReader(b)
			back := update.ReadDeleteSet(&r, v, nil, nil)
			require.NoError(t, r.End())
			require.Equal(t, append(update.DeleteSet{}, ds...), append(update.DeleteSet{}, back...))
		}
	})
}

func TestReader_RefusesItemsThatPointAtThemselves(t *testing.T) {
	for name, b := range map[string][]byte{
		"own origin":       {1, 1, 7, 3, 0x84, 7, 3, 1, 'x', 0},
		"later origin":     {1, 1, 7, 3, 0x84, 7, 9, 1, 'x', 0},
		"own right origin": {1, 1, 7, 3, 0x44, 7, 3, 1, 'x', 0},
		"own parent":       {1, 1, 7, 3, 0x04, 0, 7, 3, 1, 'x', 0},
	} {
		_, err := update.NewReader(update.V1, b, nil).DeleteSet()
		require.ErrorIs(t, err, lib0.ErrInvalid, name)
	}
}

func TestReader_RefusesBombs(t *testing.T) {
	huge := lib0.AppendVarUint(nil, 1<<50)
	cases := map[string]struct {
		v    update.Version
		b    []byte
		kind error
	}{
		"a deletion that uses the clocks up": {update.V1, append([]byte{0, 1, 7, 1, 0}, huge...), lib0.ErrRange},
		"a deleted item that does":           {update.V1, append([]byte{1, 1, 7, 0, 1, 1, 1, 'm'}, append(huge, 0)...), lib0.ErrRange},
		"more structs than bytes":            {update.V1, append([]byte{1}, append(huge, 7, 0, 0, 1, 0)...), lib0.ErrEnd},
		"move":                               {update.V1, []byte{1, 1, 7, 0, 11, 1, 1, 'm', 0}, lib0.ErrTag},
		"a skip with origin":                 {update.V1, []byte{1, 1, 7, 0, 0x8a, 1, 1, 1, 0}, lib0.ErrTag},
		"an unknown type":                    {update.V1, []byte{1, 1, 7, 0, 7, 1, 1, 'm', 7, 0}, lib0.ErrTag},
		"bytes behind the end":               {update.V1, []byte{0, 0, 0}, lib0.ErrTrailing},
		"an unknown frame":                   {update.V2, []byte{1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, lib0.ErrTag},
	}
	for name, c := range cases {
		_, err := update.NewReader(c.v, c.b, nil).DeleteSet()
		require.ErrorIs(t, err, c.kind, name)
		_, err = update.Merge(c.v, [][]byte{c.b, c.b}, nil)
		require.ErrorIs(t, err, c.kind, name)
	}
	_, err := update.NewReader(update.V1, []byte{0, 0, 0}, &update.Limits{AllowTrailing: true}).DeleteSet()
	require.NoError(t, err)
	_, err = update.NewReader(update.V1, []byte{0, 0}, &update.Limits{Bytes: 1}).DeleteSet()
	require.ErrorIs(t, err, lib0.ErrLimit)

	// Run lengths: GC structs of length 1 in two runs, and a count of five million.
	bomb := []byte{0, 0, 1, 7, 0, 0}
	bomb = append(bomb, 1, 0) // info: GC for ever
	bomb = append(bomb, 1, 0, 0, 0)
	length := lib0.AppendVarUint([]byte{0x41}, 5_000_000)
	bomb = lib0.AppendBytes(bomb, length)
	bomb = append(bomb, 1)
	bomb = lib0.AppendVarUint(bomb, 5_000_000)
	bomb = append(bomb, 0, 0)
	_, err = update.NewReader(update.V2, bomb, nil).DeleteSet()
	require.ErrorIs(t, err, lib0.ErrLimit)
	_, err = update.NewReader(update.V2, bomb, &update.Limits{Structs: 5_000_000}).DeleteSet()
	require.NoError(t, err)
}

func TestWriter_RefusesStructsOutOfOrder(t *testing.T) {
	w := update.NewWriter(update.V1)
	require.NoError(t, w.Write(&update.Struct{ID: update.ID{Client: 7}, Len: 2}))
	err := w.Write(&update.Struct{ID: update.ID{Client: 7, Clock: 5}, Len: 2})
	require.ErrorIs(t, err, lib0.ErrInvalid)
	_, again := w.Finish(nil)
	require.Equal(t, err, again)
}

func TestConvert_BigintInAnEmbedHasNoV1(t *testing.T) {
	w := update.NewWriter(update.V2)
	s := &update.Struct{
		ID: update.ID{Client: 7}, Len: 1, Ref: update.RefEmbed, Root: true, RootName: []byte("t"),
		Content: update.Content{Data: lib0.AppendAny(nil, lib0.BigIntOf(5))},
	}
	require.NoError(t, w.Write(s))
	b, err := w.Finish(nil)
	require.NoError(t, err)
	_, err = update.V2ToV1(b)
	var bad *lib0.DecodeError
	require.True(t, errors.As(err, &bad))
	require.Equal(t, lib0.ErrJSON, bad.Kind)
}
