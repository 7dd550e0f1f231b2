package persist

import "github.com/rowloom/rowloom/store"

// maxDirty is the number of places at which a dirtySet gives up and calls everything dirty.
const maxDirty = 1 << 16

// dirtySet is a set of parts that have to be read again. The zero dirtySet is empty.
type dirtySet struct {
	list []store.Path
	set  map[store.Path]struct{} // the same, once list is long
}

func (d *dirtySet) add(in []store.Path) {
	for _, p := range in {
		switch {
		case d.has(p):
		case p == (store.Path{}) || len(d.list) == maxDirty:
			*d = dirtySet{list: []store.Path{{}}}
		default:
			d.list = append(d.list, p)
			if d.set != nil {
				d.set[p] = struct{}{}
			} else if len(d.list) > 16 {
				d.set = make(map[store.Path]struct{}, 2*len(d.list))
				for _, q := range d.list {
					d.set[q] = struct{}{}
				}
			}
		}
	}
}

func (d *dirtySet) has(p store.Path) bool {
	if d.set != nil {
		_, ok := d.set[p]
		return ok
	}
	for _, q := range d.list {
		if q == p || q == (store.Path{}) {
			return true
		}
	}
	return false
}

// take empties the set. Parts that lie in other parts of the set are left out.
func (d *dirtySet) take() []store.Path {
	list := d.list
	if len(list) > 1 {
		kept := make([]store.Path, 0, len(list))
		for _, p := range list {
			if !d.covered(p) {
				kept = append(kept, p)
			}
		}
		list = kept
	}
	*d = dirtySet{}
	return list
}

// covered says whether a part that contains p is in the set too.
func (d *dirtySet) covered(p store.Path) bool {
	for p != (store.Path{}) {
		if p = p.Up(); d.has(p) {
			return true
		}
	}
	return false
}
