package store_test

import (
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// tbListener is one listener of TinyBase.
type tbListener struct {
	name, kind string
	path       []any // nil elements are wildcards
	mutator    bool
	do         []any
	throws     any
	getChange  []any
	was        []string // the page of a SortedRowIds listener
}

func (b *tinybase) addListener(o *object) {
	l := &tbListener{name: o.at["name"].(string), kind: o.at["type"].(string), throws: o.get("throw")}
	l.path, _ = o.at["path"].([]any)
	l.mutator, _ = o.at["mutator"].(bool)
	l.do, _ = o.at["do"].([]any)
	l.getChange, _ = o.at["getChange"].([]any)
	if l.kind == "SortedRowIds" {
		l.was = l.page(b.store.Snapshot())
	}
	b.listeners = append(b.listeners, l)
}

// page is what a SortedRowIds listener hears.
func (l *tbListener) page(s *store.Snapshot) []string {
	arg := func(i int) any {
		if i < len(l.path) {
			return l.path[i]
		}
		return undefined
	}
	return sortedPage(s, arg(0), arg(1), arg(2), arg(3), arg(4))
}

func sortedPage(s *store.Snapshot, table, cell, descending, offset, limit any) []string {
	o := &store.SortOptions{}
	o.Cell, _ = cell.(string)
	_, byCell := cell.(string)
	o.ByRowID = !byCell
	o.Descending, _ = descending.(bool)
	ids := store.SortedRows(s, idOf(table), o)
	from, _ := offset.(float64)
	ids = ids[min(int(from), len(ids)):]
	if n, ok := limit.(float64); ok {
		ids = ids[:min(int(n), len(ids))]
	}
	return ids
}

func (b *tinybase) note(event string, args ...any) {
	if args == nil {
		args = []any{}
	}
	e := newObject()
	e.set("step", float64(b.step))
	e.set("event", event)
	e.set("args", args)
	b.log = append(b.log, e)
}

// hear has one listener hear something.
func (b *tinybase) hear(l *tbListener, c *store.Commit, args ...any) {
	if l.getChange != nil && c != nil {
		args = append(slices.Clone(args), change(c, l.getChange))
	}
	b.note(l.name, args...)
	b.run(l.do)
	if s, ok := l.throws.(string); ok {
		panic(thrown(s))
	}
}

// change is what a change getter returns.
func change(c *store.Commit, ids []any) any {
	var old, new store.Value
	if len(ids) == 1 {
		old, new = c.Before.Value(idOf(ids[0])), c.After.Value(idOf(ids[0]))
	} else {
		t, r, x := idOf(ids[0]), idOf(ids[1]), idOf(ids[2])
		old, new = c.Before.Cell(t, r, x), c.After.Cell(t, r, x)
	}
	o := newObject()
	o.set("change", []any{old != new, fromValue(old), fromValue(new)})
	return o
}

func (b *tinybase) fireTransaction(kind string) {
	var first any
	for _, l := range slices.Clone(b.listeners) {
		if l.kind == kind {
			if x := catch(func() { b.hear(l, nil) }); x != nil && first == nil {
				first = x
			}
		}
	}
	if first != nil {
		panic(first)
	}
}

// fire calls the listeners of a kind for one place, the most exact paths first.
func (b *tinybase) fire(kind string, mutators bool, c *store.Commit, ids []any, args ...any) {
	var due []*tbListener
	rank := func(l *tbListener) string {
		s := ""
		for i := range ids {
			if i < len(l.path) && l.path[i] == nil {
				s += "1"
			} else {
				s += "0"
			}
		}
		return s
	}
	for _, l := range b.listeners {
		if l.kind != kind || l.mutator != mutators {
			continue
		}
		fits := true
		for i, id := range ids {
			fits = fits && (l.path[i] == nil || id != any(undefined) && idOf(l.path[i]) == id)
		}
		if fits {
			due = append(due, l)
		}
	}
	slices.SortStableFunc(due, func(x, y *tbListener) int { return strings.Compare(rank(x), rank(y)) })
	for _, l := range due {
		b.hear(l, c, append(slices.Clone(ids), args...)...)
	}
}

func idChanges(d store.IDChange) any {
	changes, o := newObject(), newObject()
	for _, id := range d.Added {
		changes.set(id, 1.0)
	}
	for _, id := range d.Removed {
		changes.set(id, -1.0)
	}
	o.set("idChanges", changes)
	return o
}

// eachID calls fn with every id that came or went, and whether it is there now.
func eachID(d store.IDChange, fn func(id string, exists bool)) {
	for _, id := range d.Added {
		fn(id, true)
	}
	for _, id := range d.Removed {
		fn(id, false)
	}
}

func (b *tinybase) fireMutators() {
	// Each group works on the changes as they are when it begins.
	c := &store.Commit{Before: b.tx.Before(), After: b.tx.Snapshot()}
	b.fireCells(c, true)
	c = &store.Commit{Before: b.tx.Before(), After: b.tx.Snapshot()}
	b.fireValues(c, true)
}

func (b *tinybase) fireChanges() {
	c := b.commit
	if c == nil {
		now := b.store.Snapshot()
		c = &store.Commit{Before: now, After: now}
	}
	b.fireCells(c, false)
	b.fireValues(c, false)
}

func (b *tinybase) fireCells(c *store.Commit, mutators bool) {
	for _, x := range slices.Clone(b.invalidCells) {
		b.fire("InvalidCell", mutators, nil, []any{x.table, x.row, x.cell}, x.tried)
	}
	changes := c.In(store.Tables())
	if changes.IsEmpty() {
		return
	}
	if was, is := c.Existence(store.Tables()); was != is {
		b.fire("HasTables", mutators, nil, nil, is)
	}
	ids := c.TableIDs()
	if !ids.IsEmpty() {
		b.fire("TableIds", mutators, nil, nil, idChanges(ids))
		eachID(ids, func(id string, is bool) { b.fire("HasTable", mutators, nil, []any{id}, is) })
	}
	tables, rows := parts(changes)
	for _, table := range tables {
		b.fireColumns(c, table, mutators)
	}
	for _, table := range tables {
		if n := c.After.RowCount(table); n != c.Before.RowCount(table) {
			b.fire("RowCount", mutators, nil, []any{table}, float64(n))
		}
	}
	for _, table := range tables {
		if ids := c.RowIDs(table); !ids.IsEmpty() {
			b.fire("RowIds", mutators, nil, []any{table}, idChanges(ids))
			eachID(ids, func(id string, is bool) { b.fire("HasRow", mutators, nil, []any{table, id}, is) })
		}
	}
	for _, l := range slices.Clone(b.listeners) {
		if l.kind != "SortedRowIds" || l.mutator != mutators {
			continue
		}
		if now := l.page(c.After); !slices.Equal(now, l.was) {
			l.was = now
			b.hear(l, nil, append(slices.Clone(l.path), strings2any(now))...)
		}
	}
	for _, table := range tables {
		for _, row := range rows[table] {
			if ids := c.CellIDs(table, row); !ids.IsEmpty() {
				b.fire("CellIds", mutators, nil, []any{table, row}, idChanges(ids))
				eachID(ids, func(id string, is bool) { b.fire("HasCell", mutators, nil, []any{table, row, id}, is) })
			}
		}
	}
	for _, table := range tables {
		for _, row := range rows[table] {
			for _, x := range changes.In(store.Row(table, row)).Cells {
				b.fire("Cell", mutators, c, []any{table, row, x.Cell}, fromValue(x.New), fromValue(x.Old))
			}
			b.fire("Row", mutators, c, []any{table, row})
		}
		b.fire("Table", mutators, c, []any{table})
	}
	b.fire("Tables", mutators, c, nil)
}

func (b *tinybase) fireColumns(c *store.Commit, table string, mutators bool) {
	// What a listener of the package would hear, for a commit that may not have come to pass yet.
	s := store.New()
	must(s.Update(func(tx *store.Tx) error { return tx.ReplaceIn(store.Path{}, c.Before) }))
	s.ListenColumns(table, func(_ *store.Commit, d store.IDChange) {
		b.fire("TableCellIds", mutators, nil, []any{table}, idChanges(d))
		eachID(d, func(id string, is bool) { b.fire("HasTableCell", mutators, nil, []any{table, id}, is) })
	})
	must(s.Update(func(tx *store.Tx) error { return tx.ReplaceIn(store.Path{}, c.After) }))
}

// parts lists the tables and the rows that changes are in.
func parts(c store.Changes) (tables []string, rows map[string][]string) {
	rows = map[string][]string{}
	for _, x := range c.Cells {
		if n := len(tables); n == 0 || tables[n-1] != x.Table {
			tables = append(tables, x.Table)
		}
		if n := len(rows[x.Table]); n == 0 || rows[x.Table][n-1] != x.Row {
			rows[x.Table] = append(rows[x.Table], x.Row)
		}
	}
	return tables, rows
}

func (b *tinybase) fireValues(c *store.Commit, mutators bool) {
	for _, x := range slices.Clone(b.invalidValues) {
		b.fire("InvalidValue", mutators, nil, []any{x.id}, x.tried)
	}
	changes := c.In(store.Values())
	if changes.IsEmpty() {
		return
	}
	if was, is := c.Existence(store.Values()); was != is {
		b.fire("HasValues", mutators, nil, nil, is)
	}
	if ids := c.ValueIDs(); !ids.IsEmpty() {
		b.fire("ValueIds", mutators, nil, nil, idChanges(ids))
		eachID(ids, func(id string, is bool) { b.fire("HasValue", mutators, nil, []any{id}, is) })
	}
	for _, x := range changes.Values {
		b.fire("Value", mutators, c, []any{x.ID}, fromValue(x.New), fromValue(x.Old))
	}
	b.fire("Values", mutators, c, nil)
}

func strings2any(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
