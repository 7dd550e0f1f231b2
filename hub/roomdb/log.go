package roomdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// Record is one update of one document family of a room.
type Record struct {
	Family string
	Data   []byte
}

// Size says how much a room keeps of one family.
type Size struct {
	Records  int // since the snapshot
	Bytes    int // of these records
	Snapshot int // bytes of the snapshot
}

// Log is what a room keeps. A room has one Log at a time.
type Log struct {
	db   *DB
	room string

	// order is held while records are queued, so that sequence numbers and the queue agree. It is taken before mu, which the
	// writer needs to go on: whoever holds mu must not wait for the queue.
	order sync.Mutex

	mu      sync.Mutex
	id      int64  // of the room's row; 0 as long as nothing is stored
	last    uint64 // the sequence number given out last
	durable uint64 // the sequence number up to which everything is stored
	err     error  // why the Log is broken
	moved   chan struct{}
	sizes   map[string]Size
	closed  bool
}

// Open begins to use a room, which need not be there yet: it appears with its first record. Every Log has to be closed.
func (db *DB) Open(ctx context.Context, room string) (*Log, error) {
	l := &Log{db: db, room: room, moved: make(chan struct{}), sizes: map[string]Size{}}
	db.mu.Lock()
	switch {
	case db.closed:
		db.mu.Unlock()
		return nil, ErrClosed
	case db.open[room] != nil:
		db.mu.Unlock()
		return nil, fmt.Errorf("%w: %q", ErrOpen, room)
	}
	db.open[room] = l
	db.mu.Unlock()
	if err := l.begin(ctx); err != nil {
		db.forget(l)
		return nil, fmt.Errorf("roomdb: open %q: %w", room, err)
	}
	return l, nil
}

func (db *DB) forget(l *Log) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.open[l.room] == l {
		delete(db.open, l.room)
	}
}

// begin finds out how far the room has got.
func (l *Log) begin(ctx context.Context) error {
	err := l.db.rows.QueryRowContext(ctx, "SELECT id FROM room WHERE name = ?", []byte(l.room)).Scan(&l.id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, query := range []string{
		"SELECT family, max(upto), sum(length(data)), 0, 0 FROM snapshot WHERE room = ? GROUP BY family",
		"SELECT family, max(seq), 0, count(*), sum(length(data)) FROM entry WHERE room = ? GROUP BY family",
	} {
		rows, err := l.db.rows.QueryContext(ctx, query, l.id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var family string
			var seq uint64
			var snapshot, records, bytes int
			if err := rows.Scan(&family, &seq, &snapshot, &records, &bytes); err != nil {
				return unreadable(ctx, l.db.dir, err)
			}
			s := l.sizes[family]
			s.Snapshot += snapshot
			s.Records += records
			s.Bytes += bytes
			l.sizes[family] = s
			l.last = max(l.last, seq)
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	l.durable = l.last
	return nil
}

// Room returns the name.
func (l *Log) Room() string { return l.room }

// Exists says whether anything has been appended to the room, ever.
func (l *Log) Exists() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last > 0
}

// Last returns the sequence number given out last, 0 if none.
func (l *Log) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Sizes returns how much is kept of each family, counting what is on its way to the disk.
func (l *Log) Sizes() map[string]Size {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]Size, len(l.sizes))
	for f, s := range l.sizes {
		out[f] = s
	}
	return out
}

// Load calls fn for the snapshot of each family and then for the records behind it, all families in the order in which they were
// appended. The bytes belong to fn. A record whose checksum is wrong is a [*DamageError].
func (l *Log) Load(ctx context.Context, fn func(Record) error) error {
	l.mu.Lock()
	id := l.id
	l.mu.Unlock()
	if id == 0 {
		return nil
	}
	tx, err := l.db.rows.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("roomdb: load %q: %w", l.room, err)
	}
	defer tx.Rollback()
	for _, query := range []string{
		"SELECT family, upto, data, sum FROM snapshot WHERE room = ? ORDER BY family",
		`SELECT family, seq, data, sum FROM entry e WHERE room = ?
		 AND seq > coalesce((SELECT upto FROM snapshot s WHERE s.room = e.room AND s.family = e.family), 0) ORDER BY seq`,
	} {
		if err := l.loadFrom(ctx, tx, query, id, fn); err != nil {
			return fmt.Errorf("roomdb: load %q: %w", l.room, err)
		}
	}
	return nil
}

func (l *Log) loadFrom(ctx context.Context, tx *sql.Tx, query string, id int64, fn func(Record) error) error {
	rows, err := tx.QueryContext(ctx, query, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r Record
		var number uint64
		var sum int64
		if err := rows.Scan(&r.Family, &number, &r.Data, &sum); err != nil {
			return unreadable(ctx, l.db.dir, err)
		}
		if checksum(id, number, r.Family, r.Data) != sum {
			return &DamageError{File: l.db.dir, Reasons: []string{fmt.Sprintf("record %d of room %q (%s) has a wrong checksum", number, l.room, r.Family)}}
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Append adds records, all or none, and returns the sequence number to wait for. It does not wait for the disk. The bytes must
// not change any more.
func (l *Log) Append(records ...Record) (seq uint64, err error) {
	bytes := 0
	for _, r := range records {
		if len(r.Data) > l.db.opts.MaxRecord {
			return 0, fmt.Errorf("%w: %d bytes of %s, the limit is %d", ErrTooBig, len(r.Data), r.Family, l.db.opts.MaxRecord)
		}
		bytes += len(r.Data) + recordCost
	}
	l.order.Lock()
	defer l.order.Unlock()
	first, err := l.reserve(records)
	if err != nil || len(records) == 0 {
		return first - 1, err
	}
	seq = first + uint64(len(records)) - 1
	var id int64
	err = l.db.writer.add(&job{
		records: len(records),
		bytes:   bytes,
		skip:    l.Err,
		run: func(_ *sql.Tx, st *statements) (err error) {
			if id, err = l.row(st); err != nil {
				return err
			}
			for i, r := range records {
				n := first + uint64(i)
				if _, err := st.exec("INSERT INTO entry (room, seq, family, data, sum) VALUES (?, ?, ?, ?, ?)",
					id, n, r.Family, notNil(r.Data), checksum(id, n, r.Family, r.Data)); err != nil {
					return err
				}
			}
			return nil
		},
		done: func(err error) { l.settle(seq, id, err) },
	})
	if err != nil {
		l.settle(seq, 0, err)
		return 0, err
	}
	return seq, nil
}

// reserve gives sequence numbers to records and returns the first.
func (l *Log) reserve(records []Record) (first uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = l.last + 1
	if err := l.refusal(); err != nil {
		return first, err
	}
	l.last += uint64(len(records))
	for _, r := range records {
		s := l.sizes[r.Family]
		s.Records++
		s.Bytes += len(r.Data)
		l.sizes[r.Family] = s
	}
	return first, nil
}

// recordCost is what a record takes in the queue beside its bytes.
const recordCost = 256

// notNil keeps empty data from becoming NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// row finds or makes the room's row, in a transaction of the writer.
func (l *Log) row(st *statements) (id int64, err error) {
	l.mu.Lock()
	id = l.id
	l.mu.Unlock()
	if id != 0 {
		return id, nil
	}
	if _, err := st.exec("INSERT INTO room (name) VALUES (?) ON CONFLICT DO NOTHING", notNil([]byte(l.room))); err != nil {
		return 0, err
	}
	find, err := st.prepare("SELECT id FROM room WHERE name = ?")
	if err != nil {
		return 0, err
	}
	return id, find.QueryRow(notNil([]byte(l.room))).Scan(&id)
}

// settle notes what became of the records up to seq. It is called by the writer.
func (l *Log) settle(seq uint64, id int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.durable, l.id = max(l.durable, seq), id
	} else if l.err == nil {
		l.err = err
	}
	close(l.moved)
	l.moved = make(chan struct{})
}

// refusal says why nothing can be appended. The caller holds mu.
func (l *Log) refusal() error {
	if l.err != nil {
		return l.err
	}
	if l.closed {
		return ErrClosed
	}
	return nil
}

// Wait waits until everything up to seq is durable. It returns the error of ctx, or why the Log is broken.
func (l *Log) Wait(ctx context.Context, seq uint64) error {
	for {
		l.mu.Lock()
		durable, err, moved := l.durable, l.err, l.moved
		l.mu.Unlock()
		if durable >= seq {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Sync waits until everything appended so far is durable.
func (l *Log) Sync(ctx context.Context) error { return l.Wait(ctx, l.Last()) }

// Err returns why the Log is broken, or nil.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Compact puts snapshots in the place of the records of some families that were appended before the call, in one transaction, and
// waits until that is durable. snapshot is called by Compact, so what it returns holds everything appended before; that it
// holds more does no harm, as long as applying a record again changes nothing.
func (l *Log) Compact(ctx context.Context, families []string, snapshot func(family string) ([]byte, error)) error {
	l.order.Lock() // so that what has a number is also in the queue
	l.mu.Lock()
	upto, err := l.last, l.refusal()
	was := map[string]Size{}
	for _, f := range families {
		was[f] = l.sizes[f]
	}
	l.mu.Unlock()
	l.order.Unlock()
	if err != nil {
		return err
	}
	data := map[string][]byte{}
	bytes := 0
	for _, f := range families {
		b, err := snapshot(f)
		if err != nil {
			return fmt.Errorf("roomdb: compact %q: %w", l.room, err)
		}
		if len(b) > l.db.opts.MaxRecord {
			return fmt.Errorf("%w: a snapshot of %d bytes of %s, the limit is %d", ErrTooBig, len(b), f, l.db.opts.MaxRecord)
		}
		data[f] = notNil(b)
		bytes += len(b) + recordCost
	}
	done := make(chan error, 1)
	err = l.db.writer.add(&job{
		records: len(data),
		bytes:   bytes,
		skip:    l.Err,
		run: func(_ *sql.Tx, st *statements) error {
			id, err := l.row(st)
			if err != nil {
				return err
			}
			for f, b := range data {
				if err := putSnapshot(st, id, f, upto, b); err != nil {
					return err
				}
			}
			return nil
		},
		done: func(err error) { done <- err },
	})
	if err != nil {
		return err
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for f, b := range data {
		s := l.sizes[f]
		s.Records -= was[f].Records
		s.Bytes -= was[f].Bytes
		s.Snapshot = len(b)
		l.sizes[f] = s
	}
	return nil
}

// putSnapshot puts a snapshot in the place of records.
func putSnapshot(st *statements, room int64, family string, upto uint64, data []byte) error {
	if _, err := st.exec(`INSERT INTO snapshot (room, family, upto, data, sum) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET upto = excluded.upto, data = excluded.data, sum = excluded.sum`,
		room, family, upto, data, checksum(room, upto, family, data)); err != nil {
		return err
	}
	_, err := st.exec("DELETE FROM entry WHERE room = ? AND family = ? AND seq <= ?", room, family, upto)
	return err
}

// Close waits until everything appended is durable, or cannot become so, and lets the room be opened again.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	last := l.last
	l.mu.Unlock()
	err := l.Wait(context.Background(), last)
	l.db.forget(l)
	return err
}
