package store_test

import (
	"strings"

	"github.com/rowloom/rowloom/store"
)

// useMiddleware adds the callbacks of a case. Those for rows, cells and values are the package's Middleware; those for larger
// parts, and for deletions, come before.
func (b *tinybase) useMiddleware(list []any) {
	if len(list) == 0 {
		return
	}
	for _, x := range list {
		b.hooks = append(b.hooks, x.(*object))
	}
	m := &store.Middleware{}
	if b.hooked("WillSetRow") {
		m.WillSetRow = func(w store.RowWrite) (map[string]store.Value, error) {
			if w.Cells == nil || !b.rowHook {
				return w.Cells, nil
			}
			o := newObject()
			for cell, v := range w.Cells {
				o.set(cell, fromValue(v))
			}
			out, ok := b.hook("WillSetRow", w.Table, w.Row, o).(*object)
			if !ok {
				return store.CopyRow(w.Before, w.Table, w.Row), nil
			}
			cells := map[string]store.Value{}
			for _, cell := range out.keys {
				if cells[cell] = b.checkCell(w.Table, w.Row, cell, out.at[cell], false); !cells[cell].Exists() {
					cells[cell] = w.Before.Cell(w.Table, w.Row, cell)
				}
			}
			return cells, nil
		}
	}
	if b.hooked("WillSetCell") {
		m.WillSetCell = func(w store.CellWrite) (store.Value, error) {
			if !w.New.Exists() {
				return w.New, nil
			}
			if x := b.hook("WillSetCell", w.Table, w.Row, w.Cell, fromValue(w.New)); x != any(undefined) {
				if v := b.checkCell(w.Table, w.Row, w.Cell, x, false); v.Exists() {
					return v, nil
				}
			}
			return w.Old, nil
		}
	}
	if b.hooked("WillSetValue") {
		m.WillSetValue = func(w store.ValueWrite) (store.Value, error) {
			if !w.New.Exists() {
				return w.New, nil
			}
			if x := b.hook("WillSetValue", w.ID, fromValue(w.New)); x != any(undefined) {
				if v := b.checkValue(w.ID, x, false); v.Exists() {
					return v, nil
				}
			}
			return w.Old, nil
		}
	}
	b.store.Join(m)
}

func (b *tinybase) hooked(name string) bool {
	for _, h := range b.hooks {
		if h.at["hook"] == name {
			return true
		}
	}
	return false
}

// hook calls the callbacks of one kind. It returns the last argument as they want it, undefined if they block; for deletions
// true or false.
func (b *tinybase) hook(name string, args ...any) any {
	deletes := strings.HasPrefix(name, "WillDel")
	for _, h := range b.hooks {
		if h.at["hook"] != name {
			continue
		}
		b.note("mw:"+name, append([]any{}, args...)...)
		last := len(args) - 1
		switch h.at["action"] {
		case "block":
			if deletes {
				return false
			}
			return undefined
		case "upperStrings":
			args[last] = upper(args[last])
		case "replace":
			args[last] = h.at["value"]
		case "addCell":
			o := newObject()
			for _, from := range []*object{args[last].(*object), h.at["value"].(*object)} {
				for _, key := range from.keys {
					o.set(key, from.at[key])
				}
			}
			args[last] = o
		}
	}
	if deletes {
		return true
	}
	return args[len(args)-1]
}

func upper(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ToUpper(v)
	case *object:
		o := newObject()
		for _, key := range v.keys {
			o.set(key, upper(v.at[key]))
		}
		return o
	}
	return v
}
