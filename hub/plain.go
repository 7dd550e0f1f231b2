package hub

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
)

// Plain returns a family without a CRDT and without clients: it keeps the Store itself. It is for hubs that serve the HTTP
// addresses only.
func Plain() Family { return plain{} }

type plain struct{}

func (plain) Name() string { return "store" }

func (plain) Open(host Host) (Document, error) {
	return &plainDocument{save: func(b []byte) { host.Save(b, true) }, loading: store.New()}, nil
}

// plainDocument stores the new content of each place that a commit has changed:
//
//	{"cells":[["pets","fido","price",5],["pets","fido","color"]],"values":[["open",true]]}
//
// A place without a value is gone. What is later wins, so the order of updates matters, and repetition does no harm.
type plainDocument struct {
	save    func([]byte)
	loading *store.Store // what Load brought
	store   *store.Store
	leave   func()
}

func (d *plainDocument) Load(update []byte) error {
	changes, err := decodePlain(update)
	if err != nil {
		return err
	}
	return d.loading.Update(func(tx *store.Tx) error { return tx.Apply(changes) })
}

func (d *plainDocument) Bind(_ context.Context, s *store.Store) error {
	loaded := d.loading.Snapshot()
	d.loading, d.store = nil, s
	d.leave = s.Join(d)
	return s.UpdateAs(d, func(tx *store.Tx) error {
		return tx.Apply(store.Diff(nil, loaded))
	})
}

func (d *plainDocument) Prepare(*store.Tx, store.Origin) error { return nil }

func (d *plainDocument) Committed(c *store.Commit) {
	if c.Origin != store.Origin(d) {
		d.save(encodePlain(c.Changes()))
	}
}

func (d *plainDocument) Snapshot() ([]byte, error) {
	return encodePlain(store.Diff(nil, d.store.Snapshot())), nil
}

func (d *plainDocument) Close() error {
	if d.leave != nil {
		d.leave()
	}
	return nil
}

func encodePlain(c store.Changes) []byte {
	b := append([]byte(nil), `{"cells":[`...)
	place := func(i int, v store.Value, ids ...string) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '[')
		for j, id := range ids {
			if j > 0 {
				b = append(b, ',')
			}
			b = jsjson.AppendString(b, id)
		}
		if v.Exists() {
			b = v.AppendJSON(append(b, ','))
		}
		b = append(b, ']')
	}
	for i, x := range c.Cells {
		place(i, x.New, x.Table, x.Row, x.Cell)
	}
	b = append(b, `],"values":[`...)
	for i, x := range c.Values {
		place(i, x.New, x.ID)
	}
	return append(b, "]}"...)
}

func decodePlain(update []byte) (c store.Changes, err error) {
	r := jsjson.NewReader(update, nil)
	place := func(ids ...*string) (v store.Value) {
		r.BeginArray()
		for _, id := range ids {
			if !r.NextElement() {
				r.Failf("an id is missing")
				return v
			}
			*id = string(r.Text())
		}
		if r.NextElement() {
			v = store.ReadJSON(r)
			if r.NextElement() {
				r.Failf("more than a value")
			}
		}
		return v
	}
	r.BeginObject()
	for r.NextKey() {
		switch key := string(r.Key()); key {
		case "cells":
			for r.BeginArray(); r.NextElement(); {
				var x store.CellChange
				x.New = place(&x.Table, &x.Row, &x.Cell)
				c.Cells = append(c.Cells, x)
			}
		case "values":
			for r.BeginArray(); r.NextElement(); {
				var x store.ValueChange
				x.New = place(&x.ID)
				c.Values = append(c.Values, x)
			}
		default:
			r.Failf("unknown member %q", key)
		}
	}
	if err := r.End(); err != nil {
		return c, fmt.Errorf("hub: stored changes: %w", err)
	}
	return c, nil
}
