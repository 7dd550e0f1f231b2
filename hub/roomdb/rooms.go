package roomdb

import (
	"context"
	"database/sql"
	"fmt"
)

// Rooms returns the names of at most limit rooms that come after a name in byte order, in that order. limit 0 is all of them. A room whose first record is
// still on its way to the disk may be missing.
func (db *DB) Rooms(ctx context.Context, after string, limit int) ([]string, error) {
	if limit <= 0 {
		limit = -1
	}
	query, args := "SELECT name FROM room WHERE name > ? ORDER BY name LIMIT ?", []any{[]byte(after), limit}
	if after == "" { // a room may be called ""
		query, args = "SELECT name FROM room ORDER BY name LIMIT ?", []any{limit}
	}
	rows, err := db.rows.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("roomdb: list rooms: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name []byte
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("roomdb: list rooms: %w", err)
		}
		out = append(out, string(name))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("roomdb: list rooms: %w", err)
	}
	return out, nil
}

// Delete removes a room and everything it keeps, in one transaction, and waits until that is durable. It returns [ErrOpen] for a
// room that is in use. A room that is not there is no error.
func (db *DB) Delete(ctx context.Context, room string) error {
	l, err := db.Open(ctx, room) // so that nobody else opens it meanwhile
	if err != nil {
		return err
	}
	defer db.forget(l)
	if l.id == 0 {
		return nil
	}
	return db.do(context.WithoutCancel(ctx), func(tx *sql.Tx) error {
		for _, query := range []string{"DELETE FROM entry WHERE room = ?", "DELETE FROM snapshot WHERE room = ?", "DELETE FROM room WHERE id = ?"} {
			if _, err := tx.Exec(query, l.id); err != nil {
				return err
			}
		}
		return nil
	})
}
