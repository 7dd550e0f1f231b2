package jsjson_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAppendNumber_WritesWhatJavaScriptWrites(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0", math.Copysign(0, -1): "0", 1: "1", -1: "-1", 1.5: "1.5", 1e21: "1e+21", 1e20: "100000000000000000000",
		123456789012345680000: "123456789012345680000", 1e-6: "0.000001", 1e-7: "1e-7", -1.5e-9: "-1.5e-9", 1.234e-10: "1.234e-10",
		9007199254740991: "9007199254740991", 9007199254740993: "9007199254740992", 5e-324: "5e-324", math.MaxFloat64: "1.7976931348623157e+308",
		0.30000000000000004: "0.30000000000000004", 1e100: "1e+100", -9007199254740992: "-9007199254740992", 9223372036854775808: "9223372036854776000",
		math.Inf(1): "null", math.Inf(-1): "null",
	} {
		require.Equal(t, want, string(jsjson.AppendNumber(nil, f)))
	}
	require.Equal(t, "null", string(jsjson.AppendNumber(nil, math.NaN())))
}

func TestAppendString_WritesWhatJavaScriptWrites(t *testing.T) {
	for s, want := range map[string]string{
		"":                          `""`,
		"a\"\\/\b\f\n\r\t\x01\x1f":  `"a\"\\/\b\f\n\r\t\u0001\u001f"`,
		"<>&\u2028\u2029\x7f":       "\"<>&\u2028\u2029\x7f\"",
		"😀\uFFFD":                   "\"😀\uFFFD\"",
		"\xed\xa0\x80":              `"\ud800"`,
		"a\xed\xbf\xbfb":            `"a\udfffb"`,
		"\xed\xa0\xbd\xed\xb8\x80":  `"😀"`, // a pair in two parts is one character, as in JavaScript
		"\xed\xb8\x80\xed\xa0\xbd":  `"\ude00\ud83d"`,
		"\xff\xed\xa0":              "\"\uFFFD\uFFFD\uFFFD\"",
		"\xed\xa0\xbd\xed\xa0\xbd!": `"\ud83d\ud83d!"`,
	} {
		require.Equal(t, want, string(jsjson.AppendString(nil, s)))
	}
}

func TestReader_KeepsLoneSurrogates(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud800"`:             "\xed\xa0\x80",
		`"\uD83D\uDE00"`:       "😀",
		`"\ud83dx\ude00"`:      "\xed\xa0\xbdx\xed\xb8\x80",
		`"\ud83d\ud83d\ude00"`: "\xed\xa0\xbd😀",
		`"\ud83d\u0041"`:       "\xed\xa0\xbdA",
		`"\u00e9\/"`:           "é/",
	} {
		r := jsjson.NewReader([]byte(text), nil)
		require.Equal(t, want, string(r.Text()))
		require.NoError(t, r.End())
	}
}

func TestReader_SaysWhatIsWrongAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		``:                 "json: the text ends where a value was expected at byte 0",
		`[1,]`:             `json: ']' where a value after the comma was expected at byte 3`,
		`[1 2]`:            `json: '2' where a comma was expected at byte 3`,
		`{"a" 1}`:          `json: '1' where a colon was expected at byte 5`,
		`{a:1}`:            `json: 'a' where a string was expected at byte 1`,
		`"\x"`:             `json: an unknown escape at byte 1`,
		`"\u12g4"`:         `json: an escape that is not \u and four hexadecimal digits at byte 1`,
		"\"\n\"":           `json: a control character in a string at byte 1`,
		"\"\xff\"":         `json: bytes that are not UTF-8 at byte 1`,
		`01`:               `json: more text after the value at byte 1`,
		`-`:                `json: the text ends where a number was expected at byte 1`,
		`1.`:               `json: the text ends where a digit was expected at byte 2`,
		`[1]]`:             `json: more text after the value at byte 3`,
		`tru`:              `json: 't' where true was expected at byte 0`,
		`{"a":1`:           `json: the text ends where more was expected at byte 6`,
		`"abc`:             `json: the text ends where the end of the string was expected at byte 4`,
		"\"\xed\xa0\x80\"": `json: bytes that are not UTF-8 at byte 1`,
	} {
		r := jsjson.NewReader([]byte(text), nil)
		r.Skip()
		require.EqualError(t, r.End(), want, "%q", text)
	}
}

func TestReader_RefusesWhatIsTooDeep(t *testing.T) {
	r := jsjson.NewReader([]byte(strings.Repeat("[", 10)+strings.Repeat("]", 10)), &jsjson.Options{MaxDepth: 9})
	r.Skip()
	require.EqualError(t, r.End(), "json: nested deeper than 9 at byte 9")
	_, err := jsjson.AppendCanonical(nil, []byte(strings.Repeat("[", 1_000_000)), nil)
	require.EqualError(t, err, "json: nested deeper than 10000 at byte 10000")
}

func TestReader_ReadsNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-0": math.Copysign(0, -1), "12": 12, "-12": -12, "1e3": 1000, "1.5E-2": 0.015, "123456789012345678901": 123456789012345678901,
		"1e400": math.Inf(1), "-1e400": math.Inf(-1), "9007199254740993": 9007199254740992,
	} {
		r := jsjson.NewReader([]byte(text), nil)
		got := r.Number()
		require.NoError(t, r.End())
		require.Equal(t, math.Float64bits(want), math.Float64bits(got), text)
	}
}

func TestAppendCanonical_IsStringifyOfParse(t *testing.T) {
	for text, want := range map[string]string{
		` { "b" : 1 , "a" : [ 1 , { } , [ ] ] } `:          `{"b":1,"a":[1,{},[]]}`,
		`{"b":1,"2":2,"10":3,"1":4,"01":5,"-1":6,"a":7}`:   `{"1":4,"2":2,"10":3,"b":1,"01":5,"-1":6,"a":7}`,
		`{"a":1,"b":2,"a":3}`:                              `{"a":3,"b":2}`,
		`{"\u0061":1,"a":2}`:                               `{"a":2}`,
		`{"4294967294":1,"4294967295":2,"0":3}`:            `{"0":3,"4294967294":1,"4294967295":2}`,
		`{"4294967295":2,"0":3}`:                           `{"0":3,"4294967295":2}`,
		`[{"x":{"b":1,"1":2}},"\ud800","\/",-0,1e400,1E2]`: `[{"x":{"1":2,"b":1}},"\ud800","/",0,null,100]`,
		`{"__proto__":1,"":2}`:                             `{"__proto__":1,"":2}`,
		`null`:                                             `null`, `true`: `true`, `"x"`: `"x"`, `{"1":1,"2":2}`: `{"1":1,"2":2}`,
	} {
		got, err := jsjson.AppendCanonical([]byte("> "), []byte(text), nil)
		require.NoError(t, err, text)
		require.Equal(t, "> "+want, string(got))
	}
}

func TestAppendCanonical_FindsTheSecondOfManyKeys(t *testing.T) {
	var in, out strings.Builder
	for i := range 100 {
		fmt.Fprintf(&in, `"k%d":%d,`, i, i)
		if i > 0 {
			fmt.Fprintf(&out, `,"k%d":%d`, i, i)
		}
	}
	got, err := jsjson.AppendCanonical(nil, []byte("{"+in.String()+`"k0":"again"}`), nil)
	require.NoError(t, err)
	require.Equal(t, `{"k0":"again"`+out.String()+`}`, string(got))
}

func TestAppendCanonical_LeavesTheDestinationAloneOnAnError(t *testing.T) {
	got, err := jsjson.AppendCanonical([]byte("kept"), []byte(`[1,2`), nil)
	require.Error(t, err)
	require.Equal(t, "kept", string(got))
}

func TestStrings_SurviveWritingAndReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s []byte
		for _, u := range rapid.SliceOf(rapid.OneOf(rapid.Int32Range(0, 0x80), rapid.Int32Range(0xD7F0, 0xE010), rapid.Int32Range(0, 0x10FFFF))).Draw(t, "units") {
			if u >= 0xD800 && u < 0xE000 {
				if n := len(s); u >= 0xDC00 && n >= 3 && s[n-3] == 0xED && s[n-2] >= 0xA0 && s[n-2] < 0xB0 {
					continue // would be a pair
				}
				s = append(s, 0xED, byte(0x80|u>>6&0x3F), byte(0x80|u&0x3F))
				continue
			}
			s = utf8.AppendRune(s, u)
		}
		text := jsjson.AppendString(nil, string(s))
		require.True(t, utf8.Valid(text))
		r := jsjson.NewReader(text, nil)
		require.Equal(t, string(s), string(r.Text()))
		require.NoError(t, r.End())
	})
}

func FuzzAppendCanonical(f *testing.F) {
	for _, s := range []string{`{"b":[1,2.5e3,{"1":null}],"1":"\ud83d\ude00\ud800"}`, `[[],{},true,false,-0.0]`, `{"a":1,"a":2}`, `"\u12"`, `[1,`, "\"\xed\xa0\x80\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		out, err := jsjson.AppendCanonical(nil, text, nil)
		if want := json.Valid(text) && utf8.Valid(text); want != (err == nil) {
			t.Fatalf("valid: %v, but the error is %v", want, err)
		}
		if err != nil {
			return
		}
		again, err := jsjson.AppendCanonical(nil, out, nil)
		require.NoError(t, err)
		require.Equal(t, string(out), string(again))
	})
}

func ExampleReader() {
	r := jsjson.NewReader([]byte(`{"price":3,"tax":0.5}`), nil)
	sum := 0.0
	r.BeginObject()
	for r.NextKey() {
		sum += r.Number()
	}
	fmt.Println(sum, r.End())
	// Output: 3.5 <nil>
}

func ExampleAppendCanonical() {
	text, err := jsjson.AppendCanonical(nil, []byte(`{ "b": 1.0, "1": "<\u00e9>" }`), nil)
	fmt.Println(string(text), err)
	// Output: {"1":"<é>","b":1} <nil>
}

func BenchmarkReader(b *testing.B) {
	text := []byte("[" + strings.Repeat(`{"species":["dog","NjEtLV-----7JQY8",2379180034]},`, 10_000) + "0]")
	b.Run("skip/values=60k", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		r := jsjson.NewReader(nil, nil)
		for b.Loop() {
			r.Reset(text, nil)
			r.Skip()
		}
	})
	b.Run("canonical/values=60k", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		var out []byte
		for b.Loop() {
			out, _ = jsjson.AppendCanonical(out[:0], text, nil)
		}
	})
}
