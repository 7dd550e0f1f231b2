package store

import (
	"cmp"
	"slices"
	"strings"
)

// Changes says, cell by cell and value by value, what is different between two states of a Store: the old and the new
// content of each place, with the zero [Value] for absent. It is what the parts of this module give to one another.
//
// Cells are sorted by table, row and cell, Values by id, both in byte order, with at most one entry per place, and Old
// and New of an entry differ. The methods keep these rules and rely on them; [Changes.Normalize] makes them true. The
// zero Changes is no change.
type Changes struct {
	Cells  []CellChange
	Values []ValueChange
}

// CellChange is the change of one cell.
type CellChange struct {
	Table, Row, Cell string
	Old, New         Value
}

// ValueChange is the change of one keyed value.
type ValueChange struct {
	ID       string
	Old, New Value
}

// Path returns the place of the change.
func (c CellChange) Path() Path { return Cell(c.Table, c.Row, c.Cell) }

// Path returns the place of the change.
func (c ValueChange) Path() Path { return ValueOf(c.ID) }

// IsEmpty says whether nothing is different.
func (c Changes) IsEmpty() bool { return len(c.Cells) == 0 && len(c.Values) == 0 }

// Len returns the number of cells and values that are different.
func (c Changes) Len() int { return len(c.Cells) + len(c.Values) }

func compareCells(a, b CellChange) int {
	if d := strings.Compare(a.Table, b.Table); d != 0 {
		return d
	}
	if d := strings.Compare(a.Row, b.Row); d != 0 {
		return d
	}
	return strings.Compare(a.Cell, b.Cell)
}

func compareValues(a, b ValueChange) int { return strings.Compare(a.ID, b.ID) }

// Then returns the Changes that do c and afterwards next: the old of c, the new of next, and nothing where the two cancel
// out.
func (c Changes) Then(next Changes) Changes {
	return Changes{
		Cells: compose(c.Cells, next.Cells, compareCells, func(a, b CellChange) (CellChange, bool) {
			a.New = b.New
			return a, a.Old != a.New
		}),
		Values: compose(c.Values, next.Values, compareValues, func(a, b ValueChange) (ValueChange, bool) {
			a.New = b.New
			return a, a.Old != a.New
		}),
	}
}

// compose merges two sorted lists; join makes one entry of two at the same place, or says that nothing is left of them.
func compose[T any](a, b []T, compare func(x, y T) int, join func(x, y T) (T, bool)) []T {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]T, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch d := compare(a[0], b[0]); {
		case d < 0:
			out, a = append(out, a[0]), a[1:]
		case d > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			if x, ok := join(a[0], b[0]); ok {
				out = append(out, x)
			}
			a, b = a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Inverse returns the Changes that undo c.
func (c Changes) Inverse() Changes {
	out := Changes{Cells: slices.Clone(c.Cells), Values: slices.Clone(c.Values)}
	for i, x := range out.Cells {
		out.Cells[i].Old, out.Cells[i].New = x.New, x.Old
	}
	for i, x := range out.Values {
		out.Values[i].Old, out.Values[i].New = x.New, x.Old
	}
	return out
}

// In returns the part of c that lies in p.
func (c Changes) In(p Path) Changes {
	if p == (Path{}) {
		return c
	}
	var out Changes
	for i := range c.Cells {
		if x := &c.Cells[i]; p.hasCell(x.Table, x.Row, x.Cell) {
			out.Cells = append(out.Cells, *x)
		}
	}
	for _, x := range c.Values {
		if p.hasValue(x.ID) {
			out.Values = append(out.Values, x)
		}
	}
	return out
}

// Touches says whether a part of c lies in p. It allocates nothing.
func (c Changes) Touches(p Path) bool {
	for i := range c.Cells {
		if x := &c.Cells[i]; p.hasCell(x.Table, x.Row, x.Cell) {
			return true
		}
	}
	for i := range c.Values {
		if p.hasValue(c.Values[i].ID) {
			return true
		}
	}
	return false
}

// Normalize returns c with the rules of Changes made true: sorted, with the entries of one place composed in the order in
// which they stood, and without entries that change nothing. It leaves c as it was.
func (c Changes) Normalize() Changes {
	out := Changes{Cells: slices.Clone(c.Cells), Values: slices.Clone(c.Values)}
	out.normalize()
	return out
}

func (c *Changes) normalize() {
	if len(c.Cells) == 1 && len(c.Values) == 0 { // as most transactions are
		if c.Cells[0].Old == c.Cells[0].New {
			*c = Changes{}
		}
		return
	}
	c.Cells = normalize(c.Cells, compareCells, func(x, y *CellChange) bool {
		if y != nil {
			x.New = y.New
		}
		return x.Old != x.New
	})
	c.Values = normalize(c.Values, compareValues, func(x, y *ValueChange) bool {
		if y != nil {
			x.New = y.New
		}
		return x.Old != x.New
	})
}

// normalize sorts list in place and joins neighbours at the same place. keep takes y into x, when there is a y, and says
// whether x still changes anything.
func normalize[T any](list []T, compare func(x, y T) int, keep func(x, y *T) bool) []T {
	if !slices.IsSortedFunc(list, compare) {
		slices.SortStableFunc(list, compare)
	}
	out := list[:0]
	for i := 0; i < len(list); {
		x := list[i]
		kept := keep(&x, nil)
		for i++; i < len(list) && compare(x, list[i]) == 0; i++ {
			kept = keep(&x, &list[i])
		}
		if kept {
			out = append(out, x)
		}
	}
	clear(list[len(out):])
	if len(out) == 0 {
		return nil
	}
	return out
}

// String prints one line per change, in order:
//
//   - pets/fido/color "brown"
//     ~ pets/fido/price 3 -> 5
//   - :open true
//
// with + for what is new, - for what is gone and ~ for what is different.
func (c Changes) String() string {
	var b strings.Builder
	line := func(p Path, old, new Value) {
		switch {
		case !old.Exists():
			b.WriteString("+ " + p.String() + " " + new.String())
		case !new.Exists():
			b.WriteString("- " + p.String() + " " + old.String())
		default:
			b.WriteString("~ " + p.String() + " " + old.String() + " -> " + new.String())
		}
		b.WriteByte('\n')
	}
	for _, x := range c.Cells {
		line(x.Path(), x.Old, x.New)
	}
	for _, x := range c.Values {
		line(x.Path(), x.Old, x.New)
	}
	return b.String()
}

// find returns the change of one cell.
func (c Changes) find(table, row, cell string) (CellChange, bool) {
	i, ok := slices.BinarySearchFunc(c.Cells, CellChange{Table: table, Row: row, Cell: cell}, compareCells)
	if !ok {
		return CellChange{}, false
	}
	return c.Cells[i], true
}

// Cell returns the old and new content of one cell, and whether c changes it.
func (c Changes) Cell(table, row, cell string) (old, new Value, changed bool) {
	x, ok := c.find(table, row, cell)
	return x.Old, x.New, ok
}

// Value returns the old and new content of one keyed value, and whether c changes it.
func (c Changes) Value(id string) (old, new Value, changed bool) {
	i, ok := slices.BinarySearchFunc(c.Values, id, func(x ValueChange, id string) int { return cmp.Compare(x.ID, id) })
	if !ok {
		return Value{}, Value{}, false
	}
	return c.Values[i].Old, c.Values[i].New, true
}
