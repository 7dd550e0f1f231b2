package lib0_test

import (
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// units is the model: text as UTF-16.
func units(b []byte) []uint16 {
	var out []uint16
	for i := 0; i < len(b); {
		if i+2 < len(b) && b[i] == 0xED && b[i+1] >= 0xA0 {
			out = append(out, uint16(b[i]&15)<<12|uint16(b[i+1]&63)<<6|uint16(b[i+2]&63))
			i += 3
			continue
		}
		n := 1
		for i+n < len(b) && b[i+n]&0xC0 == 0x80 {
			n++
		}
		out = append(out, utf16.Encode([]rune(string(b[i:i+n])))...)
		i += n
	}
	return out
}

func TestUTF16_CutsWhereJavaScriptCuts(t *testing.T) {
	text := rapid.SliceOf(rapid.SampledFrom([]string{"a", "bcdefghijk", "é", "日", "😀", "𝒳", "\xed\xa0\xbd!", "!\xed\xb8\x80"}))
	rapid.Check(t, func(t *rapid.T) {
		var s []byte
		for _, part := range text.Draw(t, "text") {
			s = append(s, part...)
		}
		all := units(s)
		require.Equal(t, len(all), lib0.UTF16Len(s))
		n := rapid.IntRange(0, len(all)).Draw(t, "n")
		head, tail := lib0.CutUTF16(s, n)
		require.Equal(t, n, lib0.UTF16Len(head))
		require.Equal(t, append([]uint16{}, all[:n]...), append([]uint16{}, units(head)...))
		require.Equal(t, append([]uint16{}, all[n:]...), append([]uint16{}, units(tail)...))
		require.Equal(t, string(s), string(lib0.JoinText(head, tail)))

		head, tail = lib0.SplitUTF16(s, n)
		want := append([]uint16{}, all...)
		if n > 0 && want[n-1]&0xFC00 == 0xD800 {
			want[n-1] = 0xFFFD
			if n < len(want) {
				want[n] = 0xFFFD
			} else {
				want = append(want, 0xFFFD)
			}
		}
		require.Equal(t, want, append(append([]uint16{}, units(head)...), units(tail)...))
		require.Equal(t, n, lib0.UTF16Len(head))
	})
}

func TestWellFormed_IsToWellFormed(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"plain":                      "plain",
		"é😀":                         "é😀",
		"\xed\xa0\xbd":               "\uFFFD",
		"a\xed\xb8\x80b":             "a\uFFFDb",
		"\xed\xa0\xbd\xed\xb8\x80":   "😀",
		"\xed\xb8\x80\xed\xa0\xbd":   "\uFFFD\uFFFD",
		"x\xffy":                     "x\uFFFDy",
		"\xed\xa0\xbd\xed\xa0\xbd😀x": "\uFFFD\uFFFD😀x",
	} {
		require.Equal(t, want, lib0.WellFormed(in), "%q", in)
	}
}
