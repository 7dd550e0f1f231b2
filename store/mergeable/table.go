package mergeable

import (
	"hash/maphash"
	"slices"

	"github.com/rowloom/rowloom/store/hlc"
)

// Beside the Store, which holds the contents of cells, this package holds 24 bytes for each cell, and some 55 for each
// row: a stamp, two hashes and the number of the cell's id, which the table keeps once. A cell that was deleted stays here, as
// a tombstone, and is absent there.

// cell is one cell. What its content is, the Store says.
type cell struct {
	high [2]uint32 // of the stamp
	low  uint32
	hash uint32
	// other is a second hash of the same, of which the fingerprint is made.
	other uint32
	name  uint32 // the number of its id, and the bit stamped
}

// stamped is set in a cell's name when its stamp is not the zero Stamp.
const stamped = 1 << 31

func (c *cell) id() uint32 { return c.name &^ stamped }

func (c *cell) stamp() hlc.Stamp {
	if c.name&stamped == 0 {
		return hlc.Stamp{}
	}
	return hlc.FromBits(uint64(c.high[0])<<32|uint64(c.high[1]), c.low)
}

func (c *cell) setStamp(s hlc.Stamp) {
	high, low := s.Bits()
	c.high, c.low = [2]uint32{uint32(high >> 32), uint32(high)}, low
	if c.name = c.id(); !s.IsZero() {
		c.name |= stamped
	}
}

// row has its cells in the order of their ids' numbers. A row without cells and without a stamp is not there: it has been
// asked for, but nothing was written.
type row struct {
	id     string
	cells  []cell
	prefix uint32 // of id
	hash   uint32
}

func (r *row) find(name uint32) (int, bool) {
	// Cells are mostly written in the same order in every row, so that the number is the place.
	if n := int(name); n < len(r.cells) && r.cells[n].id() == name {
		return n, true
	}
	lo, hi := 0, len(r.cells)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if r.cells[mid].id() < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(r.cells) && r.cells[lo].id() == name
}

// name is the id of cells in a table, with what it adds to hashes.
type name struct {
	id     string
	prefix uint32
	zero   uint32 // in(prefix, 0)
}

// table is one table; the keyed values are the only row of a table of their own.
type table struct {
	id     string
	prefix uint32
	hash   uint32
	stamp  hlc.Stamp

	names []name
	named map[string]uint32

	rows   []row
	index  index
	stamps map[uint32]hlc.Stamp // of rows, by number; they are rare
	live   int                  // rows that are there
}

func newTable(id string) *table {
	return &table{id: id, prefix: prefix(id), named: map[string]uint32{}}
}

// present reports whether a row has been written.
func (t *table) present(r uint32) bool {
	if len(t.rows[r].cells) > 0 {
		return true
	}
	_, ok := t.stamps[r]
	return ok
}

// nameOf returns the number of a cell's id. The id is kept.
func (t *table) nameOf(id string) uint32 {
	n, ok := t.named[id]
	if !ok {
		n = uint32(len(t.names))
		p := prefix(id)
		t.names = append(t.names, name{id, p, in(p, 0)})
		t.named[id] = n
	}
	return n
}

// row returns the number of a row, and whether it has been asked for before.
func (t *table) row(seed maphash.Seed, id string) (n uint32, ok bool) {
	return t.index.get(maphash.String(seed, id), func(n uint32) bool { return t.rows[n].id == id })
}

// rowOf returns the number of a row, which it makes when there is none.
func (t *table) rowOf(seed maphash.Seed, id string) uint32 {
	h := maphash.String(seed, id)
	n, ok := t.index.get(h, func(n uint32) bool { return t.rows[n].id == id })
	if ok {
		return n
	}
	n = uint32(len(t.rows))
	if len(t.rows) == cap(t.rows) { // by a quarter, since rows are large
		t.rows = slices.Grow(t.rows, len(t.rows)/4+1)
	}
	t.rows = append(t.rows, row{id: id, prefix: prefix(id)})
	t.index.add(h, n, func(n uint32) uint64 { return maphash.String(seed, t.rows[n].id) })
	return n
}

// index finds the number of a row by the hash of its id: open addressing, at most three quarters full. The hash is seeded
// at random, so that nobody can choose ids that collide.
type index struct {
	slots []uint32 // number + 1, or 0
	used  int
}

func (x *index) get(h uint64, is func(uint32) bool) (uint32, bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	mask := uint64(len(x.slots) - 1)
	for i := h & mask; x.slots[i] != 0; i = (i + 1) & mask {
		if n := x.slots[i] - 1; is(n) {
			return n, true
		}
	}
	return 0, false
}

// add enters a number that is not there. hashOf gives the hashes of all the others, when the index has to grow.
func (x *index) add(h uint64, n uint32, hashOf func(uint32) uint64) {
	if x.used*4 >= len(x.slots)*3 {
		old := x.slots
		x.slots = make([]uint32, max(8, 2*len(old)))
		for _, s := range old {
			if s != 0 {
				x.put(hashOf(s-1), s)
			}
		}
	}
	x.put(h, n+1)
	x.used++
}

func (x *index) put(h uint64, slot uint32) {
	mask := uint64(len(x.slots) - 1)
	i := h & mask
	for x.slots[i] != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = slot
}
