package lib0

import (
	"bytes"
	"encoding/binary"
	"math"
)

// The tags of "any" values.
const (
	tagBytes     = 116
	tagList      = 117
	tagObject    = 118
	tagString    = 119
	tagTrue      = 120
	tagFalse     = 121
	tagBigInt    = 122
	tagFloat64   = 123
	tagFloat32   = 124
	tagInteger   = 125
	tagNull      = 126
	tagUndefined = 127
)

// MaxDepth is how deep lists and objects may be nested in an "any" value and in JSON.
const MaxDepth = 128

// maxInteger is the largest magnitude that lib0 writes as an integer.
const maxInteger = 1<<31 - 1

// grown is how many elements are allocated before any has been seen.
const grown = 64

// Any reads one value, copying its text. What it allocates is at most about 60 times the bytes read.
func (r *Reader) Any() Any { return r.any(MaxDepth) }

func (r *Reader) any(depth int) Any {
	at := r.base + r.pos
	switch tag := r.Byte(); tag {
	case tagUndefined:
		return Any{}
	case tagNull:
		return NullOf()
	case tagTrue:
		return BoolOf(true)
	case tagFalse:
		return BoolOf(false)
	case tagInteger:
		n, negative := r.VarInt()
		f := float64(n)
		if negative {
			f = math.Copysign(f, -1)
		}
		return NumberOf(f)
	case tagFloat32:
		return NumberOf(float64(r.float32()))
	case tagFloat64:
		return NumberOf(r.float64())
	case tagBigInt:
		if b := r.Take(8); b != nil {
			return BigIntOf(int64(binary.BigEndian.Uint64(b)))
		}
	case tagString:
		if s := r.Str(); r.err == nil {
			return StringOf(string(s))
		}
	case tagBytes:
		if b := r.Bytes(); r.err == nil {
			return BytesOf(b)
		}
	case tagList:
		n := r.nested(depth, 1, "list")
		list := make([]Any, 0, min(n, grown))
		for range n {
			list = append(list, r.any(depth-1))
			if r.err != nil {
				return Any{}
			}
		}
		return Any{kind: List, more: &parts{list: list}}
	case tagObject:
		n := r.nested(depth, 2, "object")
		fields := make([]Field, 0, min(n, grown))
		for range n {
			key := string(r.Str())
			fields = append(fields, Field{key, r.any(depth - 1)})
			if r.err != nil {
				return Any{}
			}
		}
		return ObjectOf(fields...)
	default:
		r.FailAt(ErrTag, "value", at)
	}
	return Any{}
}

// nested reads the number of elements of a list or object, each of at least size bytes.
func (r *Reader) nested(depth, size int, what string) int {
	if depth <= 0 {
		r.Fail(ErrLimit, "depth of "+what)
		return 0
	}
	return r.Count(size, what)
}

func (r *Reader) float32() float32 {
	if b := r.Take(4); b != nil {
		return math.Float32frombits(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *Reader) float64() float64 {
	if b := r.Take(8); b != nil {
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

// SkipAny passes over one value. It accepts exactly what Any accepts, and allocates nothing.
func (r *Reader) SkipAny() { r.skipAny(MaxDepth) }

func (r *Reader) skipAny(depth int) {
	at := r.base + r.pos
	switch tag := r.Byte(); tag {
	case tagUndefined, tagNull, tagTrue, tagFalse:
	case tagInteger:
		if n, _ := r.VarInt(); n > maxInteger {
			r.loose = true
		}
	case tagFloat32:
		if f := float64(r.float32()); isInteger(f) || f != f {
			r.loose = true
		}
	case tagFloat64:
		f := r.float64()
		if isInteger(f) || float64(float32(f)) == f || math.Float64bits(f) == goNaN {
			r.loose = true
		}
	case tagBigInt:
		r.Take(8)
	case tagString:
		r.Str()
	case tagBytes:
		r.Bytes()
	case tagList:
		n := r.nested(depth, 1, "list")
		for ; n > 0 && r.err == nil; n-- {
			r.skipAny(depth - 1)
		}
	case tagObject:
		n := r.nested(depth, 2, "object")
		var keys keyOrder
		for i := 0; i < n && r.err == nil; i++ {
			key := r.Str()
			if r.err == nil && !keys.next(key, i) {
				r.loose = true
			}
			r.skipAny(depth - 1)
		}
	default:
		r.FailAt(ErrTag, "value", at)
	}
}

// keyOrder watches the keys of an object go by, to find out whether they are in the order of a JavaScript object and
// without repetition. It remembers a few keys only: for large objects it answers no, which is always safe.
type keyOrder struct {
	recent  [16][]byte
	others  bool
	indexed bool
	index   uint64
}

func (o *keyOrder) next(key []byte, i int) bool {
	if i >= len(o.recent) {
		return false
	}
	for _, k := range o.recent[:i] {
		if bytes.Equal(k, key) {
			return false
		}
	}
	o.recent[i] = key
	n, isIndex := arrayIndex(key)
	if !isIndex {
		o.others = true
		return true
	}
	inOrder := !o.others && (!o.indexed || n > o.index)
	o.indexed, o.index = true, n
	return inOrder
}

// There are many NaNs. Those from the wire keep their bits, as in V8; the one that Go makes becomes the one that
// JavaScript makes.
const (
	jsNaN = 0x7ff8000000000000
	goNaN = 0x7ff8000000000001
)

// isInteger reports whether lib0 writes f as an integer.
func isInteger(f float64) bool {
	i := int64(f)
	return float64(i) == f && i <= maxInteger && i >= -maxInteger
}
