package ycrdt

import (
	"slices"
	"strconv"
)

// A Kind says what a value or a shared type is.
type Kind uint8

// The kinds of plain values, then those of shared types. KindUntyped is a root that nobody has asked for by its type yet.
const (
	KindUndefined Kind = iota
	KindNull
	KindBool
	KindNumber
	KindBigInt
	KindString
	KindBytes
	KindList
	KindObject
	KindArray
	KindMap
	KindText
	KindXMLElement
	KindXMLFragment
	KindXMLHook
	KindXMLText
	KindSubdoc
	KindUntyped
)

// String returns the name of the kind.
func (k Kind) String() string {
	names := [...]string{
		"undefined", "null", "bool", "number", "bigint", "string", "bytes", "list", "object",
		"array", "map", "text", "xml element", "xml fragment", "xml hook", "xml text", "subdocument", "untyped",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// typeRefs is the number of shared types on the wire: kinds from KindArray on, in order.
const typeRefs = 7

func kindOfRef(ref uint32) Kind { return KindArray + Kind(ref) }
func (k Kind) ref() uint32      { return uint32(k - KindArray) }
func (k Kind) named() bool      { return k == KindXMLElement || k == KindXMLHook }
func (k Kind) isText() bool     { return k == KindText || k == KindXMLText }
func (k Kind) isShared() bool   { return k >= KindArray && k <= KindXMLText || k == KindUntyped }

// A stype is a shared type: the head of a list and of a set of map entries. Every kind of type has both.
//
// It has 64 bytes, one line of the processor's cache.
type stype struct {
	item       uint32 // the item whose content it is; 0 = a root
	start      uint32 // first element of the list
	end        uint32 // last element of the list
	length     uint32 // visible units in the list
	count      uint32 // visible map entries
	firstEntry uint32 // map entries, in the order in which the keys appeared first
	lastEntry  uint32
	keys       uint32 // how many entries
	mask       uint64 // bits of their keys, see entries.find
	name       uint32 // key number of the root's name, or of the XML node's
	gen        uint32 // raised when the slot is reused
	stamp      uint32 // transaction that marked the list as changed
	markers    uint32 // number of its markers, 0 if there are none
	kind       Kind
	formatting bool // a format mark has been in the list
	unmarked   bool // no markers any more
	used       bool
	dead       bool // its item is deleted
}

// types is the table of all shared types. Number 0 means none.
type types struct {
	list  []stype
	free  []uint32
	roots map[uint32]uint32 // by key number of the name
}

func newTypes() types { return types{list: make([]stype, 1, 8), roots: map[uint32]uint32{}} }

func (t *types) at(i uint32) *stype { return &t.list[i] }

func (t *types) alloc(k Kind, item, name uint32) uint32 {
	var i uint32
	if n := len(t.free); n > 0 {
		i = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		i = uint32(len(t.list))
		if len(t.list) == cap(t.list) {
			t.list = slices.Grow(t.list, len(t.list)) // append grows large slices by a quarter only
		}
		t.list = append(t.list, stype{})
	}
	t.list[i] = stype{kind: k, item: item, name: name, gen: t.list[i].gen, used: true}
	return i
}

func (t *types) release(i uint32) {
	t.list[i] = stype{gen: t.list[i].gen + 1}
	t.free = append(t.free, i)
}
