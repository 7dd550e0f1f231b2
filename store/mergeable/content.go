package mergeable

import (
	"strconv"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// there reports whether anything has been written in a table.
func (t *table) there() bool { return t.live > 0 || !t.stamp.IsZero() }

// contents returns the contents of the cells of a row, place by place; what is deleted is the zero Value. buf is used when
// it is large enough.
func (m *Store) contents(t *table, n uint32, buf []store.Value) []store.Value {
	r := &t.rows[n]
	if cap(buf) < len(r.cells) {
		buf = make([]store.Value, len(r.cells), len(r.cells)*2)
	}
	buf = buf[:len(r.cells)]
	if len(buf) == 1 && t != m.state.values {
		buf[0] = m.snap.Cell(t.id, r.id, t.names[r.cells[0].id()].id)
		return buf
	}
	clear(buf)
	set := func(id string, v store.Value) {
		if name, ok := t.named[id]; ok {
			if i, ok := r.find(name); ok {
				buf[i] = v
			}
		}
	}
	if t == m.state.values {
		for id, v := range m.snap.Values() {
			set(id, v)
		}
		return buf
	}
	for id, v := range m.snap.Cells(t.id, r.id) {
		set(id, v)
	}
	return buf
}

// AppendContent appends all content with stamps and hashes, as TinyBase's file persister writes it:
// [tablesStamp,valuesStamp], encoded, without white space.
func (m *Store) AppendContent(dst []byte) []byte {
	m.mu.RLock()
	defer m.mu.RUnlock()
	full := func(dst []byte, s hlc.Stamp, hash uint32) []byte {
		dst = append(s.Append(append(dst, `,"`...)), `",`...)
		return append(strconv.AppendUint(dst, uint64(hash), 10), ']')
	}
	var buf []store.Value
	row := func(dst []byte, t *table, n uint32) []byte {
		r := &t.rows[n]
		buf = m.contents(t, n, buf)
		dst = append(dst, "[{"...)
		for i := range r.cells {
			c := &r.cells[i]
			dst = append(jsjson.AppendString(comma(dst), t.names[c.id()].id), ":["...)
			dst = full(appendWire(dst, buf[i]), c.stamp(), c.hash)
		}
		return full(append(dst, '}'), t.stamps[n], r.hash)
	}
	dst = append(dst, "[[{"...)
	for _, t := range m.state.tables {
		if !t.there() {
			continue
		}
		dst = append(jsjson.AppendString(comma(dst), t.id), ":[{"...)
		for n := range t.rows {
			if t.present(uint32(n)) {
				dst = row(append(jsjson.AppendString(comma(dst), t.rows[n].id), ':'), t, uint32(n))
			}
		}
		dst = full(append(dst, '}'), t.stamp, t.hash)
	}
	dst = full(append(dst, '}'), m.state.stamp, m.state.hash)
	return append(row(append(dst, ','), m.state.values, 0), ']')
}

// Changes returns all content with stamps.
func (m *Store) Changes() *Changes {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.changes()
}

func (m *Store) changes() *Changes {
	c := &Changes{}
	own := func(at store.Path, s hlc.Stamp) {
		if !s.IsZero() {
			c.Stamps = append(c.Stamps, OwnStamp{at, s})
		}
	}
	var buf []store.Value
	for _, t := range m.state.tables {
		for n := range t.rows {
			buf = m.contents(t, uint32(n), buf)
			r := &t.rows[n]
			for i := range r.cells {
				x := &r.cells[i]
				c.Cells = append(c.Cells, Cell{t.id, r.id, t.names[x.id()].id, buf[i], x.stamp()})
			}
			own(store.Row(t.id, r.id), t.stamps[uint32(n)])
		}
		own(store.Table(t.id), t.stamp)
	}
	own(store.Tables(), m.state.stamp)
	v := m.state.values
	buf = m.contents(v, 0, buf)
	for i := range v.rows[0].cells {
		x := &v.rows[0].cells[i]
		c.Values = append(c.Values, KeyedValue{v.names[x.id()].id, buf[i], x.stamp()})
	}
	own(store.Values(), v.stamps[0])
	return c
}

// Merge merges two Stores into each other, so that both hold the same. They may be changed meanwhile.
func (m *Store) Merge(by store.Origin, other *Store) (mine, theirs Report, err error) {
	a, b := m.Changes(), other.Changes()
	if theirs, err = other.Apply(by, a); err != nil {
		return mine, theirs, err
	}
	mine, err = m.Apply(by, b)
	return mine, theirs, err
}
