package store_test

import (
	"errors"

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
