package mergeable

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// state is all stamps and hashes of a Store.
type state struct {
	seed   maphash.Seed
	tables []*table
	named  map[string]*table
	values *table // with one row, number 0

	hash  uint32    // of all tables
	stamp hlc.Stamp // of all tables

	print uint64    // the fingerprint: the sum over all cells
	cells int       // with tombstones
	top   hlc.Stamp // the latest stamp of a cell
	buf   []byte
}

func newState() *state {
	s := &state{seed: maphash.MakeSeed(), named: map[string]*table{}, values: newTable("")}
	s.values.rowOf(s.seed, "")
	return s
}

func (s *state) table(id string) *table {
	t := s.named[id]
	if t == nil {
		t = newTable(id)
		s.tables = append(s.tables, t)
		s.named[id] = t
	}
	return t
}

// hashes returns the hash of all tables and of all values.
func (s *state) hashes() (tables, values uint32) { return s.hash, s.values.rows[0].hash }

// write is what becomes of one cell of a row.
type write struct {
	name  uint32
	value store.Value
	stamp hlc.Stamp
	hash  uint32 // this and the next are for writeRow
	other uint32
}

// writeRow writes cells of one row, and a stamp of its own, and brings all hashes above up to date. It takes the writes
// apart from their order; each cell may be written once.
func (s *state) writeRow(t *table, n uint32, writes []write, own hlc.Stamp) {
	if len(writes) == 0 && !own.After(t.stamps[n]) {
		return
	}
	r := &t.rows[n]
	if !t.present(n) {
		t.live++
	}
	oldHash := r.hash
	fresh := 0
	for i := range writes {
		w := &writes[i]
		if w.stamp.After(s.top) {
			s.top = w.stamp
		}
		w.hash, w.other, s.buf = hashCell(s.buf, w.value, w.stamp)
		k := &t.names[w.name]
		at, ok := r.find(w.name)
		if !ok {
			r.hash ^= k.zero ^ in(k.prefix, w.hash)
			writes[fresh] = *w
			fresh++
			continue
		}
		c := &r.cells[at]
		r.hash ^= in(k.prefix, c.hash) ^ in(k.prefix, w.hash)
		s.print -= print64(t, r, k, c)
		c.hash, c.other = w.hash, w.other
		c.setStamp(w.stamp)
		s.print += print64(t, r, k, c)
	}
	s.insert(t, r, writes[:fresh])
	if old := t.stamps[n]; own.After(old) {
		r.hash ^= hashStamp(old) ^ hashStamp(own)
		if t.stamps == nil {
			t.stamps = map[uint32]hlc.Stamp{}
		}
		t.stamps[n] = own
	}
	if t == s.values {
		return
	}
	before := t.hash
	t.hash ^= inOrNone(r.prefix, oldHash) ^ in(r.prefix, r.hash)
	s.hash ^= inOrNone(t.prefix, before) ^ in(t.prefix, t.hash)
}

// insert adds cells that a row does not have.
func (s *state) insert(t *table, r *row, writes []write) {
	if len(writes) == 0 {
		return
	}
	s.cells += len(writes)
	if !slices.IsSortedFunc(writes, byName) {
		slices.SortFunc(writes, byName)
	}
	old := len(r.cells)
	if cap(r.cells)-old < len(writes) {
		// Exactly what is needed for a row that comes as a whole; some more for one that grows.
		extra := 0
		if old > 0 {
			extra = old / 8
		}
		r.cells = append(make([]cell, 0, old+len(writes)+extra), r.cells...)
	}
	// Merge from behind: each cell moves once.
	r.cells = r.cells[:old+len(writes)]
	for i, j := old-1, len(writes)-1; j >= 0; {
		if to := i + j + 1; i >= 0 && r.cells[i].id() > writes[j].name {
			r.cells[to] = r.cells[i]
			i--
		} else {
			w := &writes[j]
			c := &r.cells[to]
			*c = cell{name: w.name, hash: w.hash, other: w.other}
			c.setStamp(w.stamp)
			s.print += print64(t, r, &t.names[w.name], c)
			j--
		}
	}
}

func byName(a, b write) int { return cmp.Compare(a.name, b.name) }

// writeStamp gives a table, or all tables when t is nil, a stamp of its own.
func (s *state) writeStamp(t *table, own hlc.Stamp) {
	if t == nil {
		if own.After(s.stamp) {
			s.hash ^= hashStamp(s.stamp) ^ hashStamp(own)
			s.stamp = own
		}
		return
	}
	if own.After(t.stamp) {
		before := t.hash
		t.hash ^= hashStamp(t.stamp) ^ hashStamp(own)
		t.stamp = own
		s.hash ^= inOrNone(t.prefix, before) ^ in(t.prefix, t.hash)
	}
}
