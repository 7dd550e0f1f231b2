package yjs

import (
	"slices"
	"strings"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// flat is the layout Flat below a root name.
type flat struct{ root string }

func (f flat) tablePrefix() string           { return f.root + "/t/" }
func (f flat) tableName(table string) string { return f.tablePrefix() + escape(table) }
func (f flat) valuesName() string            { return f.root + "/v" }

func (f flat) exists(a access, now bool) bool {
	if has(a.Map(f.valuesName()), now) {
		return true
	}
	return slices.ContainsFunc(f.tables(a), func(id string) bool { return has(a.Map(f.tableName(id)), now) })
}

// tables lists the ids of the tables that have a root map.
func (f flat) tables(a access) (ids []string) {
	names, _ := a.Roots()
	for _, name := range names {
		if id, ok := f.tableOf(name); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

func (f flat) tableOf(name string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(name, f.tablePrefix())
	if !ok {
		return "", false
	}
	return unescape(rest)
}

// split parts a key into row and cell.
func (f flat) split(key string) (row, cell string, ok bool) {
	r, c, ok := strings.Cut(key, "/")
	if !ok {
		return "", "", false
	}
	row, ok = unescape(r)
	if !ok {
		return "", "", false
	}
	cell, ok = unescape(c)
	return row, cell, ok
}

func (f flat) join(row, cell string) string { return escape(row) + "/" + escape(cell) }

func (f flat) walk(a access, at store.Path, v visitor) {
	table, row, cell := at.IDs()
	switch at.Level() {
	case store.AtAll, store.AtTables:
		for _, id := range f.tables(a) {
			f.walk(a, store.Table(id), v)
		}
		if at.Level() == store.AtAll {
			f.walk(a, store.Values(), v)
		}
	case store.AtTable, store.AtRow:
		for key, x := range a.Map(f.tableName(table)).All() {
			if r, c, ok := f.split(key); ok && (at.Level() == store.AtTable || r == row) {
				v.cell(table, r, c, x)
			}
		}
	case store.AtCell:
		if x, ok := a.Map(f.tableName(table)).Get(f.join(row, cell)); ok {
			v.cell(table, row, cell, x)
		}
	case store.AtValues:
		for id, x := range a.Map(f.valuesName()).All() {
			v.value(id, x)
		}
	case store.AtValue:
		if x, ok := a.Map(f.valuesName()).Get(cell); ok {
			v.value(cell, x)
		}
	}
}

func (f flat) place(c *ycrdt.Change) (store.Path, bool) {
	key := c.Key
	if len(c.Path) > 1 { // below a cell or value
		key = c.Path[1].Key
	} else if c.List {
		return store.Path{}, false
	}
	if c.Path[0].Key == f.valuesName() {
		return store.ValueOf(key), true
	}
	table, ok := f.tableOf(c.Path[0].Key)
	if !ok {
		return store.Path{}, false
	}
	row, cell, ok := f.split(key)
	return store.Cell(table, row, cell), ok
}

func (f flat) find(a access, at store.Path) (ycrdt.Map, string) {
	table, row, cell := at.IDs()
	if at.Level() == store.AtValue {
		return a.Map(f.valuesName()), cell
	}
	return a.Map(f.tableName(table)), f.join(row, cell)
}

func (f flat) writer(tx *ycrdt.Txn) writer { return flatWriter{f, tx} }

type flatWriter struct {
	flat
	tx *ycrdt.Txn
}

func (w flatWriter) cell(table, row, cell string, _ bool) (ycrdt.Map, string, bool, error) {
	m := w.tx.Map(w.tableName(table))
	return m, w.join(row, cell), true, m.Err()
}

func (w flatWriter) value(id string, _ bool) (ycrdt.Map, string, bool, error) {
	m := w.tx.Map(w.valuesName())
	return m, id, true, m.Err()
}

func (f flat) clear(tx *ycrdt.Txn) error {
	for _, id := range f.tables(tx) {
		if err := tx.Map(f.tableName(id)).Clear(); err != nil {
			return err
		}
	}
	return tx.Map(f.valuesName()).Clear()
}
