package store

// Middleware looks at what a transaction writes, before it is committed, and lets it pass, changes it or refuses it. It sees
// the writes of everybody, local and remote, with the [Origin] of the transaction. It joins by [Store.Join].
//
// A function that is nil lets everything pass. The functions are called under the writer lock, once for each row, cell or
// value that the transaction changes, and again if another participant changes that place afterwards. They see the content
// at the end of the transaction, and not the steps to it. An error refuses the whole transaction. To undo one change and let
// the rest pass, return the old content.
type Middleware struct {
	// WillSetRow is given the row as it would be, nil if it is to be deleted, and returns what it shall be; nil or no cells
	// delete it. It may keep and change the map.
	WillSetRow func(w RowWrite) (map[string]Value, error)

	// WillSetCell returns what the cell shall hold; the zero Value deletes it.
	WillSetCell func(w CellWrite) (Value, error)

	// WillSetValue returns what the keyed value shall be; the zero Value deletes it.
	WillSetValue func(w ValueWrite) (Value, error)

	seen seenWrites
}

// RowWrite is what a transaction is about to do to a row.
type RowWrite struct {
	Table, Row string
	Cells      map[string]Value
	By         Origin
	Before     *Snapshot // the content before the transaction
}

// CellWrite is what a transaction is about to do to a cell.
type CellWrite struct {
	CellChange
	By     Origin
	Before *Snapshot
}

// ValueWrite is what a transaction is about to do to a keyed value.
type ValueWrite struct {
	ValueChange
	By     Origin
	Before *Snapshot
}

// seenWrites is what a Middleware has let pass in the present transaction.
type seenWrites struct {
	tx    *Tx
	known *Snapshot // as the transaction was when the Middleware had seen all of it
}

// Prepare implements [Participant].
func (m *Middleware) Prepare(tx *Tx, by Origin) error {
	if m.seen.tx != tx {
		m.seen = seenWrites{tx, tx.Before()}
	}
	c := Diff(m.seen.known, tx.Snapshot()) // what it has not seen yet
	if c.IsEmpty() {
		return nil
	}
	if err := m.rows(tx, by, c); err != nil {
		return err
	}
	if m.WillSetRow != nil {
		c = Diff(m.seen.known, tx.Snapshot())
	}
	if m.WillSetCell != nil {
		for _, x := range c.Cells {
			x.Old = tx.Before().Cell(x.Table, x.Row, x.Cell)
			v, err := m.WillSetCell(CellWrite{x, by, tx.Before()})
			if err == nil && v != x.New {
				err = tx.SetCell(x.Table, x.Row, x.Cell, v)
			}
			if err != nil {
				return err
			}
		}
	}
	if m.WillSetValue != nil {
		for _, x := range c.Values {
			x.Old = tx.Before().Value(x.ID)
			v, err := m.WillSetValue(ValueWrite{x, by, tx.Before()})
			if err == nil && v != x.New {
				err = tx.SetValue(x.ID, v)
			}
			if err != nil {
				return err
			}
		}
	}
	m.seen.known = tx.Snapshot()
	return nil
}

func (m *Middleware) rows(tx *Tx, by Origin, c Changes) error {
	if m.WillSetRow == nil {
		return nil
	}
	for i, x := range c.Cells {
		if i > 0 && c.Cells[i-1].Table == x.Table && c.Cells[i-1].Row == x.Row {
			continue
		}
		w := RowWrite{Table: x.Table, Row: x.Row, By: by, Before: tx.Before()}
		if tx.HasRow(x.Table, x.Row) {
			w.Cells = CopyRow(tx, x.Table, x.Row)
		}
		cells, err := m.WillSetRow(w)
		if err == nil {
			err = tx.SetRow(x.Table, x.Row, cells)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Borrows implements [Borrower].
func (m *Middleware) Borrows() {}

// Committed implements [Participant].
func (m *Middleware) Committed(*Commit) { m.seen = seenWrites{} }
