package store_test

import (
	"encoding/json"
	"slices"

	"github.com/rowloom/rowloom/store"
)

// schemaEntries reads the schema of the cells of a table, or of the values, entry by entry: what the package calls a mistake,
// TinyBase passes over.
func schemaEntries(x any) map[string]store.CellSchema {
	o, ok := x.(*object)
	if !ok {
		return nil
	}
	out := map[string]store.CellSchema{}
	for _, id := range o.keys {
		entry, ok := o.at[id].(*object)
		if !ok {
			continue
		}
		known := newObject()
		for _, key := range entry.keys {
			if slices.Contains([]string{"type", "enum", "default", "allowNull", "required"}, key) {
				known.set(key, entry.at[key]) // the package refuses a key that nobody knows
			}
		}
		for _, key := range []string{"allowNull", "required"} { // and what is true only to JavaScript
			if x, has := known.at[key]; has {
				known.set(key, x != nil && x != false && x != 0.0 && x != "")
			}
		}
		if d, has := known.at["default"]; has && d == nil && known.at["allowNull"] != true {
			continue
		}
		c, err := readEntry(known)
		if _, has := known.at["default"]; err != nil && has {
			delete(known.at, "default")
			known.keys = remove(known.keys, "default")
			c, err = readEntry(known)
		}
		if err == nil {
			out[id] = c
		}
	}
	return out
}

func remove(list []string, s string) (out []string) {
	for _, x := range list {
		if x != s {
			out = append(out, x)
		}
	}
	return out
}

func readEntry(entry *object) (store.CellSchema, error) {
	text := append([]byte(`{"t":{"c":`), stringify(nil, entry)...)
	var s store.Schema
	err := json.Unmarshal(append(text, "}}"...), &s)
	return s.Tables["t"].Cells["c"], err
}

func (b *tinybase) setTablesSchema(x any) {
	o, ok := x.(*object)
	if !ok {
		return
	}
	tables := map[string]store.TableSchema{}
	for _, table := range o.keys {
		if cells := schemaEntries(o.at[table]); len(cells) > 0 {
			tables[table] = store.TableSchema{Cells: cells}
		}
	}
	if len(tables) == 0 {
		return
	}
	b.changeSchema(func() { b.schema.Tables = tables })
}

func (b *tinybase) setValuesSchema(x any) {
	if values := schemaEntries(x); len(values) > 0 {
		b.changeSchema(func() { b.schema.Values = values })
	}
}

// changeSchema makes the content fit, by dropping what does not: what TinyBase does without being asked.
func (b *tinybase) changeSchema(change func()) {
	if b.tx == nil && b.enforced != nil {
		b.enforced.Stop()
		b.enforced = nil
	}
	b.hadSchema = true
	b.transaction(func() {
		change()
		misfits := b.schema.Misfits(b.tx)
		for _, m := range misfits {
			table, row, cell := m.Path.IDs()
			switch {
			case m.Path.Level() == store.AtValue:
				b.invalidValue(cell, fromValue(m.Got))
				must(b.tx.SetValue(cell, b.schema.Values[cell].Default))
			case m.Got.Exists():
				if _, known := b.schema.Tables[table]; known {
					b.invalidCell(table, row, cell, fromValue(m.Got))
				} else {
					b.invalidCell(table, undefined, undefined, undefined)
				}
				must(b.tx.SetCell(table, row, cell, b.schema.Tables[table].Cells[cell].Default))
			default:
				b.invalidCell(table, row, cell, undefined)
				must(b.tx.DelRow(table, row))
			}
		}
		for table, t := range b.schema.Tables {
			for row := range b.tx.Snapshot().Rows(table) {
				for cell, c := range t.Cells {
					if !b.tx.Cell(table, row, cell).Exists() {
						if c.Default.Exists() {
							must(b.tx.SetCell(table, row, cell, c.Default))
						} else if !c.Required {
							b.invalidCell(table, row, cell, undefined)
						}
					}
				}
			}
		}
		for id, c := range b.schema.Values {
			if b.tx.Value(id).Exists() {
				continue
			}
			if c.Default.Exists() {
				must(b.tx.SetValue(id, c.Default))
			} else {
				b.invalidValue(id, undefined)
			}
		}
	}, nil)
	b.enforce()
}

// enforce has the package watch over the schema, outside of transactions.
func (b *tinybase) enforce() {
	if b.tx != nil {
		return
	}
	if b.enforced != nil {
		b.enforced.Stop()
		b.enforced = nil
	}
	if b.schema.Tables != nil || b.schema.Values != nil {
		var err error
		b.enforced, _, err = store.Enforce(b.store, b.schema, nil)
		must(err)
	}
}

// schemaJSON returns both halves.
func (b *tinybase) schemaJSON() []any {
	text, err := json.Marshal(b.schema)
	must(err)
	return parseJS(text).([]any)
}

// normalSchema makes equal what means the same: a union of one type is that type, and what is true to JavaScript is true.
func normalSchema(x any) any {
	switch x := x.(type) {
	case []any:
		out := []any{}
		for _, y := range x {
			out = append(out, normalSchema(y))
		}
		return out
	case *object:
		out := newObject()
		for _, key := range x.keys {
			y := normalSchema(x.at[key])
			if list, ok := y.([]any); ok && key == "type" && len(list) == 1 {
				y = list[0]
			}
			if key == "allowNull" || key == "required" {
				if _, entry := y.(*object); !entry {
					y = y != nil && y != false && y != 0.0 && y != ""
				}
			}
			out.set(key, y)
		}
		return out
	}
	return x
}
