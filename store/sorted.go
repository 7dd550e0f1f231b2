package store

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"sync"
)

// Sorted keeps the rows of a table in the order of one of their cells, or of their ids. A change of one row costs O(log n).
//
// The order is total: rows without the cell come first, then null, false, true, numbers by size, strings, objects and arrays
// by their bytes (which for strings is the order of code points); rows whose cells are equal are in the byte order of their
// ids. Descending is exactly the reverse.
//
// A Sorted follows the commits of its Store as a listener does: inside a listener that began after it, it agrees with
// [Commit.After]. Its methods may be called by any goroutine.
type Sorted struct {
	table, cell string
	byID        bool
	descending  bool
	store       *Store
	stop        func()

	mu    sync.Mutex
	tree  tree[string] // sort key to row id
	gen   *edit
	pages []*page
}

// SortOptions of [Store.Sort]; nil means defaults.
type SortOptions struct {
	// Cell by which to sort. With an empty Cell and ByRowID, rows are sorted by their ids.
	Cell    string
	ByRowID bool

	Descending bool
}

// Sort returns the rows of a table in order, and keeps them so until Close. It sorts them once, at the beginning.
func (s *Store) Sort(table string, o *SortOptions) *Sorted {
	x := &Sorted{store: s, table: table, gen: new(edit)}
	if o == nil {
		o = &SortOptions{ByRowID: true}
	}
	x.cell, x.byID, x.descending = o.Cell, o.ByRowID, o.Descending
	x.mu.Lock()
	defer x.mu.Unlock()
	var start *Snapshot
	at := Table(table)
	if !x.byID {
		at = at.AnyRow() // rows without the cell are in the order too
	}
	start, x.stop = s.listenFrom(at, x.follow)
	for row := range start.Rows(table) {
		x.put(start, row)
	}
	return x
}

// Close ends it. The order stays as it is.
func (x *Sorted) Close() { x.stop() }

// follow takes a commit in. Listeners of pages are called without the lock.
func (x *Sorted) follow(c *Commit) {
	x.mu.Lock()
	changed := false
	old, _ := c.Before.tables.get(x.table)
	new, _ := c.After.tables.get(x.table)
	diff(old, new, sameTree[Value], func(row string, a, b cells) bool {
		was, had := x.keyOf(a, row)
		is, has := x.keyOf(b, row)
		if had == has && was == is {
			return true
		}
		if had {
			x.tree, _ = x.tree.delete(x.gen, was)
		}
		if has {
			x.tree, _ = x.tree.set(x.gen, is, row)
		}
		changed = true
		return true
	})
	var due []func()
	if changed {
		for _, p := range x.pages {
			if ids := x.page(p.offset, p.limit); !slices.Equal(ids, p.last) {
				p.last = ids
				due = append(due, func() { p.fn(c, slices.Clone(ids)) })
			}
		}
	}
	x.mu.Unlock()
	for _, call := range due {
		call()
	}
}

func (x *Sorted) put(s *Snapshot, row string) {
	if key, ok := x.keyOf(s.row(x.table, row), row); ok {
		x.tree, _ = x.tree.set(x.gen, key, row)
	}
}

// keyOf returns a string whose byte order is the order of the rows.
func (x *Sorted) keyOf(r cells, row string) (key string, exists bool) {
	if r.root == nil {
		return "", false
	}
	if x.byID {
		return row, true
	}
	v, _ := r.get(x.cell)
	var buf [64]byte
	b := append(buf[:0], byte(v.Kind()))
	switch v.Kind() {
	case Bool:
		if v.Bool() {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	case Number:
		bits := math.Float64bits(v.number())
		if bits>>63 != 0 {
			bits = ^bits
		} else {
			bits |= 1 << 63
		}
		b = binary.BigEndian.AppendUint64(b, bits)
	case String, Object, Array: // a zero byte ends the string; one inside is followed by FF
		for i := range len(v.str) {
			if b = append(b, v.str[i]); v.str[i] == 0 {
				b = append(b, 0xFF)
			}
		}
		b = append(b, 0, 0)
	}
	return string(append(b, row...)), true
}

// Len returns the number of rows.
func (x *Sorted) Len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.tree.len()
}

// Page returns the ids of up to limit rows from the one at offset on; all of them when limit is 0. It costs O(log n) and
// the length of the page.
func (x *Sorted) Page(offset, limit int) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.page(offset, limit)
}

func (x *Sorted) page(offset, limit int) []string {
	n := x.tree.len() - max(offset, 0)
	if limit > 0 {
		n = min(n, limit)
	}
	ids := make([]string, 0, max(n, 0))
	for row := range fromOffset(x.tree, max(offset, 0), x.descending) {
		if len(ids) >= n {
			break
		}
		ids = append(ids, row)
	}
	return ids
}

// From yields the ids of the rows from the one at offset on, as they are at the moment of the call, whatever changes while
// they are taken.
func (x *Sorted) From(offset int) iter.Seq[string] {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.gen = new(edit) // the tree of this moment is not written any more
	return fromOffset(x.tree, max(offset, 0), x.descending)
}

// Offset returns where a row stands in the order, or -1 if the table has no such row.
func (x *Sorted) Offset(row string) int {
	s := x.store.Snapshot()
	key, ok := x.keyOf(s.row(x.table, row), row)
	if !ok {
		return -1
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	n, ok := x.tree.rank(key)
	switch {
	case !ok:
		return -1
	case x.descending:
		return x.tree.len() - 1 - n
	}
	return n
}

// page is a listener of a part of the order.
type page struct {
	offset, limit int
	fn            func(*Commit, []string)
	last          []string
}

// Listen calls fn with the ids of up to limit rows from the one at offset on, after each commit in which they or their
// order changed; with limit 0, of all rows, which costs their number at every change. What holds for [Store.Listen] holds
// for fn.
func (x *Sorted) Listen(offset, limit int, fn func(c *Commit, rows []string)) (stop func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := &page{offset: offset, limit: limit, fn: fn, last: x.page(offset, limit)}
	x.pages = append(slices.Clip(x.pages), p)
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.pages = slices.DeleteFunc(slices.Clone(x.pages), func(q *page) bool { return q == p })
	}
}

// SortedRows returns the ids of a table's rows in the order that [Sorted] describes, of any content, without keeping them so.
func SortedRows(s *Snapshot, table string, o *SortOptions) []string {
	x := &Sorted{table: table, gen: new(edit), byID: true}
	if o != nil {
		x.cell, x.byID, x.descending = o.Cell, o.ByRowID, o.Descending
	}
	t, _ := s.tables.get(table)
	type entry struct{ key, row string }
	list := make([]entry, 0, t.len())
	for row, r := range t.all() {
		key, _ := x.keyOf(r, row)
		list = append(list, entry{key, row})
	}
	slices.SortFunc(list, func(a, b entry) int {
		if x.descending {
			a, b = b, a
		}
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = e.row
	}
	return ids
}
