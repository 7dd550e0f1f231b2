package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/rowloom/rowloom/store"
)

// Target is one database. It implements [persist.Target] and [persist.Watcher]. Its methods may be called by any goroutine.
type Target struct {
	opts Options
	name string
	db   *sql.DB // nil when it belongs to somebody else

	// mu guards the connection. There is one, because data_version tells of the commits of other connections only.
	mu     sync.Mutex
	conn   *sql.Conn
	layout layout
}

// layout is one of the two modes. Its methods are called inside an SQL transaction.
type layout interface {
	read(ctx context.Context, q *query, in []store.Path) (content *store.Snapshot, exists bool, err error)
	write(ctx context.Context, q *query, c store.Changes) error
	rolledBack()
}

// Open opens the database in the file at path, which is made if there is none. Close closes it.
func Open(ctx context.Context, path string, o *Options) (*Target, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: "_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", path, err)
	}
	t, err := New(ctx, db, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", path, err), db.Close())
	}
	t.db, t.name = db, path
	return t, nil
}

// New returns a Target for a database that is open. It takes one connection for itself, until Close.
func New(ctx context.Context, db *sql.DB, o *Options) (*Target, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	t := &Target{opts: opts, conn: conn, name: "database"}
	if opts.Tabular != nil {
		t.layout = &tabular{t: *opts.Tabular}
	} else {
		t.layout = &document{table: opts.Table, id: opts.IDColumn, column: opts.Column}
	}
	if _, err := t.dataVersion(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return t, nil
}

// String returns "sqlite PATH".
func (t *Target) String() string { return "sqlite " + t.name }

// Close gives the connection back, and closes the database if Open opened it. The Persister must be closed before.
func (t *Target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.conn.Close()
	if t.db != nil {
		err = errors.Join(err, t.db.Close())
	}
	return err
}

// Read implements [persist.Target].
func (t *Target) Read(ctx context.Context, in []store.Path) (content *store.Snapshot, exists bool, err error) {
	err = t.transact(ctx, "BEGIN", func(q *query) error {
		content, exists, err = t.layout.read(ctx, q, in)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("sqlite: read %s: %w", t.name, err)
	}
	return content, exists, nil
}

// Write implements [persist.Target].
func (t *Target) Write(ctx context.Context, _ store.Origin, c store.Changes, _ store.Reader) error {
	err := t.transact(ctx, "BEGIN IMMEDIATE", func(q *query) error { return t.layout.write(ctx, q, c) })
	if err != nil {
		return fmt.Errorf("sqlite: write %s: %w", t.name, err)
	}
	return nil
}

// transact runs fn in one SQL transaction.
func (t *Target) transact(ctx context.Context, begin string, fn func(*query) error) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			t.layout.rolledBack()
			// The context may be over; what it has begun has to end nevertheless.
			_, _ = t.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
	}()
	q := &query{conn: t.conn, ctx: ctx, prepared: map[string]*sql.Stmt{}}
	defer q.close()
	if q.version, err = t.dataVersion(ctx); err != nil {
		return err
	}
	if err := fn(q); err != nil {
		return err
	}
	q.close()
	_, err = t.conn.ExecContext(ctx, "COMMIT")
	return err
}

func (t *Target) dataVersion(ctx context.Context) (v int64, err error) {
	err = t.conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v)
	return v, err
}

// Watch implements [persist.Watcher]. It calls dirty after other connections, in this process or another, have committed.
func (t *Target) Watch(dirty func(by store.Origin, in []store.Path)) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.mu.Lock()
	seen, err := t.dataVersion(ctx)
	t.mu.Unlock()
	if err != nil {
		cancel()
		return nil, fmt.Errorf("sqlite: watch %s: %w", t.name, err)
	}
	go func() {
		defer close(done)
		poll := time.NewTicker(t.opts.Poll)
		defer poll.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
			}
			t.mu.Lock()
			now, err := t.dataVersion(ctx)
			t.mu.Unlock()
			if err == nil && now != seen {
				seen = now
				dirty(nil, []store.Path{{}})
			}
		}
	}()
	return sync.OnceFunc(func() {
		cancel()
		<-done
	}), nil
}

// query is one SQL transaction.
type query struct {
	conn     *sql.Conn
	ctx      context.Context // of the call that the transaction belongs to
	version  int64           // data_version at its beginning
	prepared map[string]*sql.Stmt
}

// exec runs a statement, which is prepared once, and returns how many rows it changed.
func (q *query) exec(text string, args ...any) (int64, error) {
	s, ok := q.prepared[text]
	if !ok {
		var err error
		if s, err = q.conn.PrepareContext(q.ctx, text); err != nil {
			return 0, err
		}
		q.prepared[text] = s
	}
	r, err := s.ExecContext(q.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// define runs a statement that changes the database's own schema, which ends what has been prepared.
func (q *query) define(text string) error {
	q.close()
	_, err := q.conn.ExecContext(q.ctx, text)
	return err
}

func (q *query) close() {
	for text, s := range q.prepared {
		_ = s.Close()
		delete(q.prepared, text)
	}
}

// rows calls each for every row of an answer.
func (q *query) rows(each func(scan func(...any) error) error, text string, args ...any) error {
	r, err := q.conn.QueryContext(q.ctx, text, args...)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := each(r.Scan); err != nil {
			return err
		}
	}
	return r.Err()
}

// column is one column of an SQL table.
type column struct{ name, declared string }

// columns returns the columns of an SQL table; none if there is no such table.
func (q *query) columns(table string) (list []column, err error) {
	err = q.rows(func(scan func(...any) error) error {
		var c column
		err := scan(&c.name, &c.declared)
		list = append(list, c)
		return err
	}, "SELECT name, type FROM pragma_table_info(?)", table)
	return list, err
}

// quote makes an SQL name of any string.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
