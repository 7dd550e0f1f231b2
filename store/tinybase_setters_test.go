package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

func (b *tinybase) setTables(x any, encoded bool) {
	if x != any(undefined) {
		if x = b.hook("WillSetTables", x); x == any(undefined) {
			return
		}
	}
	o, ok := x.(*object)
	if !ok || len(o.keys) == 0 {
		b.invalidCell(undefined, undefined, undefined, undefined)
		return
	}
	tables := map[string]map[string]map[string]store.Value{}
	for _, table := range o.keys {
		if t := b.hook("WillSetTable", table, o.at[table]); t == any(undefined) {
			continue
		} else if rows := b.checkTable(table, t, encoded); rows != nil {
			tables[table] = rows
		}
	}
	if len(tables) == 0 {
		return
	}
	for _, table := range slices.Collect(b.tx.Tables()) {
		if tables[table] == nil {
			b.delTable(table)
		}
	}
	for table, rows := range tables {
		b.putTable(table, rows)
	}
}

func (b *tinybase) setTable(table string, x any) {
	if x = b.hook("WillSetTable", table, x); x != any(undefined) {
		if rows := b.checkTable(table, x, false); rows != nil {
			b.putTable(table, rows)
		}
	}
}

func (b *tinybase) putTable(table string, rows map[string]map[string]store.Value) {
	for _, row := range slices.Collect(b.tx.Rows(table)) {
		if rows[row] == nil {
			b.delRow(table, row)
		}
	}
	for row, cells := range rows {
		b.putRow(table, row, cells)
	}
}

// putRow sets a whole row; callbacks may keep cells from being deleted.
func (b *tinybase) putRow(table, row string, cells map[string]store.Value) {
	if !b.hooked("WillDelCell") {
		must(b.tx.SetRow(table, row, cells))
		return
	}
	must(b.tx.SetPartialRow(table, row, cells))
	for _, cell := range b.cellIDs(table, row) {
		if _, stays := cells[cell]; !stays {
			b.delCell(table, row, cell, true)
		}
	}
}

func (b *tinybase) cellIDs(table, row string) []string {
	return slices.Sorted(maps.Keys(store.CopyRow(b.tx, table, row)))
}

func (b *tinybase) delTable(table string) {
	if !b.tx.HasTable(table) || b.hook("WillDelTable", table) == any(false) {
		return
	}
	for _, row := range slices.Collect(b.tx.Rows(table)) {
		b.delRow(table, row)
	}
}

func (b *tinybase) delRow(table, row string) {
	if !b.tx.HasRow(table, row) || b.hook("WillDelRow", table, row) == any(false) {
		return
	}
	if !b.hooked("WillDelCell") {
		must(b.tx.DelRow(table, row))
		return
	}
	for _, cell := range b.cellIDs(table, row) {
		if b.hook("WillDelCell", table, row, cell) != any(false) {
			must(b.tx.DelCell(table, row, cell))
		}
	}
}

func (b *tinybase) setRow(table, row string, x any) {
	if b.knowsTable(table, x) {
		if cells := b.checkRow(table, row, x, true, false); cells != nil {
			b.putRow(table, row, cells)
		}
	}
}

func (b *tinybase) setPartialRow(table, row string, x any) {
	if b.knowsTable(table, x) {
		isNew := !b.tx.HasRow(table, row)
		if cells := b.checkRow(table, row, x, false, false); cells != nil {
			if isNew {
				b.fill(table, row, cells)
			}
			must(b.tx.SetPartialRow(table, row, cells))
		}
	}
}

func (b *tinybase) setCell(table, row, cell string, x any, encoded bool) {
	if fn, ok := x.(mapping); ok {
		x = fn.apply(b.tx.Cell(table, row, cell))
	}
	if !b.knowsTable(table, x) {
		return
	}
	if v := b.checkCell(table, row, cell, x, encoded); v.Exists() {
		cells := map[string]store.Value{cell: v}
		if !b.tx.HasRow(table, row) {
			b.fill(table, row, cells)
		}
		must(b.tx.SetPartialRow(table, row, cells))
	}
}

// apply is what the mapping functions do.
func (fn mapping) apply(old store.Value) any {
	switch fn {
	case "inc":
		return old.Number() + 1
	case "toUndefined":
		return undefined
	}
	panic("an unknown function " + fn)
}

func (b *tinybase) addRow(table string, x any, reuse bool) any {
	if !b.knowsTable(table, x) {
		return undefined
	}
	cells := b.checkRow(table, undefined, x, true, false)
	if cells == nil {
		return undefined
	}
	b.added = true
	if reuse {
		row, err := b.tx.AddRow(table, cells)
		must(err)
		return row
	}
	row, err := b.counter.NextUnused(b.tx, table)
	must(err)
	must(b.tx.SetRow(table, row, cells))
	return row
}

func (b *tinybase) delCell(table, row, cell string, force bool) {
	if b.hook("WillDelCell", table, row, cell) == any(false) || !b.tx.Cell(table, row, cell).Exists() {
		return
	}
	switch d := b.schema.Tables[table].Cells[cell].Default; {
	case d.Exists() && !force:
		must(b.tx.SetCell(table, row, cell, d))
	case d.Exists():
		must(b.tx.DelRow(table, row))
	default:
		must(b.tx.DelCell(table, row, cell))
	}
}

func (b *tinybase) setValues(x any, encoded, partial bool) {
	if x != any(undefined) && !partial {
		if x = b.hook("WillSetValues", x); x == any(undefined) {
			return
		}
	}
	o, ok := x.(*object)
	if !ok || len(o.keys) == 0 {
		b.invalidValue(undefined, undefined)
		return
	}
	values := map[string]store.Value{}
	for _, id := range o.keys {
		if v := b.checkValue(id, o.at[id], encoded); v.Exists() {
			values[id] = v
		}
	}
	if len(values) == 0 {
		return
	}
	if !partial {
		for id, d := range b.schema.Values {
			if _, has := values[id]; !has && d.Default.Exists() {
				values[id] = d.Default
			}
		}
		for id := range maps.Collect(b.tx.Values()) {
			if _, has := values[id]; !has {
				b.delValue(id)
			}
		}
	}
	for id, v := range values {
		must(b.tx.SetValue(id, v))
	}
}

func (b *tinybase) setValue(id string, x any, encoded bool) {
	if fn, ok := x.(mapping); ok {
		x = fn.apply(b.tx.Value(id))
	}
	if v := b.checkValue(id, x, encoded); v.Exists() {
		must(b.tx.SetValue(id, v))
	}
}

func (b *tinybase) delValue(id string) {
	if b.hook("WillDelValue", id) == any(false) || !b.tx.Value(id).Exists() {
		return
	}
	must(b.tx.SetValue(id, b.schema.Values[id].Default))
}

func (b *tinybase) delTables() {
	if b.hook("WillDelTables") == any(false) {
		return
	}
	for _, table := range slices.Collect(b.tx.Tables()) {
		b.delTable(table)
	}
}

func (b *tinybase) delValues() {
	if b.hook("WillDelValues") == any(false) {
		return
	}
	for id := range maps.Collect(b.tx.Values()) {
		b.delValue(id)
	}
}

func isEmpty(x any) bool {
	o, ok := x.(*object)
	return ok && len(o.keys) == 0
}

func (b *tinybase) setContent(x any, encoded bool) {
	if !encoded {
		if x = b.hook("WillSetContent", x); x == any(undefined) {
			return
		}
	}
	halves, ok := x.([]any)
	if !ok {
		return
	}
	half := func(i int) any {
		if i < len(halves) {
			return halves[i]
		}
		return undefined
	}
	if isEmpty(half(0)) {
		b.delTables()
	} else {
		b.setTables(half(0), encoded)
	}
	if isEmpty(half(1)) {
		b.delValues()
	} else {
		b.setValues(half(1), encoded, false)
	}
}

func (b *tinybase) applyChanges(x any) {
	if x = b.hook("WillApplyChanges", x); x == any(undefined) {
		return
	}
	halves := x.([]any)
	object := func(v any) *object {
		o, ok := v.(*object)
		if !ok {
			panic(thrown("not an object"))
		}
		return o
	}
	tables := object(halves[0])
	for _, table := range tables.keys {
		if tables.at[table] == any(undefined) {
			b.delTable(table)
			continue
		}
		rows := object(tables.at[table])
		for _, row := range rows.keys {
			if rows.at[row] == any(undefined) {
				b.delRow(table, row)
				continue
			}
			cells := object(rows.at[row])
			for _, cell := range cells.keys {
				switch {
				case cells.at[cell] != any(undefined):
					b.setCell(table, row, cell, cells.at[cell], true)
				case b.schema.Tables[table].Cells[cell].Default.Exists() && b.tx.HasRow(table, row):
					b.better = "a deleted cell with a default goes back to it, and does not take its row along"
					must(b.tx.DelCell(table, row, cell))
				default:
					b.delCell(table, row, cell, true)
				}
			}
		}
	}
	values := object(halves[1])
	for _, id := range values.keys {
		if values.at[id] == any(undefined) {
			b.delValue(id)
		} else {
			b.setValue(id, values.at[id], true)
		}
	}
}

// setJSON is setJson ("both"), setTablesJson or setValuesJson. Errors are swallowed, as TinyBase does; the package reports
// them.
func (b *tinybase) setJSON(text, what string) {
	x, ok := tryParse(text)
	if !ok {
		return
	}
	if list, ok := x.([]any); ok && what == "both" {
		if _, err := store.ParseContent([]byte(text), store.TinyBaseForm); err == nil && !strings.Contains(text, "{}") && b.schema.Tables == nil {
			defer func(want string) {
				if got := store.AppendContent(nil, b.tx, store.TinyBaseForm); string(got) != want {
					panic(fmt.Sprintf("the package reads %s, cell by cell it is %s", want, got))
				}
			}(contentOf(text))
		}
		b.setContent(list, true)
		return
	}
	switch {
	case what == "values" && isEmpty(x):
		b.delValues()
	case what == "values":
		b.setValues(x, true, false)
	case isEmpty(x):
		b.delTables()
	default:
		b.setTables(x, true)
	}
}

func contentOf(text string) string {
	s, err := store.ParseContent([]byte(text), store.TinyBaseForm)
	must(err)
	return s.ContentJSON(store.TinyBaseForm)
}

func tryParse(text string) (x any, ok bool) {
	if _, err := store.ParseJSON(text); err != nil {
		return nil, false
	}
	return parseJS([]byte(text)), true
}
