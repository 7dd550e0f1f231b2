package ycrdt

import (
	"math/bits"
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
type stype struct {
	item       uint32 // the item whose content it is; 0 = a root
	start      uint32 // first element of the list
	end        uint32 // last element of the list
	length     uint32 // visible units in the list
	count      uint32 // visible map entries
	firstEntry uint32 // map entries, in the order in which the keys appeared first
	lastEntry  uint32
	name       uint32 // key number of the root's name, or of the XML node's
	gen        uint32 // raised when the slot is reused
	stamp      uint32 // transaction that marked the list as changed
	kind       Kind
	markers    uint32 // number of its markers, 0 if there are none
	formatting bool   // a format mark has been in the list
	unmarked   bool   // no markers any more
	used       bool
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

// An entry is one key of one type: the chain of items that were ever set under it.
type entry struct {
	typ, key    uint32
	last, first uint32 // right-most item, which is the current one, and left-most
	next        uint32 // next entry of the type
	stamp       uint32 // transaction that marked the key as changed
}

// entries finds (type, key): one open-addressing table for the whole document.
type entries struct {
	list  []entry
	table []uint32
	free  uint32 // first unused entry
	used  int
	seed  uint64
}

func newEntries(seed uint64) entries { return entries{list: make([]entry, 1, 8), seed: seed} }

func (e *entries) at(i uint32) *entry { return &e.list[i] }

func (e *entries) slot(typ, key uint32) uint32 {
	hi, lo := bits.Mul64((uint64(typ)<<32|uint64(key))^e.seed, 0x9e3779b97f4a7c15)
	return uint32(hi^lo) & uint32(len(e.table)-1)
}

// find returns the number of the entry, 0 if there is none.
func (e *entries) find(typ, key uint32) uint32 {
	if len(e.table) == 0 || key == 0 {
		return 0
	}
	mask := uint32(len(e.table) - 1)
	for h := e.slot(typ, key); ; h = (h + 1) & mask {
		i := e.table[h]
		if i == 0 {
			return 0
		}
		if x := &e.list[i]; x.key == key && x.typ == typ {
			return i
		}
	}
}

// add makes an entry that does not exist yet, behind the others of its type.
func (e *entries) add(t *types, typ, key uint32) uint32 {
	if 8*(e.used+1) > 5*len(e.table) {
		e.grow()
	}
	i := e.free
	if i != 0 {
		e.free = e.list[i].next
	} else {
		i = uint32(len(e.list))
		if len(e.list) == cap(e.list) {
			e.list = slices.Grow(e.list, len(e.list))
		}
		e.list = append(e.list, entry{})
	}
	e.list[i] = entry{typ: typ, key: key}
	e.used++
	e.insert(i)
	owner := t.at(typ)
	if owner.lastEntry == 0 {
		owner.firstEntry = i
	} else {
		e.list[owner.lastEntry].next = i
	}
	owner.lastEntry = i
	return i
}

func (e *entries) insert(i uint32) {
	mask := uint32(len(e.table) - 1)
	h := e.slot(e.list[i].typ, e.list[i].key)
	for e.table[h] != 0 {
		h = (h + 1) & mask
	}
	e.table[h] = i
}

func (e *entries) grow() { e.resize(max(16, 2*len(e.table))) }

func (e *entries) resize(size int) {
	old := e.table
	e.table = make([]uint32, size)
	for _, i := range old {
		if i != 0 {
			e.insert(i)
		}
	}
}

// reserve makes room for n more entries at once.
func (e *entries) reserve(n int) {
	if n < 64 {
		return
	}
	e.list = slices.Grow(e.list, n)
	size := max(16, len(e.table))
	for 8*(e.used+n+1) > 5*size {
		size *= 2
	}
	if size > len(e.table) {
		e.resize(size)
	}
}

// clear drops all entries of a type.
func (e *entries) clear(t *types, typ uint32) {
	owner := t.at(typ)
	for i := owner.firstEntry; i != 0; {
		next := e.list[i].next
		e.remove(i)
		e.list[i] = entry{next: e.free}
		e.free = i
		e.used--
		i = next
	}
	owner.firstEntry, owner.lastEntry, owner.count = 0, 0, 0
}

// remove closes the gap that entry i leaves in the table, so that no probe sequence is broken.
func (e *entries) remove(i uint32) {
	mask := uint32(len(e.table) - 1)
	h := e.slot(e.list[i].typ, e.list[i].key)
	for e.table[h] != i {
		h = (h + 1) & mask
	}
	for {
		e.table[h] = 0
		gap := h
		for {
			h = (h + 1) & mask
			j := e.table[h]
			if j == 0 {
				return
			}
			home := e.slot(e.list[j].typ, e.list[j].key)
			if (h-home)&mask >= (h-gap)&mask {
				e.table[gap] = j
				break
			}
		}
	}
}
