package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// writer writes the changes of one table.
type writer struct {
	*tabular
	q       *query
	save    SaveTable
	columns []column
	keepRow bool // a row without cells stays
}

func (w *writer) table(cells []store.CellChange) (err error) {
	if w.columns, err = w.q.columns(w.save.Table); err != nil || len(cells) == 0 {
		return err
	}
	if err := w.prepare(cells); err != nil {
		return fmt.Errorf("the table %s: %w", w.save.Table, err)
	}
	var emptied []string
	for len(cells) > 0 {
		n := 1
		for n < len(cells) && cells[n].Row == cells[0].Row {
			n++
		}
		gone, err := w.row(cells[:n])
		if err != nil {
			return fmt.Errorf("the table %s, row %q: %w", w.save.Table, cells[0].Row, err)
		}
		emptied = append(emptied, gone...)
		cells = cells[n:]
	}
	return w.tidy(emptied)
}

// prepare makes the table and the columns that are needed and not there.
func (w *writer) prepare(cells []store.CellChange) error {
	for _, c := range cells {
		if !c.New.Exists() {
			continue
		}
		if len(w.columns) == 0 {
			if err := w.q.define(fmt.Sprintf("CREATE TABLE %s (%s PRIMARY KEY)", quote(w.save.Table), quote(w.save.RowIDColumn))); err != nil {
				return err
			}
			w.columns = []column{{name: w.save.RowIDColumn}}
		}
		name := w.columnOf(c.Cell)
		if name == w.save.RowIDColumn {
			return fmt.Errorf("the cell %q has the name of the column for row ids", c.Cell)
		}
		if w.has(name) {
			continue
		}
		if i := slices.IndexFunc(w.columns, func(x column) bool { return strings.EqualFold(x.name, name) }); i >= 0 {
			return fmt.Errorf("the cell %q and the column %q differ in case only, which SQLite does not tell apart", c.Cell, w.columns[i].name)
		}
		if err := w.q.define(fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", quote(w.save.Table), quote(name))); err != nil {
			return err
		}
		w.columns = append(w.columns, column{name: name})
	}
	return nil
}

func (w *writer) has(name string) bool {
	return slices.ContainsFunc(w.columns, func(c column) bool { return c.name == name })
}

func (w *writer) columnOf(cell string) string {
	switch {
	case !w.t.All:
		return cell
	case cell == w.save.RowIDColumn:
		return escapeFirst(cell)
	}
	return encodeName(cell)
}

// row writes the changed cells of one row, and returns the columns from which it deleted something.
func (w *writer) row(cells []store.CellChange) (emptied []string, err error) {
	var set, names, marks []string
	var args []any
	anything := false
	for _, c := range cells {
		name := w.columnOf(c.Cell)
		if !c.New.Exists() {
			if name == w.save.RowIDColumn || !w.has(name) {
				continue
			}
			emptied = append(emptied, name)
		}
		anything = anything || c.New.Exists()
		set, names, marks = append(set, quote(name)+" = ?"), append(names, quote(name)), append(marks, "?")
		args = append(args, toSQL(c.New, w.t.Plain))
	}
	if len(set) == 0 {
		return nil, nil
	}
	id := quote(w.save.RowIDColumn)
	table := quote(w.save.Table)
	args = append(args, cells[0].Row)
	n, err := w.q.exec(fmt.Sprintf("UPDATE %s SET %s WHERE %s = ?", table, strings.Join(set, ", "), id), args...)
	if err == nil && n == 0 && anything {
		_, err = w.q.exec(fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (%s, ?)", table, strings.Join(names, ", "), id, strings.Join(marks, ", ")), args...)
	}
	if err != nil || len(emptied) == 0 || w.keepRow {
		return emptied, err
	}
	// A row without cells goes; one with something that a Store cannot hold stays.
	text := fmt.Sprintf("DELETE FROM %s WHERE %s = ?", table, id)
	for _, c := range w.columns {
		if c.name != w.save.RowIDColumn {
			text += " AND " + quote(c.name) + " IS NULL"
		}
	}
	if w.save.Condition != "" {
		text += " AND (" + strings.ReplaceAll(w.save.Condition, "$tableName", table) + ")"
	}
	_, err = w.q.exec(text, cells[0].Row)
	return emptied, err
}

// tidy drops columns and the table, where that is wanted and nothing is left in them.
func (w *writer) tidy(emptied []string) error {
	if len(emptied) == 0 {
		return nil
	}
	isEmpty := func(where string) (empty bool, err error) {
		err = w.q.conn.QueryRowContext(w.q.ctx, fmt.Sprintf("SELECT NOT EXISTS (SELECT 1 FROM %s%s)", quote(w.save.Table), where)).Scan(&empty)
		return empty, err
	}
	if w.save.DeleteEmptyTable {
		if empty, err := isEmpty(""); err != nil || empty {
			if err == nil {
				err = w.q.define("DROP TABLE " + quote(w.save.Table))
			}
			return err
		}
	}
	if !w.save.DeleteEmptyColumns {
		return nil
	}
	slices.Sort(emptied)
	for _, name := range slices.Compact(emptied) {
		empty, err := isEmpty(" WHERE " + quote(name) + " IS NOT NULL")
		if err == nil && empty {
			err = w.q.define(fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s", quote(w.save.Table), quote(name)))
		}
		if err != nil {
			return fmt.Errorf("drop the empty column %s: %w", name, err)
		}
	}
	return nil
}
