package yjs

import (
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/store"
)

// reading builds a Snapshot of parts of a document.
type reading struct {
	store.Builder
	err error
}

// read takes one part. Where a container should be and something else stands, there is nothing.
func (b *reading) read(root ycrdt.Map, at store.Path) {
	table, row, cell := at.IDs()
	switch at.Level() {
	case store.AtAll:
		b.tables(root.GetMap(tablesKey))
		b.values(root.GetMap(valuesKey))
	case store.AtTables:
		b.tables(root.GetMap(tablesKey))
	case store.AtTable:
		b.table(table, root.GetMap(tablesKey).GetMap(table))
	case store.AtRow:
		b.row(table, row, root.GetMap(tablesKey).GetMap(table).GetMap(row))
	case store.AtCell:
		if v, ok := root.GetMap(tablesKey).GetMap(table).GetMap(row).Get(cell); ok {
			b.cell(table, row, cell, v)
		}
	case store.AtValues:
		b.values(root.GetMap(valuesKey))
	case store.AtValue:
		if v, ok := root.GetMap(valuesKey).Get(cell); ok {
			b.value(cell, v)
		}
	}
}

func (b *reading) tables(m ycrdt.Map) {
	for table, v := range m.All() {
		b.table(table, v.Map())
	}
}

func (b *reading) table(table string, m ycrdt.Map) {
	for row, v := range m.All() {
		b.row(table, row, v.Map())
	}
}

func (b *reading) row(table, row string, m ycrdt.Map) {
	for cell, v := range m.All() {
		b.cell(table, row, cell, v)
	}
}

func (b *reading) values(m ycrdt.Map) {
	for id, v := range m.All() {
		b.value(id, v)
	}
}

func (b *reading) cell(table, row, cell string, v ycrdt.Value) {
	if x, ok := decode(v); ok && b.err == nil {
		b.err = b.SetCell(table, row, cell, x)
	}
}

func (b *reading) value(id string, v ycrdt.Value) {
	if x, ok := decode(v); ok && b.err == nil {
		b.err = b.SetValue(id, x)
	}
}

// decode returns a value of a document as a Store holds it; ok is false for what no Store can hold.
func decode(v ycrdt.Value) (x store.Value, ok bool) {
	switch v.Kind() {
	case ycrdt.KindNull:
		return store.NullValue(), true
	case ycrdt.KindBool:
		return store.Of(v.Bool()), true
	case ycrdt.KindNumber:
		x = store.Of(v.Number())
	case ycrdt.KindString:
		var err error
		if x, err = store.Of(v.Str()).Decoded(); err != nil || !x.Exists() {
			return store.Value{}, false
		}
	case ycrdt.KindList, ycrdt.KindObject:
		text, err := lib0.AppendJSON(nil, v.Any())
		if err != nil || !isJSON(v.Any()) {
			return store.Value{}, false
		}
		if x, err = store.ParseJSON(string(text)); err != nil {
			return store.Value{}, false
		}
	default:
		return store.Value{}, false
	}
	return x, x.Err() == nil
}

// isJSON says whether JSON can express the value and everything in it.
func isJSON(v lib0.Any) bool {
	switch v.Kind() {
	case lib0.Undefined, lib0.BigInt, lib0.Bytes:
		return false
	case lib0.Number:
		return store.Of(v.Number()).Err() == nil
	}
	for _, e := range v.List() {
		if !isJSON(e) {
			return false
		}
	}
	for _, f := range v.Fields() {
		if !isJSON(f.Value) {
			return false
		}
	}
	return true
}

// encode returns a value of a Store as it stands in a document.
func encode(x store.Value) ycrdt.Value {
	switch x = x.Encoded(); x.Kind() {
	case store.Null:
		return ycrdt.Null()
	case store.Bool:
		return ycrdt.Bool(x.Bool())
	case store.Number:
		return ycrdt.Number(x.Number())
	}
	return ycrdt.String(x.Text())
}
