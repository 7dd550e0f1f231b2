package store

import (
	"iter"
	"sync/atomic"
)

// The content of a Store, as trees: table id to row id to cell id to Value.
type (
	cells  = tree[Value]
	rows   = tree[cells]
	tables = tree[rows]
)

// Reader is what a [Snapshot] and a [Tx] have in common. All ids come in byte order. A place that does not exist reads as
// absent or empty.
type Reader interface {
	Cell(table, row, cell string) Value
	Value(id string) Value
	HasTable(table string) bool
	HasRow(table, row string) bool

	Tables() iter.Seq[string]
	Rows(table string) iter.Seq[string]
	Cells(table, row string) iter.Seq2[string, Value]
	Values() iter.Seq2[string, Value]

	TableCount() int
	RowCount(table string) int
	CellCount(table, row string) int
	ValueCount() int
}

// Snapshot is the content of a Store at one moment. It never changes, costs nothing to take, and may be read by any number
// of goroutines. The zero Snapshot is empty.
type Snapshot struct {
	version uint64
	taken   atomic.Bool // somebody has it, or may have it
	content
}

// take notes that somebody has s.
func (s *Snapshot) take() *Snapshot {
	if !s.taken.Load() {
		s.taken.Store(true)
	}
	return s
}

// Version counts the commits that led to this Snapshot, from 0 for a new Store.
func (s *Snapshot) Version() uint64 { return s.version }

// content is what a Snapshot and a Tx read from.
type content struct {
	tables tables
	values tree[Value]
}

func (c *content) all() *content { return c }

func (c *content) row(table, row string) cells {
	t, _ := c.tables.get(table)
	r, _ := t.get(row)
	return r
}

// Cell returns the content of one cell, or the zero Value.
func (c *content) Cell(table, row, cell string) Value {
	v, _ := c.row(table, row).get(cell)
	return v
}

// Value returns the content of one keyed value, or the zero Value.
func (c *content) Value(id string) Value {
	v, _ := c.values.get(id)
	return v
}

// HasTable says whether the table has a row.
func (c *content) HasTable(table string) bool {
	_, ok := c.tables.get(table)
	return ok
}

// HasRow says whether the row has a cell.
func (c *content) HasRow(table, row string) bool { return c.row(table, row).root != nil }

// Tables yields the ids of the tables.
func (c *content) Tables() iter.Seq[string] { return c.tables.keys() }

// Rows yields the ids of the rows of a table.
func (c *content) Rows(table string) iter.Seq[string] {
	t, _ := c.tables.get(table)
	return t.keys()
}

// Cells yields the ids and contents of the cells of a row.
func (c *content) Cells(table, row string) iter.Seq2[string, Value] { return c.row(table, row).all() }

// Values yields the ids and contents of the keyed values.
func (c *content) Values() iter.Seq2[string, Value] { return c.values.all() }

// TableCount returns the number of tables.
func (c *content) TableCount() int { return c.tables.len() }

// RowCount returns the number of rows of a table.
func (c *content) RowCount(table string) int {
	t, _ := c.tables.get(table)
	return t.len()
}

// CellCount returns the number of cells of a row.
func (c *content) CellCount(table, row string) int { return c.row(table, row).len() }

// ValueCount returns the number of keyed values.
func (c *content) ValueCount() int { return c.values.len() }

// IsEmpty says whether there is neither a table nor a value.
func (c *content) IsEmpty() bool { return c.tables.root == nil && c.values.root == nil }

// CountCells returns the number of cells in the whole Store. It visits every row.
func (c *content) CountCells() (n int) {
	for _, t := range c.tables.all() {
		for _, r := range t.all() {
			n += r.len()
		}
	}
	return n
}

// Same says whether s and o share everything, so that they are equal without being compared. It may be false for equal
// content.
func (s *Snapshot) Same(o *Snapshot) bool { return s.content == o.content }

// Diff returns what is different in after compared with before. Its cost follows the size of the difference when one was
// made from the other, because Snapshots share what is equal.
func Diff(before, after *Snapshot) Changes { return DiffIn(Path{}, before, after) }

// DiffIn is [Diff], restricted to a part. A nil Snapshot is empty.
func DiffIn(in Path, before, after *Snapshot) Changes { return diffOf(in, before, after, 0) }

// diffOf is DiffIn for about expected changed cells.
func diffOf(in Path, before, after *Snapshot, expected int) Changes {
	var a, b content
	if before != nil {
		a = before.content
	}
	if after != nil {
		b = after.content
	}
	var d Changes
	diffIn(in, &a, &b, func(c CellChange) bool {
		if d.Cells == nil {
			d.Cells = make([]CellChange, 0, max(expected, 4))
		}
		d.Cells = append(d.Cells, c)
		return true
	},
		func(v ValueChange) bool { d.Values = append(d.Values, v); return true })
	return d
}

// differs says whether anything in p is different. It stops at the first difference.
func differs(in Path, a, b *content) (found bool) {
	diffIn(in, a, b, func(CellChange) bool { found = true; return false }, func(ValueChange) bool { found = true; return false })
	return found
}

// diffIn calls onCell and onValue for the differences in one part, in order, until one of them returns false.
func diffIn(in Path, a, b *content, onCell func(CellChange) bool, onValue func(ValueChange) bool) {
	more := true
	inRow := func(table, row string, x, y cells) bool {
		cell := func(cell string, old, new Value) bool {
			if in.part == AtCell && in.open&openCell == 0 && cell != in.cell {
				return true
			}
			more = onCell(CellChange{table, row, cell, old, new})
			return more
		}
		if in.part == AtCell && in.open&openCell == 0 {
			old, _ := x.get(in.cell)
			if new, _ := y.get(in.cell); old != new {
				return cell(in.cell, old, new)
			}
			return true
		}
		diff(x, y, sameValue, cell)
		return more
	}
	inTable := func(table string, x, y rows) bool {
		if in.part >= AtRow && in.open&openRow == 0 {
			old, _ := x.get(in.row)
			new, _ := y.get(in.row)
			return inRow(table, in.row, old, new)
		}
		diff(x, y, sameTree[Value], func(row string, x, y cells) bool { return inRow(table, row, x, y) })
		return more
	}
	if in.part <= AtCell {
		if in.part >= AtTable && in.open&openTable == 0 {
			x, _ := a.tables.get(in.table)
			y, _ := b.tables.get(in.table)
			inTable(in.table, x, y)
		} else {
			diff(a.tables, b.tables, sameTree[cells], inTable)
		}
	}
	if !more || in.part != AtAll && in.part < AtValues {
		return
	}
	if in.part == AtValue {
		old, _ := a.values.get(in.cell)
		if new, _ := b.values.get(in.cell); old != new {
			onValue(ValueChange{in.cell, old, new})
		}
		return
	}
	diff(a.values, b.values, sameValue, func(id string, old, new Value) bool { return onValue(ValueChange{id, old, new}) })
}

func sameValue(x, y Value) bool { return x == y }

func sameTree[V any](x, y tree[V]) bool { return x.root == y.root }
