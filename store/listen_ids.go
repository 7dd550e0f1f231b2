package store

// IDChange says which ids came and which went, both in byte order.
type IDChange struct{ Added, Removed []string }

// IsEmpty says whether no id came or went.
func (d IDChange) IsEmpty() bool { return len(d.Added) == 0 && len(d.Removed) == 0 }

func (d *IDChange) note(id string, was, is bool) {
	switch {
	case is && !was:
		d.Added = append(d.Added, id)
	case was && !is:
		d.Removed = append(d.Removed, id)
	}
}

// TableIDs returns which tables came and went.
func (c *Commit) TableIDs() (d IDChange) {
	diff(c.Before.tables, c.After.tables, sameTree[cells], func(id string, old, new rows) bool {
		d.note(id, old.root != nil, new.root != nil)
		return true
	})
	return d
}

// RowIDs returns which rows of a table came and went.
func (c *Commit) RowIDs(table string) (d IDChange) {
	old, _ := c.Before.tables.get(table)
	new, _ := c.After.tables.get(table)
	diff(old, new, sameTree[Value], func(id string, old, new cells) bool {
		d.note(id, old.root != nil, new.root != nil)
		return true
	})
	return d
}

// CellIDs returns which cells of a row came and went.
func (c *Commit) CellIDs(table, row string) (d IDChange) {
	diff(c.Before.row(table, row), c.After.row(table, row), sameValue, func(id string, old, new Value) bool {
		d.note(id, old.Exists(), new.Exists())
		return true
	})
	return d
}

// ValueIDs returns which keyed values came and went.
func (c *Commit) ValueIDs() (d IDChange) {
	diff(c.Before.values, c.After.values, sameValue, func(id string, old, new Value) bool {
		d.note(id, old.Exists(), new.Exists())
		return true
	})
	return d
}

// Existence says whether the part that p names was there before the commit, and whether it is after. p must not be a
// pattern. Everything is there when anything is.
func (c *Commit) Existence(p Path) (was, is bool) { return Exists(c.Before, p), Exists(c.After, p) }

// Exists says whether the part that p names is there. p must not be a pattern. Everything is there when anything is.
func Exists(r Reader, p Path) bool {
	switch p.part {
	case AtTables:
		return r.TableCount() > 0
	case AtTable:
		return r.HasTable(p.table)
	case AtRow:
		return r.HasRow(p.table, p.row)
	case AtCell:
		return r.Cell(p.table, p.row, p.cell).Exists()
	case AtValues:
		return r.ValueCount() > 0
	case AtValue:
		return r.Value(p.cell).Exists()
	}
	return r.TableCount() > 0 || r.ValueCount() > 0
}

// ListenTableIDs calls fn after each commit in which a table came or went; see [Store.Listen] for what holds for all
// listeners.
func (s *Store) ListenTableIDs(fn func(c *Commit, d IDChange)) (stop func()) {
	return s.listenIDs(Tables(), (*Commit).TableIDs, fn)
}

// ListenRowIDs calls fn after each commit in which a row of the table came or went.
func (s *Store) ListenRowIDs(table string, fn func(c *Commit, d IDChange)) (stop func()) {
	return s.listenIDs(Table(table), func(c *Commit) IDChange { return c.RowIDs(table) }, fn)
}

// ListenCellIDs calls fn after each commit in which a cell of the row came or went.
func (s *Store) ListenCellIDs(table, row string, fn func(c *Commit, d IDChange)) (stop func()) {
	return s.listenIDs(Row(table, row), func(c *Commit) IDChange { return c.CellIDs(table, row) }, fn)
}

// ListenValueIDs calls fn after each commit in which a keyed value came or went.
func (s *Store) ListenValueIDs(fn func(c *Commit, d IDChange)) (stop func()) {
	return s.listenIDs(Values(), (*Commit).ValueIDs, fn)
}

func (s *Store) listenIDs(at Path, find func(*Commit) IDChange, fn func(*Commit, IDChange)) (stop func()) {
	return s.Listen(at, func(c *Commit) {
		if d := find(c); !d.IsEmpty() {
			fn(c, d)
		}
	})
}

// ListenRowCount calls fn after each commit that changes the number of rows of the table.
func (s *Store) ListenRowCount(table string, fn func(c *Commit, count int)) (stop func()) {
	return s.Listen(Table(table), func(c *Commit) {
		if n := c.After.RowCount(table); n != c.Before.RowCount(table) {
			fn(c, n)
		}
	})
}

// ListenExistence calls fn after each commit in which the part that p names came or went. p must not be a pattern.
func (s *Store) ListenExistence(p Path, fn func(c *Commit, exists bool)) (stop func()) {
	return s.Listen(p, func(c *Commit) {
		if was, is := c.Existence(p); was != is {
			fn(c, is)
		}
	})
}

// ListenColumns calls fn after each commit in which a cell id came into use in the table, in whichever row, or went out of
// use. It counts the cells of the table once, when it begins, and then only what changes.
func (s *Store) ListenColumns(table string, fn func(c *Commit, d IDChange)) (stop func()) {
	var counts map[string]int
	return s.Listen(Table(table), func(c *Commit) {
		if counts == nil {
			counts = Columns(c.Before, table)
		}
		d := IDChange{}
		was := map[string]int{}
		for _, x := range c.In(Table(table)).Cells {
			if _, seen := was[x.Cell]; !seen {
				was[x.Cell] = counts[x.Cell]
			}
			if !x.Old.Exists() {
				counts[x.Cell]++
			} else if !x.New.Exists() {
				counts[x.Cell]--
			}
		}
		for id, n := range sorted(was) {
			d.note(id, n > 0, counts[id] > 0)
			if counts[id] == 0 {
				delete(counts, id)
			}
		}
		if !d.IsEmpty() {
			fn(c, d)
		}
	})
}

// Columns returns the cell ids that are used in a table, each with the number of rows that have it. It visits every row.
func Columns(r Reader, table string) map[string]int {
	counts := map[string]int{}
	for row := range r.Rows(table) {
		for cell := range r.Cells(table, row) {
			counts[cell]++
		}
	}
	return counts
}
