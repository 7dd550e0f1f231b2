package store

import (
	"fmt"

	"github.com/rowloom/rowloom/internal/jsjson"
)

// MarshalJSON returns c without loss:
//
//	{"cells": [["pets", "fido", "price", 3, 5]], "values": [["open", "\uFFFC", true]]}
//
// Old and new content stand in TinyBase's encoding, so U+FFFC is absent, and an object is a string of U+FFFD and its text.
func (c Changes) MarshalJSON() ([]byte, error) {
	b := append([]byte{}, `{"cells":[`...)
	for i := range c.Cells {
		x := &c.Cells[i]
		if i > 0 {
			b = append(b, ',')
		}
		for j, id := range [...]string{x.Table, x.Row, x.Cell} {
			b = jsjson.AppendString(append(b, "[,,"[j]), id)
		}
		b = x.New.appendEncoded(append(x.Old.appendEncoded(append(b, ',')), ','))
		b = append(b, ']')
	}
	b = append(b, `],"values":[`...)
	for i, x := range c.Values {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsjson.AppendString(append(b, '['), x.ID)
		b = x.New.appendEncoded(append(x.Old.appendEncoded(append(b, ',')), ','))
		b = append(b, ']')
	}
	return append(b, "]}"...), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Changes) UnmarshalJSON(text []byte) error {
	r := jsjson.NewReader(text, nil)
	var out Changes
	entry := func(ids ...*string) (old, new Value) {
		r.BeginArray()
		n := 0
		for ; r.NextElement(); n++ {
			if n < len(ids) {
				*ids[n] = string(r.Text())
				continue
			}
			v, err := ReadJSON(r).Decoded()
			if err == nil {
				err = v.Err()
			}
			if err != nil {
				r.Fail(err)
			}
			switch n - len(ids) {
			case 0:
				old = v
			case 1:
				new = v
			}
		}
		if n != len(ids)+2 && r.Err() == nil {
			r.Failf("a change of %d parts where %d were expected", n, len(ids)+2)
		}
		return old, new
	}
	r.BeginObject()
	for r.NextKey() {
		switch key := string(r.Key()); key {
		case "cells":
			r.BeginArray()
			for r.NextElement() {
				var x CellChange
				x.Old, x.New = entry(&x.Table, &x.Row, &x.Cell)
				out.Cells = append(out.Cells, x)
			}
		case "values":
			r.BeginArray()
			for r.NextElement() {
				var x ValueChange
				x.Old, x.New = entry(&x.ID)
				out.Values = append(out.Values, x)
			}
		default:
			r.Failf("the key %q in changes", key)
		}
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("store: changes: %w", err)
	}
	out.normalize()
	*c = out
	return nil
}

// AppendTinyBase appends c as TinyBase writes changes, [tables, values, 1]: only what is new, and U+FFFC for what is gone.
// after is the content that c led to; a row or table that it does not have is gone as a whole.
func (c Changes) AppendTinyBase(dst []byte, after Reader) []byte {
	dst = append(dst, '[', '{')
	gone := func() { dst = Value{}.appendEncoded(dst) }
	tables := c.Cells
	for len(tables) > 0 {
		table := tables[0].Table
		n := 1
		for n < len(tables) && tables[n].Table == table {
			n++
		}
		rows := tables[:n]
		if dst = append(jsjson.AppendString(dst, table), ':'); !after.HasTable(table) {
			gone()
		} else {
			dst = append(dst, '{')
			for len(rows) > 0 {
				row := rows[0].Row
				n := 1
				for n < len(rows) && rows[n].Row == row {
					n++
				}
				if dst = append(jsjson.AppendString(dst, row), ':'); !after.HasRow(table, row) {
					gone()
				} else {
					for i, x := range rows[:n] {
						dst = jsjson.AppendString(append(dst, "{,"[min(i, 1)]), x.Cell)
						dst = x.New.appendEncoded(append(dst, ':'))
					}
					dst = append(dst, '}')
				}
				if rows = rows[n:]; len(rows) > 0 {
					dst = append(dst, ',')
				}
			}
			dst = append(dst, '}')
		}
		if tables = tables[n:]; len(tables) > 0 {
			dst = append(dst, ',')
		}
	}
	dst = append(dst, '}', ',', '{')
	for i, x := range c.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = x.New.appendEncoded(append(jsjson.AppendString(dst, x.ID), ':'))
	}
	return append(dst, "},1]"...)
}

// ApplyTinyBase writes changes that TinyBase has written, [tables, values, 1]. U+FFFC deletes a cell, a row, a table or a
// value. When something is wrong, nothing changes; the error is a *[ContentError].
func (tx *Tx) ApplyTinyBase(text []byte) error {
	if tx.done {
		return ErrTxDone
	}
	before := tx.save()
	p := contentParser{form: TinyBaseForm, r: jsjson.NewReader(text, nil)}
	p.changes(tx)
	if err := p.r.End(); err != nil {
		tx.restore(before)
		return p.fail(err)
	}
	return nil
}

// deletes reads U+FFFC, if that comes next.
func (p *contentParser) deletes() bool {
	if p.r.Peek() != jsjson.String {
		return false
	}
	if s := string(p.r.Text()); s != undefinedMark && p.r.Err() == nil {
		p.r.Failf("a string where an object or U+FFFC was expected")
	}
	return true
}

func (p *contentParser) changes(tx *Tx) {
	try := func(err error) {
		if err != nil && p.r.Err() == nil {
			p.r.Fail(p.fail(err))
		}
	}
	value := func() Value {
		v, err := ReadJSON(p.r).Decoded()
		try(err)
		return v
	}
	p.r.BeginArray()
	for n := 0; p.r.NextElement(); n++ {
		switch n {
		case 0:
			if p.at = Tables(); p.deletes() {
				try(tx.DelTables())
				continue
			}
			p.r.BeginObject()
			for p.r.NextKey() {
				table := string(p.r.Key())
				if p.at = Table(table); p.deletes() {
					try(tx.DelTable(table))
					continue
				}
				p.r.BeginObject()
				for p.r.NextKey() {
					row := string(p.r.Key())
					if p.at = Row(table, row); p.deletes() {
						try(tx.DelRow(table, row))
						continue
					}
					p.r.BeginObject()
					for p.r.NextKey() {
						cell := string(p.r.Key())
						if v := value(); p.r.Err() == nil {
							try(tx.SetCell(table, row, cell, v))
						}
					}
				}
			}
		case 1:
			if p.at = Values(); p.deletes() {
				try(tx.DelValues())
				continue
			}
			p.r.BeginObject()
			for p.r.NextKey() {
				id := string(p.r.Key())
				p.at = ValueOf(id)
				if v := value(); p.r.Err() == nil {
					try(tx.SetValue(id, v))
				}
			}
		case 2:
			if mark := p.r.Number(); mark != 1 && p.r.Err() == nil {
				p.r.Failf("a third element other than 1")
			}
		default:
			p.r.Failf("more than three elements")
		}
	}
}
