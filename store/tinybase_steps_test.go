package store_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// run plays steps. An explicit startTransaction lasts until its finishTransaction.
func (b *tinybase) run(steps []any) {
	b.inner++
	defer func() { b.inner-- }()
	b.runFrom(steps, 0, nil)
}

// runFrom plays steps from i on and returns where it stopped: behind the end, or behind the finishTransaction that ends the
// open transaction. at is told each step that it begins.
func (b *tinybase) runFrom(steps []any, i int, at func(i int)) int {
	for i < len(steps) {
		if at != nil {
			at(i)
		}
		step := steps[i].(*object)
		i++
		switch step.at["op"] {
		case "startTransaction":
			if !b.readOnly {
				b.transaction(func() { i = b.runFrom(steps, i, at) }, nil)
			}
		case "finishTransaction":
			if b.tx != nil {
				return i
			}
		default:
			b.play(step)
		}
	}
	return i
}

// play does one step and compares what it returns and throws.
func (b *tinybase) play(step *object) {
	var got any = undefined
	x := catch(func() { got = b.do(step) })
	if want, ok := step.at["throws"].(string); ok {
		if x == nil || !strings.Contains(string(x.(thrown)), want) {
			b.differ("%s throws %v instead of %q", show(step.at["op"]), x, want)
		}
		if b.inner > 0 {
			panic(x)
		}
		return
	}
	if x != nil {
		panic(x)
	}
	if want, has := step.at["returns"]; has {
		b.compareResult(step.at["op"].(string), got, want)
	}
}

func (b *tinybase) do(step *object) any {
	op := step.at["op"].(string)
	args, _ := step.at["args"].([]any)
	sub, _ := step.at["steps"].([]any)
	switch op {
	case "transaction":
		var rollback func() bool
		if r, has := step.at["doRollback"]; has {
			rollback = func() bool { return r == true }
		}
		b.transaction(func() {
			b.run(sub)
			if s, ok := step.at["throw"].(string); ok {
				panic(thrown(s))
			}
		}, rollback)
		b.afterTransaction()
		if v, has := step.at["returns_value"]; has {
			return v
		}
		return undefined
	case "try":
		if x := catch(func() { b.run(sub) }); x != nil {
			b.note("caught", string(x.(thrown)))
		}
		return undefined
	case "log":
		call := step.at["call"].([]any)
		b.note("log", b.get(call[0].(string), call[1:]))
		return undefined
	case "addListener":
		if l, ok := step.at["listener"].(*object); ok {
			b.addListener(l)
		} else {
			b.addListener(step)
		}
		return undefined
	case "delListener":
		b.listeners = slices.DeleteFunc(slices.Clone(b.listeners), func(l *tbListener) bool { return l.name == step.at["listener"] })
		return undefined
	case "callListener":
		for _, l := range b.listeners {
			if l.name == step.at["listener"] {
				b.callListener(l)
			}
		}
		return undefined
	}
	if !strings.HasPrefix(op, "set") && !strings.HasPrefix(op, "del") && op != "addRow" && op != "applyChanges" {
		return b.get(op, args)
	}
	var result any = undefined
	switch op {
	case "setTablesSchema":
		b.setTablesSchema(args[0])
	case "setValuesSchema":
		b.setValuesSchema(args[0])
	case "setSchema":
		b.setTablesSchema(args[0])
		if len(args) > 1 {
			b.setValuesSchema(args[1])
		}
	case "delTablesSchema", "delValuesSchema", "delSchema":
		b.transaction(func() {
			if op != "delValuesSchema" {
				b.schema.Tables = nil
			}
			if op != "delTablesSchema" {
				b.schema.Values = nil
			}
		}, nil)
		b.enforce()
	default:
		if op == "setTablesJson" || op == "setValuesJson" {
			if _, ok := tryParse(idOf(args[0])); !ok {
				return undefined
			}
		}
		b.rowHook = op != "setPartialRow" && op != "applyChanges" // these pass TinyBase's callbacks for rows by
		b.transaction(func() {
			before := b.tx.Snapshot()
			result = b.write(op, args)
			c := store.Diff(before, b.tx.Snapshot())
			b.touched[0] = b.touched[0] || len(c.Cells) > 0
			b.touched[1] = b.touched[1] || len(c.Values) > 0
		}, nil)
	}
	return result
}

// afterTransaction has the package enforce the schema that the transaction may have brought or taken back.
func (b *tinybase) afterTransaction() {
	if b.tx == nil && !b.readOnly {
		b.enforce()
	}
}

// write is the setters.
func (b *tinybase) write(op string, args []any) any {
	id := func(i int) string { return idOf(args[i]) }
	flag := func(i int, otherwise bool) bool {
		if i < len(args) {
			if v, ok := args[i].(bool); ok {
				return v
			}
		}
		return otherwise
	}
	switch op {
	case "setContent":
		b.setContent(args[0], false)
	case "setTables":
		b.setTables(args[0], false)
	case "setTable":
		b.setTable(id(0), args[1])
	case "setRow":
		b.setRow(id(0), id(1), args[2])
	case "setPartialRow":
		b.setPartialRow(id(0), id(1), args[2])
	case "setCell":
		b.setCell(id(0), id(1), id(2), args[3], false)
	case "addRow":
		return b.addRow(id(0), args[1], flag(2, true))
	case "setValues":
		b.setValues(args[0], false, false)
	case "setPartialValues":
		b.setValues(args[0], false, true)
	case "setValue":
		b.setValue(id(0), args[1], false)
	case "delTables":
		b.delTables()
	case "delTable":
		b.delTable(id(0))
	case "delRow":
		b.delRow(id(0), id(1))
	case "delCell":
		b.delCell(id(0), id(1), id(2), flag(3, false))
	case "delValues":
		b.delValues()
	case "delValue":
		b.delValue(id(0))
	case "applyChanges":
		b.applyChanges(args[0])
	case "setJson":
		b.setJSON(id(0), "both")
	case "setTablesJson":
		b.setJSON(id(0), "tables")
	case "setValuesJson":
		b.setJSON(id(0), "values")
	default:
		panic("an unknown method " + op)
	}
	return undefined
}

// get is the getters.
func (b *tinybase) get(op string, args []any) any {
	r := b.reader()
	id := func(i int) string { return idOf(args[i]) }
	arg := func(i int) any {
		if i < len(args) {
			return args[i]
		}
		return undefined
	}
	switch op {
	case "getContent":
		return []any{tablesOf(r), valuesOf(r)}
	case "getTables":
		return tablesOf(r)
	case "getTable":
		return tableOf(r, id(0))
	case "getRow":
		return rowOf(r, id(0), id(1))
	case "getCell":
		return fromValue(r.Cell(id(0), id(1), id(2)))
	case "getValues":
		return valuesOf(r)
	case "getValue":
		return fromValue(r.Value(id(0)))
	case "getTableIds":
		return strings2any(slices.Collect(r.Tables()))
	case "getRowIds":
		return strings2any(slices.Collect(r.Rows(id(0))))
	case "getCellIds":
		return strings2any(slices.Collect(maps.Keys(maps.Collect(r.Cells(id(0), id(1))))))
	case "getTableCellIds":
		return strings2any(slices.Collect(maps.Keys(store.Columns(r, id(0)))))
	case "getValueIds":
		return strings2any(slices.Collect(maps.Keys(maps.Collect(r.Values()))))
	case "getSortedRowIds":
		s := b.store.Snapshot()
		if b.tx != nil {
			s = b.tx.Snapshot()
		}
		if o, ok := arg(0).(*object); ok {
			return strings2any(sortedPage(s, o.get("tableId"), o.get("cellId"), o.get("descending"), o.get("offset"), o.get("limit")))
		}
		return strings2any(sortedPage(s, arg(0), arg(1), arg(2), arg(3), arg(4)))
	case "getRowCount":
		return float64(r.RowCount(id(0)))
	case "hasTables":
		return store.Exists(r, store.Tables())
	case "hasTable":
		return store.Exists(r, store.Table(id(0)))
	case "hasRow":
		return store.Exists(r, store.Row(id(0), id(1)))
	case "hasCell":
		return store.Exists(r, store.Cell(id(0), id(1), id(2)))
	case "hasTableCell":
		return store.Columns(r, id(0))[id(1)] > 0
	case "hasValues":
		return store.Exists(r, store.Values())
	case "hasValue":
		return store.Exists(r, store.ValueOf(id(0)))
	case "hasTablesSchema":
		return b.schema.Tables != nil
	case "hasValuesSchema":
		return b.schema.Values != nil
	case "getSchemaJson":
		return string(stringify(nil, b.schemaJSON()))
	case "getTablesSchemaJson":
		return string(stringify(nil, b.schemaJSON()[0]))
	case "getValuesSchemaJson":
		return string(stringify(nil, b.schemaJSON()[1]))
	case "getJson":
		return string(store.AppendContent(nil, r, store.TinyBaseForm))
	case "getTablesJson", "getValuesJson":
		halves := parseJS(store.AppendContent(nil, r, store.TinyBaseForm)).([]any)
		if op == "getTablesJson" {
			return string(stringify(nil, halves[0]))
		}
		return string(stringify(nil, halves[1]))
	case "getTransactionChanges":
		return b.transactionChanges()
	case "getTransactionLog":
		return b.transactionLog()
	case "getListenerStats":
		return b.stats()
	case "forEachTable", "forEachRow", "forEachCell", "forEachValue":
		return undefined
	}
	panic("an unknown method " + op)
}

func tablesOf(r store.Reader) any {
	o := newObject()
	for table := range r.Tables() {
		o.set(table, tableOf(r, table))
	}
	return o
}

func tableOf(r store.Reader, table string) any {
	o := newObject()
	for row := range r.Rows(table) {
		o.set(row, rowOf(r, table, row))
	}
	return o
}

func rowOf(r store.Reader, table, row string) any {
	o := newObject()
	for cell, v := range r.Cells(table, row) {
		o.set(cell, fromValue(v))
	}
	return o
}

func valuesOf(r store.Reader) any {
	o := newObject()
	for id, v := range r.Values() {
		o.set(id, fromValue(v))
	}
	return o
}

// present returns the changes of the transaction that is open or being delivered.
func (b *tinybase) present() *store.Commit {
	switch {
	case b.tx != nil:
		return &store.Commit{Before: b.tx.Before(), After: b.tx.Snapshot()}
	case b.readOnly && b.commit != nil:
		return b.commit
	}
	now := b.store.Snapshot()
	return &store.Commit{Before: now, After: now}
}

func (b *tinybase) transactionChanges() any {
	c := b.present()
	tables, values := newObject(), newObject()
	for _, x := range c.Changes().Cells {
		switch {
		case !c.After.HasTable(x.Table):
			tables.set(x.Table, undefined)
		case !c.After.HasRow(x.Table, x.Row):
			tables.under(x.Table).set(x.Row, undefined)
		default:
			tables.under(x.Table).under(x.Row).set(x.Cell, fromValue(x.New))
		}
	}
	for _, x := range c.Changes().Values {
		values.set(x.ID, fromValue(x.New))
	}
	return []any{tables, values, 1.0}
}

func (b *tinybase) transactionLog() any {
	c := b.present()
	cells, invalid, values, invalidValues := newObject(), newObject(), newObject(), newObject()
	rowIDs, cellIDs := newObject(), newObject()
	encoded := func(v store.Value) any {
		if !v.Exists() {
			return undefined
		}
		return fromValue(v.Encoded())
	}
	for _, x := range c.Changes().Cells {
		cells.under(x.Table).under(x.Row).set(x.Cell, []any{encoded(x.Old), encoded(x.New)})
	}
	for _, x := range c.Changes().Values {
		values.set(x.ID, []any{encoded(x.Old), encoded(x.New)})
	}
	for _, x := range b.invalidCells {
		invalid.under(idOf(x.table)).under(idOf(x.row)).set(idOf(x.cell), x.tried)
	}
	for _, x := range b.invalidValues {
		invalidValues.set(idOf(x.id), x.tried)
	}
	ids := func(d store.IDChange) *object { return idChanges(d).(*object).at["idChanges"].(*object) }
	tables, rows := parts(c.Changes())
	for _, table := range tables {
		if d := c.RowIDs(table); !d.IsEmpty() {
			rowIDs.set(table, ids(d))
		}
		for _, row := range rows[table] {
			if d := c.CellIDs(table, row); !d.IsEmpty() {
				cellIDs.under(table).set(row, ids(d))
			}
		}
	}
	return []any{b.touched[0], b.touched[1], cells, invalid, values, invalidValues, ids(c.TableIDs()), rowIDs, cellIDs, ids(c.ValueIDs())}
}

func (b *tinybase) stats() any {
	o := newObject()
	for _, kind := range strings.Split("HasTables Tables TableIds HasTable Table TableCellIds HasTableCell RowCount RowIds SortedRowIds HasRow Row CellIds HasCell Cell InvalidCell HasValues Values ValueIds HasValue Value InvalidValue Transaction", " ") {
		n := 0.0
		for _, l := range b.listeners {
			if l.kind == kind || kind == "Transaction" && strings.HasSuffix(l.kind, kind) {
				n++
			}
		}
		o.set(strings.ToLower(kind[:1])+kind[1:], n)
	}
	return o
}

// callListener calls a listener for everything that is there and that its path names.
func (b *tinybase) callListener(l *tbListener) {
	r := b.reader()
	var each func(ids []any)
	each = func(ids []any) {
		if len(ids) == len(l.path) {
			b.hear(l, nil, append(slices.Clone(ids), b.present1(r, l, ids)...)...)
			return
		}
		if id := l.path[len(ids)]; id != nil {
			each(append(slices.Clone(ids), idOf(id)))
			return
		}
		var all []string
		switch {
		case strings.HasSuffix(l.kind, "Value"):
			all = slices.Sorted(maps.Keys(maps.Collect(r.Values())))
		case len(ids) == 0:
			all = slices.Collect(r.Tables())
		case l.kind == "HasTableCell":
			all = slices.Sorted(maps.Keys(store.Columns(r, ids[0].(string))))
		case len(ids) == 1:
			all = slices.Collect(r.Rows(ids[0].(string)))
		default:
			all = slices.Sorted(maps.Keys(maps.Collect(r.Cells(ids[0].(string), ids[1].(string)))))
		}
		for _, id := range all {
			each(append(slices.Clone(ids), id))
		}
	}
	if l.kind == "SortedRowIds" {
		return
	}
	if !strings.HasPrefix(l.kind, "Invalid") && !strings.HasSuffix(l.kind, "Transaction") {
		each(nil)
	} else if strings.HasSuffix(l.kind, "Transaction") {
		b.hear(l, nil)
	}
}

// present1 is the further arguments of a listener that is called by hand.
func (b *tinybase) present1(r store.Reader, l *tbListener, ids []any) []any {
	id := func(i int) string { return ids[i].(string) }
	switch l.kind {
	case "Cell":
		v := fromValue(r.Cell(id(0), id(1), id(2)))
		return []any{v, v}
	case "Value":
		v := fromValue(r.Value(id(0)))
		return []any{v, v}
	case "HasTables", "HasValues", "HasTable", "HasRow", "HasCell", "HasValue", "HasTableCell":
		return []any{b.get(strings.ToLower(l.kind[:1])+l.kind[1:], ids)}
	}
	return nil
}
