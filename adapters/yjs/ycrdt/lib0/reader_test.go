package lib0_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

func TestReader_NumbersRoundTripAtEveryDistanceToTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, lib0.MaxSafe).Draw(t, "n") >> rapid.IntRange(0, 52).Draw(t, "shift")
		pad := make([]byte, rapid.IntRange(0, 12).Draw(t, "pad"))
		b := lib0.AppendVarUint(nil, n)
		require.Equal(t, len(b), lib0.SizeVarUint(n))
		r := lib0.NewReader(append(b, pad...))
		require.Equal(t, n, r.VarUint())
		require.Equal(t, len(pad), r.Len())
		require.False(t, r.Loose())
		for cut := range b {
			r = lib0.NewReader(b[:cut])
			require.Zero(t, r.VarUint())
			require.ErrorIs(t, r.Err(), lib0.ErrEnd)
		}
		negative := rapid.Bool().Draw(t, "negative")
		b = lib0.AppendVarInt(nil, n, negative)
		r = lib0.NewReader(append(b, pad...))
		m, sign := r.VarInt()
		require.Equal(t, n, m)
		require.Equal(t, negative, sign)
		require.Equal(t, len(pad), r.Len())
	})
}

func TestReader_RefusesWhatJavaScriptCannotHold(t *testing.T) {
	for _, b := range [][]byte{
		lib0.AppendVarUint(nil, lib0.MaxSafe+1),
		lib0.AppendVarUint(nil, math.MaxUint64),
		bytes.Repeat([]byte{0xff}, 30),
		append(bytes.Repeat([]byte{0x80}, 30), 0),
	} {
		for _, pad := range []int{0, 10} {
			r := lib0.NewReader(append(b[:len(b):len(b)], make([]byte, pad)...))
			require.Zero(t, r.VarUint())
			require.ErrorIs(t, r.Err(), lib0.ErrRange, "%x", b)
		}
	}
}

func TestReader_TakesOverlongNumbersAndSaysSo(t *testing.T) {
	for _, pad := range []int{0, 10} {
		r := lib0.NewReader(append([]byte{0x85, 0x80, 0x00}, make([]byte, pad)...))
		require.Equal(t, uint64(5), r.VarUint())
		require.Equal(t, pad, r.Len())
		require.True(t, r.Loose())
	}
}

func TestReader_FirstErrorSticksAndKnowsItsPlace(t *testing.T) {
	outer := lib0.NewReader([]byte{9, 3, 1, 0xff, 7, 5})
	require.Equal(t, byte(9), outer.Byte())
	inner := outer.Sub()
	inner.Str()
	var bad *lib0.DecodeError
	require.ErrorAs(t, inner.Err(), &bad)
	require.Equal(t, lib0.ErrText, bad.Kind)
	require.Equal(t, 2, bad.Offset)
	inner.VarUint()
	inner.Any()
	require.ErrorIs(t, inner.Err(), lib0.ErrText)
	require.True(t, inner.Done())
	require.NoError(t, outer.Err())
	require.Equal(t, byte(5), outer.Byte())
	require.NoError(t, outer.End())
}

func TestAny_DeepNestingIsAnError(t *testing.T) {
	deep := append(bytes.Repeat([]byte{117, 1}, 2_000_000), 126)
	r := lib0.NewReader(deep)
	r.Any()
	require.ErrorIs(t, r.Err(), lib0.ErrLimit)
	s := lib0.NewReader(deep)
	s.SkipAny()
	require.ErrorIs(t, s.Err(), lib0.ErrLimit)
	_, err := lib0.ParseJSON([]byte(strings.Repeat("[", 2_000_000)))
	require.ErrorIs(t, err, lib0.ErrLimit)
	require.ErrorIs(t, lib0.ValidJSON([]byte(strings.Repeat(`{"":`, 2_000_000))), lib0.ErrLimit)
}

func TestAny_ClaimedCountsAllocateNothing(t *testing.T) {
	claim := lib0.AppendVarUint([]byte{117}, 1<<40)
	r := lib0.NewReader(claim)
	r.Any()
	require.ErrorIs(t, r.Err(), lib0.ErrEnd)
}

func TestJSON_NumbersAsJavaScriptPrintsThem(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", math.Copysign(0, -1): "0", 100: "100", -1.5: "-1.5", 1e20: "100000000000000000000", 1e21: "1e+21", 123e18: "123000000000000000000",
		1e-6: "0.000001", 1e-7: "1e-7", 1.5e-10: "1.5e-10", 5e-324: "5e-324", 1.7976931348623157e308: "1.7976931348623157e+308", 1e300: "1e+300",
	} {
		require.Equal(t, want, string(lib0.AppendNumber(nil, f)))
	}
}

func TestObject_KeysAreOrderedAsInJavaScript(t *testing.T) {
	v, err := lib0.ParseJSON([]byte(`{"b":1,"10":2,"a":3,"2":4,"b":5,"01":6,"4294967295":7,"4294967294":8,"-1":9}`))
	require.NoError(t, err)
	out, err := lib0.AppendJSON(nil, v)
	require.NoError(t, err)
	require.Equal(t, `{"2":4,"10":2,"4294967294":8,"b":5,"a":3,"01":6,"4294967295":7,"-1":9}`, string(out))
}
