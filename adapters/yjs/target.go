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

// The keys of the root map.
const (
	tablesKey = "t"
	valuesKey = "v"
)

// Rows says which identity the Store gives to the map of a new row.
type Rows uint8

const (
	// RandomRows: every new row is a new map. If two peers create the same row id at the same time, one of the rows is lost
	// with its cells. It costs nothing, and is right for ids that no two peers choose, as the Store makes them by default.
	RandomRows Rows = iota
	// SharedRows: a row that two peers create at the same time is one row with the cells of both. It costs about 20 bytes in
	// the document and 9 in every state vector for each row.
	SharedRows
)

// Options of a binding; nil means defaults.
type Options struct {
	// Map is the name of the root map; the default is [DefaultMap].
	Map string
	// Rows is the identity of new rows; the default is RandomRows. Tables always have a shared identity.
	Rows Rows
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
	doc  *ycrdt.Doc
	root string
	rows Rows
}

// NewTarget returns a Target. It does not write to the document.
func NewTarget(doc *ycrdt.Doc, o *Options) *Target {
	t := &Target{doc: doc, root: DefaultMap}
	if o != nil {
		t.rows = o.Rows
		if o.Map != "" {
			t.root = o.Map
		}
	}
	return t
}

// String names the target.
func (t *Target) String() string { return fmt.Sprintf("yjs map %q", t.root) }

// Read implements [persist.Target]. A document that has nothing under the root map does not exist.
func (t *Target) Read(_ context.Context, in []store.Path) (content *store.Snapshot, exists bool, err error) {
	t.doc.View(func(r *ycrdt.Reader) {
		root := r.Map(t.root)
		exists = root.Len() > 0
		b := reading{}
		for _, at := range in {
			b.read(root, at)
		}
		content, err = b.Snapshot(), b.err
	})
	if err != nil {
		return nil, exists, fmt.Errorf("yjs: read %q: %w", t.root, err)
	}
	return content, exists, nil
}

// Watch implements [persist.Watcher].
func (t *Target) Watch(dirty func(by store.Origin, in []store.Path)) (stop func(), err error) {
	var stopped atomic.Bool
	sub := t.doc.OnCommit(func(c *ycrdt.Commit) {
		if stopped.Load() {
			return
		}
		if in := t.places(c.Changes); len(in) > 0 {
			dirty(c.Origin, in)
		}
	})
	return func() {
		stopped.Store(true)
		sub.Close()
	}, nil
}

// places says which parts of the Store lie where a document has changed.
func (t *Target) places(changes []ycrdt.Change) []store.Path {
	var out []store.Path
	for i := range changes {
		if p, ok := t.place(&changes[i]); ok && (len(out) == 0 || out[len(out)-1] != p) {
			out = append(out, p)
		}
	}
	return out
}

func (t *Target) place(c *ycrdt.Change) (store.Path, bool) {
	at := c.Path
	if len(at) == 0 || at[0].Key != t.root {
		return store.Path{}, false
	}
	if len(at) == 1 { // the root map itself
		switch {
		case c.List:
		case c.Key == tablesKey:
			return store.Tables(), true
		case c.Key == valuesKey:
			return store.Values(), true
		}
		return store.Path{}, false
	}
	// ids are the keys below "t" or "v" down to what has changed. Below a cell or a value everything is foreign.
	depth := 3
	if at[1].Key == valuesKey {
		depth = 1
	} else if at[1].Key != tablesKey {
		return store.Path{}, false
	}
	var ids [3]string
	n := 0
	for _, step := range at[2:] {
		if n == depth {
			return store.Path{}, false
		}
		ids[n] = step.Key
		n++
	}
	if n == depth || c.List {
		return store.Path{}, false
	}
	ids[n] = c.Key
	switch {
	case depth == 1:
		return store.ValueOf(ids[0]), true
	case n == 0:
		return store.Table(ids[0]), true
	case n == 1:
		return store.Row(ids[0], ids[1]), true
	}
	return store.Cell(ids[0], ids[1], ids[2]), true
}
