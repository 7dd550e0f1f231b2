package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// tabular is tabular mode.
type tabular struct{ t Tabular }

func (t *tabular) rolledBack() {}

// source is an SQL table that is read.
type source struct {
	sql, table, id, condition string
	columns                   []column
}

// sources returns the SQL tables that are there and are read.
func (t *tabular) sources(q *query) (list []source, err error) {
	add := func(s source) error {
		s.columns, err = q.columns(s.sql)
		if err == nil && slices.ContainsFunc(s.columns, func(c column) bool { return c.name == s.id }) {
			list = append(list, s)
		}
		return err
	}
	if !t.t.All {
		for name, l := range t.t.Load {
			if err := add(source{sql: name, table: l.TableID, id: l.RowIDColumn, condition: l.Condition}); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	var names []string
	err = q.rows(func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		names = append(names, name)
		return err
	}, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
	for _, name := range names {
		if table, ok := decodeName(name); ok && err == nil && name != t.t.Values.Table {
			err = add(source{sql: name, table: table, id: defaultID})
		}
	}
	return list, err
}

func (t *tabular) read(_ context.Context, q *query, in []store.Path) (*store.Snapshot, bool, error) {
	sources, err := t.sources(q)
	if err != nil {
		return nil, false, err
	}
	exists := len(sources) > 0
	var b store.Builder
	for _, s := range sources {
		whole, rows := wanted(in, s.table)
		if whole {
			err = t.readRows(q, &b, s, "", nil)
		}
		for _, row := range rows {
			if err == nil {
				err = t.readRows(q, &b, s, "CAST("+quote(s.id)+" AS TEXT) = ?", []any{row})
			}
		}
		if err != nil {
			return nil, false, fmt.Errorf("the table %s: %w", s.sql, err)
		}
	}
	if t.t.Values.Load {
		cols, err := q.columns(t.t.Values.Table)
		if err != nil {
			return nil, false, err
		}
		if len(cols) > 0 {
			exists = true
			if err := t.readValues(q, &b, cols); err != nil {
				return nil, false, fmt.Errorf("the table %s: %w", t.t.Values.Table, err)
			}
		}
	}
	return b.Snapshot(), exists, nil
}

// maxRows is the number of single rows from which on a whole table is read.
const maxRows = 64

// wanted says which part of a table is asked for.
func wanted(in []store.Path, table string) (whole bool, rows []string) {
	for _, p := range in {
		id, row, _ := p.IDs()
		switch {
		case p.Contains(store.Table(table)):
			return true, nil
		case p.IsPattern():
			whole = whole || p.Level() >= store.AtTable && p.Level() <= store.AtCell
		case (p.Level() == store.AtRow || p.Level() == store.AtCell) && id == table && !slices.Contains(rows, row):
			rows = append(rows, row)
		}
	}
	if whole || len(rows) > maxRows {
		return true, nil
	}
	return false, rows
}

// cellColumns returns the columns that are cells, the ids of these, and the list for a SELECT. The plus keeps the driver from
// making other types of what is declared DATE or BOOLEAN.
func (t *tabular) cellColumns(cols []column, id string) (cells []column, ids []string, list string) {
	var b strings.Builder
	for _, c := range cols {
		if c.name == id {
			continue
		}
		cell := c.name
		if t.t.All {
			var ok bool
			if cell, ok = decodeName(c.name); !ok {
				continue
			}
		}
		cells, ids = append(cells, c), append(ids, cell)
		b.WriteString(", +" + quote(c.name))
	}
	return cells, ids, b.String()
}

func (t *tabular) readRows(q *query, b *store.Builder, s source, where string, args []any) error {
	cells, ids, list := t.cellColumns(s.columns, s.id)
	text := fmt.Sprintf("SELECT CAST(%s AS TEXT)%s FROM %s WHERE %s IS NOT NULL", quote(s.id), list, quote(s.sql), quote(s.id))
	if where != "" {
		text += " AND " + where
	}
	if s.condition != "" {
		text += " AND (" + strings.ReplaceAll(s.condition, "$tableName", quote(s.sql)) + ")"
	}
	var row string
	got := make([]any, len(cells))
	to := []any{&row}
	for i := range got {
		to = append(to, &got[i])
	}
	return q.rows(func(scan func(...any) error) error {
		if err := scan(to...); err != nil {
			return err
		}
		for i, c := range cells {
			if v, ok := fromSQL(got[i], c.declared); ok {
				if err := b.SetCell(s.table, row, ids[i], v); err != nil {
					return err
				}
			}
		}
		return nil
	}, text, args...)
}

func (t *tabular) readValues(q *query, b *store.Builder, cols []column) error {
	cells, ids, list := t.cellColumns(cols, defaultID)
	if len(cells) == 0 {
		return nil
	}
	got := make([]any, len(cells))
	var to []any
	for i := range got {
		to = append(to, &got[i])
	}
	return q.rows(func(scan func(...any) error) error {
		if err := scan(to...); err != nil {
			return err
		}
		for i, c := range cells {
			if v, ok := fromSQL(got[i], c.declared); ok {
				if err := b.SetValue(ids[i], v); err != nil {
					return err
				}
			}
		}
		return nil
	}, fmt.Sprintf("SELECT %s FROM %s WHERE %s = ?", list[2:], quote(t.t.Values.Table), quote(defaultID)), onlyRow)
}

func (t *tabular) write(_ context.Context, q *query, c store.Changes) error {
	for cells := c.Cells; len(cells) > 0; {
		n := 1
		for n < len(cells) && cells[n].Table == cells[0].Table {
			n++
		}
		if err := t.writeTable(q, cells[:n]); err != nil {
			return err
		}
		cells = cells[n:]
	}
	if !t.t.Values.Save || len(c.Values) == 0 {
		return nil
	}
	var row []store.CellChange
	for _, v := range c.Values {
		if t.t.Values.Only == nil || slices.Contains(t.t.Values.Only, v.ID) {
			row = append(row, store.CellChange{Row: onlyRow, Cell: v.ID, Old: v.Old, New: v.New})
		}
	}
	w := writer{tabular: t, q: q, save: SaveTable{Table: t.t.Values.Table, RowIDColumn: defaultID}, keepRow: true}
	return w.table(row)
}

func (t *tabular) writeTable(q *query, cells []store.CellChange) error {
	save, ok := t.t.Save[cells[0].Table]
	if t.t.All {
		save, ok = SaveTable{Table: t.encodeTable(cells[0].Table), RowIDColumn: defaultID}, true
	}
	if !ok {
		return nil
	}
	w := writer{tabular: t, q: q, save: save}
	return w.table(cells)
}

// encodeTable is encodeName for tables, some of whose names are taken.
func (t *tabular) encodeTable(id string) string {
	if id == t.t.Values.Table || strings.HasPrefix(id, "sqlite_") {
		return escapeFirst(id)
	}
	return encodeName(id)
}
