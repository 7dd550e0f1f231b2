package mergeable

import (
	"cmp"
	"slices"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Changes are cells and values with their stamps: some of them, or all that a Store has. The content of one that was
// deleted is the zero Value. The cells of one row stand together.
//
// Rows, tables and all of them may have stamps of their own. TinyBase never makes such stamps, but passes them on and
// hashes them when somebody else does.
type Changes struct {
	Cells  []Cell
	Values []KeyedValue
	Stamps []OwnStamp
}

// Cell is the content of a cell and when it was written. The zero Stamp is a default, which loses against any other.
type Cell struct {
	Table, Row, Cell string
	Value            store.Value
	Stamp            hlc.Stamp
}

// KeyedValue is the content of a keyed value and when it was written.
type KeyedValue struct {
	ID    string
	Value store.Value
	Stamp hlc.Stamp
}

// OwnStamp is the stamp of a row, a table, all tables or all values, as At says.
type OwnStamp struct {
	At    store.Path
	Stamp hlc.Stamp
}

// IsEmpty reports whether there is nothing in c.
func (c *Changes) IsEmpty() bool {
	return len(c.Cells) == 0 && len(c.Values) == 0 && len(c.Stamps) == 0
}

// Len returns the number of cells and values.
func (c *Changes) Len() int { return len(c.Cells) + len(c.Values) }

// Append adds what is in d. What c may have of the same places remains; the later stamp decides when c is applied.
func (c *Changes) Append(d *Changes) {
	c.Cells = append(c.Cells, d.Cells...)
	c.Values = append(c.Values, d.Values...)
	c.Stamps = append(c.Stamps, d.Stamps...)
}

// Top returns the latest stamp in c.
func (c *Changes) Top() (top hlc.Stamp) {
	see := func(s hlc.Stamp) {
		if s.After(top) {
			top = s
		}
	}
	for i := range c.Cells {
		see(c.Cells[i].Stamp)
	}
	for i := range c.Values {
		see(c.Values[i].Stamp)
	}
	for i := range c.Stamps {
		see(c.Stamps[i].Stamp)
	}
	return top
}

// sort puts the cells of each row together, and keeps of each cell and value the last one with the latest stamp.
func (c *Changes) sort() {
	less := func(a, b Cell) int {
		if d := cmp.Compare(a.Table, b.Table); d != 0 {
			return d
		}
		if d := cmp.Compare(a.Row, b.Row); d != 0 {
			return d
		}
		if d := cmp.Compare(a.Cell, b.Cell); d != 0 {
			return d
		}
		return a.Stamp.Compare(b.Stamp)
	}
	if !slices.IsSortedFunc(c.Cells, less) {
		slices.SortStableFunc(c.Cells, less)
	}
	out := c.Cells[:0]
	for i := range c.Cells {
		x := &c.Cells[i]
		if n := len(out); n > 0 && out[n-1].Cell == x.Cell && out[n-1].Row == x.Row && out[n-1].Table == x.Table {
			out[n-1] = *x
			continue
		}
		out = append(out, *x)
	}
	c.Cells = out
	slices.SortStableFunc(c.Values, func(a, b KeyedValue) int {
		if d := cmp.Compare(a.ID, b.ID); d != 0 {
			return d
		}
		return a.Stamp.Compare(b.Stamp)
	})
	values := c.Values[:0]
	for _, x := range c.Values {
		if n := len(values); n > 0 && values[n-1].ID == x.ID {
			values[n-1] = x
			continue
		}
		values = append(values, x)
	}
	c.Values = values
}

// repeats reports whether a row comes in two places, or a cell or a value twice.
func (c *Changes) repeats() bool {
	type row struct{ table, row string }
	rows := map[row]bool{}
	cells := map[string]bool{}
	for i := 0; i < len(c.Cells); {
		first := &c.Cells[i]
		j := i + 1
		for j < len(c.Cells) && c.Cells[j].Row == first.Row && c.Cells[j].Table == first.Table {
			j++
		}
		if len(rows) == 0 && j < len(c.Cells) {
			rows = make(map[row]bool, len(c.Cells)/(j-i)) // most often rows are about alike
		}
		if j < len(c.Cells) || len(rows) > 0 {
			if rows[row{first.Table, first.Row}] {
				return true
			}
			rows[row{first.Table, first.Row}] = true
		}
		if j-i > 8 {
			clear(cells)
			for k := i; k < j; k++ {
				if cells[c.Cells[k].Cell] {
					return true
				}
				cells[c.Cells[k].Cell] = true
			}
		} else {
			for k := i + 1; k < j; k++ {
				for l := i; l < k; l++ {
					if c.Cells[l].Cell == c.Cells[k].Cell {
						return true
					}
				}
			}
		}
		i = j
	}
	clear(cells)
	for i := range c.Values {
		if cells[c.Values[i].ID] {
			return true
		}
		cells[c.Values[i].ID] = true
	}
	return false
}

// Parts returns c as parts of which each is about max bytes long in JSON, or one cell. Each place is in one of them. It puts
// the cells of c into order.
func (c *Changes) Parts(max int) (parts []*Changes) {
	if c.repeats() {
		c.sort()
	}
	const perCell = 30
	from, size := 0, 0
	for i := range c.Cells {
		x := &c.Cells[i]
		n := len(x.Cell) + len(x.Value.Text()) + perCell
		if i == from || x.Row != c.Cells[i-1].Row {
			n += len(x.Row)
		}
		if size += n; size > max && i > from {
			parts = append(parts, &Changes{Cells: c.Cells[from:i]})
			from, size = i, n
		}
	}
	if from < len(c.Cells) {
		parts = append(parts, &Changes{Cells: c.Cells[from:]})
	}
	from, size = 0, 0
	for i := range c.Values {
		x := &c.Values[i]
		n := len(x.ID) + len(x.Value.Text()) + perCell
		if size += n; size > max && i > from {
			parts = append(parts, &Changes{Values: c.Values[from:i]})
			from, size = i, n
		}
	}
	switch {
	case from == len(c.Values):
	case from == 0 && len(parts) == 1:
		parts[0].Values = c.Values
	default:
		parts = append(parts, &Changes{Values: c.Values[from:]})
	}
	if len(parts) == 0 {
		parts = []*Changes{{}}
	}
	parts[0].Stamps = c.Stamps
	return parts
}
