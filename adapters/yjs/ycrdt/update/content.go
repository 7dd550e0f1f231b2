package update

import (
	"math"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// Content is copied as it stands where Yjs would write the same bytes, and decoded and encoded otherwise.

// appendJSON appends the value of an embed or a format as JSON text, with its length before it.
func (c *Content) appendJSON(b []byte) ([]byte, error) {
	if c.JSON && !c.loose {
		return lib0.AppendBytes(b, c.Data), nil
	}
	v, err := c.value()
	if err != nil {
		return b, err
	}
	text, err := lib0.AppendJSON(nil, v)
	if err != nil {
		return b, err
	}
	return lib0.AppendString(b, text), nil
}

// appendAny appends the value of an embed or a format in lib0's encoding.
func (c *Content) appendAny(b []byte) ([]byte, error) {
	if !c.JSON && !c.loose {
		return append(b, c.Data...), nil
	}
	v, err := c.value()
	if err != nil {
		return b, err
	}
	return lib0.AppendAny(b, v), nil
}

// appendValues appends plain values.
func (c *Content) appendValues(b []byte) ([]byte, error) {
	if !c.loose {
		return append(b, c.Data...), nil
	}
	r := lib0.NewReader(c.Data)
	for !r.Done() {
		b = lib0.AppendAny(b, r.Any())
	}
	return b, r.Err()
}

// appendOptions appends the options of a subdocument. Of whatever stands there Yjs keeps "gc" if it is false, "autoLoad"
// if it is true, and "meta" if it is not null, in this order.
func (c *Content) appendOptions(b []byte) ([]byte, error) {
	if !c.loose {
		return append(b, c.Data...), nil
	}
	r := lib0.NewReader(c.Data)
	opts := r.Any()
	var kept []lib0.Field
	if gc, ok := opts.Get("gc"); ok && gc.Kind() != lib0.Undefined && !truthy(gc) {
		kept = append(kept, lib0.Field{Key: "gc", Value: lib0.BoolOf(false)})
	}
	if load, ok := opts.Get("autoLoad"); ok && truthy(load) {
		kept = append(kept, lib0.Field{Key: "autoLoad", Value: lib0.BoolOf(true)})
	}
	if meta, ok := opts.Get("meta"); ok && meta.Kind() != lib0.Null && meta.Kind() != lib0.Undefined {
		kept = append(kept, lib0.Field{Key: "meta", Value: meta})
	}
	return lib0.AppendAny(b, lib0.ObjectOf(kept...)), r.Err()
}

// truthy is what JavaScript's if asks.
func truthy(v lib0.Any) bool {
	switch v.Kind() {
	case lib0.Undefined, lib0.Null:
		return false
	case lib0.Bool:
		return v.Bool()
	case lib0.Number:
		return v.Number() != 0 && !math.IsNaN(v.Number())
	case lib0.BigInt:
		return v.BigInt() != 0
	case lib0.String:
		return v.Str() != ""
	}
	return true
}

// eachJSON calls f with each JSON text of RefJSON as JSON.stringify writes it.
func (c *Content) eachJSON(f func([]byte)) error {
	r := lib0.NewReader(c.Data)
	for !r.Done() {
		text := r.Bytes()
		if string(text) != undefinedText {
			v, err := lib0.ParseJSON(text)
			if err != nil {
				return err
			}
			if text, err = lib0.AppendJSON(nil, v); err != nil {
				return err
			}
		}
		f(text)
	}
	return r.Err()
}
