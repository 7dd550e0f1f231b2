package mergeable

import (
	"slices"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Missing is what another replica lacks: a list of places. It is written from what the Store holds at the time of
// writing, as a whole or in pieces of bounded size.
type Missing struct {
	m     *Store
	of    *state    // to which the numbers belong
	short bool      // cells with the zero Stamp are written [content] rather than [content,""]
	stamp hlc.Stamp // of all tables
	parts []missingTable
}

type missingTable struct {
	table *table
	stamp hlc.Stamp
	rows  []missingRow
}

type missingRow struct {
	row   uint32
	stamp hlc.Stamp
	names []uint32 // nil is all cells
}

func (m *Missing) table(t *table, s hlc.Stamp) { m.parts = append(m.parts, missingTable{t, s, nil}) }

func (m *Missing) row(n uint32, s hlc.Stamp, names []uint32) {
	last := &m.parts[len(m.parts)-1]
	last.rows = append(last.rows, missingRow{n, s, names})
}

// IsEmpty reports whether nothing is missing.
func (m *Missing) IsEmpty() bool { return len(m.parts) == 0 }

// AppendTables appends all of it as one tables stamp, and forgets it.
func (m *Missing) AppendTables(dst []byte) []byte {
	dst, _ = m.piece(dst, 1<<62)
	return dst
}

// AppendWithin appends all of it as one tables stamp, if that is not longer than about max bytes. It forgets nothing.
func (m *Missing) AppendWithin(dst []byte, max int) (out []byte, ok bool) {
	c := *m
	c.parts = slices.Clone(m.parts)
	for i := range c.parts {
		c.parts[i].rows = slices.Clone(c.parts[i].rows)
	}
	out, more := c.piece(dst, max)
	if more {
		return dst, false
	}
	return out, true
}

// NextPiece appends a tables stamp of about max bytes, and forgets what it has appended. It reports whether more is left. A
// row is cut between cells when it is too long; one cell is not.
func (m *Missing) NextPiece(dst []byte, max int) (out []byte, more bool) {
	return m.piece(dst, max)
}

func (m *Missing) piece(dst []byte, max int) (out []byte, more bool) {
	m.m.mu.RLock()
	defer m.m.mu.RUnlock()
	limit := len(dst) + max
	if limit < 0 {
		limit = 1 << 62
	}
	var buf []store.Value
	dst = append(dst, "[{"...)
	if m.of != m.m.state {
		m.parts = nil // everything has been replaced, and a Feed says so
	}
	parts := m.parts
	for len(parts) > 0 && len(dst) < limit {
		p := &parts[0]
		dst = append(jsjson.AppendString(comma(dst), p.table.id), ":[{"...)
		rows := p.rows
		for len(rows) > 0 && len(dst) < limit {
			r := &rows[0]
			cells := p.table.rows[r.row].cells
			buf = m.m.contents(p.table, r.row, buf)
			dst = append(jsjson.AppendString(comma(dst), p.table.rows[r.row].id), ":[{"...)
			var left []uint32
			write := func(i int) {
				c := &cells[i]
				dst = append(jsjson.AppendString(comma(dst), p.table.names[c.id()].id), ':')
				dst = appendCell(dst, buf[i], c.stamp(), m.short)
			}
			if r.names == nil {
				for i := range cells {
					if i > 0 && len(dst) >= limit {
						for ; i < len(cells); i++ {
							left = append(left, cells[i].id())
						}
						break
					}
					write(i)
				}
			} else {
				for j, name := range r.names {
					if j > 0 && len(dst) >= limit {
						left = r.names[j:]
						break
					}
					if i, ok := p.table.rows[r.row].find(name); ok {
						write(i)
					}
				}
			}
			dst = endStamp(append(dst, '}'), r.stamp)
			if len(left) > 0 {
				r.names = left
				break
			}
			rows = rows[1:]
		}
		dst = endStamp(append(dst, '}'), p.stamp)
		if p.rows = rows; len(rows) > 0 {
			break
		}
		parts = parts[1:]
	}
	m.parts = parts
	return endStamp(append(dst, '}'), m.stamp), len(parts) > 0
}
