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
