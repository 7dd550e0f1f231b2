package mergeable

import (
	"strconv"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Hashes, by id: what replicas send each other to find out what they lack.
type (
	TableHashes map[string]uint32
	RowHashes   map[string]map[string]uint32
	CellHashes  map[string]map[string]map[string]uint32
	ValueHashes map[string]uint32
)

// Hashes returns the hash of all tables and the hash of all values. Replicas that have the same have equal ones; of an
// empty Store they are 0.
func (m *Store) Hashes() (tables, values uint32) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.state.hashes()
}

// Fingerprint returns 64 bits that stand for all contents and stamps, empty rows and the own stamps of rows and tables
// apart. It is not TinyBase's: replicas of this package compare it to find out whether equal hashes mean equal contents.
func (m *Store) Fingerprint() uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.state.print
}

// Summary returns the hashes and the fingerprint of one moment.
func (m *Store) Summary() (tables, values uint32, fingerprint uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	tables, values = m.state.hashes()
	return tables, values, m.state.print
}

// TableHashes returns the hashes of all tables.
func (m *Store) TableHashes() TableHashes {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := TableHashes{}
	for _, t := range m.state.tables {
		if t.there() {
			out[t.id] = t.hash
		}
	}
	return out
}

// RowHashes returns the hashes of the rows of those tables whose hash is another one here.
func (m *Store) RowHashes(theirs TableHashes) RowHashes {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := RowHashes{}
	for id, h := range theirs {
		t := m.state.named[id]
		if t == nil || t.hash == h || t.live == 0 {
			continue
		}
		rows := make(map[string]uint32, t.live)
		for n := range t.rows {
			if t.present(uint32(n)) {
				rows[t.rows[n].id] = t.rows[n].hash
			}
		}
		out[id] = rows
	}
	return out
}

// CellHashes returns the hashes of the cells of those rows whose hash is another one here.
func (m *Store) CellHashes(theirs RowHashes) CellHashes {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := CellHashes{}
	for id, rows := range theirs {
		t := m.state.named[id]
		if t == nil {
			continue
		}
		for row, h := range rows {
			n, ok := t.row(m.state.seed, row)
			if !ok || t.rows[n].hash == h || len(t.rows[n].cells) == 0 {
				continue
			}
			cells := make(map[string]uint32, len(t.rows[n].cells))
			for i := range t.rows[n].cells {
				c := &t.rows[n].cells[i]
				cells[t.names[c.id()].id] = c.hash
			}
			if out[id] == nil {
				out[id] = map[string]map[string]uint32{}
			}
			out[id][row] = cells
		}
	}
	return out
}

// ValueHashes returns the hashes of all keyed values.
func (m *Store) ValueHashes() ValueHashes {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v := m.state.values
	out := make(ValueHashes, len(v.rows[0].cells))
	for i := range v.rows[0].cells {
		c := &v.rows[0].cells[i]
		out[v.names[c.id()].id] = c.hash
	}
	return out
}

// TableDiff compares with another replica's tables. It returns what that one lacks: tables, with all that is in them. And
// it returns the hashes of the tables that both have, and that differ.
func (m *Store) TableDiff(theirs TableHashes) (lacks Missing, differ TableHashes) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	lacks = Missing{m: m, of: m.state, stamp: m.state.stamp, short: true}
	differ = TableHashes{}
	for _, t := range m.state.tables {
		if !t.there() {
			continue
		}
		h, ok := theirs[t.id]
		switch {
		case !ok:
			lacks.table(t, t.stamp)
			for n := range t.rows {
				if t.present(uint32(n)) {
					lacks.row(uint32(n), t.stamps[uint32(n)], nil)
				}
			}
		case h != t.hash:
			differ[t.id] = t.hash
		}
	}
	return lacks, differ
}

// RowDiff compares with another replica's rows. It returns the rows that it lacks, with their cells, and the hashes of the
// rows that both have, and that differ.
func (m *Store) RowDiff(theirs RowHashes) (lacks Missing, differ RowHashes) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	lacks = Missing{m: m, of: m.state, stamp: m.state.stamp, short: true}
	differ = RowHashes{}
	for _, t := range m.state.tables {
		rows, ok := theirs[t.id]
		if !ok {
			continue
		}
		opened := false
		for n := range t.rows {
			if !t.present(uint32(n)) {
				continue
			}
			h, ok := rows[t.rows[n].id]
			switch {
			case !ok:
				if !opened {
					lacks.table(t, hlc.Stamp{})
					opened = true
				}
				lacks.row(uint32(n), t.stamps[uint32(n)], nil)
			case h != t.rows[n].hash:
				if differ[t.id] == nil {
					differ[t.id] = map[string]uint32{}
				}
				differ[t.id][t.rows[n].id] = t.rows[n].hash
			}
		}
	}
	return lacks, differ
}

// CellDiff compares with the cells of another replica's rows. It returns those that are missing there, or differ.
func (m *Store) CellDiff(theirs CellHashes) Missing {
	m.mu.RLock()
	defer m.mu.RUnlock()
	lacks := Missing{m: m, of: m.state, stamp: m.state.stamp}
	for _, t := range m.state.tables {
		rows, ok := theirs[t.id]
		if !ok {
			continue
		}
		opened := false
		for id, cells := range rows {
			n, ok := t.row(m.state.seed, id)
			if !ok {
				continue
			}
			var names []uint32
			for i := range t.rows[n].cells {
				c := &t.rows[n].cells[i]
				if h, ok := cells[t.names[c.id()].id]; !ok || h != c.hash {
					names = append(names, c.id())
				}
			}
			if len(names) == 0 {
				continue
			}
			if !opened {
				lacks.table(t, t.stamp)
				opened = true
			}
			lacks.row(n, t.stamps[n], names)
		}
	}
	return lacks
}

// ValueDiff compares with another replica's keyed values. It returns those that are missing there, or differ.
func (m *Store) ValueDiff(theirs ValueHashes) *Changes {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v := m.state.values
	values := m.contents(v, 0, nil)
	out := &Changes{}
	if s := v.stamps[0]; !s.IsZero() {
		out.Stamps = []OwnStamp{{store.Values(), s}}
	}
	for i := range v.rows[0].cells {
		c := &v.rows[0].cells[i]
		id := v.names[c.id()].id
		if h, ok := theirs[id]; !ok || h != c.hash {
			out.Values = append(out.Values, KeyedValue{id, values[i], c.stamp()})
		}
	}
	return out
}

// AppendJSON appends {id:hash}.
func (h TableHashes) AppendJSON(dst []byte) []byte { return appendHashes(dst, h) }

// AppendJSON appends {id:hash}.
func (h ValueHashes) AppendJSON(dst []byte) []byte { return appendHashes(dst, h) }

// AppendJSON appends {table:{row:hash}}.
func (h RowHashes) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for id, rows := range h {
		dst = appendHashes(append(jsjson.AppendString(comma(dst), id), ':'), rows)
	}
	return append(dst, '}')
}

// AppendJSON appends {table:{row:{cell:hash}}}.
func (h CellHashes) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for id, rows := range h {
		dst = RowHashes(rows).AppendJSON(append(jsjson.AppendString(comma(dst), id), ':'))
	}
	return append(dst, '}')
}

func appendHashes(dst []byte, hashes map[string]uint32) []byte {
	dst = append(dst, '{')
	for id, h := range hashes {
		dst = append(jsjson.AppendString(comma(dst), id), ':')
		dst = strconv.AppendUint(dst, uint64(h), 10)
	}
	return append(dst, '}')
}

// ReadHashes reads {id:hash}. Errors stay in r.
func ReadHashes(r *jsjson.Reader) map[string]uint32 {
	out := map[string]uint32{}
	r.BeginObject()
	for r.NextKey() {
		id := string(r.Key())
		out[id] = uint32(int64(r.Number()))
	}
	return out
}

// ReadRowHashes reads {table:{row:hash}}. Errors stay in r.
func ReadRowHashes(r *jsjson.Reader) RowHashes {
	out := RowHashes{}
	r.BeginObject()
	for r.NextKey() {
		id := string(r.Key())
		out[id] = ReadHashes(r)
	}
	return out
}

// ReadCellHashes reads {table:{row:{cell:hash}}}. Errors stay in r.
func ReadCellHashes(r *jsjson.Reader) CellHashes {
	out := CellHashes{}
	r.BeginObject()
	for r.NextKey() {
		id := string(r.Key())
		out[id] = ReadRowHashes(r)
	}
	return out
}
