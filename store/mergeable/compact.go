package mergeable

import (
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Compact forgets the tombstones that are older than [Options].Horizon, and returns how many there were. Without a horizon
// it does nothing: a tombstone may be needed for ever, by a replica that still holds what was deleted.
//
// A replica that was away for longer than the horizon brings back what was deleted meanwhile. And replicas that keep their
// tombstones, as all of TinyBase's do, have other hashes from then on: they compare the tables in question again whenever
// they meet.
func (m *Store) Compact() (forgotten int, err error) {
	if m.horizon <= 0 {
		return 0, nil
	}
	err = m.of.Update(func(*store.Tx) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		forgotten = m.compact()
		return nil
	})
	return forgotten, err
}

// expired reports whether a tombstone of this stamp is to be forgotten.
func (m *Store) expired(s hlc.Stamp) bool {
	return m.horizon > 0 && s.Millis() < m.now().Add(-m.horizon).UnixMilli()
}

// compact builds the state again without what has expired.
func (m *Store) compact() (forgotten int) {
	next := newState()
	next.top = m.state.top
	var buf []store.Value
	var writes []write
	copyRow := func(from *table, n uint32, to *table) {
		buf = m.contents(from, n, buf)
		r := &from.rows[n]
		writes = writes[:0]
		for i := range r.cells {
			c := &r.cells[i]
			if !buf[i].Exists() && m.expired(c.stamp()) {
				forgotten++
				continue
			}
			writes = append(writes, write{name: to.nameOf(from.names[c.id()].id), value: buf[i], stamp: c.stamp()})
		}
		if own := from.stamps[n]; len(writes) > 0 || !own.IsZero() {
			next.writeRow(to, to.rowOf(next.seed, r.id), writes, own)
		}
	}
	for _, t := range m.state.tables {
		to := next.table(t.id)
		for n := range t.rows {
			copyRow(t, uint32(n), to)
		}
		next.writeStamp(to, t.stamp)
	}
	next.writeStamp(nil, m.state.stamp)
	copyRow(m.state.values, 0, next.values)
	if forgotten == 0 {
		return 0
	}
	m.state = next
	for f := range m.feeds {
		f.lose()
	}
	return forgotten
}
