package mergeable

import (
	"bytes"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Apply merges changes into the Store, as one transaction signed by an Origin. Of two contents of a cell the later stamp
// wins; the earlier one leaves no trace. So it does not matter how often changes are applied, nor in which order.
//
// Some cells may be refused: see [Report]. The error is that of a [store.Participant] which refuses what cannot be taken
// apart, and cannot be about the changes themselves. Apply may put c.Cells and c.Values into another order.
func (m *Store) Apply(by store.Origin, c *Changes) (Report, error) {
	if c.repeats() {
		c.sort()
	}
	g := &merging{m: m, changes: c}
	err := m.of.UpdateAs(by, g.run)
	if err == nil && !g.done {
		err = errPutBack
	}
	if err == nil {
		return g.report, nil
	}
	g.giveUp()
	return m.applyInParts(by, c, err)
}

// merging is one transaction of Apply. It decides in the transaction, under the Store's writer lock; what the Store did
// not have yet is stamped when it has been committed. In between the lock is held, so nothing else comes.
type merging struct {
	m       *Store
	tx      *store.Tx
	changes *Changes
	whole   *load           // instead of changes: everything is replaced
	force   bool            // changes are defaults that replace defaults
	expect  *store.Snapshot // instead of changes: what is written has its stamps already

	report Report
	wrote  int    // writes of this transaction's own
	seen   int    // writes when Prepare looked last
	delta  *Delta // what was taken, for those who did not send it
	local  *Delta // what was stamped here, for all
	rows   []pendingRow
	writes []write // of rows
	values []write
	limit  hlc.Stamp
	buf    [2][]byte
	done   bool // stamps are written
}

type pendingRow struct {
	table    *table
	row      uint32
	from, to int // in writes
}

func (g *merging) run(tx *store.Tx) error {
	m := g.m
	m.mu.Lock()
	defer m.mu.Unlock()
	m.merging, g.tx = g, tx
	g.limit = m.clock.Limit()
	g.delta, g.local = m.delta(tx.Origin()), m.delta(nil)
	if g.delta != nil {
		g.delta.Merged = true
	}
	top := g.own()
	for i := range g.changes.Cells {
		if s := g.changes.Cells[i].Stamp; s.After(top) && !s.After(g.limit) {
			top = s
		}
	}
	for i := range g.changes.Values {
		if s := g.changes.Values[i].Stamp; s.After(top) && !s.After(g.limit) {
			top = s
		}
	}
	m.clock.Follow(top)
	cells := g.changes.Cells
	for i := 0; i < len(cells); {
		j := i + 1
		for j < len(cells) && cells[j].Row == cells[i].Row && cells[j].Table == cells[i].Table {
			j++
		}
		if err := g.row(cells[i:j]); err != nil {
			return err
		}
		i = j
	}
	if err := g.keyedValues(); err != nil {
		return err
	}
	g.wrote = tx.Writes()
	g.seen = g.wrote
	if len(g.rows) == 0 && len(g.values) == 0 {
		g.done = true
		m.publish(g.delta)
		m.publish(g.local)
		g.delta, g.local = nil, nil
	}
	return nil
}

// own merges the stamps of rows, tables and all of them, and returns the latest.
func (g *merging) own() (top hlc.Stamp) {
	s := g.m.state
	for _, o := range g.changes.Stamps {
		if o.Stamp.After(g.limit) {
			g.refuseAhead(o.At, o.Stamp)
			continue
		}
		if o.Stamp.After(top) {
			top = o.Stamp
		}
		s.writeOwn(o)
		if g.delta != nil {
			g.delta.Changes.Stamps = append(g.delta.Changes.Stamps, o)
		}
	}
	return top
}

// row decides about the cells of one row.
func (g *merging) row(cells []Cell) error {
	s := g.m.state
	first := &cells[0]
	t := s.table(first.Table)
	n := t.rowOf(s.seed, first.Row)
	rowID := t.rows[n].id
	from := len(g.writes)
	var now []write // contents the Store has already: only the stamps are new
	for i := range cells {
		c := &cells[i]
		at := func() store.Path { return store.Cell(t.id, rowID, c.Cell) }
		name, ok := t.named[c.Cell]
		if i < len(t.names) && t.names[i].id == c.Cell {
			name = uint32(i)
		} else if !ok {
			name = t.nameOf(c.Cell)
		}
		var old hlc.Stamp
		place, known := t.rows[n].find(name)
		if known {
			old = t.rows[n].cells[place].stamp()
		}
		var has store.Value
		fetched := !known // then the Store does not have it either
		get := func() store.Value {
			if !fetched {
				has, fetched = g.tx.Cell(t.id, rowID, t.names[name].id), true
			}
			return has
		}
		v, stamp := g.decide(c.Value, c.Stamp, old, known, get, at)
		switch v {
		case keep:
			continue
		case tell:
			g.local.cell(t, n, name, get(), old)
			continue
		case anew:
			stamp, err := g.m.next(old)
			if err != nil {
				continue
			}
			now = append(now, write{name: name, value: get(), stamp: stamp})
			g.local.cell(t, n, name, get(), stamp)
			continue
		}
		g.report.Applied++
		g.took(stamp == c.Stamp).cell(t, n, name, c.Value, stamp)
		w := write{name: name, value: c.Value, stamp: stamp}
		if get() == c.Value {
			now = append(now, w)
			continue
		}
		if err := g.tx.SetCell(t.id, rowID, t.names[name].id, c.Value); err != nil {
			return err
		}
		if g.writes == nil {
			g.writes = make([]write, 0, len(g.changes.Cells))
		}
		g.writes = append(g.writes, w)
	}
	if len(now) > 0 {
		s.writeRow(t, n, now, hlc.Stamp{})
	}
	if len(g.writes) > from {
		g.rows = append(g.rows, pendingRow{t, n, from, len(g.writes)})
	}
	return nil
}

func (g *merging) keyedValues() error {
	t := g.m.state.values
	var now []write
	for i := range g.changes.Values {
		c := &g.changes.Values[i]
		name := t.nameOf(c.ID)
		place, known := t.rows[0].find(name)
		var old hlc.Stamp
		if known {
			old = t.rows[0].cells[place].stamp()
		}
		get := func() store.Value { return g.tx.Value(c.ID) }
		v, stamp := g.decide(c.Value, c.Stamp, old, known, get, func() store.Path { return store.ValueOf(c.ID) })
		switch v {
		case keep:
			continue
		case tell:
			g.local.value(c.ID, get(), old)
			continue
		case anew:
			stamp, err := g.m.next(old)
			if err != nil {
				continue
			}
			now = append(now, write{name: name, value: get(), stamp: stamp})
			g.local.value(c.ID, get(), stamp)
			continue
		}
		g.report.Applied++
		g.took(stamp == c.Stamp).value(c.ID, c.Value, stamp)
		w := write{name: name, value: c.Value, stamp: stamp}
		if get() == c.Value {
			now = append(now, w)
			continue
		}
		if err := g.tx.SetValue(c.ID, c.Value); err != nil {
			return err
		}
		g.values = append(g.values, w)
	}
	if len(now) > 0 {
		g.m.state.writeRow(t, 0, now, hlc.Stamp{})
	}
	return nil
}

// verdict is what becomes of an incoming cell.
type verdict uint8

const (
	keep verdict = iota // what stands
	take                // what comes
	anew                // what stands, with a new stamp
	tell                // what stands, and the sender should know
)

// took returns where to note what was taken: with the stamp that it came with, or with another one.
func (g *merging) took(asSent bool) *Delta {
	if asSent {
		return g.delta
	}
	return g.local
}

// decide compares what comes, v stamped s, with what stands, get() stamped old. It returns the stamp for take.
func (g *merging) decide(v store.Value, s, old hlc.Stamp, known bool, get func() store.Value, at func() store.Path) (verdict, hlc.Stamp) {
	if s.After(g.limit) {
		if s.After(old) {
			g.refuseAhead(at(), s)
		}
		return keep, s
	}
	d := s.Compare(old)
	if known && d < 0 || known && d == 0 && get() == v {
		return keep, s
	}
	if g.force {
		return take, s
	}
	if !known && !v.Exists() && g.m.expired(s) {
		return keep, s // it has been forgotten here
	}
	if err := v.Err(); err != nil {
		g.report.refuse(at(), s, &store.SetError{Path: at(), Err: err})
		if d > 0 {
			return anew, s
		}
		return keep, s
	}
	if s.Client() == g.m.clock.Client() && !s.IsZero() {
		g.meetSelf(s)
	}
	if !known || d > 0 {
		return take, s
	}
	// One stamp, two contents: the greater one wins. When it is not a default, it gets a stamp of its own, so that those
	// who keep the other one take it too.
	has := get()
	greater := g.greater(v, has)
	if s.IsZero() {
		if greater {
			return take, s
		}
		return tell, s
	}
	g.report.clash(at(), s)
	if s.Client() == g.m.clock.Client() {
		g.newClient()
	}
	if !greater {
		return anew, s
	}
	fresh, err := g.m.next(old)
	if err != nil {
		return keep, s
	}
	return take, fresh
}

// greater orders contents by their JSON text; what is deleted comes first.
func (g *merging) greater(a, b store.Value) bool {
	if a.Exists() != b.Exists() {
		return a.Exists()
	}
	g.buf[0] = appendEncoded(g.buf[0][:0], a)
	g.buf[1] = appendEncoded(g.buf[1][:0], b)
	return bytes.Compare(g.buf[0], g.buf[1]) > 0
}

func (g *merging) refuseAhead(at store.Path, s hlc.Stamp) {
	if err := g.m.clock.Check(s); err != nil {
		g.report.refuse(at, s, err)
	}
}

// meetSelf looks at a stamp under this replica's id. One that is later than all it has made was made elsewhere.
func (g *merging) meetSelf(s hlc.Stamp) {
	m := g.m
	if !s.After(m.lastOwn) {
		return
	}
	m.lastOwn = s
	if m.made { // otherwise it was made here, before a restart
		g.newClient()
	}
}

// newClient gives this replica another id, since its own is in use elsewhere.
func (g *merging) newClient() {
	client, err := hlc.RandomClient(g.m.random)
	if err != nil {
		return
	}
	g.m.clock.SetClient(client)
	g.m.lastOwn, g.m.made = hlc.Stamp{}, false
	g.report.NewClient = &client
}

// commit writes the stamps of what has been committed. What other participants have changed is stamped as new.
func (m *Store) commit(g *merging, c *store.Commit) {
	g.done = true
	switch {
	case g.whole != nil:
		m.commitLoad(g, c)
		return
	case g.expect != nil:
		if g.seen != g.wrote {
			d := m.delta(nil)
			_ = m.stamp(store.Diff(g.expect, c.After), false, d)
			m.publish(d)
		}
		return
	}
	for _, r := range g.rows {
		m.state.writeRow(r.table, r.row, g.writes[r.from:r.to], hlc.Stamp{})
	}
	m.state.writeRow(m.state.values, 0, g.values, hlc.Stamp{})
	if g.seen != g.wrote {
		// Somebody has written after us. What stands now, and is not what we wrote, is theirs.
		_ = m.stamp(g.theirs(c), false, g.local)
	}
	m.publish(g.delta)
	m.publish(g.local)
	g.delta, g.local = nil, nil
}

// theirs returns where the committed content is not what this merge wrote.
func (g *merging) theirs(c *store.Commit) (out store.Changes) {
	wrote := map[[3]string]store.Value{}
	for i := range g.changes.Cells {
		x := &g.changes.Cells[i]
		wrote[[3]string{x.Table, x.Row, x.Cell}] = x.Value
	}
	for _, x := range c.Changes().Cells {
		key := [3]string{x.Table, x.Row, x.Cell}
		if v, ok := wrote[key]; !ok || v != x.New {
			out.Cells = append(out.Cells, x)
		}
		delete(wrote, key)
	}
	values := map[string]store.Value{}
	for _, x := range g.changes.Values {
		values[x.ID] = x.Value
	}
	for _, x := range c.Changes().Values {
		if v, ok := values[x.ID]; !ok || v != x.New {
			out.Values = append(out.Values, x)
		}
		delete(values, x.ID)
	}
	// What we wrote and the commit does not have has been put back.
	for key, v := range wrote {
		if now := c.After.Cell(key[0], key[1], key[2]); now != v && g.m.tookCell(key, v) {
			out.Cells = append(out.Cells, store.CellChange{Table: key[0], Row: key[1], Cell: key[2], Old: v, New: now})
		}
	}
	for id, v := range values {
		if now := c.After.Value(id); now != v && g.m.tookValue(id, v) {
			out.Values = append(out.Values, store.ValueChange{ID: id, Old: v, New: now})
		}
	}
	return out.Normalize()
}

// tookCell reports whether the hash of a cell says that its content is v.
func (m *Store) tookCell(key [3]string, v store.Value) bool {
	t := m.state.named[key[0]]
	n, ok := t.row(m.state.seed, key[1])
	if !ok {
		return false
	}
	return m.took(t, n, key[2], v)
}

func (m *Store) tookValue(id string, v store.Value) bool { return m.took(m.state.values, 0, id, v) }

func (m *Store) took(t *table, n uint32, id string, v store.Value) bool {
	name, ok := t.named[id]
	if !ok {
		return false
	}
	i, ok := t.rows[n].find(name)
	if !ok {
		return false
	}
	c := &t.rows[n].cells[i]
	var h uint32
	h, _, m.state.buf = hashCell(m.state.buf, v, c.stamp())
	return h == c.hash
}
