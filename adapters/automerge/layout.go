package automerge

import (
	"iter"
	"strings"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
)

// layout knows where in a document the parts of a Store are.
type layout interface {
	// cell and value return the keys of the maps that lead to a place, and its own key.
	cell(table, row, cell string) (maps []string, key string)
	value(id string) (maps []string, key string)
	// keys returns the keys that lead from the root to a part; none when the part is not one place.
	keys(at store.Path) []string
	// lost takes what is in a container that has lost its place.
	lost(r *reading, at store.Path, m amchange.Live)
	// place says what lies at a path of keys from the root.
	place(keys []string) (store.Path, bool)
	// read takes one part of the document.
	read(r *reading, at store.Path)
	// exists says whether there is anything of the layout, or ever was.
	exists(ix *amchange.Index) bool
}

// The keys of TinyBase's root map.
const (
	tablesKey = "t"
	valuesKey = "v"
)

// nested is TinyBase's layout below a root key.
type nested string

func (n nested) cell(table, row, cell string) ([]string, string) {
	return []string{string(n), tablesKey, escape(table), escape(row)}, escape(cell)
}

func (n nested) value(id string) ([]string, string) {
	return []string{string(n), valuesKey}, escape(id)
}

func (n nested) keys(at store.Path) []string {
	table, row, cell := at.IDs()
	keys := []string{string(n), tablesKey, escape(table), escape(row), escape(cell)}
	switch at.Level() {
	case store.AtAll:
		return keys[:1]
	case store.AtTables:
		return keys[:2]
	case store.AtTable:
		return keys[:3]
	case store.AtRow:
		return keys[:4]
	case store.AtValues:
		return []string{string(n), valuesKey}
	case store.AtValue:
		return []string{string(n), valuesKey, escape(cell)}
	}
	return keys
}

func (n nested) lost(r *reading, at store.Path, m amchange.Live) {
	table, row, _ := at.IDs()
	switch at.Level() {
	case store.AtAll:
		n.tables(r, r.child(m, tablesKey))
		n.values(r, r.child(m, valuesKey))
	case store.AtTables:
		n.tables(r, m)
	case store.AtTable:
		n.table(r, table, m)
	case store.AtRow:
		n.row(r, table, row, m)
	case store.AtValues:
		n.values(r, m)
	}
}

func (n nested) exists(ix *amchange.Index) bool {
	for range ix.Entries(string(n)) {
		return true
	}
	return wasSet(ix, string(n))
}

// wasSet says whether a map that is or was under a key of the root ever had a key.
func wasSet(ix *amchange.Index, key string) bool {
	for v := range valuesOf(ix, key) {
		for range ix.KeysOf(v) {
			return true
		}
	}
	return false
}

// valuesOf returns the operations that hold or held a value under a key of the root.
func valuesOf(ix *amchange.Index, key string) iter.Seq[amchange.OpID] {
	return func(yield func(amchange.OpID) bool) {
		for _, v := range ix.Live(key) {
			if !yield(v.ID) {
				return
			}
		}
		for id := range ix.ReplacedIn(amchange.OpID{}, key) {
			if !yield(id) {
				return
			}
		}
	}
}

func (n nested) place(keys []string) (store.Path, bool) {
	if len(keys) == 0 {
		return store.Path{}, true
	}
	if keys[0] != string(n) {
		return store.Path{}, false
	}
	var id [3]string
	for i, k := range keys[min(2, len(keys)):] {
		if i < len(id) {
			id[i] = unescape(k)
		}
	}
	switch {
	case len(keys) == 1:
		return store.Path{}, true
	case keys[1] == valuesKey && len(keys) == 2:
		return store.Values(), true
	case keys[1] == valuesKey:
		return store.ValueOf(id[0]), true
	case keys[1] != tablesKey:
		return store.Path{}, false
	}
	switch len(keys) {
	case 2:
		return store.Tables(), true
	case 3:
		return store.Table(id[0]), true
	case 4:
		return store.Row(id[0], id[1]), true
	}
	return store.Cell(id[0], id[1], id[2]), true
}

func (n nested) read(r *reading, at store.Path) {
	table, row, cell := at.IDs()
	root := r.child(r.root(), string(n))
	tables := r.child(root, tablesKey)
	switch at.Level() {
	case store.AtAll:
		n.tables(r, tables)
		n.values(r, r.child(root, valuesKey))
	case store.AtTables:
		n.tables(r, tables)
	case store.AtTable:
		n.table(r, table, r.child(tables, escape(table)))
	case store.AtRow:
		n.row(r, table, row, r.child(r.child(tables, escape(table)), escape(row)))
	case store.AtCell:
		if v, ok := r.at(r.child(r.child(tables, escape(table)), escape(row)), escape(cell)); ok {
			r.cell(table, row, cell, v)
		}
	case store.AtValues:
		n.values(r, r.child(root, valuesKey))
	case store.AtValue:
		if v, ok := r.at(r.child(root, valuesKey), escape(cell)); ok {
			r.value(cell, v)
		}
	}
}

func (n nested) tables(r *reading, m amchange.Live) {
	for table, v := range r.entries(m) {
		n.table(r, unescape(table), v)
	}
}

func (n nested) table(r *reading, table string, m amchange.Live) {
	for row, v := range r.entries(m) {
		n.row(r, table, unescape(row), v)
	}
}

func (n nested) row(r *reading, table, row string, m amchange.Live) {
	for cell, v := range r.entries(m) {
		r.cell(table, row, unescape(cell), v)
	}
}

func (n nested) values(r *reading, m amchange.Live) {
	for id, v := range r.entries(m) {
		r.value(unescape(id), v)
	}
}

// flat keeps each table in a map NAME/t/TABLE of the root, with keys ROW/CELL, and values in NAME/v. In these keys ~ and /
// of ids are written ~0 and ~1, as in a JSON pointer.
type flat string

var (
	toPointer   = strings.NewReplacer("~", "~0", "/", "~1")
	fromPointer = strings.NewReplacer("~1", "/", "~0", "~")
)

func (f flat) tableKey(table string) string { return string(f) + "/" + tablesKey + "/" + table }

func (f flat) valuesKey() string { return string(f) + "/" + valuesKey }

func (f flat) cell(table, row, cell string) ([]string, string) {
	return []string{f.tableKey(table)}, toPointer.Replace(row) + "/" + toPointer.Replace(cell)
}

func (f flat) value(id string) ([]string, string) { return []string{f.valuesKey()}, id }

func (f flat) keys(at store.Path) []string {
	table, row, cell := at.IDs()
	switch at.Level() {
	case store.AtTable:
		return []string{f.tableKey(table)}
	case store.AtCell:
		maps, key := f.cell(table, row, cell)
		return append(maps, key)
	case store.AtValues:
		return []string{f.valuesKey()}
	case store.AtValue:
		return []string{f.valuesKey(), cell}
	}
	return nil
}

func (f flat) lost(r *reading, at store.Path, m amchange.Live) {
	table, _, _ := at.IDs()
	if at.Level() == store.AtTable {
		f.rows(r, table, m, "")
		return
	}
	for id, v := range r.entries(m) {
		r.value(id, v)
	}
}

func (f flat) exists(ix *amchange.Index) bool {
	for key, v := range ix.Entries() {
		if strings.HasPrefix(key, string(f)+"/") && isMap(v) {
			return true
		}
	}
	for key := range ix.KeysOf(amchange.OpID{}) {
		if strings.HasPrefix(key, string(f)+"/") && wasSet(ix, key) {
			return true
		}
	}
	return false
}

// table returns the table whose map has a key of the root.
func (f flat) table(key string) (string, bool) { return strings.CutPrefix(key, f.tableKey("")) }

func split(key string) (row, cell string, ok bool) {
	row, cell, ok = strings.Cut(key, "/")
	return fromPointer.Replace(row), fromPointer.Replace(cell), ok
}

func (f flat) place(keys []string) (store.Path, bool) {
	if len(keys) == 0 {
		return store.Path{}, true
	}
	if keys[0] == f.valuesKey() {
		if len(keys) == 1 {
			return store.Values(), true
		}
		return store.ValueOf(keys[1]), true
	}
	table, ok := f.table(keys[0])
	if !ok || len(keys) == 1 {
		return store.Table(table), ok
	}
	row, cell, ok := split(keys[1])
	return store.Cell(table, row, cell), ok
}

func (f flat) read(r *reading, at store.Path) {
	table, row, cell := at.IDs()
	switch at.Level() {
	case store.AtAll, store.AtTables:
		for key, v := range r.ix.Entries() {
			if table, ok := f.table(key); ok {
				f.rows(r, table, v, "")
			}
		}
		if at.Level() == store.AtAll {
			f.read(r, store.Values())
		}
	case store.AtTable:
		f.rows(r, table, r.child(r.root(), f.tableKey(table)), "")
	case store.AtRow:
		f.rows(r, table, r.child(r.root(), f.tableKey(table)), toPointer.Replace(row)+"/")
	case store.AtCell:
		maps, key := f.cell(table, row, cell)
		if v, ok := r.at(r.child(r.root(), maps[0]), key); ok {
			r.cell(table, row, cell, v)
		}
	case store.AtValues:
		for id, v := range r.entries(r.child(r.root(), f.valuesKey())) {
			r.value(id, v)
		}
	case store.AtValue:
		if v, ok := r.at(r.child(r.root(), f.valuesKey()), cell); ok {
			r.value(cell, v)
		}
	}
}

func (f flat) rows(r *reading, table string, m amchange.Live, prefix string) {
	for key, v := range r.entries(m) {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if row, cell, ok := split(key); ok {
			r.cell(table, row, cell, v)
		}
	}
}

// escape writes an id as TinyBase does: names that every JavaScript object has, and ids that begin with U+0000, get one
// U+0000 in front.
func escape(id string) string {
	switch id {
	case "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
		"__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "prototype":
		return "\x00" + id
	}
	if strings.HasPrefix(id, "\x00") {
		return "\x00" + id
	}
	return id
}

func unescape(key string) string { return strings.TrimPrefix(key, "\x00") }
