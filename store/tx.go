package store

import "maps"

// Tx is one transaction: it reads what the Store holds with the transaction's own writes, and writes. It is valid only
// inside the function it was given to, in that goroutine.
//
// Setters check what they are given and change nothing when they return an error. Setting an equal value changes nothing.
type Tx struct{ *work }

// work is what a transaction has done so far. A Store has one, for one transaction after the other.
type work struct {
	content
	before *Snapshot
	gen    *edit
	origin Origin
	store  *Store
	done   bool

	// log holds the changes as they are made, as long as there are few. Beyond maxLog entries, what changed is found by
	// comparing trees.
	log    Changes
	unlogd bool
	writes int
	dels   int // how often something was deleted or replaced

	// The row that was written last, when it is one leaf of this transaction: its cells can be written in place. like is the
	// keys of the row before it, which rows with the same cells share; again is of use for the next row.
	curTable, curRow string
	cur              *node[Value]
	like, again      *keys

	spares *spares

	few [1]CellChange // the first of log.Cells
}

// maxLog is the number of writes of a transaction that are kept as a list.
const maxLog = 256

// Origin returns who makes this transaction, as given to [Store.UpdateAs].
func (tx *Tx) Origin() Origin { return tx.origin }

// Before returns the content of the Store when the transaction began.
func (tx *Tx) Before() *Snapshot { return tx.before.take() }

// Snapshot returns the content as the transaction sees it now. Later writes do not change it.
func (tx *Tx) Snapshot() *Snapshot {
	tx.settle() // what this snapshot holds belongs to an older generation from now on
	return &Snapshot{version: tx.before.version, content: tx.content}
}

// Changes returns what the transaction has changed so far.
func (tx *Tx) Changes() Changes {
	if !tx.unlogd {
		return tx.log.Normalize()
	}
	return Diff(tx.before, &Snapshot{content: tx.content})
}

// note records one change of a cell.
func (tx *Tx) note(table, row, cell string, old, new Value) {
	if tx.writes++; tx.unlogd {
		return
	}
	if len(tx.log.Cells) == maxLog {
		tx.unlog()
		return
	}
	if tx.log.Cells == nil {
		tx.log.Cells = tx.few[:0]
	}
	tx.log.Cells = append(tx.log.Cells, CellChange{table, row, cell, old, new})
}

func (tx *Tx) noteValue(id string, old, new Value) {
	if tx.writes++; tx.unlogd {
		return
	}
	if len(tx.log.Values) == maxLog {
		tx.unlog()
		return
	}
	tx.log.Values = append(tx.log.Values, ValueChange{id, old, new})
}

// unlog gives up the list of changes.
func (tx *Tx) unlog() { tx.log, tx.unlogd = Changes{}, true }

// SetCell sets one cell. The zero Value deletes it. The error is a *[SetError] that wraps [ErrInvalid], or [ErrTxDone].
func (tx *Tx) SetCell(table, row, cell string, v Value) error {
	if err := v.Err(); err != nil {
		return &SetError{Cell(table, row, cell), err}
	}
	if !v.Exists() {
		return tx.DelCell(table, row, cell)
	}
	if tx.done {
		return ErrTxDone
	}
	if n := tx.cur; n != nil && tx.curRow == row && tx.curTable == table {
		i, found := n.find(cell)
		if found {
			if old := n.vals[i]; old != v {
				n.vals[i] = v
				tx.note(table, row, cell, old, v)
			}
			return nil
		}
		if len(n.vals) < min(cap(n.vals), maxFan) && validText(cell) {
			n.insert(tx.gen, i, cell, v)
			tx.note(table, row, cell, Value{}, v)
			return nil
		}
	}
	t, hasTable := tx.tables.get(table)
	var at spot[cells]
	r, hasRow := t.seek(row, &at)
	if !hasRow {
		if !(validText(cell) && validText(row) && (hasTable || validText(table))) {
			return &SetError{Cell(table, row, cell), invalidValue("an id is not valid UTF-8")}
		}
		tx.leave()
		if tx.like == nil {
			tx.like = neighbour(&at)
		}
		r = tx.newRow(cell, v)
		newTable, _ := t.set(tx.gen, row, r)
		if newTable.root != t.root {
			tx.tables, _ = tx.tables.set(tx.gen, table, newTable)
		}
		tx.enter(table, row, r)
		tx.note(table, row, cell, Value{}, v)
		return nil
	}
	var old Value
	var newRow cells
	if n := r.root; n.kids == nil {
		i, found := n.find(cell)
		if found {
			if old = n.vals[i]; old == v {
				return nil
			}
			n = tx.spares.cells.own(n, tx.gen)
			n.vals[i] = v
			newRow.root = n
		}
	} else if old, _ = r.get(cell); old == v {
		return nil
	}
	if newRow.root == nil {
		if !old.Exists() && !validText(cell) {
			return &SetError{Cell(table, row, cell), invalidValue("an id is not valid UTF-8")}
		}
		newRow, _ = r.set(tx.gen, cell, v)
	}
	if tx.cur != r.root {
		tx.leave()
	}
	tx.enter(table, row, newRow)
	if newRow.root != r.root {
		if newTable := at.put(tx.gen, newRow, &tx.spares.rows); newTable.root != t.root {
			tx.putTable(table, newTable)
		}
	}
	tx.note(table, row, cell, old, v)
	return nil
}

// SetValue sets one keyed value. The zero Value deletes it. The error is a *[SetError] that wraps [ErrInvalid], or
// [ErrTxDone].
func (tx *Tx) SetValue(id string, v Value) error {
	if err := v.Err(); err != nil {
		return &SetError{ValueOf(id), err}
	}
	if !v.Exists() {
		return tx.DelValue(id)
	}
	if tx.done {
		return ErrTxDone
	}
	old, exists := tx.values.get(id)
	if !exists && !validText(id) {
		return &SetError{ValueOf(id), invalidValue("the id is not valid UTF-8")}
	}
	if old == v {
		return nil
	}
	tx.values, _ = tx.values.set(tx.gen, id, v)
	tx.noteValue(id, old, v)
	return nil
}

// SetRow makes a row consist of these cells: others are deleted. No cells delete the row. When one cell is refused,
// nothing changes.
func (tx *Tx) SetRow(table, row string, cells map[string]Value) error {
	if err := tx.checkRow(table, row, cells); err != nil {
		return err
	}
	for cell := range tx.Cells(table, row) {
		if !cells[cell].Exists() {
			defer func() { _ = tx.DelCell(table, row, cell) }()
		}
	}
	return tx.SetPartialRow(table, row, cells)
}

// SetPartialRow sets these cells of a row and leaves the others. When one cell is refused, nothing changes.
func (tx *Tx) SetPartialRow(table, row string, cells map[string]Value) error {
	if err := tx.checkRow(table, row, cells); err != nil {
		return err
	}
	for cell, v := range sorted(cells) { // in order, so that rows are built alike
		if err := tx.SetCell(table, row, cell, v); err != nil {
			return err
		}
	}
	return nil
}

// checkRow refuses a row that cannot be set as a whole.
func (tx *Tx) checkRow(table, row string, cells map[string]Value) error {
	if tx.done {
		return ErrTxDone
	}
	for cell, v := range cells {
		err := v.Err()
		if err == nil && v.Exists() && !(validText(table) && validText(row) && validText(cell)) {
			err = invalidValue("an id is not valid UTF-8")
		}
		if err != nil {
			return &SetError{Cell(table, row, cell), err}
		}
	}
	return nil
}

// DelCell deletes a cell; the last cell of a row takes the row along, the last row the table.
func (tx *Tx) DelCell(table, row, cell string) error {
	if tx.done {
		return ErrTxDone
	}
	t, _ := tx.tables.get(table)
	r, _ := t.get(row)
	old, ok := r.get(cell)
	if !ok {
		return nil
	}
	tx.leave()
	tx.dels++
	r, _ = r.delete(tx.gen, cell)
	tx.setRow(table, t, row, r)
	tx.note(table, row, cell, old, Value{})
	return nil
}

// setRow puts a row that is not one leaf of this transaction, or takes an empty one away.
func (tx *Tx) setRow(table string, t rows, row string, r cells) {
	if r.root == nil {
		t, _ = t.delete(tx.gen, row)
	} else {
		t, _ = t.set(tx.gen, row, r)
	}
	tx.setTable(table, t)
}

// putTable replaces a table that is there.
func (tx *Tx) putTable(table string, t rows) {
	n := tx.tables.root
	if n.kids != nil {
		tx.tables, _ = tx.tables.set(tx.gen, table, t)
		return
	}
	i, _ := n.find(table)
	n = tx.spares.tables.own(n, tx.gen)
	n.vals[i] = t
	tx.tables.root = n
}

func (tx *Tx) setTable(table string, t rows) {
	if t.root == nil {
		tx.tables, _ = tx.tables.delete(tx.gen, table)
	} else {
		tx.tables, _ = tx.tables.set(tx.gen, table, t)
	}
}

// DelRow deletes a row.
func (tx *Tx) DelRow(table, row string) error { return tx.ReplaceIn(Row(table, row), nil) }

// DelTable deletes a table.
func (tx *Tx) DelTable(table string) error { return tx.ReplaceIn(Table(table), nil) }

// DelTables deletes all tables.
func (tx *Tx) DelTables() error { return tx.ReplaceIn(Tables(), nil) }

// DelValue deletes a keyed value.
func (tx *Tx) DelValue(id string) error {
	if tx.done {
		return ErrTxDone
	}
	old, ok := tx.values.get(id)
	if !ok {
		return nil
	}
	tx.values, _ = tx.values.delete(tx.gen, id)
	tx.noteValue(id, old, Value{})
	return nil
}

// DelValues deletes all keyed values.
func (tx *Tx) DelValues() error { return tx.ReplaceIn(Values(), nil) }

// Apply writes the new content of each place of c, whatever the old content was. When one place is refused, nothing
// changes.
func (tx *Tx) Apply(c Changes) error {
	saved := tx.save()
	for i := range c.Cells {
		x := &c.Cells[i]
		if err := tx.SetCell(x.Table, x.Row, x.Cell, x.New); err != nil {
			tx.restore(saved)
			return err
		}
	}
	for _, x := range c.Values {
		if err := tx.SetValue(x.ID, x.New); err != nil {
			tx.restore(saved)
			return err
		}
	}
	return nil
}

// saved is a state of a transaction to which it can go back.
type saved struct {
	content
	cells, values int
	unlogd        bool
}

func (tx *Tx) save() saved {
	tx.settle()
	return saved{tx.content, len(tx.log.Cells), len(tx.log.Values), tx.unlogd}
}

func (tx *Tx) restore(s saved) {
	tx.content, tx.cur = s.content, nil
	if tx.unlogd = tx.unlogd || s.unlogd; !tx.unlogd {
		tx.log.Cells, tx.log.Values = tx.log.Cells[:s.cells], tx.log.Values[:s.values]
	}
}

// ReplaceIn makes the part that p names equal to the same part of from; nil is empty. p must not be a pattern. The two
// share memory afterwards, so that replacing everything costs nothing, whatever its size.
func (tx *Tx) ReplaceIn(p Path, from *Snapshot) error {
	if tx.done {
		return ErrTxDone
	}
	if p.IsPattern() {
		return &SetError{p, invalidValue("a pattern cannot be replaced")}
	}
	var src content
	if from != nil {
		src = from.content
	}
	switch p.part {
	case AtCell:
		return tx.SetCell(p.table, p.row, p.cell, src.Cell(p.table, p.row, p.cell))
	case AtValue:
		return tx.SetValue(p.cell, src.Value(p.cell))
	}
	was := tx.content
	tx.replace(p, &src)
	if tx.unlogd {
		if differs(p, &was, &tx.content) {
			tx.writes++
		}
	} else {
		diffIn(p, &was, &tx.content, func(c CellChange) bool {
			tx.note(c.Table, c.Row, c.Cell, c.Old, c.New)
			return !tx.unlogd
		}, func(v ValueChange) bool {
			tx.noteValue(v.ID, v.Old, v.New)
			return !tx.unlogd
		})
	}
	return nil
}

// replace makes a part, other than one cell or one value, equal to the same part of src.
func (tx *Tx) replace(p Path, src *content) {
	tx.settle() // what both share must not be written
	tx.dels++
	switch p.part {
	case AtAll:
		tx.content = *src
	case AtTables:
		tx.tables = src.tables
	case AtTable:
		t, _ := src.tables.get(p.table)
		tx.setTable(p.table, t)
	case AtRow:
		t, _ := tx.tables.get(p.table)
		tx.setRow(p.table, t, p.row, src.row(p.table, p.row))
	case AtValues:
		tx.values = src.values
	}
}

// CopyRow returns the cells of a row as a map.
func CopyRow(r Reader, table, row string) map[string]Value { return maps.Collect(r.Cells(table, row)) }

// Writes counts the changes that the transaction has made so far. A Participant learns from it whether somebody has
// written since it looked last.
func (tx *Tx) Writes() int { return tx.writes }
