package ycrdt

import (
	"fmt"
	"math"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// Any is a plain value that may lie inside another one: everything but shared types.
type Any = lib0.Any

// Field is one field of an object.
type Field = lib0.Field

// A Value is what stands under a key or at an index: a plain value as JavaScript has it, or a shared type. The zero Value
// is undefined. Values are immutable; those that are shared types are handles and live as long as their transaction.
type Value struct {
	any    Any
	shared node
	prelim *prelim // what is to be made, for values of NewMap and its like
	kind   Kind
}

// Undefined returns undefined, which Yjs can store and tells from null and from nothing.
func Undefined() Value { return Value{} }

// Null returns null.
func Null() Value { return Value{any: lib0.NullOf(), kind: KindNull} }

// Bool returns a boolean.
func Bool(v bool) Value { return Value{any: lib0.BoolOf(v), kind: KindBool} }

// Number returns a number; like all JavaScript numbers it is a float64.
func Number(v float64) Value { return Value{any: lib0.NumberOf(v), kind: KindNumber} }

// Int returns a number. An integer beyond ±2^53, which a number would round, is an error: see BigInt.
func Int(v int64) (Value, error) {
	if v > 1<<53 || v < -(1<<53) {
		return Value{}, fmt.Errorf("ycrdt: integer %d: %w", v, ErrRange)
	}
	return Number(float64(v)), nil
}

// BigInt returns a bigint, which JavaScript keeps apart from numbers.
func BigInt(v int64) Value { return Value{any: lib0.BigIntOf(v), kind: KindBigInt} }

// String returns a string. Bytes that are no UTF-8 become U+FFFD.
func String(v string) Value { return Value{any: lib0.StringOf(lib0.WellFormed(v)), kind: KindString} }

// Bytes returns a byte string, a copy of v.
func Bytes(v []byte) Value { return Value{any: lib0.BytesOf(v), kind: KindBytes} }

// List returns a plain list, which can be replaced but not edited. It keeps v.
func List(v ...Any) Value { return Value{any: lib0.ListOf(v...), kind: KindList} }

// Object returns a plain object, which can be replaced but not edited. It keeps fields.
func Object(fields ...Field) Value { return Value{any: lib0.ObjectOf(fields...), kind: KindObject} }

// Plain returns a value that is no shared type.
func Plain(v Any) Value { return Value{any: v, kind: Kind(v.Kind())} }

// Kind returns what v is.
func (v Value) Kind() Kind { return v.kind }

// Any returns v if it is a plain value, and undefined if it is a shared type.
func (v Value) Any() Any { return v.any }

// Bool returns the boolean, false if v is none.
func (v Value) Bool() bool { return v.any.Bool() }

// Number returns the number, 0 if v is none.
func (v Value) Number() float64 { return v.any.Number() }

// Int returns the number as an integer; ok is false if v is no number, or not an integer within ±2^53.
func (v Value) Int() (n int64, ok bool) {
	f := v.any.Number()
	if v.kind != KindNumber || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// BigInt returns the bigint, 0 if v is none.
func (v Value) BigInt() int64 { return v.any.BigInt() }

// Str returns the string, "" if v is none.
func (v Value) Str() string { return v.any.Str() }

// Bytes returns a copy of the byte string, nil if v is none.
func (v Value) Bytes() []byte { return v.any.Bytes() }

// List returns the elements of a plain list, nil if v is none. The caller must not change them.
func (v Value) List() []Any { return v.any.List() }

// Fields returns the fields of a plain object in order, nil if v is none. The caller must not change them.
func (v Value) Fields() []Field { return v.any.Fields() }

// IsShared reports whether v is a shared type.
func (v Value) IsShared() bool { return v.kind.isShared() && v.prelim == nil }

// Shared returns the handle of a shared type. If v is a plain value, the methods of the handle return ErrDeleted.
func (v Value) Shared() Shared { return Shared{v.shared} }

// Map returns the handle of a map; if v is none, the methods of the handle return ErrKind.
func (v Value) Map() Map {
	if v.kind == KindMap || v.kind == KindXMLHook {
		return Map{v.shared}
	}
	return Map{node{a: v.shared.a, gen: uint32(codeKind)}}
}

// Equal reports whether v and w are the same plain value or the same shared type.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.any.Equal(w.any) && v.shared.t == w.shared.t && v.shared.gen == w.shared.gen
}

// String returns v for people.
func (v Value) String() string {
	if v.kind >= KindArray {
		return "<" + v.kind.String() + ">"
	}
	return v.any.String()
}

// lastValue returns the last unit of an item, which is the value of its key.
func (a *access) lastValue(it *item) Value { return a.valueAt(it, it.length-1) }

// valueAt returns unit n of an item.
func (a *access) valueAt(it *item, n uint32) Value {
	d := a.doc
	if it.kind == kindType {
		return Value{kind: d.types.at(it.off).kind, shared: a.node(it.off)}
	}
	payload := d.content.of(it)
	switch it.kind {
	case kindAny:
		r := lib0.NewReader(payload)
		for range n {
			r.SkipAny()
		}
		return Plain(r.Any())
	case kindJSON:
		r := lib0.NewReader(payload)
		for range n {
			r.SkipBytes()
		}
		text := r.Bytes()
		if string(text) == "undefined" {
			return Value{}
		}
		v, _ := lib0.ParseJSON(text)
		return Plain(v)
	case kindBinary:
		return Bytes(payload)
	case kindString:
		_, tail := lib0.CutUTF16(payload, int(n))
		head, _ := lib0.CutUTF16(tail, 1)
		return Plain(lib0.StringOf(string(head)))
	case kindEmbed:
		return Plain(anyValue(payload, it.flags))
	case kindDoc:
		r := lib0.NewReader(payload)
		guid := string(r.Bytes())
		return Value{kind: KindSubdoc, any: lib0.ObjectOf(
			Field{Key: "guid", Value: lib0.StringOf(guid)}, Field{Key: "opts", Value: r.Any()})}
	}
	return Value{}
}

// anyValue returns the value of an embed or format.
func anyValue(value []byte, f flags) Any {
	if f&flagAny != 0 {
		r := lib0.NewReader(value)
		return r.Any()
	}
	switch string(value) {
	case "null":
		return lib0.NullOf()
	case "true":
		return lib0.BoolOf(true)
	}
	v, _ := lib0.ParseJSON(value)
	return v
}
