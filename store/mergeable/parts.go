package mergeable

import (
	"errors"

	"github.com/rowloom/rowloom/store"
)

// errPutBack is the reason when participants have undone all that a merge wrote, without an error.
var errPutBack = errors.New("another participant of the Store put the old content back")

// giveUp publishes what a merge has stamped already, though the transaction came to nothing: contents that the Store had.
func (g *merging) giveUp() {
	m := g.m
	_ = m.of.Update(func(*store.Tx) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, from := range []*Delta{g.delta, g.local} {
			if from == nil {
				continue
			}
			d := &Delta{Origin: from.Origin, Merged: from.Merged}
			for _, c := range from.Changes.Cells {
				if m.state.stampOf(c.Table, c.Row, c.Cell) == c.Stamp {
					d.Changes.Cells = append(d.Changes.Cells, c)
				}
			}
			for _, v := range from.Changes.Values {
				if m.state.stampOfValue(v.ID) == v.Stamp {
					d.Changes.Values = append(d.Changes.Values, v)
				}
			}
			m.publish(d)
		}
		return nil
	})
}

// applyInParts applies what could not be applied as a whole: row by row, then cell by cell. The one cell that is still
// refused is reported, and what stands there is stamped anew.
func (m *Store) applyInParts(by store.Origin, c *Changes, why error) (report Report, err error) {
	apply := func(part *Changes) {
		r, e := m.Apply(by, part)
		report.add(r)
		err = errors.Join(err, e)
	}
	if c.Len() == 1 {
		return m.refuse(c, why)
	}
	oneRow := len(c.Values) == 0
	for i := range c.Cells {
		oneRow = oneRow && c.Cells[i].Row == c.Cells[0].Row && c.Cells[i].Table == c.Cells[0].Table
	}
	for i := 0; i < len(c.Cells); {
		j := i + 1
		for !oneRow && j < len(c.Cells) && c.Cells[j].Row == c.Cells[i].Row && c.Cells[j].Table == c.Cells[i].Table {
			j++
		}
		apply(&Changes{Cells: c.Cells[i:j:j]})
		i = j
	}
	for i := range c.Values {
		apply(&Changes{Values: c.Values[i : i+1 : i+1]})
	}
	return report, err
}

// refuse reports one cell or value that a participant does not want, and stamps what stands there anew.
func (m *Store) refuse(c *Changes, why error) (report Report, err error) {
	// A nil Origin, so that whoever sent the cell hears of it too.
	err = m.of.UpdateAs(nil, func(tx *store.Tx) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		d := m.delta(nil)
		var stands store.Changes
		for _, x := range c.Cells {
			report.refuse(store.Cell(x.Table, x.Row, x.Cell), x.Stamp, why)
			stands.Cells = append(stands.Cells, store.CellChange{Table: x.Table, Row: x.Row, Cell: x.Cell, New: tx.Cell(x.Table, x.Row, x.Cell)})
		}
		for _, x := range c.Values {
			report.refuse(store.ValueOf(x.ID), x.Stamp, why)
			stands.Values = append(stands.Values, store.ValueChange{ID: x.ID, New: tx.Value(x.ID)})
		}
		err := m.stamp(stands, false, d)
		m.publish(d)
		return err
	})
	return report, err
}
