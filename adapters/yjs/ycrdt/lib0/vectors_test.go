package lib0_test

import (
	"encoding/base64"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

func load(t testing.TB, name string) []lib0.Any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "yjs"), name))
	require.NoError(t, err)
	file, err := lib0.ParseJSON(text)
	require.NoError(t, err)
	list, _ := file.Get("scenarios")
	return list.List()
}

func field(v lib0.Any, key string) lib0.Any {
	f, _ := v.Get(key)
	return f
}

func blob(t testing.TB, v lib0.Any, key string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(field(v, key).Str())
	require.NoError(t, err)
	return b
}

// value undoes the marks that stand for what JSON has no word for.
func value(v lib0.Any) lib0.Any {
	switch v.Kind() {
	case lib0.List:
		var out []lib0.Any
		for _, e := range v.List() {
			out = append(out, value(e))
		}
		return lib0.ListOf(out...)
	case lib0.Object:
		var out []lib0.Field
		for _, f := range v.Fields() {
			switch f.Key {
			case "$undef":
				return lib0.UndefinedOf()
			case "$big":
				n, _ := strconv.ParseInt(f.Value.Str(), 10, 64)
				return lib0.BigIntOf(n)
			case "$bin":
				b, _ := base64.StdEncoding.DecodeString(f.Value.Str())
				return lib0.BytesOf(b)
			case "$num":
				n, _ := strconv.ParseFloat(f.Value.Str(), 64)
				return lib0.NumberOf(n)
			}
			out = append(out, lib0.Field{Key: f.Key, Value: value(f.Value)})
		}
		return lib0.ObjectOf(out...)
	}
	return v
}

func TestVectors_Lib0(t *testing.T) {
	cases := load(t, "lib0.json")
	passed := 0
	for _, c := range cases {
		if t.Run(field(c, "id").Str(), func(t *testing.T) { checkVector(t, c) }) {
			passed++
		}
	}
	vectors.Report(t, "yjs/lib0", passed, len(cases))
}

func checkVector(t *testing.T, c lib0.Any) {
	switch fn := field(c, "fn").Str(); fn {
	case "writeVarUint":
		want, n := blob(t, c, "bytes"), uint64(field(c, "value").Number())
		require.Equal(t, want, lib0.AppendVarUint(nil, n))
		for _, tail := range []int{0, 10} {
			r := lib0.NewReader(append(want[:len(want):len(want)], make([]byte, tail)...))
			require.Equal(t, n, r.VarUint())
			require.Equal(t, len(want), r.Pos())
			require.NoError(t, r.Err())
			require.False(t, r.Loose())
		}
	case "writeVarInt":
		want, f := blob(t, c, "bytes"), value(field(c, "value")).Number()
		require.Equal(t, want, lib0.AppendVarInt(nil, uint64(math.Abs(f)), math.Signbit(f)))
		r := lib0.NewReader(want)
		n, negative := r.VarInt()
		require.Equal(t, uint64(math.Abs(f)), n)
		require.Equal(t, math.Signbit(f), negative)
		require.NoError(t, r.End())
	case "writeAny":
		want, v := blob(t, c, "bytes"), value(field(c, "value"))
		require.Equal(t, want, lib0.AppendAny(nil, v))
		r := lib0.NewReader(want)
		back := r.Any()
		require.NoError(t, r.End())
		require.Equal(t, want, lib0.AppendAny(nil, back))
		if field(c, "id").Str() != "any-slone" {
			require.True(t, v.Equal(back), "%v, %v", v, back)
		}
		s := lib0.NewReader(want)
		s.SkipAny()
		require.NoError(t, s.End())
		require.False(t, s.Loose())
	case "columns":
		checkColumns(t, c)
	case "StringEncoder":
		var e lib0.StringEncoder
		want := blob(t, c, "bytes")
		for _, s := range field(c, "values").List() {
			e.WriteString(s.Str())
		}
		require.Equal(t, len(want), e.Size())
		require.Equal(t, want, e.AppendTo(nil))
		d := lib0.NewStringDecoder(lib0.NewReader(want))
		for _, s := range field(c, "values").List() {
			require.Equal(t, s.Str(), string(d.Read()))
		}
		require.NoError(t, d.Err())
		require.True(t, d.Done())
	default:
		t.Fatalf("unknown function %q", fn)
	}
}

func checkColumns(t *testing.T, c lib0.Any) {
	var u lib0.UintOptRleEncoder
	var i lib0.IntDiffOptRleEncoder
	var b lib0.RleEncoder
	values := field(c, "values").List()
	for _, v := range values {
		u.Write(uint64(v.Number()))
		i.Write(int64(v.Number()))
		b.Write(byte(int64(v.Number())))
	}
	wantU, wantI, wantB := blob(t, c, "uintOptRle"), blob(t, c, "intDiffOptRle"), blob(t, c, "rleUint8_of_low_byte")
	require.Equal(t, wantU, append([]byte{}, u.Bytes()...))
	require.Equal(t, wantI, append([]byte{}, i.Bytes()...))
	require.Equal(t, wantB, append([]byte{}, b.Bytes()...))
	du := lib0.NewUintOptRleDecoder(lib0.NewReader(wantU))
	di := lib0.NewIntDiffOptRleDecoder(lib0.NewReader(wantI))
	db := lib0.NewRleDecoder(lib0.NewReader(wantB))
	for _, v := range values {
		require.Equal(t, uint64(v.Number()), du.Read())
		require.Equal(t, int64(v.Number()), di.Read())
		require.Equal(t, byte(int64(v.Number())), db.Read())
	}
	require.NoError(t, du.End())
	require.NoError(t, di.End())
	require.NoError(t, db.End())
	if len(values) > 0 {
		du.Read()
		require.ErrorIs(t, du.Err(), lib0.ErrEnd)
	}
}
