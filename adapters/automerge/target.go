package automerge

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// DefaultRoot is the root key, unless Options say otherwise.
const DefaultRoot = "tinybase"

// Layout says how tables lie in a document.
type Layout uint8

const (
	// Nested is the layout of TinyBase: maps of tables, of rows, of cells.
	Nested Layout = iota
	// Flat keeps each table in one map right below the root, whose keys are row and cell. Nothing can hide anything: two
	// peers that make the same row make one row, and a deleted row does not take a new cell along. TinyBase cannot read it.
	Flat
)

// Rows says which identity the Store gives to the map of a new row in the Nested layout.
type Rows uint8

const (
	// RandomRows: every new row is a new map. If two peers create the same row id at the same time, one of the maps loses its
	// place, and its cells are restored into the other one by whoever sees it. It costs nothing, and is right for ids that no
	// two peers choose, as the Store makes them by default.
	RandomRows Rows = iota
	// SharedRows: a row that two peers create at the same time is one row with the cells of both. It costs a change of its
	// own, about 100 bytes, for each row.
	SharedRows
)

// Options of a binding; nil means defaults.
type Options struct {
	// Root is the key in the root map; the default is [DefaultRoot].
	Root string
	// Layout is how tables lie in the document; the default is Nested.
	Layout Layout
	// Rows is the identity of new rows; the default is RandomRows. Other containers always have a shared identity.
	Rows Rows
	// OnConflict is told of each conflict in a cell, value or container of the Store when it arises or changes, while the
	// Persister loads automatically. It is called with no lock held.
	OnConflict func(Conflict)
	// Persist are the options of the Persister.
	Persist *persist.Options
}

// Bind returns a Persister, not started yet, that keeps s equal to a map of doc.
func Bind(s *store.Store, doc *Doc, o *Options) *persist.Persister {
	if o == nil {
		o = &Options{}
	}
	return persist.Inline(s, NewTarget(doc, o), o.Persist)
}

// Target is the part of a document that a Store is bound to. It implements [persist.Target] and [persist.Watcher].
type Target struct {
	doc    *Doc
	root   string
	rows   Rows
	layout layout

	existed    atomic.Bool // it never ends
	onConflict func(Conflict)
	saving     atomic.Bool  // whether the Store's changes are saved automatically
	watching   atomic.Int32 // how many watch
}

// NewTarget returns a Target. It does not write to the document.
func NewTarget(doc *Doc, o *Options) *Target {
	t := &Target{doc: doc, root: DefaultRoot}
	if o != nil {
		t.rows, t.onConflict = o.Rows, o.OnConflict
		if o.Root != "" {
			t.root = o.Root
		}
	}
	if t.layout = nested(escape(t.root)); o != nil && o.Layout == Flat {
		t.layout = flat(t.root)
	}
	return t
}

// String names the target.
func (t *Target) String() string { return fmt.Sprintf("automerge map %q", t.root) }

// Read implements [persist.Target]. A document that never had anything in the layout's maps does not exist. TinyBase leaves an
// empty one behind before it has written anything.
func (t *Target) Read(_ context.Context, in []store.Path) (content *store.Snapshot, exists bool, err error) {
	t.doc.View(func(ix *amchange.Index) {
		r := reading{ix: ix}
		if exists = t.existed.Load() || t.layout.exists(ix); exists {
			t.existed.Store(true)
		}
		for _, at := range in {
			t.layout.read(&r, at)
		}
		content, err = r.Snapshot(), r.err
	})
	if err != nil {
		return nil, exists, fmt.Errorf("automerge: read %q: %w", t.root, err)
	}
	return content, exists, nil
}

// AutoSaving implements [persist.SaveObserver]. A binding that only loads does not restore anything.
func (t *Target) AutoSaving(on bool) {
	t.saving.Store(on)
	if on && t.watching.Load() > 0 {
		t.mend(nil)
	}
}

// Watch implements [persist.Watcher]. While it lasts, and the binding saves as well, what a container that loses its place has
// held is restored.
func (t *Target) Watch(dirty func(by store.Origin, in []store.Path)) (stop func(), err error) {
	var stopped atomic.Bool
	end := t.doc.OnChange(func(e *Event) {
		if stopped.Load() {
			return
		}
		if in := t.places(e.Delta); len(in) > 0 {
			dirty(e.Origin, in)
		}
		if t.onConflict != nil {
			t.tellConflicts(e.Delta)
		}
		t.mend(e.Delta)
	})
	t.watching.Add(1)
	t.mend(nil)
	return func() {
		if !stopped.Swap(true) {
			t.watching.Add(-1)
		}
		end()
	}, nil
}

// places says which parts of the Store lie where a document has changed.
func (t *Target) places(d *amchange.Delta) []store.Path {
	if d.Whole {
		return []store.Path{{}}
	}
	var out []store.Path
	for _, keys := range d.Touched {
		if p, ok := t.layout.place(keys); ok && (len(out) == 0 || out[len(out)-1] != p) {
			out = append(out, p)
		}
	}
	return out
}
