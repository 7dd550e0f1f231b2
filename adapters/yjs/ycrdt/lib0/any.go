package lib0

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A ValueKind is the type of an Any.
type ValueKind uint8

// The kinds of values.
const (
	Undefined ValueKind = iota
	Null
	Bool
	Number
	BigInt
	String
	Bytes
	List
	Object
)

// String returns the name of the kind.
func (k ValueKind) String() string {
	names := [...]string{"undefined", "null", "bool", "number", "bigint", "string", "bytes", "list", "object"}
	if int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// An Any is a JavaScript value that is not a shared type. The zero Any is undefined. An Any never changes.
type Any struct {
	kind ValueKind
	bits uint64 // float64 bits, int64, or 0 and 1
	text string // String, and the bytes of Bytes
	more *parts // List and Object
}

type parts struct {
	list   []Any
	fields []Field
}

// A Field is one entry of an Object.
type Field struct {
	Key   string
	Value Any
}

// UndefinedOf returns undefined, which is also the zero Any.
func UndefinedOf() Any { return Any{} }

// NullOf returns null.
func NullOf() Any { return Any{kind: Null} }

// BoolOf returns a boolean.
func BoolOf(v bool) Any {
	if v {
		return Any{kind: Bool, bits: 1}
	}
	return Any{kind: Bool}
}

// NumberOf returns a number, which is a float64 as in JavaScript. -0, NaN and the infinities are numbers.
func NumberOf(v float64) Any { return Any{kind: Number, bits: math.Float64bits(v)} }

// BigIntOf returns a bigint, a type of its own in JavaScript. Integers that are numbers come from NumberOf.
func BigIntOf(v int64) Any { return Any{kind: BigInt, bits: uint64(v)} }

// StringOf returns a string. It may hold halves of surrogate pairs in their three-byte form.
func StringOf(v string) Any { return Any{kind: String, text: v} }

// BytesOf returns a byte string (Uint8Array), a copy of v.
func BytesOf(v []byte) Any { return Any{kind: Bytes, text: string(v)} }

// ListOf returns a list, which keeps v: the caller must not change it any more.
func ListOf(v ...Any) Any { return Any{kind: List, more: &parts{list: v}} }

// ObjectOf returns an object with the order of keys that JavaScript gives it: keys that are array indexes first,
// ascending, then the others as they came. Of several fields with one key the last value counts, at the first place.
// It keeps fields: the caller must not change it any more.
func ObjectOf(fields ...Field) Any {
	return Any{kind: Object, more: &parts{fields: orderFields(fields)}}
}

// Kind returns the type of v.
func (v Any) Kind() ValueKind { return v.kind }

// Bool returns the boolean, false if v is none.
func (v Any) Bool() bool { return v.kind == Bool && v.bits == 1 }

// Number returns the number, 0 if v is none.
func (v Any) Number() float64 {
	if v.kind != Number {
		return 0
	}
	return math.Float64frombits(v.bits)
}

// BigInt returns the bigint, 0 if v is none.
func (v Any) BigInt() int64 {
	if v.kind != BigInt {
		return 0
	}
	return int64(v.bits)
}

// Str returns the string, "" if v is none.
func (v Any) Str() string {
	if v.kind != String {
		return ""
	}
	return v.text
}

// Bytes returns a copy of the byte string, nil if v is none.
func (v Any) Bytes() []byte {
	if v.kind != Bytes {
		return nil
	}
	return []byte(v.text)
}

// List returns the elements, nil if v is no list. The caller must not change them.
func (v Any) List() []Any {
	if v.kind != List {
		return nil
	}
	return v.more.list
}

// Fields returns the fields in order, nil if v is no object. The caller must not change them.
func (v Any) Fields() []Field {
	if v.kind != Object {
		return nil
	}
	return v.more.fields
}

// Get returns the value of a key of an object.
func (v Any) Get(key string) (Any, bool) {
	for _, f := range v.Fields() {
		if f.Key == key {
			return f.Value, true
		}
	}
	return Any{}, false
}

// Equal reports whether v and w are the same value, with the same order of keys. NaN equals NaN, 0 and -0 differ.
func (v Any) Equal(w Any) bool {
	if v.kind != w.kind || v.text != w.text {
		return false
	}
	switch v.kind {
	case Number:
		a, b := v.Number(), w.Number()
		return v.bits == w.bits || a != a && b != b
	case List:
		return slices.EqualFunc(v.more.list, w.more.list, Any.Equal)
	case Object:
		return slices.EqualFunc(v.more.fields, w.more.fields, func(a, b Field) bool {
			return a.Key == b.Key && a.Value.Equal(b.Value)
		})
	}
	return v.bits == w.bits
}

// String returns v for people: JSON, but with undefined, NaN, -0, 12n for a bigint and <0aff> for bytes.
func (v Any) String() string {
	var b strings.Builder
	v.describe(&b)
	return b.String()
}

func (v Any) describe(b *strings.Builder) {
	switch v.kind {
	case Undefined:
		b.WriteString("undefined")
	case Null:
		b.WriteString("null")
	case Bool:
		b.WriteString(strconv.FormatBool(v.bits == 1))
	case Number:
		n := v.Number()
		switch {
		case n == 0 && math.Signbit(n):
			b.WriteString("-0")
		case math.IsNaN(n):
			b.WriteString("NaN")
		case math.IsInf(n, 1):
			b.WriteString("Infinity")
		case math.IsInf(n, -1):
			b.WriteString("-Infinity")
		default:
			b.Write(AppendNumber(nil, n))
		}
	case BigInt:
		b.WriteString(strconv.FormatInt(int64(v.bits), 10) + "n")
	case String:
		b.Write(AppendQuoted(nil, v.text))
	case Bytes:
		const digits = "0123456789abcdef"
		b.WriteByte('<')
		for i := 0; i < len(v.text); i++ {
			b.WriteByte(digits[v.text[i]>>4])
			b.WriteByte(digits[v.text[i]&15])
		}
		b.WriteByte('>')
	case List:
		b.WriteByte('[')
		for i, e := range v.more.list {
			if i > 0 {
				b.WriteByte(',')
			}
			e.describe(b)
		}
		b.WriteByte(']')
	case Object:
		b.WriteByte('{')
		for i, f := range v.more.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(AppendQuoted(nil, f.Key))
			b.WriteByte(':')
			f.Value.describe(b)
		}
		b.WriteByte('}')
	}
}
