package yjs

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// Convert moves the content under a root name from one layout to the other, in one transaction of the document, and returns
// how many cells and values it moved. Clients that are bound to the old layout see their Stores become empty, and edits that
// they make at the same time stay in the old layout, so convert while nobody is connected. Shared types in cells cannot be
// moved: if there are any, nothing happens and the error names one.
func Convert(doc *ycrdt.Doc, root string, from, to Layout, origin any) (moved int, err error) {
	if root == "" {
		root = DefaultMap
	}
	if from > Flat || to > Flat || from == to {
		return 0, fmt.Errorf("yjs: convert %q from layout %v to layout %v: choose nested and flat, in some order", root, from, to)
	}
	layouts := [2]layout{Nested: nested{root: root}, Flat: flat{root}}
	type entry struct {
		at store.Path
		v  ycrdt.Value
	}
	var all []entry
	doc.View(func(r *ycrdt.Reader) {
		layouts[from].walk(r, store.Path{}, visitor{
			cell: func(table, row, cell string, v ycrdt.Value) {
				all = append(all, entry{store.Cell(table, row, cell), v})
			},
			value: func(id string, v ycrdt.Value) { all = append(all, entry{store.ValueOf(id), v}) },
		})
	})
	for _, e := range all {
		if e.v.IsShared() {
			return 0, fmt.Errorf("yjs: convert %q: %v holds a shared type (%v), which cannot be moved", root, e.at, e.v.Kind())
		}
	}
	err = doc.Update(origin, func(tx *ycrdt.Txn) error {
		w := layouts[to].writer(tx)
		for _, e := range all {
			table, row, cell := e.at.IDs()
			var m ycrdt.Map
			var err error
			if e.at.Level() == store.AtValue {
				m, cell, _, err = w.value(cell, true)
			} else {
				m, cell, _, err = w.cell(table, row, cell, true)
			}
			if err == nil {
				err = m.Set(cell, e.v)
			}
			if err != nil {
				return fmt.Errorf("%v: %w", e.at, err)
			}
		}
		return layouts[from].clear(tx)
	})
	if err != nil {
		return 0, fmt.Errorf("yjs: convert %q: %w", root, err)
	}
	return len(all), nil
}

// Content returns what the Store of a binding with these options would hold.
func Content(doc *ycrdt.Doc, o *Options) (*store.Snapshot, error) {
	content, _, err := NewTarget(doc, o).Read(context.Background(), []store.Path{{}})
	return content, err
}
