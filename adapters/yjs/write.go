package yjs

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// Write implements [persist.Target]: one transaction of the document, with by as its origin.
func (t *Target) Write(_ context.Context, by store.Origin, c store.Changes, _ store.Reader) error {
	err := t.doc.Update(by, func(tx *ycrdt.Txn) error {
		w := writing{Target: t, root: tx.Map(t.root)}
		if err := w.root.Err(); err != nil {
			return err
		}
		for i := range c.Cells {
			if err := w.cell(&c.Cells[i]); err != nil {
				return fmt.Errorf("%v: %w", c.Cells[i].Path(), err)
			}
		}
		for _, x := range c.Values {
			if err := w.value(x); err != nil {
				return fmt.Errorf("%v: %w", x.Path(), err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("yjs: write %q: %w", t.root, err)
	}
	return nil
}

// writing is one Write. It keeps the containers of the row that it wrote last, since Changes come sorted.
type writing struct {
	*Target
	root, tables, values ycrdt.Map

	tableID, rowID string
	table, row     ycrdt.Map
	hasTable       bool
	hasRow         bool
}

func (w *writing) cell(c *store.CellChange) error {
	if !w.hasRow || w.rowID != c.Row || w.tableID != c.Table {
		if err := w.open(c.Table, c.Row, c.New.Exists()); err != nil || !w.hasRow {
			return err
		}
	}
	return put(w.row, c.Cell, c.New)
}

// open finds the map of a row; it makes what is missing if create is true, and otherwise says so by hasRow.
func (w *writing) open(table, row string, create bool) (err error) {
	if !w.hasTable || w.tableID != table {
		w.hasRow = false
		if w.tables, err = w.container(w.root, create, true, tablesKey); err == nil {
			w.table, err = w.container(w.tables, create, true, tablesKey, table)
		}
		if w.tableID = table; err != nil {
			return err
		}
		w.hasTable = w.table.Err() == nil
	}
	w.row, err = w.container(w.table, create, w.rows == SharedRows, tablesKey, table, row)
	w.rowID, w.hasRow = row, err == nil && w.row.Err() == nil
	return err
}

func (w *writing) value(v store.ValueChange) (err error) {
	if w.values, err = w.container(w.root, v.New.Exists(), true, valuesKey); err != nil || w.values.Err() != nil {
		return err
	}
	return put(w.values, v.ID, v.New)
}

// container returns the map under the last of keys, which is its place below the root, and makes it if it is missing and
// create is true. What stands there instead, if it is no map, is replaced: the user has written below it.
func (t *Target) container(parent ycrdt.Map, create, shared bool, keys ...string) (ycrdt.Map, error) {
	key := keys[len(keys)-1]
	m := parent.GetMap(key)
	if !create || m.Err() == nil {
		return m, nil
	}
	if !shared {
		return parent.SetMap(key)
	}
	var last ycrdt.ID
	if e, ok := parent.Current(key); ok {
		last = e.ID()
	}
	m, outcome, err := parent.EnsureMap(key, identity(t.root, keys, last))
	if err == nil && outcome == ycrdt.IdentityUsed {
		return parent.SetMap(key) // two peers will not agree on it, but nothing else is lost
	}
	return m, err
}

// put makes a key of a map hold x. What a Store cannot hold is overwritten, but not deleted: the Store has not known it.
func put(m ycrdt.Map, key string, x store.Value) error {
	if cur, ok := m.Get(key); ok {
		if have, ok := decode(cur); ok && have == x || !ok && !x.Exists() {
			return nil
		}
	}
	if !x.Exists() {
		return m.Delete(key)
	}
	return m.Set(key, encode(x))
}
