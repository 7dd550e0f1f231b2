package hub

import (
	"errors"
	"net/http"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
)

var errAbsent = &problem{status: http.StatusNotFound, detail: "there is nothing at this place of the room"}

// cell answers with one cell, sets it or deletes it.
func (a *answer) cell(r *Room, table, row, cell string) error {
	return a.place(r, func(s store.Reader) store.Value { return s.Cell(table, row, cell) },
		func(tx *store.Tx, v store.Value) error { return tx.SetCell(table, row, cell, v) })
}

// value answers with one keyed value, sets it or deletes it.
func (a *answer) value(r *Room, id string) error {
	return a.place(r, func(s store.Reader) store.Value { return s.Value(id) },
		func(tx *store.Tx, v store.Value) error { return tx.SetValue(id, v) })
}

// place answers with what is at a place, or sets it.
func (a *answer) place(r *Room, at func(store.Reader) store.Value, set func(*store.Tx, store.Value) error) error {
	exists := func(s store.Reader) bool { return at(s).Exists() }
	switch a.r.Method {
	case http.MethodPut:
		v, err := a.valueOfBody()
		if err != nil {
			return err
		}
		return a.change(r, exists, func(tx *store.Tx) error { return set(tx, v) })
	case http.MethodDelete:
		return a.change(r, exists, func(tx *store.Tx) error { return set(tx, store.Value{}) })
	}
	snap := r.store.Snapshot()
	if !exists(snap) {
		return errAbsent
	}
	return a.sendOf(r, snap, at(snap).AppendJSON)
}

// valueOfBody reads a body that is one JSON value.
func (a *answer) valueOfBody() (store.Value, error) {
	body, err := a.body()
	if err != nil {
		return store.Value{}, err
	}
	r := jsjson.NewReader(body, nil)
	r.Peek()
	at := place{offset: r.Offset()}
	v := store.ReadJSON(r)
	if err := r.End(); err != nil {
		var syntax *jsjson.SyntaxError
		if errors.As(err, &syntax) {
			at.offset = syntax.Offset
			return v, at.problem(http.StatusBadRequest, "no JSON: %s", syntax.Reason)
		}
		return v, at.problem(http.StatusBadRequest, "%v", err)
	}
	if err := v.Err(); err != nil {
		return v, at.problem(http.StatusUnprocessableEntity, "%v", err)
	}
	return v, nil
}

// row answers with one row or deletes it.
func (a *answer) row(r *Room, table, row string) error {
	exists := func(s store.Reader) bool { return s.HasRow(table, row) }
	if a.r.Method == http.MethodDelete {
		return a.change(r, exists, func(tx *store.Tx) error { return tx.DelRow(table, row) })
	}
	snap := r.store.Snapshot()
	if !exists(snap) {
		return errAbsent
	}
	return a.sendOf(r, snap, func(b []byte) []byte { return appendCells(b, snap, table, row) })
}

// table answers with one table or deletes it.
func (a *answer) table(r *Room, table string) error {
	exists := func(s store.Reader) bool { return s.HasTable(table) }
	if a.r.Method == http.MethodDelete {
		return a.change(r, exists, func(tx *store.Tx) error { return tx.DelTable(table) })
	}
	snap := r.store.Snapshot()
	if !exists(snap) {
		return errAbsent
	}
	return a.sendOf(r, snap, func(b []byte) []byte { return appendRows(b, snap, table) })
}
