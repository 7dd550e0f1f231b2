package store

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Store holds tables of rows of cells, and keyed values, in memory. It is a sequence of immutable Snapshots: a
// transaction makes the next one. The zero Store is not usable; see [New].
//
// All methods may be called by any goroutine. Readers never wait. One transaction runs at a time.
type Store struct {
	// mu is the writer's lock. Locks of documents and databases are taken after it, never before.
	mu           sync.Mutex
	participants []Participant
	keepers      bool   // not all of them are Borrowers
	lent         Commit // what Borrowers alone are told
	work         work   // of the running transaction
	over         work   // of all transactions that have ended: empty, and refusing
	txs          []Tx   // for the next transactions
	gens         []edit
	epoch        *edit // of the next generation; nil when that begins one
	spares       spares

	rowIDs RowIDs

	now    atomic.Pointer[Snapshot]
	taking atomic.Int32 // how many are about to take now

	jobsMu  sync.Mutex
	jobs    []job
	waiting atomic.Int32 // len(jobs)

	listeners listeners
	delivery  delivery
}

// job is a transaction that waits for the writer's lock.
type job struct {
	by   Origin
	fn   func(*Tx) error
	then func(error)
}

// Options of a Store; nil means defaults.
type Options struct {
	// RowIDs makes the ids that [Tx.AddRow] gives. The default is [UniqueRowIDs]; [NewRowCounter] counts as TinyBase does. It is
	// called under the writer lock.
	RowIDs RowIDs
}

// New returns an empty Store with default Options.
func New() *Store { return NewStore(nil) }

// NewStore returns an empty Store.
func NewStore(o *Options) *Store {
	s := &Store{}
	if o != nil {
		s.rowIDs = o.RowIDs
	}
	if s.rowIDs == nil {
		s.rowIDs = UniqueRowIDs(nil)
	}
	if p, ok := s.rowIDs.(Participant); ok {
		s.join(p)
	}
	s.now.Store(&Snapshot{})
	s.over = work{done: true, before: s.now.Load()}
	return s
}

// Snapshot returns the present content. It never waits, not even for a running transaction.
func (s *Store) Snapshot() *Snapshot {
	if now := s.now.Load(); now.taken.Load() {
		return now
	}
	// A transaction may be publishing another one and look whether this was taken. So it is told first.
	s.taking.Add(1)
	now := s.now.Load()
	now.taken.Store(true)
	s.taking.Add(-1)
	return now
}

// Update runs a transaction for nobody in particular; see [Store.UpdateAs].
func (s *Store) Update(fn func(*Tx) error) error { return s.UpdateAs(nil, fn) }

// UpdateAs runs fn as one transaction, signed by an [Origin]. What fn writes becomes visible all at once. If fn or a
// [Participant] returns an error or panics, nothing has happened.
//
// It waits for other transactions and returns after the listeners have been called, except that a listener which calls it
// returns at once: its commit is delivered after the present one. fn must not call Update of the same Store.
func (s *Store) UpdateAs(by Origin, fn func(*Tx) error) error {
	defer s.settle()
	s.mu.Lock()
	return s.locked(by, fn)
}

// Enqueue runs fn as a transaction at once if no other transaction runs, and otherwise right after the one that runs, in
// that goroutine. It never waits for a lock, so it may be called where other locks are held or from inside a transaction.
//
// then, unless it is nil, is told what came of it, still under the writer lock: it must not write to the Store, except by
// Enqueue.
func (s *Store) Enqueue(by Origin, fn func(*Tx) error, then func(error)) {
	s.jobsMu.Lock()
	s.jobs = append(s.jobs, job{by, fn, then})
	s.waiting.Add(1)
	s.jobsMu.Unlock()
	s.settle()
}

// locked runs a transaction; the caller holds mu, which is released.
func (s *Store) locked(by Origin, fn func(*Tx) error) error {
	defer s.mu.Unlock()
	return s.transact(by, fn)
}

// settle does what has become due when the writer's lock is free: waiting transactions, and the delivery of commits.
//
// A job is added before its goroutine tries the lock, and whoever holds the lock looks for jobs after giving it up, so no
// job is left behind.
func (s *Store) settle() {
	for s.hasJobs() && s.mu.TryLock() {
		func() {
			defer s.mu.Unlock()
			if j, ok := s.takeJob(); ok {
				if err := s.transact(j.by, j.fn); j.then != nil {
					j.then(err)
				}
			}
		}()
	}
	s.delivery.run(&s.listeners)
}

func (s *Store) hasJobs() bool { return s.waiting.Load() > 0 }

func (s *Store) takeJob() (j job, ok bool) {
	s.jobsMu.Lock()
	defer s.jobsMu.Unlock()
	if len(s.jobs) == 0 {
		return j, false
	}
	j = s.jobs[0]
	s.jobs = slices.Delete(s.jobs, 0, 1)
	s.waiting.Add(-1)
	return j, true
}

// transact runs a transaction under mu. A panic leaves the Store as it was, because nothing that can be seen is ever written.
func (s *Store) transact(by Origin, fn func(*Tx) error) error {
	before := s.now.Load()
	seen := s.keepers || s.listeners.any() // or not any more, when a listener stops meanwhile
	s.work = work{content: before.content, before: before, gen: s.newGen(seen), origin: by, store: s, spares: &s.spares}
	tx := s.newTx()
	defer func() {
		tx.work = &s.over
		s.work = work{}
		s.spares.forget()
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if len(s.participants) > 0 {
		if err := s.prepare(tx, by); err != nil {
			return err
		}
	}
	tx.leave()
	if tx.unlogd {
		if !differs(Path{}, &before.content, &tx.content) {
			return nil
		}
	} else if tx.log.normalize(); tx.log.IsEmpty() {
		return nil
	}
	tx.done = true
	after := &Snapshot{version: before.version + 1, content: tx.content}
	s.now.Store(after)
	if !seen {
		s.lend(before, after, tx)
		s.reuse(before)
		return nil
	}
	after.take()
	c := &Commit{First: after.version, Last: after.version, Origin: by, Before: before, After: after, writes: tx.writes}
	if !tx.unlogd {
		c.know(Changes{slices.Clone(tx.log.Cells), tx.log.Values}) // the cells may lie in tx
	}
	for _, p := range s.participants {
		p.Committed(c)
	}
	if s.listeners.any() {
		s.delivery.add(c)
	}
	return nil
}

// lend tells Borrowers of a transaction.
func (s *Store) lend(before, after *Snapshot, tx *Tx) {
	if len(s.participants) == 0 {
		return
	}
	s.lent = Commit{First: after.version, Last: after.version, Origin: tx.origin, Before: before, After: after, writes: tx.writes}
	if !tx.unlogd {
		s.lent.know(tx.log)
	}
	for _, p := range s.participants {
		p.Committed(&s.lent)
	}
	s.lent = Commit{}
}

// newTx and newGen allocate many at once. Each is used once.
func (s *Store) newTx() *Tx {
	if len(s.txs) == 0 {
		s.txs = make([]Tx, 32)
	}
	tx := &s.txs[0]
	s.txs = s.txs[1:]
	tx.work = &s.work
	return tx
}

func (s *Store) newGen(seen bool) *edit {
	if len(s.gens) == 0 {
		s.gens = make([]edit, 64)
	}
	gen := &s.gens[0]
	s.gens = s.gens[1:]
	switch {
	case seen:
		s.epoch = nil
	case s.epoch == nil:
		s.epoch = gen
	}
	gen.epoch = s.epoch
	return gen
}

// maxRounds bounds how often Participants may react to each other within one transaction.
const maxRounds = 16

// prepare asks each Participant. When one of them has written, the others are asked again, until a whole round passes
// without a write.
func (s *Store) prepare(tx *Tx, by Origin) error {
	writes := tx.writes
	quiet := 0
	for range maxRounds {
		for _, p := range s.participants {
			if err := p.Prepare(tx, by); err != nil {
				return err
			}
			if quiet++; tx.writes != writes {
				writes, quiet = tx.writes, 1
			}
			if quiet >= len(s.participants) {
				return nil
			}
		}
	}
	return ErrUnsettled
}

// Participant takes part in every transaction of a Store: a schema, a check of what clients send, clock stamps, a bound
// document.
type Participant interface {
	// Prepare is called before a transaction is committed, possibly more than once. It may write, and it may refuse by an
	// error, which the caller of Update gets.
	Prepare(tx *Tx, by Origin) error
	// Committed is called after the new content is visible and before the next transaction may begin. It may not fail and
	// may not write to the Store, except by Enqueue.
	Committed(c *Commit)
}

// Borrower is a Participant that keeps nothing of what it is told: neither the Commit nor its changes beyond Committed, and After no longer than until
// Committed is called for the next time and returns, or until it has left. If all Participants of a Store are Borrowers and nobody listens or takes
// Snapshots, writing needs no memory for the content that was.
type Borrower interface {
	Participant
	Borrows()
}

// Join makes p take part in every later transaction, after those who joined before. leave ends it; it waits for a running
// transaction, so it must not be called from inside one.
func (s *Store) Join(p Participant) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.join(p)
}

func (s *Store) join(p Participant) (leave func()) {
	s.participants = append(slices.Clip(s.participants), p)
	s.count()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.leave(p)
	})
}

func (s *Store) leave(p Participant) {
	s.now.Load().take() // p may have it, and is not told any more when to give it back
	s.participants = slices.DeleteFunc(slices.Clone(s.participants), func(q Participant) bool { return q == p })
	s.count()
}

func (s *Store) count() {
	s.keepers = slices.ContainsFunc(s.participants, func(p Participant) bool { _, borrows := p.(Borrower); return !borrows })
}

// joinWith is Join with a first transaction, in which p takes part already. If that fails, p has not joined.
func (s *Store) joinWith(p *Enforced, by Origin, fn func(*Tx) error) (leave func(), err error) {
	defer s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	leave = s.join(p)
	if err := s.transact(by, fn); err != nil {
		s.leave(p)
		return nil, err
	}
	p.joining = false
	return leave, nil
}
