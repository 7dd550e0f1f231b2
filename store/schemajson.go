package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rowloom/rowloom/internal/jsjson"
)

// MarshalJSON returns TinyBase's JSON of a schema, [tables, values], with a third element where something is open, which
// TinyBase does not look at: {"tables": true, "values": true, "open": ["table"]}.
func (s Schema) MarshalJSON() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	b := append([]byte{'['}, '{')
	sep := ""
	var open []string
	for table, t := range sorted(s.Tables) {
		if t.Open {
			open = append(open, table)
		}
		b = append(jsjson.AppendString(append(b, sep...), table), ':')
		b = appendCells(b, t.Cells)
		sep = ","
	}
	b = appendCells(append(b, '}', ','), s.Values)
	if open != nil || s.OpenTables || s.OpenValues {
		more, err := json.Marshal(openJSON{s.OpenTables, s.OpenValues, open})
		if err != nil {
			return nil, err
		}
		b = append(append(b, ','), more...)
	}
	return append(b, ']'), nil
}

type openJSON struct {
	Tables bool     `json:"tables,omitempty"`
	Values bool     `json:"values,omitempty"`
	Open   []string `json:"open,omitempty"`
}

func appendCells(b []byte, cells map[string]CellSchema) []byte {
	b = append(b, '{')
	sep := ""
	for id, c := range sorted(cells) {
		b = append(jsjson.AppendString(append(b, sep...), id), ':')
		b = c.append(b)
		sep = ","
	}
	return append(b, '}')
}

func (c CellSchema) append(b []byte) []byte {
	list := func(n int, item func(i int) []byte) {
		b = append(b, '[')
		for i := range n {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, item(i)...)
		}
		b = append(b, ']')
	}
	switch {
	case len(c.Types) == 1:
		b = append(append(append(b, `{"type":"`...), c.Types[0].String()...), '"')
	case len(c.Types) > 0:
		b = append(b, `{"type":`...)
		list(len(c.Types), func(i int) []byte { return []byte(`"` + c.Types[i].String() + `"`) })
	default:
		b = append(b, `{"enum":`...)
		list(len(c.Enum), func(i int) []byte { return c.Enum[i].AppendJSON(nil) })
	}
	if c.Default.Exists() {
		b = c.Default.AppendJSON(append(b, `,"default":`...))
	}
	if c.AllowNull {
		b = append(b, `,"allowNull":true`...)
	}
	if c.Required {
		b = append(b, `,"required":true`...)
	}
	return append(b, '}')
}

// UnmarshalJSON reads what MarshalJSON and TinyBase's getSchemaJson write, and also tables alone. Where TinyBase passes over
// a mistake, this is an error.
func (s *Schema) UnmarshalJSON(text []byte) error {
	r := jsjson.NewReader(text, nil)
	var out Schema
	readOpen := func() {
		var open openJSON
		raw := r.AppendCanonical(nil)
		if r.Err() != nil {
			return
		}
		if err := json.Unmarshal(raw, &open); err != nil {
			r.Fail(err)
		}
		out.OpenTables, out.OpenValues = open.Tables, open.Values
		for _, table := range open.Open {
			t := out.Tables[table]
			t.Open = true
			if out.Tables == nil {
				out.Tables = map[string]TableSchema{}
			}
			out.Tables[table] = t
		}
	}
	if r.Peek() == jsjson.Object {
		out.readTables(r)
	} else {
		r.BeginArray()
		for i := 0; r.NextElement(); i++ {
			switch i {
			case 0:
				out.readTables(r)
			case 1:
				if cells := readCells(r); len(cells) > 0 {
					out.Values = cells
				}
			case 2:
				readOpen()
			default:
				r.Failf("more than tables, values and what is open")
			}
		}
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("store: schema: %w", err)
	}
	if err := out.Check(); err != nil {
		return err
	}
	*s = out
	return nil
}

func (s *Schema) readTables(r *jsjson.Reader) {
	r.BeginObject()
	for r.NextKey() {
		if s.Tables == nil {
			s.Tables = map[string]TableSchema{}
		}
		table := string(r.Key())
		s.Tables[table] = TableSchema{Cells: readCells(r)}
	}
}

func readCells(r *jsjson.Reader) map[string]CellSchema {
	cells := map[string]CellSchema{}
	r.BeginObject()
	for r.NextKey() {
		id := string(r.Key())
		cells[id] = readCell(r)
	}
	return cells
}

func readCell(r *jsjson.Reader) (c CellSchema) {
	r.BeginObject()
	for r.NextKey() {
		switch key := string(r.Key()); key {
		case "type":
			if r.Peek() == jsjson.Array {
				r.BeginArray()
				for r.NextElement() {
					c.Types = append(c.Types, readKind(r))
				}
			} else {
				c.Types = append(c.Types, readKind(r))
			}
		case "enum":
			r.BeginArray()
			for r.NextElement() {
				c.Enum = append(c.Enum, ReadJSON(r))
			}
		case "default":
			c.Default = ReadJSON(r)
		case "allowNull":
			c.AllowNull = r.Bool()
		case "required":
			c.Required = r.Bool()
		default:
			r.Failf("the key %q in the schema of a cell", key)
		}
	}
	return c
}

func readKind(r *jsjson.Reader) Kind {
	name := string(r.Text())
	for k := Bool; k <= Array; k++ {
		if k.String() == name {
			return k
		}
	}
	if r.Err() == nil {
		r.Fail(errors.New("store: the type " + quoteID(name) + " is unknown"))
	}
	return invalid
}
