package jsjson

import (
	"bytes"
	"math"
	"slices"
)

// AppendCanonical reads the next value of r and appends what JSON.stringify(JSON.parse(value)) gives: no white space,
// numbers and strings as the writers of this package write them, and the keys of each object in JavaScript's order. That
// is: keys that are whole numbers up to 4294967294 first, ascending; then the others as they came; of a key that comes
// twice the last value, at the place of the first. On an error dst is returned as it was.
func (r *Reader) AppendCanonical(dst []byte) []byte {
	base := len(dst)
	start, depth := r.pos, len(r.open)
	dst, ordered := r.appendPlain(dst)
	if r.err == nil && !ordered {
		// Some object has to be put into order: read again, as a tree this time.
		again := &Reader{data: r.data, pos: start, max: r.max - depth}
		tree := again.readNode()
		dst = tree.append(dst[:base])
	}
	if r.err != nil {
		return dst[:base]
	}
	return dst
}

// AppendCanonical appends the canonical form of text, which must hold one value and nothing else.
func AppendCanonical(dst, text []byte, o *Options) ([]byte, error) {
	r := NewReader(text, o)
	out := r.AppendCanonical(dst)
	if err := r.End(); err != nil {
		return dst, err
	}
	return out, nil
}

// appendPlain writes values as they come, and reports whether every object was in order already.
func (r *Reader) appendPlain(dst []byte) (out []byte, ordered bool) {
	switch r.Peek() {
	case Object:
		return r.appendObject(dst)
	case Array:
		r.BeginArray()
		dst = append(dst, '[')
		ordered = true
		for first := true; r.NextElement(); first = false {
			if !first {
				dst = append(dst, ',')
			}
			var ok bool
			dst, ok = r.appendPlain(dst)
			ordered = ordered && ok
		}
		return append(dst, ']'), ordered
	}
	return r.appendScalar(dst), true
}

func (r *Reader) appendObject(dst []byte) (out []byte, ordered bool) {
	r.BeginObject()
	dst = append(dst, '{')
	ordered = true
	var seen [][2]int // where in dst the keys are
	var many map[string]struct{}
	last, names := int64(-1), false
	for first := true; r.NextKey(); first = false {
		if !first {
			dst = append(dst, ',')
		}
		if i := index(r.Key()); i < 0 {
			names = true
		} else if names || i <= last {
			ordered = false
		} else {
			last = i
		}
		from := len(dst)
		dst = AppendString(dst, string(r.Key()))
		to := len(dst)
		if ordered && many == nil {
			for _, s := range seen {
				if bytes.Equal(dst[s[0]:s[1]], dst[from:to]) {
					ordered = false
				}
			}
			if seen = append(seen, [2]int{from, to}); len(seen) > 16 {
				many = make(map[string]struct{}, 64)
				for _, s := range seen {
					many[string(dst[s[0]:s[1]])] = struct{}{}
				}
			}
		} else if ordered {
			if _, twice := many[string(dst[from:to])]; twice {
				ordered = false
			}
			many[string(dst[from:to])] = struct{}{}
		}
		dst = append(dst, ':')
		var ok bool
		dst, ok = r.appendPlain(dst)
		ordered = ordered && ok
	}
	return append(dst, '}'), ordered
}

func (r *Reader) appendScalar(dst []byte) []byte {
	switch r.Peek() {
	case String:
		return AppendString(dst, string(r.Text()))
	case Number:
		return AppendNumber(dst, r.Number())
	case Bool:
		if r.Bool() {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	}
	r.Null()
	return append(dst, "null"...)
}

// node is a value of the tree that AppendCanonical builds when keys are out of order.
type node struct {
	kind    Kind // Object, Array, or Null for any scalar
	scalar  []byte
	members []member
}

type member struct {
	key   []byte // quoted
	index int64  // of a key that is a whole number, else -1
	value node
}

func (r *Reader) readNode() node {
	switch kind := r.Peek(); kind {
	case Array:
		n := node{kind: kind}
		r.BeginArray()
		for r.NextElement() {
			n.members = append(n.members, member{value: r.readNode()})
		}
		return n
	case Object:
		n := node{kind: kind}
		r.BeginObject()
		at := map[string]int{}
		for r.NextKey() {
			m := member{key: AppendString(nil, string(r.Key())), index: index(r.Key())}
			m.value = r.readNode()
			if i, twice := at[string(m.key)]; twice {
				n.members[i].value = m.value
				continue
			}
			at[string(m.key)] = len(n.members)
			n.members = append(n.members, m)
		}
		slices.SortStableFunc(n.members, func(a, b member) int {
			return compare(uint64(a.index), uint64(b.index)) // -1 is the largest
		})
		return n
	}
	return node{kind: Null, scalar: r.appendScalar(nil)}
}

func (n node) append(dst []byte) []byte {
	switch n.kind {
	case Array:
		dst = append(dst, '[')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = m.value.append(dst)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i, m := range n.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, m.key...), ':')
			dst = m.value.append(dst)
		}
		return append(dst, '}')
	}
	return append(dst, n.scalar...)
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// index returns the number that a key stands for when it is an array index of JavaScript, else -1.
func index(key []byte) int64 {
	if len(key) == 0 || len(key) > 10 || (key[0] == '0' && len(key) > 1) {
		return -1
	}
	var n int64
	for _, c := range key {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	if n >= math.MaxUint32 {
		return -1
	}
	return n
}
