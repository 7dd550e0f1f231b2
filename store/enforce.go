package store

// Policy says what happens to something that does not fit a Schema.
type Policy uint8

const (
	// Refuse refuses the transaction with a *[SchemaError], or to enforce the schema at all.
	Refuse Policy = iota

	// Keep lets it be.
	Keep

	// Drop takes it back: a cell gets its old content if that fits, else its default, else it is deleted. A row that lacks a
	// required cell gets it back, or is deleted if it never had it. It is what TinyBase does.
	Drop
)

// EnforceOptions of [Enforce]; nil means defaults.
type EnforceOptions struct {
	// Existing is for what the Store holds already.
	Existing Policy

	// Writes chooses the policy for a transaction. The default keeps what an [Importer] brings, and refuses what all others
	// write: a Store whose schema knows less than those of its peers shows what they have written, and takes nothing from them.
	//
	// With Refuse or Drop for a Persister the Store corrects its Target, that is, deletes what does not fit for everybody: Drop only
	// that, Refuse all that came with it.
	Writes func(by Origin) Policy

	// Dropped, unless nil, is told what a transaction that will be committed wanted and did not get. It is called under the
	// writer lock, and must not write.
	Dropped func(by Origin, list []Misfit)
}

// An Importer is an Origin whose transactions bring in what others have written elsewhere: a Persister that loads.
type Importer interface{ Imports() }

// importing is the default of EnforceOptions.Writes.
func importing(by Origin) Policy {
	if _, ok := by.(Importer); ok {
		return Keep
	}
	return Refuse
}

// Enforced is a Schema at work.
type Enforced struct {
	schema Schema
	opts   EnforceOptions
	leave  func()

	joining bool     // the transaction looks at everything that exists
	found   []Misfit // in the present transaction
}

// Enforce makes s keep to a schema from now on, and gives what is there its defaults. It returns what did not fit. If there
// is such content and the policy for it is Refuse, nothing changes and the error is a *[SchemaError].
func Enforce(s *Store, schema Schema, o *EnforceOptions) (*Enforced, []Misfit, error) {
	if err := schema.Check(); err != nil {
		return nil, nil, err
	}
	e := &Enforced{schema: schema, joining: true}
	if o != nil {
		e.opts = *o
	}
	if e.opts.Writes == nil {
		e.opts.Writes = importing
	}
	var misfits []Misfit
	leave, err := s.joinWith(e, e, func(tx *Tx) error {
		misfits = schema.Misfits(tx)
		return nil
	})
	if err != nil {
		return nil, misfits, err
	}
	e.leave = leave
	return e, misfits, nil
}

// Schema returns the schema.
func (e *Enforced) Schema() Schema { return e.schema }

// Stop ends it. It must not be called inside a transaction.
func (e *Enforced) Stop() { e.leave() }

// Prepare implements [Participant].
func (e *Enforced) Prepare(tx *Tx, by Origin) error {
	c, policy := tx.Changes(), e.opts.Writes(by)
	if e.joining {
		c, policy = Diff(nil, tx.Snapshot()), e.opts.Existing
	}
	e.found = e.found[:0]
	for len(c.Cells) > 0 {
		table, row := c.Cells[0].Table, c.Cells[0].Row
		n := 1
		for n < len(c.Cells) && c.Cells[n].Table == table && c.Cells[n].Row == row {
			n++
		}
		if err := e.row(tx, c.Cells[:n], policy); err != nil {
			return err
		}
		c.Cells = c.Cells[n:]
	}
	for _, v := range c.Values {
		if wanted, ok := e.schema.value(v.ID, v.New); v.New.Exists() && !ok {
			e.found = append(e.found, Misfit{ValueOf(v.ID), v.New, wanted})
			if policy == Drop {
				if err := tx.SetValue(v.ID, e.valueBack(v)); err != nil {
					return err
				}
			}
		}
	}
	for id, d := range e.schema.Values {
		if d.Default.Exists() && !tx.Value(id).Exists() {
			if err := tx.SetValue(id, d.Default); err != nil {
				return err
			}
		}
	}
	switch {
	case len(e.found) == 0:
	case policy == Refuse:
		return &SchemaError{append([]Misfit(nil), e.found...)}
	case policy == Drop && e.opts.Dropped != nil && !e.joining:
		e.opts.Dropped(by, append([]Misfit(nil), e.found...))
	}
	return nil
}

// row checks the changed cells of one row.
func (e *Enforced) row(tx *Tx, changed []CellChange, policy Policy) error {
	table, row := changed[0].Table, changed[0].Row
	for _, c := range changed {
		if wanted, ok := e.schema.cell(table, c.Cell, c.New); c.New.Exists() && !ok {
			e.found = append(e.found, Misfit{c.Path(), c.New, wanted})
			if policy == Drop {
				if err := tx.SetCell(table, row, c.Cell, e.cellBack(c)); err != nil {
					return err
				}
			}
		}
	}
	if !tx.HasRow(table, row) {
		return nil
	}
	for cell, d := range sorted(e.schema.Tables[table].Cells) {
		if d.Default.Exists() && !tx.Cell(table, row, cell).Exists() {
			if err := tx.SetCell(table, row, cell, d.Default); err != nil {
				return err
			}
		}
	}
	var err error
	e.schema.missing(tx, table, row, func(m Misfit) {
		e.found = append(e.found, m)
		if policy != Drop || err != nil || !tx.HasRow(table, row) {
			return
		}
		_, _, cell := m.Path.IDs()
		if old := tx.Before().Cell(table, row, cell); old.Exists() && !e.joining && e.schema.Tables[table].Cells[cell].Fits(old) {
			err = tx.SetCell(table, row, cell, old)
		} else {
			err = tx.DelRow(table, row)
		}
	})
	return err
}

// cellBack is what a cell gets instead of something that does not fit.
func (e *Enforced) cellBack(c CellChange) Value {
	if _, ok := e.schema.cell(c.Table, c.Cell, c.Old); ok && c.Old.Exists() {
		return c.Old
	}
	return e.schema.Tables[c.Table].Cells[c.Cell].Default
}

func (e *Enforced) valueBack(c ValueChange) Value {
	if _, ok := e.schema.value(c.ID, c.Old); ok && c.Old.Exists() {
		return c.Old
	}
	return e.schema.Values[c.ID].Default
}

// Borrows implements [Borrower].
func (e *Enforced) Borrows() {}

// Committed implements [Participant].
func (e *Enforced) Committed(*Commit) {}
