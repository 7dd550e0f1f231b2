package automerge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
)

// Write implements [persist.Target]: one transaction of the document, signed with by. Containers that are missing come
// first, each in its deterministic change; all else is one change.
func (t *Target) Write(_ context.Context, by store.Origin, c store.Changes, after store.Reader) error {
	err := t.doc.Update(by, func(tx *Tx) error {
		w := writing{Target: t, tx: tx, ix: tx.Index()}
		if err := w.containers(c); err != nil {
			return err
		}
		for _, x := range c.Cells {
			maps, key := t.layout.cell(x.Table, x.Row, x.Cell)
			if err := w.put(maps, key, x.New); err != nil {
				return fmt.Errorf("%v: %w", x.Path(), err)
			}
		}
		for _, x := range c.Values {
			maps, key := t.layout.value(x.ID)
			if err := w.put(maps, key, x.New); err != nil {
				return fmt.Errorf("%v: %w", x.Path(), err)
			}
		}
		if root, ok := t.layout.(nested); ok && len(c.Cells) > 0 && after != nil && after.TableCount() == 0 {
			return w.clear(string(root))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("automerge: write %q: %w", t.root, err)
	}
	return nil
}

// Seed makes the containers of an empty Store in the document, so that JavaScript peers find them and do not make others.
// It does nothing where they are. Peers that seed independently do the same.
func (t *Target) Seed(by store.Origin) error {
	err := t.doc.Update(by, func(tx *Tx) error {
		w := writing{Target: t, tx: tx, ix: tx.Index()}
		maps, _ := t.layout.value("")
		return w.share(maps)
	})
	if err != nil {
		return fmt.Errorf("automerge: seed %q: %w", t.root, err)
	}
	return nil
}

// writing is one Write. It remembers the map that it wrote to last, since Changes come sorted.
type writing struct {
	*Target
	tx *Tx
	ix *amchange.Index

	last []string
	obj  amchange.OpID
	here bool
}

// containers makes the missing containers of shared identity that the changes need.
func (w *writing) containers(c store.Changes) error {
	var last []string
	for _, x := range c.Cells {
		if !x.New.Exists() {
			continue
		}
		maps, _ := w.layout.cell(x.Table, x.Row, x.Cell)
		if _, ok := w.layout.(nested); ok && w.rows == RandomRows {
			maps = maps[:len(maps)-1]
		}
		if slices.Equal(maps, last) {
			continue
		}
		if err := w.share(maps); err != nil {
			return err
		}
		last = maps
	}
	for _, x := range c.Values {
		if x.New.Exists() {
			maps, _ := w.layout.value(x.ID)
			return w.share(maps)
		}
	}
	return nil
}

// share makes maps that are missing on a way from the root. Where something else than a map stands it stops: put replaces it.
func (w *writing) share(path []string) error {
	var obj amchange.OpID
	for depth, key := range path {
		if root, ok := w.layout.(nested); ok && depth == 1 && path[0] == string(root) {
			// TinyBase takes a root with only one of the two for no content at all.
			for _, k := range []string{tablesKey, valuesKey} {
				if _, ok := w.ix.GetIn(obj, k); !ok {
					if err := w.tx.Add(container(w.ix, obj, k)); err != nil {
						return err
					}
				}
			}
		}
		v, ok := w.ix.GetIn(obj, key)
		if !ok {
			var inside []string
			if root, ok := w.layout.(nested); ok && depth == 0 && key == string(root) {
				inside = []string{tablesKey, valuesKey}
			}
			if err := w.tx.Add(container(w.ix, obj, key, inside...)); err != nil {
				return err
			}
			v, _ = w.ix.GetIn(obj, key)
		}
		if !isMap(v) {
			return nil
		}
		obj = v.ID
	}
	return nil
}

// open finds the map at the end of a path, and makes what is missing on the way if create is true.
func (w *writing) open(path []string, create bool) (obj amchange.OpID, ok bool, err error) {
	if w.last != nil && slices.Equal(w.last, path) && (w.here || !create) {
		return w.obj, w.here, nil
	}
	ok = true
	for _, key := range path {
		v, there := w.ix.GetIn(obj, key)
		if !there || !isMap(v) {
			if ok = create; !create {
				break
			}
			if v.ID, err = w.tx.Edit().Make(obj, key, amchange.Map); err != nil {
				return obj, false, err
			}
		}
		obj = v.ID
	}
	w.last, w.obj, w.here = path, obj, ok
	return obj, ok, nil
}

// put makes a key of a map hold x. What a Store cannot hold is overwritten, but not deleted: the Store has not known it.
func (w *writing) put(path []string, key string, x store.Value) error {
	obj, ok, err := w.open(path, x.Exists())
	if err != nil || !ok {
		return err
	}
	cur, there := w.ix.GetIn(obj, key)
	if there {
		if have, ok := decode(w.ix, cur); ok && have == x || !ok && !x.Exists() {
			return nil
		}
	}
	if !x.Exists() {
		return w.tx.Edit().Delete(obj, key)
	}
	scalar, text, isText := encode(x)
	if !isText {
		return w.tx.Edit().Set(obj, key, scalar)
	}
	if there && cur.Value.Kind() == amchange.Text && !w.ix.Conflicted(obj, key) {
		old, _ := w.ix.TextOf(cur.ID)
		if at, remove, insert, ok := minimal(old, text); ok {
			return w.tx.Edit().Splice(cur.ID, at, remove, insert)
		}
	}
	id, err := w.tx.Edit().Make(obj, key, amchange.Text)
	if err != nil || text == "" {
		return err
	}
	return w.tx.Edit().Splice(id, 0, 0, text)
}

// minimal returns the one replacement, in code points, that makes one text of another: what stands between their common
// beginning and end. It is worth while if they have at least half in common. Otherwise the new text is another one, and if two
// peers write two such, one of them should win rather than both be mixed. The texts of objects and arrays are never mixed.
func minimal(old, text string) (at, remove int, insert string, ok bool) {
	if isEncoded(old) || isEncoded(text) {
		return 0, 0, "", false
	}
	head := 0
	for head < len(old) && head < len(text) {
		r, size := utf8.DecodeRuneInString(old[head:])
		if s, _ := utf8.DecodeRuneInString(text[head:]); r != s {
			break
		}
		head += size
		at++
	}
	tail := 0
	common := at
	for tail < len(old)-head && tail < len(text)-head {
		r, size := utf8.DecodeLastRuneInString(old[:len(old)-tail])
		if s, _ := utf8.DecodeLastRuneInString(text[:len(text)-tail]); r != s {
			break
		}
		tail += size
		common++
	}
	insert = text[head : len(text)-tail]
	remove = utf8.RuneCountInString(old[head : len(old)-tail])
	longest := common + max(remove, utf8.RuneCountInString(insert))
	return at, remove, insert, 2*common >= longest && common > 0
}

// clear removes the empty maps that are left of the last tables. TinyBase's persister takes a document whose tables are all
// empty maps for one without tables at all, and would keep its Store's old rows.
func (w *writing) clear(root string) error {
	tables, ok := w.ix.Get(root, tablesKey)
	if !ok || !isMap(tables) {
		return nil
	}
	for _, table := range sortedKeys(maps.Collect(w.ix.EntriesOf(tables.ID))) {
		t, _ := w.ix.GetIn(tables.ID, table)
		if !isMap(t) {
			continue
		}
		rows := maps.Collect(w.ix.EntriesOf(t.ID))
		left := 0
		for _, row := range sortedKeys(rows) {
			if r := rows[row]; !isMap(r) || !w.empty(r.ID) {
				left++
				continue
			}
			if err := w.tx.Edit().Delete(t.ID, row); err != nil {
				return err
			}
		}
		if left == 0 {
			if err := w.tx.Edit().Delete(tables.ID, table); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *writing) empty(obj amchange.OpID) bool {
	for range w.ix.EntriesOf(obj) {
		return false
	}
	return true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
