package ycrdt

import (
	"bytes"
	"unsafe"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// An attr is a formatting attribute: a key and a value, still encoded as in the item that set it.
type attr struct {
	key   string
	value []byte
	flags flags
	src   uint32 // the item, 0 if there is none
}

var nullAttr = attr{value: []byte("null")}

// format returns the attribute that a format item sets. It aliases the content.
func (d *Doc) format(i uint32) attr {
	it := d.items.at(i)
	r := lib0.NewReader(d.content.of(it))
	key := r.Bytes()
	return attr{unsafe.String(unsafe.SliceData(key), len(key)), r.Rest(), it.flags & flagAny, i}
}

func (a attr) isNull() bool {
	if a.flags&flagAny != 0 {
		return len(a.value) == 1 && a.value[0] == 126
	}
	return string(a.value) == "null"
}

func (a attr) decode() Any { return anyValue(a.value, a.flags) }

// same reports whether two attributes have one value in memory, as copies of a mark have that were made here.
func (a attr) same(b attr) bool {
	return a.src != 0 && b.src != 0 && len(a.value) == len(b.value) && &a.value[0] == &b.value[0]
}

// equal compares as Yjs does: plain values by value, lists and objects by their elements, which must be plain values.
func (a attr) equal(b attr) bool {
	if a.same(b) {
		return true
	}
	if a.flags == b.flags && a.flags&flagAny == 0 && !bytes.ContainsAny(a.value[:1], "[{") && !bytes.ContainsAny(b.value[:1], "[{") {
		return bytes.Equal(a.value, b.value)
	}
	return equalFlat(a.decode(), b.decode())
}

// identical compares as JavaScript's === does: lists and objects are equal only to themselves.
func (a attr) identical(b attr) bool {
	if a.same(b) {
		return true
	}
	return strictEqual(a.decode(), b.decode())
}

func strictEqual(a, b Any) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case lib0.Number:
		return a.Number() == b.Number()
	case lib0.List, lib0.Object, lib0.Bytes:
		return false
	}
	return a.Equal(b)
}

func equalFlat(a, b Any) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case lib0.List:
		x, y := a.List(), b.List()
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !strictEqual(x[i], y[i]) {
				return false
			}
		}
		return true
	case lib0.Object:
		x := a.Fields()
		if len(x) != len(b.Fields()) {
			return false
		}
		for _, f := range x {
			if v, ok := b.Get(f.Key); !ok || !strictEqual(f.Value, v) {
				return false
			}
		}
		return true
	case lib0.Bytes:
		return a.Equal(b)
	}
	return strictEqual(a, b)
}

// attrs is a set of attributes in the order in which their keys came, as in a JavaScript Map.
type attrs []attr

func (as attrs) find(key string) int {
	for i := range as {
		if as[i].key == key {
			return i
		}
	}
	return -1
}

// get returns the attribute with a key, null if there is none.
func (as attrs) get(key string) attr {
	if i := as.find(key); i >= 0 {
		return as[i]
	}
	return nullAttr
}

func (as *attrs) set(a attr) {
	if i := as.find(a.key); i >= 0 {
		(*as)[i] = a
		return
	}
	*as = append(*as, a)
}

func (as *attrs) delete(key string) {
	if i := as.find(key); i >= 0 {
		*as = append((*as)[:i], (*as)[i+1:]...)
	}
}

// update sets an attribute; null deletes it.
func (as *attrs) update(a attr) {
	if a.isNull() {
		as.delete(a.key)
	} else {
		as.set(a)
	}
}

func (as attrs) clone() attrs { return append(attrs(nil), as...) }
