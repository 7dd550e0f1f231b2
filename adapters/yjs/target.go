package yjs

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// DefaultMap is the name of the root map, unless Options say otherwise.
const DefaultMap = "tinybase"

// Rows says which identity the Store gives to the map of a new row.
type Rows uint8

const (
	// RandomRows: every new row is a new map. If two peers create the same row id at the same time, one of the maps is
	// lost, and its cells are restored into the other one by whoever sees it.
	RandomRows Rows = iota
	// SharedRows: a row that two peers create at the same time is one map with the cells of both from the beginning. It
	// costs about 20 bytes in the document and 9 in every state vector for each row.
	SharedRows
)

// Options of a binding; nil means defaults.
type Options struct {
	// Map is the name of the root map (of all root maps, in the layout Flat); the default is [DefaultMap].
	Map string
	// Layout is where the cells lie; the default is Nested.
	Layout Layout
	// Rows is the identity of new rows in the layout Nested; the default is RandomRows. Tables always have a shared identity.
	Rows Rows
	// Foreign is what the Store shows of what it cannot hold; the default is nothing.
	Foreign Foreign
	// Text says which cells, and (with the table "") which values, hold their strings as Y.Text, so that concurrent edits of
	// one string merge. The default is none. It must not change during the life of a binding.
	Text func(table, cell string) bool
	// OnConflict is told of each conflict in a cell, value or container of the Store, while the Persister loads
	// automatically. It is called with no lock held.
	OnConflict func(Conflict)
	// Persist are the options of the Persister.
	Persist *persist.Options
}

// Bind returns a Persister, not started yet, that keeps s equal to a map of doc.
func Bind(s *store.Store, doc *ycrdt.Doc, o *Options) *persist.Persister {
	if o == nil {
		o = &Options{}
	}
	return persist.Inline(s, NewTarget(doc, o), o.Persist)
}

// Target is the part of a document that a Store is bound to. It implements [persist.Target] and [persist.Watcher].
type Target struct {
	doc        *ycrdt.Doc
	root       string
	choice     Layout
	layouts    [2]layout
	chosen     atomic.Pointer[layout] // nil while Auto has not decided
	existed    atomic.Bool            // it never ends
	foreign    Foreign
	text       func(table, cell string) bool
	onConflict func(Conflict)
	saving     atomic.Bool // whether the Store's changes are saved automatically
}

// NewTarget returns a Target. It does not write to the document.
func NewTarget(doc *ycrdt.Doc, o *Options) *Target {
	if o == nil {
		o = &Options{}
	}
	t := &Target{doc: doc, root: o.Map, choice: min(o.Layout, Auto), foreign: o.Foreign, text: o.Text, onConflict: o.OnConflict}
	if t.root == "" {
		t.root = DefaultMap
	}
	t.layouts = [2]layout{Nested: nested{t.root, o.Rows}, Flat: flat{t.root}}
	if t.choice != Auto {
		t.chosen.Store(&t.layouts[t.choice])
	}
	return t
}

// String names the target.
func (t *Target) String() string { return fmt.Sprintf("yjs map %q (%v)", t.root, t.choice) }

// Read implements [persist.Target]. A document that never had anything under the root map does not exist.
func (t *Target) Read(_ context.Context, in []store.Path) (content *store.Snapshot, exists bool, err error) {
	t.doc.View(func(r *ycrdt.Reader) {
		l := t.layoutIn(r)
		if exists = t.existed.Load() || l.exists(r, false); exists {
			t.existed.Store(true)
		}
		b := reading{Target: t}
		v := b.visitor()
		for _, at := range in {
			l.walk(r, at, v)
		}
		content, err = b.Snapshot(), b.err
	})
	if err != nil {
		return nil, exists, fmt.Errorf("yjs: read %q: %w", t.root, err)
	}
	return content, exists, nil
}

// Write implements [persist.Target]: one transaction of the document, with by as its origin.
func (t *Target) Write(_ context.Context, by store.Origin, c store.Changes, _ store.Reader) error {
	err := t.doc.Update(by, func(tx *ycrdt.Txn) error {
		w := t.layoutIn(tx).writer(tx)
		for i := range c.Cells {
			x := &c.Cells[i]
			m, key, ok, err := w.cell(x.Table, x.Row, x.Cell, x.New.Exists())
			if err == nil && ok {
				err = t.put(m, key, x.Table, x.Cell, x.New)
			}
			if err != nil {
				return fmt.Errorf("%v: %w", x.Path(), err)
			}
		}
		for _, x := range c.Values {
			m, key, ok, err := w.value(x.ID, x.New.Exists())
			if err == nil && ok {
				err = t.put(m, key, "", x.ID, x.New)
			}
			if err != nil {
				return fmt.Errorf("%v: %w", x.Path(), err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("yjs: write %q: %w", t.root, err)
	}
	return nil
}

// AutoSaving implements [persist.SaveObserver]. A binding that only loads does not restore anything.
func (t *Target) AutoSaving(on bool) { t.saving.Store(on) }

// Watch implements [persist.Watcher]. While it lasts, and the binding saves as well, what a container that loses its place has
// held is restored.
func (t *Target) Watch(dirty func(by store.Origin, in []store.Path)) (stop func(), err error) {
	var stopped atomic.Bool
	sub := t.doc.OnCommit(func(c *ycrdt.Commit) {
		if stopped.Load() {
			return
		}
		l := t.layoutNow()
		if n, ok := l.(nested); ok && t.saving.Load() {
			t.restore(n, c)
		}
		if t.onConflict != nil {
			t.report(l, c.Conflicts)
		}
		if in := places(l, c.Changes); len(in) > 0 {
			dirty(c.Origin, in)
		}
	})
	return func() {
		stopped.Store(true)
		sub.Close()
	}, nil
}

// places says which parts of the Store lie where a document has changed.
func places(l layout, changes []ycrdt.Change) []store.Path {
	var out []store.Path
	for i := range changes {
		if len(changes[i].Path) == 0 {
			continue
		}
		if p, ok := l.place(&changes[i]); ok && (len(out) == 0 || out[len(out)-1] != p) {
			out = append(out, p)
		}
	}
	return out
}

// Seed makes the two outermost containers of the layout Nested, which have the same identity everywhere. Clients of
// TinyBase that load them before they write do not make their own, which would compete with those of others. It is part of
// no transaction of a Store.
func Seed(doc *ycrdt.Doc, root string, origin any) error {
	n := nested{root: root}
	if root == "" {
		n.root = DefaultMap
	}
	err := doc.Update(origin, func(tx *ycrdt.Txn) error {
		for _, key := range []string{tablesKey, valuesKey} {
			if _, err := n.container(tx.Map(n.root), key, true, true); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("yjs: seed %q: %w", n.root, err)
	}
	return nil
}
