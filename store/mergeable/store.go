package mergeable

import (
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Options says how a Store is made. Nil, and each zero field, is the default.
type Options struct {
	// UniqueID names this replica; random when nil. No two replicas may have the same.
	UniqueID *string
	// Now is the time; time.Now when nil.
	Now func() time.Time
	// Random is where random ids come from; crypto/rand when nil.
	Random io.Reader
	// MaxAhead is how far stamps of others may be ahead of Now; hlc.DefaultMaxAhead when 0, without bound when negative.
	MaxAhead time.Duration
	// Horizon is how long tombstones are kept before Compact forgets them; for ever when 0.
	Horizon time.Duration
	// AsDefault gives what the Store already holds the zero Stamp, which loses against whatever other replicas have.
	// Otherwise it is stamped as if it were written now.
	AsDefault bool
	// Saved is what this replica had when it was there last, with its stamps: a file, or all that OnDelta was given. Where
	// the Store holds the same, the stamp stays. Where it does not, the Store's content is stamped as written now; but
	// what Saved has is written into the Store when SavedWins is set. New may put Saved into another order.
	Saved     *Changes
	SavedWins bool
	// OnDelta is told of every change, in order, inside the transaction that made it and before any Feed: to store it. It
	// must not wait, and must not call the Store.
	OnDelta func(*Delta)
}

// Store keeps the stamps and hashes of a [store.Store].
type Store struct {
	of     *store.Store
	leave  func()
	random io.Reader

	horizon time.Duration
	now     func() time.Time
	onDelta func(*Delta)

	// The fields down to writes are written with both the Store's writer lock and mu held, in this order. One of them is
	// enough for reading.
	mu      sync.RWMutex
	clock   *hlc.Clock
	state   *state
	snap    *store.Snapshot // the content that belongs to state; lent by the Store, so it is not given away
	feeds   map[*Feed]struct{}
	lastOwn hlc.Stamp // the latest stamp under this id, made here or not
	made    bool      // a stamp was made since New
	writes  []write   // of stamp

	merging *merging // the transaction that runs is of Apply; under the Store's writer lock
}

// New joins a Store. What it holds is stamped.
func New(of *store.Store, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	random := o.Random
	if random == nil {
		random = rand.Reader
	}
	clock, err := hlc.NewClock(&hlc.Options{UniqueID: o.UniqueID, Now: o.Now, Random: random, MaxAhead: o.MaxAhead})
	if err != nil {
		return nil, fmt.Errorf("mergeable: %w", err)
	}
	m := &Store{of: of, random: random, horizon: o.Horizon, now: o.Now, onDelta: o.OnDelta, clock: clock, state: newState(), feeds: map[*Feed]struct{}{}}
	if m.now == nil {
		m.now = time.Now
	}
	m.leave = of.Join(m)
	if err := of.Update(func(tx *store.Tx) error { return m.begin(tx, o) }); err != nil {
		m.leave()
		return nil, err
	}
	return m, nil
}

// begin stamps what the Store holds, as far as it was not saved with a stamp.
func (m *Store) begin(tx *store.Tx, o *Options) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	saved := &store.Snapshot{}
	if o.Saved != nil {
		if o.Saved.repeats() {
			o.Saved.sort()
		}
		g := &merging{m: m}
		l := g.build(o.Saved, m.clock.Client())
		m.state, m.lastOwn, saved = l.state, l.own, l.snap
		m.clock.Follow(l.top)
	}
	news := store.Diff(saved, tx.Before())
	if o.Saved != nil && o.SavedWins {
		var restore store.Changes
		if news, restore = m.split(news); !restore.IsEmpty() {
			if err := tx.Apply(restore.Inverse()); err != nil {
				return err
			}
		}
	}
	d := m.delta(tx.Origin())
	if err := m.stamp(news, o.AsDefault, d); err != nil {
		return err
	}
	m.publish(d)
	m.snap = tx.Before()
	if tx.Writes() > 0 {
		// What Saved has is written, with the stamps that it has. What participants make of it is stamped after the commit.
		m.merging = &merging{m: m, tx: tx, wrote: tx.Writes(), seen: tx.Writes(), expect: tx.Snapshot()}
	}
	return nil
}

// split takes what was saved apart from what was not.
func (m *Store) split(c store.Changes) (news, saved store.Changes) {
	for _, x := range c.Cells {
		if m.state.hasCell(x.Table, x.Row, x.Cell) {
			saved.Cells = append(saved.Cells, x)
		} else {
			news.Cells = append(news.Cells, x)
		}
	}
	for _, x := range c.Values {
		if m.state.values.has(0, x.ID) {
			saved.Values = append(saved.Values, x)
		} else {
			news.Values = append(news.Values, x)
		}
	}
	return news, saved
}

func (t *table) has(n uint32, id string) bool {
	name, ok := t.named[id]
	if !ok {
		return false
	}
	_, ok = t.rows[n].find(name)
	return ok
}

func (s *state) hasCell(table, row, cell string) bool {
	t := s.named[table]
	if t == nil {
		return false
	}
	n, ok := t.row(s.seed, row)
	return ok && t.has(n, cell)
}

// Close leaves the Store, whose content stays. What is written afterwards is not stamped.
func (m *Store) Close() { m.leave() }

// Store returns the Store whose stamps m keeps.
func (m *Store) Store() *store.Store { return m.of }

// Client returns the id under which writes are stamped.
func (m *Store) Client() hlc.Client {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.clock.Client()
}

// String says what m holds.
func (m *Store) String() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	tables, values := m.state.hashes()
	return fmt.Sprintf("mergeable store of client %s: %d cells in %d tables, %d values, hashes %d %d",
		m.clock.Client(), m.state.cells-len(m.state.values.rows[0].cells), len(m.state.tables), len(m.state.values.rows[0].cells), tables, values)
}

// Prepare is part of [store.Participant].
func (m *Store) Prepare(tx *store.Tx, _ store.Origin) error {
	if g := m.merging; g != nil {
		if g.tx == tx {
			g.seen = tx.Writes()
			return nil
		}
		m.merging = nil // of a transaction that came to nothing
	}
	if tx.Writes() == 0 || m.snap == nil {
		return nil
	}
	if err := m.clock.Ready(tx.Writes()); err != nil {
		return fmt.Errorf("mergeable: %w", err)
	}
	if m.snap != nil && m.clock.Passes(m.state.top) {
		return nil
	}
	// Some stamps are ahead of the clock, so a new one must be made above each of them.
	for _, c := range tx.Changes().Cells {
		if _, ok := above(m.state.stampOf(c.Table, c.Row, c.Cell), m.clock.Client()); !ok {
			return fmt.Errorf("mergeable: %v: %w", c.Path(), hlc.ErrExhausted)
		}
	}
	for _, c := range tx.Changes().Values {
		if _, ok := above(m.state.stampOfValue(c.ID), m.clock.Client()); !ok {
			return fmt.Errorf("mergeable: %v: %w", c.Path(), hlc.ErrExhausted)
		}
	}
	return nil
}

// Borrows is part of [store.Borrower].
func (m *Store) Borrows() {}

// Committed is part of [store.Participant].
func (m *Store) Committed(c *store.Commit) {
	if m.snap == nil {
		return // New has yet to stamp what there is
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.snap = c.After
	g := m.merging
	m.merging = nil
	if g != nil {
		m.commit(g, c)
		return
	}
	d := m.delta(c.Origin)
	_ = m.stamp(c.Changes(), false, d) // Prepare has seen that it can be done
	m.publish(d)
}

// stamp gives all changes stamps: new ones, or the zero Stamp. What it writes it adds to d, unless that is nil.
func (m *Store) stamp(c store.Changes, zero bool, d *Delta) error {
	writes := m.writes
	defer func() {
		clear(writes)
		m.writes = writes[:0]
	}()
	next := func(old hlc.Stamp) (hlc.Stamp, error) {
		if zero {
			return hlc.Stamp{}, nil
		}
		return m.next(old)
	}
	for i := 0; i < len(c.Cells); {
		first := &c.Cells[i]
		t := m.state.table(first.Table)
		n := t.rowOf(m.state.seed, first.Row)
		writes = writes[:0]
		for ; i < len(c.Cells) && c.Cells[i].Row == first.Row && c.Cells[i].Table == first.Table; i++ {
			x := &c.Cells[i]
			name := t.nameOf(x.Cell)
			s, err := next(t.stampAt(n, name))
			if err != nil {
				return fmt.Errorf("mergeable: %v: %w", x.Path(), err)
			}
			writes = append(writes, write{name: name, value: x.New, stamp: s})
			d.cell(t, n, name, x.New, s)
		}
		m.state.writeRow(t, n, writes, hlc.Stamp{})
	}
	writes = writes[:0]
	for _, x := range c.Values {
		name := m.state.values.nameOf(x.ID)
		s, err := next(m.state.values.stampAt(0, name))
		if err != nil {
			return fmt.Errorf("mergeable: %v: %w", x.Path(), err)
		}
		writes = append(writes, write{name: name, value: x.New, stamp: s})
		d.value(x.ID, x.New, s)
	}
	m.state.writeRow(m.state.values, 0, writes, hlc.Stamp{})
	return nil
}

// next returns a new stamp that is above old.
func (m *Store) next(old hlc.Stamp) (hlc.Stamp, error) {
	s, err := m.clock.Next()
	if err != nil {
		return s, err
	}
	if !s.After(old) {
		// The cell was stamped by a clock that was ahead. Only this cell follows it.
		var ok bool
		if s, ok = above(old, m.clock.Client()); !ok {
			return s, hlc.ErrExhausted
		}
	}
	m.made = true
	if s.After(m.lastOwn) {
		m.lastOwn = s
	}
	return s, nil
}

// above returns the first stamp of a client that is above s, if there is one.
func above(s hlc.Stamp, client hlc.Client) (hlc.Stamp, bool) {
	millis, counter := uint64(s.Millis()), uint64(s.Counter())
	if counter++; counter > hlc.MaxCounter {
		millis, counter = millis+1, 0
	}
	return hlc.New(millis, counter, client), millis <= hlc.MaxTime
}

// stampAt returns the stamp of a cell; the zero Stamp when there is none.
func (t *table) stampAt(n, name uint32) hlc.Stamp {
	r := &t.rows[n]
	if i, ok := r.find(name); ok {
		return r.cells[i].stamp()
	}
	return hlc.Stamp{}
}

func (s *state) stampOf(table, row, cell string) hlc.Stamp {
	if t := s.named[table]; t != nil {
		if n, ok := t.row(s.seed, row); ok {
			if name, ok := t.named[cell]; ok {
				return t.stampAt(n, name)
			}
		}
	}
	return hlc.Stamp{}
}

func (s *state) stampOfValue(id string) hlc.Stamp {
	if name, ok := s.values.named[id]; ok {
		return s.values.stampAt(0, name)
	}
	return hlc.Stamp{}
}

// CellStamp returns when a cell was written or deleted last; the zero Stamp when it never was, or is a default.
func (m *Store) CellStamp(table, row, cell string) hlc.Stamp {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.state.stampOf(table, row, cell)
}

// ValueStamp returns when a keyed value was written or deleted last.
func (m *Store) ValueStamp(id string) hlc.Stamp {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.state.stampOfValue(id)
}
