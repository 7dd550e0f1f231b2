package mergeable

import (
	"fmt"

	"github.com/rowloom/rowloom/internal/fnv1a"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// HashOf returns the hash of a cell, for tests.
func HashOf(v store.Value, s hlc.Stamp) uint32 {
	h, _, _ := hashCell(nil, v, s)
	return h
}

// HashText returns the hash of a text, for tests.
func HashText(s string) uint32 { return fnv1a.String(fnv1a.Offset, s) }

// Check computes every hash anew, as the naive model, and says what is wrong; "" when nothing is.
func (m *Store) Check() (wrong string) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.snap != m.of.Snapshot() {
		return "the content is not the last one"
	}
	fail := func(format string, args ...any) {
		if wrong == "" {
			wrong = fmt.Sprintf(format, args...)
		}
	}
	cells, print := 0, uint64(0)
	rowHash := func(t *table, n uint32, content func(id string) store.Value) uint32 {
		r := &t.rows[n]
		h := hashStamp(t.stamps[n])
		for i := range r.cells {
			c := &r.cells[i]
			cells++
			if i > 0 && r.cells[i-1].id() >= c.id() {
				fail("cells of row %q out of order", r.id)
			}
			id := t.names[c.id()].id
			v := content(id)
			if want := HashOf(v, c.stamp()); want != c.hash {
				fail("hash of cell %s/%s/%s is %d, want %d", t.id, r.id, id, c.hash, want)
			}
			h ^= HashText(fmt.Sprintf("%s:%d", id, c.hash)) ^ HashText(id+":0")
			if _, other, _ := hashCell(nil, v, c.stamp()); other != c.other {
				fail("second hash of cell %s/%s/%s is %d, want %d", t.id, r.id, id, c.other, other)
			}
			print += print64(t, r, &t.names[c.id()], c)
		}
		if h != r.hash {
			fail("hash of row %s/%s is %d, want %d", t.id, r.id, r.hash, h)
		}
		return h
	}
	all := hashStamp(m.state.stamp)
	visible := 0
	for _, t := range m.state.tables {
		h, live := hashStamp(t.stamp), 0
		for n := range t.rows {
			r := &t.rows[n]
			if got, ok := t.row(m.state.seed, r.id); !ok || got != uint32(n) {
				fail("row %s/%s is not found", t.id, r.id)
			}
			if !t.present(uint32(n)) {
				continue
			}
			live++
			h ^= HashText(fmt.Sprintf("%s:%d", r.id, rowHash(t, uint32(n), func(id string) store.Value {
				v := m.snap.Cell(t.id, r.id, id)
				if v.Exists() {
					visible++
				}
				return v
			})))
		}
		if live != t.live {
			fail("table %s has %d rows, not %d", t.id, live, t.live)
		}
		if h != t.hash {
			fail("hash of table %s is %d, want %d", t.id, t.hash, h)
		}
		if t.there() {
			all ^= HashText(fmt.Sprintf("%s:%d", t.id, h))
		}
	}
	if all != m.state.hash {
		fail("hash of all tables is %d, want %d", m.state.hash, all)
	}
	if n := m.snap.CountCells(); n != visible {
		fail("%d cells of %d have stamps", visible, n)
	}
	rowHash(m.state.values, 0, m.snap.Value)
	if print != m.state.print {
		fail("the fingerprint is %d, want %d", m.state.print, print)
	}
	if cells != m.state.cells {
		fail("%d cells are counted as %d", cells, m.state.cells)
	}
	return wrong
}
