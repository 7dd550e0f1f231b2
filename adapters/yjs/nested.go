package yjs

import (
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// The keys of the root map.
const (
	tablesKey = "t"
	valuesKey = "v"
)

// nested is the layout Nested below a root map.
type nested struct {
	root string
	rows Rows
}

func (n nested) exists(a access, now bool) bool { return has(a.Map(n.root), now) }

// has says whether a map holds anything now, or ever did.
func has(m ycrdt.Map, now bool) bool { return m.Len() > 0 || !now && m.WasSet() }

// walk takes what stands where a container should be, and is none, for nothing.
func (n nested) walk(a access, at store.Path, v visitor) {
	root := a.Map(n.root)
	table, row, cell := at.IDs()
	switch at.Level() {
	case store.AtAll:
		n.tables(root.GetMap(tablesKey), v)
		n.values(root.GetMap(valuesKey), v)
	case store.AtTables:
		n.tables(root.GetMap(tablesKey), v)
	case store.AtTable:
		n.table(table, root.GetMap(tablesKey).GetMap(table), v)
	case store.AtRow:
		n.row(table, row, root.GetMap(tablesKey).GetMap(table).GetMap(row), v)
	case store.AtCell:
		if x, ok := root.GetMap(tablesKey).GetMap(table).GetMap(row).Get(cell); ok {
			v.cell(table, row, cell, x)
		}
	case store.AtValues:
		n.values(root.GetMap(valuesKey), v)
	case store.AtValue:
		if x, ok := root.GetMap(valuesKey).Get(cell); ok {
			v.value(cell, x)
		}
	}
}

func (n nested) tables(m ycrdt.Map, v visitor) {
	for table, x := range m.All() {
		n.table(table, x.Map(), v)
	}
}

func (n nested) table(table string, m ycrdt.Map, v visitor) {
	for row, x := range m.All() {
		n.row(table, row, x.Map(), v)
	}
}

func (n nested) row(table, row string, m ycrdt.Map, v visitor) {
	for cell, x := range m.All() {
		v.cell(table, row, cell, x)
	}
}

func (n nested) values(m ycrdt.Map, v visitor) {
	for id, x := range m.All() {
		v.value(id, x)
	}
}

func (n nested) place(c *ycrdt.Change) (store.Path, bool) {
	if c.Path[0].Key != n.root {
		return store.Path{}, false
	}
	// keys leads from the root map to what has changed: "t", TABLE, ROW, CELL or "v", VALUE. What lies deeper is inside a cell
	// or value.
	var keys [4]string
	depth := 0
	for _, step := range c.Path[1:] {
		if depth < len(keys) {
			keys[depth] = step.Key
			depth++
		}
	}
	if depth < len(keys) && !c.List {
		keys[depth] = c.Key
		depth++
	}
	switch {
	case depth == 0:
	case keys[0] == valuesKey && depth == 1:
		return store.Values(), true
	case keys[0] == valuesKey:
		return store.ValueOf(keys[1]), true
	case keys[0] != tablesKey:
	case depth == 1:
		return store.Tables(), true
	case depth == 2:
		return store.Table(keys[1]), true
	case depth == 3:
		return store.Row(keys[1], keys[2]), true
	default:
		return store.Cell(keys[1], keys[2], keys[3]), true
	}
	return store.Path{}, false
}

func (n nested) find(a access, at store.Path) (ycrdt.Map, string) {
	table, row, cell := at.IDs()
	root := a.Map(n.root)
	switch at.Level() {
	case store.AtTables:
		return root, tablesKey
	case store.AtValues:
		return root, valuesKey
	case store.AtValue:
		return root.GetMap(valuesKey), cell
	case store.AtTable:
		return root.GetMap(tablesKey), table
	case store.AtRow:
		return root.GetMap(tablesKey).GetMap(table), row
	}
	return root.GetMap(tablesKey).GetMap(table).GetMap(row), cell
}

func (n nested) writer(tx *ycrdt.Txn) writer {
	return &nestedWriter{nested: n, rootMap: tx.Map(n.root)}
}

// nestedWriter keeps the containers of the row that was written last, since Changes come sorted.
type nestedWriter struct {
	nested
	rootMap, tables, values ycrdt.Map

	tableID, rowID string
	table, row     ycrdt.Map
	hasTable       bool
	hasRow         bool
	hasHalves      bool
}

// halves makes the containers of all tables and of all values. TinyBase cannot load a document that has only one of them.
func (w *nestedWriter) halves() error {
	if w.hasHalves {
		return nil
	}
	for _, key := range []string{tablesKey, valuesKey} {
		if _, err := w.container(w.rootMap, key, true, true); err != nil {
			return err
		}
	}
	w.hasHalves = true
	return nil
}

func (w *nestedWriter) cell(table, row, cell string, create bool) (ycrdt.Map, string, bool, error) {
	if !w.hasRow || w.rowID != row || w.tableID != table {
		if err := w.open(table, row, create); err != nil || !w.hasRow {
			return ycrdt.Map{}, "", false, err
		}
	}
	return w.row, cell, true, nil
}

// open finds the map of a row; it makes what is missing if create is true, and otherwise says so by hasRow.
func (w *nestedWriter) open(table, row string, create bool) (err error) {
	if err = w.rootMap.Err(); err != nil {
		return err
	}
	if create {
		if err := w.halves(); err != nil {
			return err
		}
	}
	if !w.hasTable || w.tableID != table {
		w.hasRow = false
		if w.tables, err = w.container(w.rootMap, tablesKey, create, true); err == nil {
			w.table, err = w.container(w.tables, table, create, true)
		}
		if w.tableID = table; err != nil {
			return err
		}
		w.hasTable = w.table.Err() == nil
	}
	w.row, err = w.container(w.table, row, create, w.rows == SharedRows)
	w.rowID, w.hasRow = row, err == nil && w.row.Err() == nil
	return err
}

func (w *nestedWriter) value(id string, create bool) (m ycrdt.Map, key string, ok bool, err error) {
	if err = w.rootMap.Err(); err != nil {
		return m, id, false, err
	}
	if create {
		if err := w.halves(); err != nil {
			return w.values, id, false, err
		}
	}
	w.values, err = w.container(w.rootMap, valuesKey, create, true)
	return w.values, id, err == nil && w.values.Err() == nil, err
}

// container returns the map under a key of another one, and makes it if it is missing and create is true. What stands there
// instead, if it is no map, is replaced: the user has written below it.
func (n nested) container(parent ycrdt.Map, key string, create, shared bool) (ycrdt.Map, error) {
	m := parent.GetMap(key)
	if !create || m.Err() == nil {
		return m, nil
	}
	if !shared {
		return parent.SetMap(key)
	}
	for {
		var last, now ycrdt.ID
		if e, ok := parent.Current(key); ok {
			last = e.ID()
		}
		m, outcome, err := parent.EnsureMap(key, placeIn(n.root, parent, key).identity(last, ycrdt.ID{}))
		if err != nil || outcome != ycrdt.IdentityUsed {
			return m, err
		}
		if e, ok := parent.Current(key); ok {
			now = e.ID()
		}
		if now == last {
			return parent.SetMap(key) // two peers will not agree on it, but nothing else is lost
		}
		// It turned out to have been deleted. This is the place for its next life.
	}
}

func (n nested) clear(tx *ycrdt.Txn) error {
	root := tx.Map(n.root)
	if err := root.Delete(tablesKey); err != nil {
		return err
	}
	return root.Delete(valuesKey)
}
