package lib0_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// Whatever the bytes: Any and SkipAny agree, and what was read is written so that it reads the same again. Bytes that are
// not loose are written as they were.
func FuzzAny(f *testing.F) {
	for _, c := range load(f, "lib0.json") {
		if field(c, "fn").Str() == "writeAny" {
			f.Add(blob(f, c, "bytes"))
		}
	}
	f.Add([]byte{118, 2, 1, 'a', 126, 1, 'a', 127})
	f.Add([]byte{118, 2, 1, 'a', 126, 1, '7', 127})
	f.Add([]byte{125, 0x80, 0x80, 0x00})
	f.Add(append(bytes.Repeat([]byte{117, 1}, 200), 126))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, s := lib0.NewReader(in), lib0.NewReader(in)
		v := r.Any()
		s.SkipAny()
		require.Equal(t, r.Err(), s.Err())
		require.Equal(t, r.Pos(), s.Pos())
		if r.Err() != nil {
			return
		}
		out := lib0.AppendAny(nil, v)
		if !s.Loose() {
			require.Equal(t, in[:r.Pos()], out)
		}
		again := lib0.NewReader(out)
		again.SkipAny()
		require.NoError(t, again.End())
		require.False(t, again.Loose() && len(in) < 32, "%x", out)
		w := lib0.NewReader(out)
		require.True(t, v.Equal(w.Any()), "%x", in)
		_ = v.String()
		if text, err := lib0.AppendJSON(nil, v); err == nil {
			require.True(t, json.Valid(text), "%q", text)
			require.NoError(t, lib0.ValidJSON(text))
		}
	})
}

// CheckJSON and ParseJSON accept the same texts, which are JSON for encoding/json too; canonical texts are written as they
// were.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.5,-0,1e21,1e-7,null,true],"2":{},"1":"\ud83d"}`, `"\ud83d\ude00\u2028"`, ` [ ] `, `-`, `01`, `1.`, `{"a":1,"a":2}`,
		`"` + "\u2028" + `"`, `"\u12`, `{"\u`, `[1,]`, `9007199254740993`, `1e999`, `"\/"`, `-0`, `{"":""}`, "\"\xed\xa0\x80\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := lib0.ParseJSON(text)
		canonical, checked := lib0.CheckJSON(text)
		if err != nil {
			require.ErrorIs(t, checked, errors.Unwrap(err))
			return
		}
		require.NoError(t, checked)
		require.True(t, json.Valid(text))
		out, err := lib0.AppendJSON(nil, v)
		require.NoError(t, err)
		require.True(t, utf8.Valid(out))
		if canonical {
			require.Equal(t, string(text), string(out))
		}
		again, err := lib0.ParseJSON(out)
		require.NoError(t, err)
		twice, err := lib0.AppendJSON(nil, again)
		require.NoError(t, err)
		require.Equal(t, string(out), string(twice))
	})
}

// Columns: what is read is written in a form that reads the same; nothing is read for ever.
func FuzzColumns(f *testing.F) {
	for _, c := range load(f, "lib0.json") {
		switch field(c, "fn").Str() {
		case "columns":
			f.Add(byte(0), blob(f, c, "uintOptRle"))
			f.Add(byte(1), blob(f, c, "intDiffOptRle"))
			f.Add(byte(2), blob(f, c, "rleUint8_of_low_byte"))
		case "StringEncoder":
			f.Add(byte(3), blob(f, c, "bytes"))
		}
	}
	f.Fuzz(func(t *testing.T, column byte, in []byte) {
		const most = 1000
		switch column % 4 {
		case 0:
			d := lib0.NewUintOptRleDecoder(lib0.NewReader(in))
			var e lib0.UintOptRleEncoder
			var values []uint64
			for v := d.Read(); d.Err() == nil && len(values) < most; v = d.Read() {
				values = append(values, v)
				e.Write(v)
			}
			back := lib0.NewUintOptRleDecoder(lib0.NewReader(e.Bytes()))
			for _, v := range values {
				require.Equal(t, v, back.Read())
			}
			require.NoError(t, back.End())
		case 1:
			d := lib0.NewIntDiffOptRleDecoder(lib0.NewReader(in))
			var e lib0.IntDiffOptRleEncoder
			var values []int64
			for v := d.Read(); d.Err() == nil && len(values) < most; v = d.Read() {
				if v > 1<<40 || v < -1<<40 {
					return // a difference of such numbers may be beyond the range of a number
				}
				values = append(values, v)
				e.Write(v)
			}
			back := lib0.NewIntDiffOptRleDecoder(lib0.NewReader(e.Bytes()))
			for _, v := range values {
				require.Equal(t, v, back.Read())
			}
			require.NoError(t, back.End())
		case 2:
			d := lib0.NewRleDecoder(lib0.NewReader(in))
			var e lib0.RleEncoder
			var values []byte
			for v := d.Read(); d.Err() == nil && len(values) < most; v = d.Read() {
				values = append(values, v)
				e.Write(v)
			}
			back := lib0.NewRleDecoder(lib0.NewReader(e.Bytes()))
			for _, v := range values {
				require.Equal(t, v, back.Read())
			}
			require.NoError(t, back.End())
		default:
			d := lib0.NewStringDecoder(lib0.NewReader(in))
			var e lib0.StringEncoder
			var values []string
			for v := d.Read(); d.Err() == nil && len(values) < most; v = d.Read() {
				values = append(values, string(v))
				e.Write(v)
			}
			out := e.AppendTo(nil)
			require.Equal(t, len(out), e.Size())
			back := lib0.NewStringDecoder(lib0.NewReader(out))
			whole := true
			for i, v := range values {
				got := string(back.Read())
				whole = whole && (got == v || i == len(values)-1) // the second half of the last pair may be missing
			}
			require.NoError(t, back.Err())
			require.True(t, whole, "%q", values)
		}
	})
}
