package yjs

import (
	"fmt"
	"strings"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// Layout says where in a document the cells and values of a Store lie.
type Layout uint8

const (
	// Nested is TinyBase's layout, maps in maps, which its JavaScript clients read and write.
	Nested Layout = iota
	// Flat has one root map for each table, named ROOT/t/TABLE, whose keys are ROW/CELL, and one for the values, named
	// ROOT/v. There are no containers that one peer could replace while another one writes into them, so nothing can
	// ever be shadowed. In TABLE, ROW and CELL "~" stands as "~0" and "/" as "~1". TinyBase does not know this layout.
	Flat
	// Auto takes the layout that the document has; for a document that has neither, Nested.
	Auto
)

// String returns the name of the layout, in lower case.
func (l Layout) String() string {
	switch l {
	case Nested:
		return "nested"
	case Flat:
		return "flat"
	case Auto:
		return "auto"
	}
	return fmt.Sprintf("layout %d", uint8(l))
}

// access is what reading and writing transactions of a document have in common.
type access interface {
	Map(name string) ycrdt.Map
	Roots() (names []string, kinds []ycrdt.Kind)
}

// layout is one way to lay out a Store in a document.
type layout interface {
	// exists says whether there is anything now, or ever was.
	exists(a access, now bool) bool
	// walk calls cell and value for everything in one part.
	walk(a access, at store.Path, v visitor)
	// place says which part lies where a document has changed.
	place(c *ycrdt.Change) (store.Path, bool)
	// find returns the map and the key of a cell or a value; the map may be missing.
	find(a access, at store.Path) (m ycrdt.Map, key string)
	// writer begins to write.
	writer(tx *ycrdt.Txn) writer
	// clear removes everything.
	clear(tx *ycrdt.Txn) error
}

// visitor is told what walk finds.
type visitor struct {
	cell  func(table, row, cell string, v ycrdt.Value)
	value func(id string, v ycrdt.Value)
}

// writer finds the maps into which cells and values are written. With create it makes what is missing; without, ok is
// false where something is missing.
type writer interface {
	cell(table, row, cell string, create bool) (m ycrdt.Map, key string, ok bool, err error)
	value(id string, create bool) (m ycrdt.Map, key string, ok bool, err error)
}

// layoutIn returns the layout to be used now. Auto is decided by the first content that turns up; until then, by what was there
// once.
func (t *Target) layoutIn(a access) layout {
	if l := t.chosen.Load(); l != nil {
		return *l
	}
	for i := range t.layouts {
		if t.layouts[i].exists(a, true) {
			t.chosen.Store(&t.layouts[i])
			return t.layouts[i]
		}
	}
	if !t.layouts[Nested].exists(a, false) && t.layouts[Flat].exists(a, false) {
		return t.layouts[Flat]
	}
	return t.layouts[Nested]
}

// layoutNow is layoutIn with no access to the document at hand.
func (t *Target) layoutNow() (l layout) {
	if l := t.chosen.Load(); l != nil {
		return *l
	}
	t.doc.View(func(r *ycrdt.Reader) { l = t.layoutIn(r) })
	return l
}

var (
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
)

// escape makes an id a part of a name or key that is joined by "/".
func escape(id string) string { return escaper.Replace(id) }

// unescape is the inverse of escape; ok is false for what escape does not produce.
func unescape(s string) (id string, ok bool) {
	id = unescaper.Replace(s)
	return id, escape(id) == s
}
