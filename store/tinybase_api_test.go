package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// tinybase has TinyBase's methods and listeners, on top of a Store. It translates: what TinyBase drops, the Store refuses,
// and this layer notes it as invalid and goes on. Everything that is stored, checked, compared, sorted and counted is done
// by the package.
type tinybase struct {
	store   *store.Store
	counter *store.RowCounter

	tx       *store.Tx // of the transaction that is open
	depth    int
	failed   bool // an exception has gone through an inner transaction
	readOnly bool
	commit   *store.Commit

	schema, before store.Schema // before: when the transaction began
	enforced       *store.Enforced
	hadSchema      bool
	hooks          []*object
	rowHook        bool // what is being done passes the callbacks for rows
	inner          int  // how deep steps are inside of steps

	invalidCells  []invalidCell
	invalidValues []invalidValue
	touched       [2]bool // cells, values
	added         bool    // the transaction has added rows
	gaveBack      bool    // such a transaction was taken back

	listeners []*tbListener
	log       []any
	step      int

	anyOrder bool // sorted rows came in another order
	phantom  bool // TinyBase has a row without cells

	// better is why the outcome differs on purpose, once it does.
	better string
}

type invalidCell struct {
	table, row, cell any // undefined where there is none
	tried            []any
}

type invalidValue struct {
	id    any
	tried []any
}

var errRollback = errors.New("rolled back")

func newTinybase() *tinybase {
	b := &tinybase{counter: store.NewRowCounter(), step: -1}
	b.store = store.NewStore(&store.Options{RowIDs: b.counter})
	b.store.Listen(store.Path{}, func(c *store.Commit) { b.commit = c })
	return b
}

// transaction runs fn in a transaction, or as a part of the open one.
func (b *tinybase) transaction(fn func(), rollback func() bool) {
	if b.readOnly {
		return
	}
	if b.tx != nil {
		ok := false
		b.depth++
		defer func() {
			b.depth--
			b.failed = b.failed || !ok
		}()
		fn()
		ok = true
		return
	}
	b.added = false
	b.failed, b.commit, b.before = false, nil, b.schema
	b.invalidCells, b.invalidValues, b.touched = nil, nil, [2]bool{}
	finished, rolledBack := false, false
	var late any // an exception at the end
	defer func() {
		if !finished {
			b.schema = b.before
			b.enforce()
		}
	}()
	err := b.store.Update(func(tx *store.Tx) error {
		b.tx = tx
		defer func() { b.tx = nil }()
		b.fireTransaction("StartTransaction")
		fn()
		if b.failed {
			return errRollback
		}
		b.fireMutators()
		rolledBack = rollback != nil && rollback()
		finished = true
		if rolledBack {
			b.fireTransaction("WillFinishTransaction")
			return errRollback
		}
		if late = catch(func() { b.fireTransaction("WillFinishTransaction") }); late != nil {
			return errRollback
		}
		return nil
	})
	if err != nil {
		b.schema = b.before
		b.gaveBack = b.gaveBack || b.added
		b.commit, b.invalidCells, b.invalidValues, b.touched = nil, nil, nil, [2]bool{}
	}
	var refused *store.SchemaError
	if errors.As(err, &refused) {
		b.better = "the schema is enforced everywhere: " + refused.Error()
	} else if err != nil && !errors.Is(err, errRollback) {
		panic(err)
	}
	if !finished {
		return
	}
	b.readOnly = true
	thrownIn := catch(b.fireChanges)
	thrownLast := catch(func() { b.fireTransaction("DidFinishTransaction") })
	b.readOnly = false
	b.invalidCells, b.invalidValues, b.touched = nil, nil, [2]bool{}
	for _, x := range []any{late, thrownIn, thrownLast} {
		if x != nil {
			panic(x)
		}
	}
}

// catch returns the exception that fn throws, or nil.
func catch(fn func()) (x any) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(thrown); !ok {
				panic(r)
			}
			x = r
		}
	}()
	fn()
	return nil
}

// reader is the content as it is at this moment.
func (b *tinybase) reader() store.Reader {
	if b.tx != nil {
		return b.tx
	}
	return b.store.Snapshot()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (b *tinybase) invalidCell(table, row, cell, tried any) {
	b.touched[0] = true
	for i, x := range b.invalidCells {
		if x.table == table && x.row == row && x.cell == cell {
			b.invalidCells[i].tried = append(x.tried, tried)
			return
		}
	}
	b.invalidCells = append(b.invalidCells, invalidCell{table, row, cell, []any{tried}})
}

func (b *tinybase) invalidValue(id, tried any) {
	b.touched[1] = true
	for i, x := range b.invalidValues {
		if x.id == id {
			b.invalidValues[i].tried = append(x.tried, tried)
			return
		}
	}
	b.invalidValues = append(b.invalidValues, invalidValue{id, []any{tried}})
}

// checkCell returns what a cell is to hold, or an absent Value if x does not do.
func (b *tinybase) checkCell(table string, row any, cell string, x any, encoded bool) store.Value {
	v, err := decode(x, encoded)
	d := b.schema.Tables[table].Cells[cell]
	known := true
	if b.schema.Tables != nil {
		_, known = b.schema.Tables[table].Cells[cell]
	}
	if err == nil && known && (b.schema.Tables == nil || d.Fits(v)) {
		return v
	}
	b.invalidCell(table, row, cell, x)
	return d.Default
}

// decode is toValue; encoded inputs may hold objects as strings.
func decode(x any, encoded bool) (store.Value, error) {
	v := toValue(x)
	if encoded && v.Kind() == store.String && v.Text() != "\uFFFC" {
		return v.Decoded()
	}
	return v, v.Err()
}

func (b *tinybase) checkValue(id string, x any, encoded bool) store.Value {
	v, err := decode(x, encoded)
	d, known := b.schema.Values[id]
	if err == nil && (b.schema.Values == nil || known && d.Fits(v)) {
		return v
	}
	b.invalidValue(id, x)
	return d.Default
}

// checkRow returns the cells of a row that do, or nil if the row does not.
func (b *tinybase) checkRow(table string, row any, x any, isNew, encoded bool) map[string]store.Value {
	o, ok := x.(*object)
	if !ok || len(o.keys) == 0 {
		b.invalidCell(table, row, undefined, undefined)
		return nil
	}
	cells := map[string]store.Value{}
	for _, cell := range o.keys {
		if v := b.checkCell(table, row, cell, o.at[cell], encoded); v.Exists() {
			cells[cell] = v
		}
	}
	if isNew && !b.fill(table, row, cells) || len(cells) == 0 {
		return nil
	}
	return cells
}

// fill adds defaults, and says whether nothing that is required is missing.
func (b *tinybase) fill(table string, row any, cells map[string]store.Value) bool {
	ok := true
	for cell, d := range b.schema.Tables[table].Cells {
		if _, has := cells[cell]; has {
			continue
		}
		if d.Default.Exists() {
			cells[cell] = d.Default
		} else {
			b.invalidCell(table, row, cell, undefined)
			ok = ok && !d.Required
		}
	}
	return ok
}

func (b *tinybase) knowsTable(table string, x any) bool {
	if b.schema.Tables != nil {
		if _, known := b.schema.Tables[table]; !known {
			b.invalidCell(table, undefined, undefined, undefined)
			return false
		}
	}
	return true
}

func (b *tinybase) checkTable(table string, x any, encoded bool) map[string]map[string]store.Value {
	o, ok := x.(*object)
	if !ok || len(o.keys) == 0 {
		b.invalidCell(table, undefined, undefined, undefined)
		return nil
	}
	if !b.knowsTable(table, x) {
		return nil
	}
	rows := map[string]map[string]store.Value{}
	for _, row := range o.keys {
		if cells := b.checkRow(table, row, o.at[row], true, encoded); cells != nil {
			rows[row] = cells
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return rows
}

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
