package roomdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver called "sqlite"
)

// DB is an open data folder. Make one with [Open] and end it with [DB.Close].
type DB struct {
	dir  string
	opts Options
	lock *flock.Flock
	rows *sql.DB // for reading
	file *sql.DB // for writing: one connection, the writer's

	mu     sync.Mutex
	open   map[string]*Log
	closed bool
	failed error // what became of the last transaction

	writer writer
}

// Open opens a data folder and makes it if it is not there. Errors that callers may branch on: [*LockError],
// [*DamageError], [*FormatError].
func Open(ctx context.Context, dir string, o *Options) (*DB, error) {
	db := &DB{dir: dir, opts: o.withDefaults(), open: map[string]*Log{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("roomdb: the data folder cannot be made: %w", err)
	}
	if err := db.takeLock(); err != nil {
		return nil, err
	}
	if err := db.begin(ctx); err != nil {
		db.release()
		return nil, err
	}
	db.writer.start(db)
	return db, nil
}

// takeLock makes this process the only one. The operating system gives the lock back however the process ends.
func (db *DB) takeLock() error {
	file := filepath.Join(db.dir, lockName)
	db.lock = flock.New(file, flock.SetPermissions(0o600))
	ok, err := db.lock.TryLock()
	if err != nil {
		return fmt.Errorf("roomdb: the data folder %s cannot be locked: %w", db.dir, err)
	}
	if !ok {
		by, _ := os.ReadFile(file)
		return &LockError{Dir: db.dir, By: strings.TrimSpace(string(by))}
	}
	// For the error message of the next one only.
	_ = os.WriteFile(file, []byte("process "+strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return nil
}

// begin makes or checks the database, then opens it.
func (db *DB) begin(ctx context.Context) error {
	file := filepath.Join(db.dir, fileName)
	_, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(file + "-wal"); err == nil {
			return &DamageError{File: file, Reasons: []string{"the file is missing although its write-ahead log is there"}}
		}
		if err := create(ctx, file); err != nil {
			return fmt.Errorf("roomdb: the database %s cannot be made: %w", file, err)
		}
	case err != nil:
		return fmt.Errorf("roomdb: %w", err)
	default:
		if err := check(ctx, file, db.opts.Check); err != nil {
			return err
		}
	}

	sync := "FULL"
	if db.opts.Sync == SyncNormal {
		sync = "NORMAL"
	}
	pragmas := []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(" + sync + ")", "temp_store(MEMORY)"}
	if db.opts.MaxBytes > 0 {
		pragmas = append(pragmas, fmt.Sprintf("max_page_count(%d)", max(db.opts.MaxBytes/pageSize, 16)))
	}
	if db.file, err = sql.Open("sqlite", dsn(file, false, pragmas...)); err != nil {
		return fmt.Errorf("roomdb: %w", err)
	}
	db.file.SetMaxOpenConns(1)
	if err := db.file.PingContext(ctx); err != nil {
		return fmt.Errorf("roomdb: open %s: %w", file, err)
	}
	if db.rows, err = sql.Open("sqlite", dsn(file, true, "busy_timeout(10000)", "query_only(1)")); err != nil {
		return fmt.Errorf("roomdb: %w", err)
	}
	db.rows.SetMaxOpenConns(4)
	db.rows.SetMaxIdleConns(2)
	return nil
}

const pageSize = 4096

// create makes an empty database beside its place and puts it there whole, so that a file which is there and not a database is always damage.
func create(ctx context.Context, file string) (err error) {
	draft := file + ".new"
	for _, tail := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(draft + tail); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	db, err := sql.Open("sqlite", dsn(draft, false, "page_size("+strconv.Itoa(pageSize)+")", "journal_mode(WAL)", "synchronous(FULL)"))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	text := fmt.Sprintf("PRAGMA application_id(%d); PRAGMA user_version(%d);", applicationID, userVersion)
	for _, t := range schema {
		text += t.sql + ";"
	}
	_, err = db.ExecContext(ctx, "BEGIN;"+text+"COMMIT")
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Chmod(draft, 0o600); err != nil {
		return err
	}
	if err := syncFile(draft); err != nil {
		return err
	}
	if err := os.Rename(draft, file); err != nil {
		return err
	}
	return syncFile(filepath.Dir(file))
}

// syncFile makes a file or a folder durable.
func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close writes what waits, and gives the data folder back. Logs that are still open refuse everything afterwards.
func (db *DB) Close() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	db.mu.Unlock()
	db.writer.stop()
	return db.release()
}

func (db *DB) release() error {
	var errs []error
	if db.rows != nil {
		errs = append(errs, db.rows.Close())
	}
	if db.file != nil {
		errs = append(errs, db.file.Close())
	}
	// The lock file stays: to remove it would let two processes lock two files of one name.
	return errors.Join(append(errs, db.lock.Close())...)
}

// Err returns why the last transaction failed, or nil if it did not.
func (db *DB) Err() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.failed
}

// Ping makes an empty change durable, to find out whether writing works.
func (db *DB) Ping(ctx context.Context) error {
	return db.do(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec("PRAGMA user_version(" + strconv.Itoa(userVersion) + ")")
		return err
	})
}

// do runs fn in a transaction of the writer, after everything that was queued before.
func (db *DB) do(ctx context.Context, fn func(tx *sql.Tx) error) error {
	done := make(chan error, 1)
	if err := db.writer.add(&job{run: func(tx *sql.Tx, _ *statements) error { return fn(tx) }, done: func(err error) { done <- err }}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
