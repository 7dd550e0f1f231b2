package roomdb

import (
	"database/sql"
	"fmt"
	"sync"
	"time"
)

// job is something to do in a transaction. Several share one.
type job struct {
	run     func(*sql.Tx, *statements) error
	skip    func() error // says why the job must not be done after all; may be nil
	done    func(error)  // called once, after the transaction or instead of it
	records int
	bytes   int
}

// writer is the queue of jobs and the one goroutine that does them.
type writer struct {
	db      *DB
	mu      sync.Mutex
	queue   []*job
	bytes   int
	closed  bool
	work    sync.Cond // there is a job, or closed
	space   sync.Cond // the queue is shorter, or closed
	stopped chan struct{}
}

func (w *writer) start(db *DB) {
	w.db, w.stopped = db, make(chan struct{})
	w.work.L, w.space.L = &w.mu, &w.mu
	go w.loop()
}

// stop waits until everything queued is done.
func (w *writer) stop() {
	w.mu.Lock()
	w.closed = true
	w.work.Broadcast()
	w.space.Broadcast()
	w.mu.Unlock()
	<-w.stopped
}

// add queues a job. It waits while the queue is full: the writer needs no lock of its callers, so that ends.
func (w *writer) add(j *job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && w.bytes > 0 && w.bytes+j.bytes > w.db.opts.QueueBytes {
		w.space.Wait()
	}
	if w.closed {
		return ErrClosed
	}
	w.queue = append(w.queue, j)
	w.bytes += j.bytes
	w.work.Signal()
	return nil
}

// take waits for jobs and returns as many as one transaction should do.
func (w *writer) take() (batch []*job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.closed {
		w.work.Wait()
	}
	n, size := 0, 0
	for n < len(w.queue) && (n == 0 || size+w.queue[n].bytes <= w.db.opts.BatchBytes) {
		size += w.queue[n].bytes
		n++
	}
	batch = w.queue[:n:n]
	if w.queue = w.queue[n:]; len(w.queue) == 0 {
		w.queue = nil
	}
	return batch
}

func (w *writer) loop() {
	defer close(w.stopped)
	for {
		batch := w.take()
		if len(batch) == 0 {
			return
		}
		w.do(batch)
	}
}

// do does a batch and tells everybody.
func (w *writer) do(batch []*job) {
	records, bytes, taken := 0, 0, 0
	rest := batch[:0]
	for _, j := range batch {
		taken += j.bytes
		if j.skip != nil {
			if err := j.skip(); err != nil {
				j.done(err)
				continue
			}
		}
		rest = append(rest, j)
		records += j.records
		bytes += j.bytes
	}
	if len(rest) > 0 {
		start := time.Now()
		err := w.commit(rest)
		w.db.mu.Lock()
		w.db.failed = err
		w.db.mu.Unlock()
		ev := w.db.opts.Events
		if err == nil && ev.Committed != nil {
			ev.Committed(records, bytes, time.Since(start))
		}
		for _, j := range rest {
			j.done(err)
		}
		if err != nil && ev.Failed != nil { // who looks for broken logs now finds them
			ev.Failed(err)
		}
	}
	w.mu.Lock()
	w.bytes -= taken
	w.space.Broadcast()
	w.mu.Unlock()
}

// commit does all jobs in one transaction, or none.
func (w *writer) commit(batch []*job) (err error) {
	tx, err := w.db.file.Begin()
	if err != nil {
		return fmt.Errorf("roomdb: %w", err)
	}
	st := &statements{tx: tx}
	defer st.close()
	for _, j := range batch {
		if err := j.run(tx, st); err != nil {
			_ = tx.Rollback() // SQLite has done so by itself after some errors, such as a full disk
			return fmt.Errorf("roomdb: write: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		_ = tx.Rollback()
		return fmt.Errorf("roomdb: commit: %w", err)
	}
	return nil
}

// statements are prepared once for each transaction, when they are first needed.
type statements struct {
	tx   *sql.Tx
	byID map[string]*sql.Stmt
}

func (s *statements) exec(query string, args ...any) (sql.Result, error) {
	st, err := s.prepare(query)
	if err != nil {
		return nil, err
	}
	return st.Exec(args...)
}

func (s *statements) prepare(query string) (*sql.Stmt, error) {
	if st := s.byID[query]; st != nil {
		return st, nil
	}
	st, err := s.tx.Prepare(query)
	if err != nil {
		return nil, err
	}
	if s.byID == nil {
		s.byID = map[string]*sql.Stmt{}
	}
	s.byID[query] = st
	return st, nil
}

func (s *statements) close() {
	for _, st := range s.byID {
		_ = st.Close()
	}
}
