package ycrdt

import "math/bits"

// An entry is one key of one type: the chain of items that were ever set under it.
type entry struct {
	typ, key    uint32
	last, first uint32 // right-most item, which is the current one, and left-most
	next        uint32 // next entry of the type
	stamp       uint32 // transaction that marked the key as changed
}

// fewKeys is how many entries of a type are looked through one by one. A row of a table has its entries side by side, so
// that costs less than one look into a large table, and rows need no place there.
const fewKeys = 16

// entries finds (type, key). The entries of types with few keys are walked; all others are in one open-addressing table for
// the whole document.
type entries struct {
	list  slab[entry]
	table []slot // a power of two
	used  int
	seed  uint64
}

// A slot has the hash of an entry beside it, so that the entry is looked at only if it is most likely the right one.
type slot struct{ hash, entry uint32 }

func newEntries(seed uint64) entries { return entries{seed: seed} }

func (e *entries) at(i uint32) *entry { return e.list.at(i) }

// bit is what a key contributes to the mask of its type.
func bit(key uint32) uint64 { return 1 << (key & 63) }

func (e *entries) hash(typ, key uint32) uint32 {
	hi, lo := bits.Mul64((uint64(typ)<<32|uint64(key))^e.seed, 0x9e3779b97f4a7c15)
	return uint32(hi ^ lo)
}

// find returns the number of the entry, 0 if there is none.
func (e *entries) find(t *types, typ, key uint32) uint32 {
	owner := t.at(typ)
	if owner.mask&bit(key) == 0 {
		return 0
	}
	if owner.keys <= fewKeys {
		for i := owner.firstEntry; i != 0; {
			x := e.at(i)
			if x.key == key {
				return i
			}
			i = x.next
		}
		return 0
	}
	hash, mask := e.hash(typ, key), uint32(len(e.table)-1)
	for h := hash & mask; ; h = (h + 1) & mask {
		s := e.table[h]
		if s.entry == 0 {
			return 0
		}
		if s.hash == hash {
			if x := e.at(s.entry); x.key == key && x.typ == typ {
				return s.entry
			}
		}
	}
}

// get returns the number of the entry, a new one behind the others of its type if there was none.
func (e *entries) get(t *types, typ, key uint32) uint32 {
	if i := e.find(t, typ, key); i != 0 {
		return i
	}
	i := e.list.alloc()
	x := e.at(i)
	x.typ, x.key = typ, key
	owner := t.at(typ)
	if owner.lastEntry == 0 {
		owner.firstEntry = i
	} else {
		e.at(owner.lastEntry).next = i
	}
	owner.lastEntry = i
	owner.mask |= bit(key)
	owner.keys++
	switch {
	case owner.keys == fewKeys+1:
		for j := owner.firstEntry; j != 0; j = e.at(j).next {
			e.insert(j)
		}
	case owner.keys > fewKeys:
		e.insert(i)
	}
	return i
}

// insert puts an entry into the table.
func (e *entries) insert(i uint32) {
	if e.used++; 8*e.used > 5*len(e.table) {
		e.grow()
	}
	x := e.at(i)
	e.place(slot{e.hash(x.typ, x.key), i})
}

func (e *entries) place(s slot) {
	mask := uint32(len(e.table) - 1)
	h := s.hash & mask
	for e.table[h].entry != 0 {
		h = (h + 1) & mask
	}
	e.table[h] = s
}

func (e *entries) grow() {
	old := e.table
	e.table = make([]slot, max(64, 2*len(old)))
	for _, s := range old {
		if s.entry != 0 {
			e.place(s)
		}
	}
}

// clear drops all entries of a type.
func (e *entries) clear(t *types, typ uint32) {
	owner := t.at(typ)
	for i := owner.firstEntry; i != 0; {
		next := e.at(i).next
		if owner.keys > fewKeys {
			e.remove(i)
		}
		e.list.release(i)
		i = next
	}
	owner.firstEntry, owner.lastEntry, owner.count, owner.keys, owner.mask = 0, 0, 0, 0, 0
}

// remove closes the gap that entry i leaves in the table, so that no probe sequence is broken.
func (e *entries) remove(i uint32) {
	e.used--
	mask := uint32(len(e.table) - 1)
	x := e.at(i)
	h := e.hash(x.typ, x.key) & mask
	for e.table[h].entry != i {
		h = (h + 1) & mask
	}
	for gap := h; ; {
		e.table[gap] = slot{}
		for {
			h = (h + 1) & mask
			s := e.table[h]
			if s.entry == 0 {
				return
			}
			if (h-s.hash)&mask >= (h-gap)&mask {
				e.table[gap] = s
				gap = h
				break
			}
		}
	}
}
