package yjs

import (
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

func (t *Target) isText(table, cell string) bool { return t.text != nil && t.text(table, cell) }

// plainText returns the text of a Y.Text; ok is false if there are embeds in it, which no string can show.
func plainText(x ycrdt.Text) (text string, ok bool) {
	text = x.String()
	return text, lib0.UTF16Len(text) == x.Len()
}

// edit makes a Y.Text, which holds have, hold want by the smallest single replacement: what is equal at the beginning and at
// the end stays, so that it keeps its formatting, and what others type there at the same time is kept, too.
func edit(x ycrdt.Text, have, want string) error {
	from := commonPrefix(have, want)
	end := commonPrefix(reverse(have[from:]), reverse(want[from:]))
	gone, new := have[from:len(have)-end], want[from:len(want)-end]
	at := lib0.UTF16Len(have[:from])
	if gone != "" {
		if err := x.Delete(at, lib0.UTF16Len(gone)); err != nil {
			return err
		}
	}
	if new == "" {
		return nil
	}
	return x.Insert(at, new)
}

// commonPrefix returns the number of bytes of the runes with which both strings begin.
func commonPrefix(a, b string) int {
	n := 0
	for i, r := range a {
		size := len(string(r))
		if i+size > len(a) || i+size > len(b) || a[i:i+size] != b[i:i+size] {
			break
		}
		n = i + size
	}
	return n
}

func reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}
