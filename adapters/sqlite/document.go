package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/rowloom/rowloom/store"
)

// document is JSON mode: everything in one text.
type document struct {
	table, id, column string

	held   *store.Snapshot // the content when the database had heldAt as its data_version; nil if that is not known
	exists bool
	heldAt int64
}

func (d *document) read(_ context.Context, q *query, _ []store.Path) (*store.Snapshot, bool, error) {
	if err := d.refresh(q); err != nil {
		return nil, false, err
	}
	return d.held, d.exists, nil
}

// refresh brings held up to date.
func (d *document) refresh(q *query) error {
	if d.held != nil && d.heldAt == q.version {
		return nil
	}
	d.held, d.exists = nil, false
	cols, err := q.columns(d.table)
	if err != nil {
		return err
	}
	content := &store.Snapshot{}
	if len(cols) > 0 {
		var text sql.NullString
		err := q.conn.QueryRowContext(q.ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s = ?", quote(d.column), quote(d.table), quote(d.id)), onlyRow).Scan(&text)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case text.Valid && text.String != "":
			if content, err = store.ParseContent([]byte(text.String), store.TinyBaseForm); err != nil {
				return fmt.Errorf("the column %s of the table %s: %w", d.column, d.table, err)
			}
			d.exists = true
		}
	}
	d.held, d.heldAt = content, q.version
	return nil
}

func (d *document) write(_ context.Context, q *query, c store.Changes) error {
	if err := d.refresh(q); err != nil {
		return err
	}
	next, err := d.held.Apply(c)
	if err != nil {
		return err
	}
	if d.exists && store.Diff(d.held, next).IsEmpty() {
		return nil
	}
	if !d.exists {
		create := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (%s PRIMARY KEY, %s)", quote(d.table), quote(d.id), quote(d.column))
		if err := q.define(create); err != nil {
			return err
		}
	}
	text := store.AppendContent(nil, next, store.TinyBaseForm)
	n, err := q.exec(fmt.Sprintf("UPDATE %s SET %s = ? WHERE %s = ?", quote(d.table), quote(d.column), quote(d.id)), string(text), onlyRow)
	if err == nil && n == 0 {
		_, err = q.exec(fmt.Sprintf("INSERT INTO %s (%s, %s) VALUES (?, ?)", quote(d.table), quote(d.id), quote(d.column)), onlyRow, string(text))
	}
	if err != nil {
		return err
	}
	d.held, d.exists = next, true
	return nil
}

// rolledBack forgets what a transaction that failed may have left in memory.
func (d *document) rolledBack() { d.held = nil }
