package yjs

import (
	"strings"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/store"
)

// Foreign says what a Store shows of values that it cannot hold: Y.Text, Y.Array and other shared types, Uint8Array, bigint,
// undefined, numbers that are not finite. Whatever it shows, they stay untouched in the document until the user writes the
// cell.
type Foreign uint8

const (
	// HideForeign shows nothing: the cell is absent.
	HideForeign Foreign = iota
	// ShowForeign shows an object with the key "$" that says what it is, and its content under "v" where JSON can express it:
	// {"$":"bytes","v":"AQI="} (base64), {"$":"bigint","v":"10"}, {"$":"text","v":"..."}, {"$":"map"}, {"$":"undefined"}.
	ShowForeign
)

// decode returns a value of a document as a Store holds it; ok is false for what no Store can hold.
func decode(v ycrdt.Value) (x store.Value, ok bool) {
	switch v.Kind() {
	case ycrdt.KindNull:
		return store.NullValue(), true
	case ycrdt.KindBool:
		return store.Of(v.Bool()), true
	case ycrdt.KindNumber:
		x = store.Of(v.Number())
	case ycrdt.KindString:
		var err error
		if x, err = store.Of(v.Str()).Decoded(); err != nil || !x.Exists() {
			return store.Value{}, false
		}
	case ycrdt.KindList, ycrdt.KindObject:
		text, err := lib0.AppendJSON(nil, v.Any())
		if err != nil || !isJSON(v.Any()) {
			return store.Value{}, false
		}
		if x, err = store.ParseJSON(string(text)); err != nil {
			return store.Value{}, false
		}
	default:
		return store.Value{}, false
	}
	return x, x.Err() == nil
}

// isJSON says whether JSON can express the value and everything in it.
func isJSON(v lib0.Any) bool {
	switch v.Kind() {
	case lib0.Undefined, lib0.BigInt, lib0.Bytes:
		return false
	case lib0.Number:
		return store.Of(v.Number()).Err() == nil
	}
	for _, e := range v.List() {
		if !isJSON(e) {
			return false
		}
	}
	for _, f := range v.Fields() {
		if !isJSON(f.Value) {
			return false
		}
	}
	return true
}

// encode returns a value of a Store as it stands in a document.
func encode(x store.Value) ycrdt.Value {
	switch x = x.Encoded(); x.Kind() {
	case store.Null:
		return ycrdt.Null()
	case store.Bool:
		return ycrdt.Bool(x.Bool())
	case store.Number:
		return ycrdt.Number(x.Number())
	}
	return ycrdt.String(x.Text())
}

// show returns what a Store shows of a foreign value, for ShowForeign.
func show(v ycrdt.Value) store.Value {
	mark := struct {
		Kind  string `json:"$"`
		Value any    `json:"v,omitempty"`
	}{Kind: v.Kind().String()}
	switch v.Kind() {
	case ycrdt.KindBytes:
		mark.Value = v.Bytes() // encoding/json writes base64
	case ycrdt.KindBigInt:
		mark.Value = strings.TrimSuffix(v.Any().String(), "n")
	case ycrdt.KindText:
		mark.Value = v.Shared().Text().String()
	case ycrdt.KindNumber, ycrdt.KindString:
		mark.Value = v.String()
	}
	x, err := store.FromAny(mark)
	if err != nil {
		return store.Value{}
	}
	return x
}

// reading builds a Snapshot of parts of a document.
type reading struct {
	store.Builder
	*Target
	err error
}

func (b *reading) visitor() visitor {
	return visitor{
		cell: func(table, row, cell string, v ycrdt.Value) {
			if x, ok := b.decode(table, cell, v); ok && b.err == nil {
				b.err = b.SetCell(table, row, cell, x)
			}
		},
		value: func(id string, v ycrdt.Value) {
			if x, ok := b.decode("", id, v); ok && b.err == nil {
				b.err = b.SetValue(id, x)
			}
		},
	}
}

// decode returns what the Store shows of a value.
func (t *Target) decode(table, cell string, v ycrdt.Value) (store.Value, bool) {
	if v.Kind() == ycrdt.KindText && t.isText(table, cell) {
		if text, plain := plainText(v.Shared().Text()); plain {
			x := store.Of(text)
			return x, x.Err() == nil
		}
	}
	x, ok := decode(v)
	if !ok && t.foreign == ShowForeign {
		x = show(v)
		return x, x.Exists()
	}
	return x, ok
}

// put makes a key of a map hold x. What a Store does not show is overwritten, but not deleted: the Store has not known it.
func (t *Target) put(m ycrdt.Map, key, table, cell string, x store.Value) error {
	if cur, ok := m.Get(key); ok {
		have, shown := t.decode(table, cell, cur)
		if shown && have == x || !shown && !x.Exists() {
			return nil
		}
		if x.Kind() == store.String && cur.Kind() == ycrdt.KindText && t.isText(table, cell) && shown {
			return edit(cur.Shared().Text(), have.Text(), x.Text())
		}
	}
	switch {
	case !x.Exists():
		return m.Delete(key)
	case x.Kind() == store.String && t.isText(table, cell):
		return m.Set(key, ycrdt.NewText(x.Text()))
	}
	return m.Set(key, encode(x))
}
