package mergeable

import (
	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// appendCell appends [content,stamp] or, when the stamp is zero and short is true, [content].
func appendCell(dst []byte, v store.Value, s hlc.Stamp, short bool) []byte {
	dst = append(dst, '[')
	dst = appendWire(dst, v)
	if !short || !s.IsZero() {
		dst = append(dst, `,"`...)
		dst = append(s.Append(dst), '"')
	}
	return append(dst, ']')
}

// appendWire appends a cell in the encoded form.
func appendWire(dst []byte, v store.Value) []byte {
	if !v.Exists() {
		return append(dst, `"`+undefinedMark+`"`...)
	}
	return appendEncoded(dst, v)
}

// endStamp closes a short stamp that was opened by '['.
func endStamp(dst []byte, s hlc.Stamp) []byte {
	if !s.IsZero() {
		dst = append(dst, `,"`...)
		dst = append(s.Append(dst), '"')
	}
	return append(dst, ']')
}

// AppendJSON appends c in the form of a ContentDiff: [tablesStamp,valuesStamp,1] with short stamps, encoded. The cells of
// a row must stand together, and the rows of a table. The own stamp of a row is left out when none of its cells is there.
func (c *Changes) AppendJSON(dst []byte) []byte {
	dst = c.AppendTables(append(dst, '['))
	dst = c.AppendValues(append(dst, ','))
	return append(dst, ",1]"...)
}

// AppendTables appends the tables stamp of c.
func (c *Changes) AppendTables(dst []byte) []byte {
	own := func(p store.Path) hlc.Stamp {
		for _, s := range c.Stamps {
			if s.At == p {
				return s.Stamp
			}
		}
		return hlc.Stamp{}
	}
	dst = append(dst, "[{"...)
	written := map[store.Path]bool{}
	for i := 0; i < len(c.Cells); {
		table := c.Cells[i].Table
		dst = jsjson.AppendString(comma(dst), table)
		dst = append(dst, ":[{"...)
		for i < len(c.Cells) && c.Cells[i].Table == table {
			row := c.Cells[i].Row
			dst = jsjson.AppendString(comma(dst), row)
			dst = append(dst, ":[{"...)
			for ; i < len(c.Cells) && c.Cells[i].Row == row && c.Cells[i].Table == table; i++ {
				x := &c.Cells[i]
				dst = append(jsjson.AppendString(comma(dst), x.Cell), ':')
				dst = appendCell(dst, x.Value, x.Stamp, true)
			}
			dst = append(dst, '}')
			if len(c.Stamps) > 0 {
				dst = endStamp(dst, own(store.Row(table, row)))
			} else {
				dst = append(dst, ']')
			}
		}
		dst = append(dst, '}')
		if len(c.Stamps) > 0 {
			dst = endStamp(dst, own(store.Table(table)))
			written[store.Table(table)] = true
		} else {
			dst = append(dst, ']')
		}
	}
	for _, s := range c.Stamps {
		if written[s.At] {
			continue
		}
		if table, _, _ := s.At.IDs(); s.At.Level() == store.AtTable {
			dst = jsjson.AppendString(comma(dst), table)
			dst = endStamp(append(dst, ":[{}"...), s.Stamp)
		}
	}
	return endStamp(append(dst, '}'), own(store.Tables()))
}

// AppendValues appends the values stamp of c.
func (c *Changes) AppendValues(dst []byte) []byte {
	var own hlc.Stamp
	for _, s := range c.Stamps {
		if s.At == store.Values() {
			own = s.Stamp
		}
	}
	dst = append(dst, "[{"...)
	for i := range c.Values {
		x := &c.Values[i]
		dst = append(jsjson.AppendString(comma(dst), x.ID), ':')
		dst = appendCell(dst, x.Value, x.Stamp, true)
	}
	return endStamp(append(dst, '}'), own)
}

// comma appends a comma unless an object or array has just been opened.
func comma(dst []byte) []byte {
	if c := dst[len(dst)-1]; c == '{' || c == '[' {
		return dst
	}
	return append(dst, ',')
}
