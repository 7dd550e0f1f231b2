package store

import "iter"

// rank returns how many entries come before key, and whether key is there.
func (t tree[V]) rank(key string) (n int, ok bool) {
	x := t.root
	if x == nil {
		return 0, false
	}
	for x.kids != nil {
		i := x.childOf(key)
		for _, k := range x.kids[:i] {
			n += k.size
		}
		x = x.kids[i]
	}
	i, ok := x.find(key)
	return n + i, ok
}

// fromOffset yields the values from the one with offset entries before it on, in key order or, counted from the end,
// backwards.
func fromOffset[V any](t tree[V], offset int, backwards bool) iter.Seq[V] {
	return func(yield func(V) bool) {
		if t.root != nil && offset < t.root.size {
			t.root.from(offset, backwards, yield)
		}
	}
}

func (n *node[V]) from(offset int, backwards bool, yield func(V) bool) bool {
	fan := n.fan()
	for i := range fan {
		at := i
		if backwards {
			at = fan - 1 - i
		}
		if n.kids == nil {
			if offset > 0 {
				offset--
			} else if !yield(n.vals[at]) {
				return false
			}
			continue
		}
		if k := n.kids[at]; offset >= k.size {
			offset -= k.size
		} else {
			if !k.from(offset, backwards, yield) {
				return false
			}
			offset = 0
		}
	}
	return true
}
