package mergeable

import (
	"errors"
	"fmt"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// ErrContent says that a text is JSON, but neither stamped content nor plain content.
var ErrContent = errors.New("mergeable: neither [tables,values] nor [tablesStamp,valuesStamp]")

// Load reads a file that TinyBase's or this package's Store was saved to, or the content of a plain Store.
//
//   - [tablesStamp,valuesStamp], with hashes: replaces everything, as [Store.SetContent] does.
//   - [tablesStamp,valuesStamp,1]: is merged, as [Store.Apply] does.
//   - [tables,values], without stamps: replaces everything, stamped as written now.
//
// On an error nothing has changed.
func (m *Store) Load(by store.Origin, text []byte) (Report, error) {
	stamped, changes, err := shapeOf(text)
	if err != nil {
		return Report{}, err
	}
	if !stamped {
		snap, err := readPlain(text)
		if err != nil {
			return Report{}, err
		}
		return Report{Applied: snap.CountCells() + snap.ValueCount()}, m.of.UpdateAs(by, func(tx *store.Tx) error { return tx.ReplaceIn(store.Path{}, snap) })
	}
	shape := ContentShape
	if changes {
		shape = ChangesShape
	}
	r := jsjson.NewReader(text, nil)
	c, err := ReadChanges(r, shape, Encoded)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return Report{}, err
	}
	if changes {
		return m.Apply(by, c)
	}
	return m.SetContent(by, c)
}

// shapeOf looks at the elements of the outermost array.
func shapeOf(text []byte) (stamped, changes bool, err error) {
	r := jsjson.NewReader(text, nil)
	if r.Peek() != jsjson.Array {
		r.Skip()
		if err := r.End(); err != nil {
			return false, false, fmt.Errorf("mergeable: load: %w", err)
		}
		return false, false, ErrContent
	}
	r.BeginArray()
	n := 0
	for ; r.NextElement(); n++ {
		kind := r.Peek()
		if n == 0 {
			stamped = kind == jsjson.Array
		} else if n == 2 {
			changes = true
		}
		r.Skip()
	}
	if err := r.End(); err != nil {
		return false, false, fmt.Errorf("mergeable: load: %w", err)
	}
	if n != 2 && n != 3 || !stamped && n != 2 {
		return false, false, ErrContent
	}
	return stamped, changes, nil
}

func readPlain(text []byte) (*store.Snapshot, error) {
	r := jsjson.NewReader(text, nil)
	var b store.Builder
	p := parser{r: r, e: Encoded}
	set := func(err error) {
		if err != nil {
			r.Fail(err)
		}
	}
	r.BeginArray()
	r.NextElement()
	r.BeginObject()
	for r.NextKey() {
		table := string(r.Key())
		r.BeginObject()
		for r.NextKey() {
			row := string(r.Key())
			r.BeginObject()
			for r.NextKey() {
				cell := string(r.Key())
				set(b.SetCell(table, row, cell, p.value()))
			}
		}
	}
	r.NextElement()
	r.BeginObject()
	for r.NextKey() {
		id := string(r.Key())
		set(b.SetValue(id, p.value()))
	}
	r.NextElement()
	if err := r.End(); err != nil {
		return nil, fmt.Errorf("mergeable: load: %w", err)
	}
	return b.Snapshot(), nil
}

// load replaces everything.
type load struct {
	snap  *store.Snapshot
	state *state
	top   hlc.Stamp // within the limit of the clock
	own   hlc.Stamp // of this replica
	ahead hlc.Stamp
}

// SetContent replaces everything, stamps included. Stamps that are ahead of the clock are taken too, and reported: they
// are this replica's own, from a time when its clock was ahead. Hashes are computed.
func (m *Store) SetContent(by store.Origin, c *Changes) (Report, error) {
	if c.repeats() {
		c.sort()
	}
	g := &merging{m: m, changes: &Changes{}}
	g.whole = g.build(c, m.Client())
	err := m.of.UpdateAs(by, func(tx *store.Tx) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.merging, g.tx = g, tx
		if err := tx.ReplaceIn(store.Path{}, g.whole.snap); err != nil {
			return err
		}
		g.wrote = tx.Writes()
		g.seen = g.wrote
		if store.Diff(tx.Before(), g.whole.snap).IsEmpty() {
			m.replace(g) // there will be no commit
		}
		return nil
	})
	if err == nil && !g.done {
		err = errPutBack
	}
	return g.report, err
}

// build makes the state that belongs to c.
func (g *merging) build(c *Changes, client hlc.Client) *load {
	l := &load{state: newState()}
	limit := g.m.clock.Limit()
	see := func(s hlc.Stamp) {
		switch {
		case s.After(limit):
			if s.After(l.ahead) {
				l.ahead = s
			}
		case s.After(l.top):
			l.top = s
		}
		if s.Client() == client && s.After(l.own) {
			l.own = s
		}
	}
	var b store.Builder
	var writes []write
	s := l.state
	for i := 0; i < len(c.Cells); {
		first := &c.Cells[i]
		t := s.table(first.Table)
		n := t.rowOf(s.seed, first.Row)
		writes = writes[:0]
		for ; i < len(c.Cells) && c.Cells[i].Row == first.Row && c.Cells[i].Table == first.Table; i++ {
			x := &c.Cells[i]
			name := t.nameOf(x.Cell)
			if x.Value.Exists() {
				if err := b.SetCell(t.id, t.rows[n].id, t.names[name].id, x.Value); err != nil {
					g.report.refuse(store.Cell(x.Table, x.Row, x.Cell), x.Stamp, err)
					continue
				}
			}
			see(x.Stamp)
			writes = append(writes, write{name: name, value: x.Value, stamp: x.Stamp})
		}
		g.report.Applied += len(writes)
		s.writeRow(t, n, writes, hlc.Stamp{})
	}
	writes = writes[:0]
	for _, x := range c.Values {
		if x.Value.Exists() {
			if err := b.SetValue(x.ID, x.Value); err != nil {
				g.report.refuse(store.ValueOf(x.ID), x.Stamp, err)
				continue
			}
		}
		see(x.Stamp)
		writes = append(writes, write{name: s.values.nameOf(x.ID), value: x.Value, stamp: x.Stamp})
	}
	g.report.Applied += len(writes)
	s.writeRow(s.values, 0, writes, hlc.Stamp{})
	for _, o := range c.Stamps {
		see(o.Stamp)
		s.writeOwn(o)
	}
	if !l.ahead.IsZero() {
		var ahead *hlc.AheadError
		if errors.As(g.m.clock.Check(l.ahead), &ahead) {
			g.report.Ahead = ahead
		}
	}
	l.snap = b.Snapshot()
	return l
}

func (s *state) writeOwn(o OwnStamp) {
	table, row, _ := o.At.IDs()
	switch o.At.Level() {
	case store.AtTables:
		s.writeStamp(nil, o.Stamp)
	case store.AtTable:
		s.writeStamp(s.table(table), o.Stamp)
	case store.AtRow:
		t := s.table(table)
		s.writeRow(t, t.rowOf(s.seed, row), nil, o.Stamp)
	case store.AtValues:
		s.writeRow(s.values, 0, nil, o.Stamp)
	}
}

// replace puts a loaded state in the place of the present one.
func (m *Store) replace(g *merging) {
	g.done = true
	m.state = g.whole.state
	m.clock.Follow(g.whole.top)
	if m.lastOwn = g.whole.own; m.lastOwn.IsZero() {
		m.made = false
	}
	for f := range m.feeds {
		f.lose()
	}
	if m.onDelta != nil {
		m.onDelta(&Delta{Changes: *m.changes()})
	}
}

// commitLoad is commit after everything was replaced.
func (m *Store) commitLoad(g *merging, c *store.Commit) {
	m.replace(g)
	if g.seen != g.wrote {
		d := m.delta(nil)
		_ = m.stamp(store.Diff(g.whole.snap, c.After), false, d)
		m.publish(d)
	}
}

// SetDefault makes the Store hold this content, as far as nobody has written anything: what is stamped stays as it is.
// The content gets the zero Stamp, so that it loses against whatever other replicas have. Cells that were defaults
// before and are not in it are deleted.
func (m *Store) SetDefault(by store.Origin, content *store.Snapshot) error {
	g := &merging{m: m, changes: &Changes{}}
	err := m.of.UpdateAs(by, func(tx *store.Tx) error {
		m.mu.RLock()
		d := store.Diff(tx.Before(), content)
		for i := range d.Cells {
			x := &d.Cells[i]
			if m.state.stampOf(x.Table, x.Row, x.Cell).IsZero() {
				g.changes.Cells = append(g.changes.Cells, Cell{Table: x.Table, Row: x.Row, Cell: x.Cell, Value: x.New})
			}
		}
		for _, x := range d.Values {
			if m.state.stampOfValue(x.ID).IsZero() {
				g.changes.Values = append(g.changes.Values, KeyedValue{ID: x.ID, Value: x.New})
			}
		}
		m.mu.RUnlock()
		g.force = true
		return g.run(tx)
	})
	if err == nil && !g.done {
		err = errPutBack
	}
	return err
}
