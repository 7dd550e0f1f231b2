package automerge

import (
	"iter"
	"math"
	"strings"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
)

// reading builds a Snapshot of parts of a document.
type reading struct {
	store.Builder
	ix  *amchange.Index
	err error
}

// root returns the root map.
func (r *reading) root() amchange.Live {
	v, _ := r.ix.Get()
	return v
}

// child returns the map under a key of a map; the zero Live, which is null, when there is none.
func (r *reading) child(m amchange.Live, key string) amchange.Live {
	if isMap(m) {
		if v, ok := r.ix.GetIn(m.ID, key); ok && isMap(v) {
			return v
		}
	}
	return amchange.Live{}
}

// at returns what is under a key of a map.
func (r *reading) at(m amchange.Live, key string) (amchange.Live, bool) {
	if !isMap(m) {
		return amchange.Live{}, false
	}
	return r.ix.GetIn(m.ID, key)
}

// entries returns what is in a map. Where a container should be and something else stands, there is nothing.
func (r *reading) entries(m amchange.Live) iter.Seq2[string, amchange.Live] {
	if !isMap(m) {
		return func(func(string, amchange.Live) bool) {}
	}
	return r.ix.EntriesOf(m.ID)
}

func isMap(v amchange.Live) bool {
	return v.Value.Kind() == amchange.Map || v.Value.Kind() == amchange.Table
}

func (r *reading) cell(table, row, cell string, v amchange.Live) {
	if x, ok := decode(r.ix, v); ok && r.err == nil {
		r.err = r.SetCell(table, row, cell, x)
	}
}

func (r *reading) value(id string, v amchange.Live) {
	if x, ok := decode(r.ix, v); ok && r.err == nil {
		r.err = r.SetValue(id, x)
	}
}

// maxExact is the greatest integer up to which a float64 holds every integer.
const maxExact = 1 << 53

// decode returns a value of a document as a Store holds it; ok is false for what no Store can hold.
func decode(ix *amchange.Index, v amchange.Live) (x store.Value, ok bool) {
	switch v.Value.Kind() {
	case amchange.Null:
		return store.NullValue(), true
	case amchange.Bool:
		return store.Of(v.Value.Bool()), true
	case amchange.Int, amchange.Counter:
		x = store.Of(v.Value.Int())
	case amchange.Uint:
		x = store.Of(v.Value.Uint())
	case amchange.Float:
		x = store.Of(v.Value.Float())
	case amchange.String:
		x = decodeText(v.Value.Str())
	case amchange.Text:
		text, _ := ix.TextOf(v.ID)
		x = decodeText(text)
	case amchange.Map, amchange.Table, amchange.List:
		text, ok := appendJSON(nil, ix, v)
		if !ok {
			return store.Value{}, false
		}
		var err error
		if x, err = store.ParseJSON(string(text)); err != nil {
			return store.Value{}, false
		}
	default:
		return store.Value{}, false
	}
	return x, x.Exists() && x.Err() == nil
}

// decodeText reads a string, or U+FFFD and JSON. The zero Value means that it is neither.
func decodeText(s string) store.Value {
	x, err := store.Of(s).Decoded()
	if err != nil {
		return store.Value{}
	}
	return x
}

// appendJSON writes a nested map or list as JSON, as far as JSON can express it.
func appendJSON(b []byte, ix *amchange.Index, v amchange.Live) ([]byte, bool) {
	switch v.Value.Kind() {
	case amchange.Map, amchange.Table:
		keys := map[string]amchange.Live{}
		for k, e := range ix.EntriesOf(v.ID) {
			keys[k] = e
		}
		b = append(b, '{')
		for i, k := range sortedKeys(keys) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(store.Of(k).AppendJSON(b), ':')
			var ok bool
			if b, ok = appendJSON(b, ix, keys[k]); !ok {
				return b, false
			}
		}
		return append(b, '}'), true
	case amchange.List:
		items, _ := ix.ItemsOf(v.ID)
		b = append(b, '[')
		for i, e := range items {
			if i > 0 {
				b = append(b, ',')
			}
			var ok bool
			if b, ok = appendJSON(b, ix, e); !ok {
				return b, false
			}
		}
		return append(b, ']'), true
	case amchange.Text:
		text, _ := ix.TextOf(v.ID)
		return store.Of(text).AppendJSON(b), true
	case amchange.String:
		return store.Of(v.Value.Str()).AppendJSON(b), true
	}
	x, ok := decode(ix, v)
	if !ok {
		return b, false
	}
	return x.AppendJSON(b), true
}

// encode returns a value of a Store as it stands in a document: a scalar, or a text.
func encode(x store.Value) (scalar amchange.Value, text string, isText bool) {
	switch x = x.Encoded(); x.Kind() {
	case store.Null:
		return amchange.Value{}, "", false
	case store.Bool:
		return amchange.BoolValue(x.Bool()), "", false
	case store.Number:
		// JavaScript reads integers from 2^53-1 up as BigInt, which TinyBase cannot hold.
		if n := x.Number(); n == math.Trunc(n) && math.Abs(n) < maxExact-1 {
			return amchange.IntValue(int64(n)), "", false
		}
		return amchange.FloatValue(x.Number()), "", false
	}
	return amchange.Value{}, x.Text(), true
}

// isEncoded reports whether a text holds an object or array.
func isEncoded(text string) bool { return strings.HasPrefix(text, "\uFFFD") }
