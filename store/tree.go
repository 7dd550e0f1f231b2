package store

import (
	"iter"
	"slices"
)

// maxFan is the greatest number of entries of a leaf and of children of a branch.
//
// A write copies one node per level, so a small number makes single writes cheap; a large one makes lookups and
// iteration cheap. At 32 a table of a million rows has four levels.
const maxFan = 32

// tree is a persistent B+ tree with string keys in byte order. The zero tree is empty. A tree value is one pointer;
// copying it is a snapshot.
//
// Nothing reachable from a published tree is ever written. Every write names the generation it works for: a node that
// this generation made is written in place, any other node is copied first. So a transaction of many writes copies each
// node once.
type tree[V any] struct{ root *node[V] }

// edit stands for one generation. It has a size, so that no two have the same address; a counter would not do, because
// trees of several Stores may share nodes.
type edit struct{ _ byte }

// node is a leaf (kids == nil: keys[i] has vals[i]) or a branch (keys[i] is a lower bound of kids[i]; the first bound is
// never compared).
type node[V any] struct {
	gen  *edit
	size int // entries at or below this node
	keys []string
	vals []V
	kids []*node[V]
}

func (t tree[V]) len() int {
	if t.root == nil {
		return 0
	}
	return t.root.size
}

// get returns the value under key.
func (t tree[V]) get(key string) (v V, ok bool) {
	n := t.root
	if n == nil {
		return v, false
	}
	for n.kids != nil {
		n = n.kids[n.childOf(key)]
	}
	if i, found := n.find(key); found {
		return n.vals[i], true
	}
	return v, false
}

// find returns the place of key in a leaf, or where it would be.
func (n *node[V]) find(key string) (int, bool) {
	lo, hi := 0, len(n.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if n.keys[mid] < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(n.keys) && n.keys[lo] == key
}

// childOf returns the child of a branch whose range holds key.
func (n *node[V]) childOf(key string) int {
	lo, hi := 1, len(n.keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if n.keys[mid] <= key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// own returns n if gen made it, and otherwise a copy that gen may write, with room for one more entry.
func (n *node[V]) own(gen *edit, extra int) *node[V] {
	if n.gen == gen {
		return n
	}
	c := &node[V]{gen: gen, size: n.size, keys: make([]string, len(n.keys), len(n.keys)+extra)}
	copy(c.keys, n.keys)
	if n.kids != nil {
		c.kids = make([]*node[V], len(n.kids), len(n.kids)+extra)
		copy(c.kids, n.kids)
	} else {
		c.vals = make([]V, len(n.vals), len(n.vals)+extra)
		copy(c.vals, n.vals)
	}
	return c
}

// set puts v under key and says whether the key is new.
func (t tree[V]) set(gen *edit, key string, v V) (_ tree[V], added bool) {
	if t.root == nil {
		return tree[V]{&node[V]{gen: gen, size: 1, keys: []string{key}, vals: []V{v}}}, true
	}
	n, right, added := t.root.set(gen, key, v)
	if right != nil {
		n = &node[V]{gen: gen, size: n.size + right.size, keys: []string{"", right.keys[0]}, kids: []*node[V]{n, right}}
	}
	return tree[V]{n}, added
}

// set returns the node that replaces n, and a new right neighbour when n had to be split.
func (n *node[V]) set(gen *edit, key string, v V) (left, right *node[V], added bool) {
	if n.kids == nil {
		i, found := n.find(key)
		if found {
			n = n.own(gen, 0)
			n.vals[i] = v
			return n, nil, false
		}
		n = n.own(gen, 1)
		n.keys = slices.Insert(n.keys, i, key)
		n.vals = slices.Insert(n.vals, i, v)
		n.size++
		left, right = n.split(gen, i)
		return left, right, true
	}
	i := n.childOf(key)
	kid, split, added := n.kids[i].set(gen, key, v)
	n = n.own(gen, 1)
	n.kids[i] = kid
	if added {
		n.size++
	}
	if split == nil {
		return n, nil, added
	}
	n.keys = slices.Insert(n.keys, i+1, split.keys[0])
	n.kids = slices.Insert(n.kids, i+1, split)
	left, right = n.split(gen, i+1)
	return left, right, added
}

// split halves a node that has grown beyond maxFan. A node that grew at its end gives away only its last entry, so that
// keys which arrive in order leave full nodes behind.
func (n *node[V]) split(gen *edit, grewAt int) (left, right *node[V]) {
	if len(n.keys) <= maxFan {
		return n, nil
	}
	at := len(n.keys) / 2
	if grewAt == len(n.keys)-1 {
		at = len(n.keys) - 1
	}
	r := &node[V]{gen: gen, keys: append(make([]string, 0, maxFan+1), n.keys[at:]...)}
	clear(n.keys[at:])
	n.keys = n.keys[:at]
	if n.kids == nil {
		r.vals = append(make([]V, 0, maxFan+1), n.vals[at:]...)
		clear(n.vals[at:])
		n.vals = n.vals[:at]
		r.size = len(r.vals)
	} else {
		r.kids = append(make([]*node[V], 0, maxFan+1), n.kids[at:]...)
		clear(n.kids[at:])
		n.kids = n.kids[:at]
		for _, k := range r.kids {
			r.size += k.size
		}
	}
	n.size -= r.size
	return n, r
}

// delete removes key and says whether it was there.
func (t tree[V]) delete(gen *edit, key string) (_ tree[V], removed bool) {
	if _, ok := t.get(key); !ok {
		return t, false
	}
	n := t.root.delete(gen, key)
	for n != nil && n.kids != nil && len(n.kids) == 1 {
		n = n.kids[0]
	}
	return tree[V]{n}, true
}

// delete removes a key that is there; it returns nil when nothing is left.
func (n *node[V]) delete(gen *edit, key string) *node[V] {
	if n.size == 1 {
		return nil
	}
	n = n.own(gen, 0)
	n.size--
	if n.kids == nil {
		i, _ := n.find(key)
		n.keys = slices.Delete(n.keys, i, i+1)
		n.vals = slices.Delete(n.vals, i, i+1)
		return n
	}
	i := n.childOf(key)
	if kid := n.kids[i].delete(gen, key); kid == nil {
		n.keys = slices.Delete(n.keys, i, i+1)
		n.kids = slices.Delete(n.kids, i, i+1)
	} else {
		n.kids[i] = kid
		n.mend(gen, i)
	}
	return n
}

// mend joins a child that has become small with a neighbour, when both fit into one node.
func (n *node[V]) mend(gen *edit, i int) {
	if len(n.kids[i].keys) >= maxFan/4 {
		return
	}
	if i+1 == len(n.kids) {
		i--
	}
	if i < 0 || len(n.kids[i].keys)+len(n.kids[i+1].keys) > maxFan {
		return
	}
	right := n.kids[i+1]
	left := n.kids[i].own(gen, len(right.keys))
	from := len(left.keys)
	left.keys = append(left.keys, right.keys...)
	left.vals = append(left.vals, right.vals...)
	left.size += right.size
	if left.kids != nil {
		left.keys[from] = n.keys[i+1] // the first bound of a branch may be anything; here it is compared
		left.kids = append(left.kids, right.kids...)
	}
	n.kids[i] = left
	n.keys = slices.Delete(n.keys, i+1, i+2)
	n.kids = slices.Delete(n.kids, i+1, i+2)
}

// all yields the entries in key order.
func (t tree[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if t.root != nil {
			t.root.each(yield)
		}
	}
}

// keys yields the keys in order.
func (t tree[V]) keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		if t.root != nil {
			t.root.each(func(k string, _ V) bool { return yield(k) })
		}
	}
}

func (n *node[V]) each(yield func(string, V) bool) bool {
	for i, k := range n.keys {
		if n.kids == nil {
			if !yield(k, n.vals[i]) {
				return false
			}
		} else if !n.kids[i].each(yield) {
			return false
		}
	}
	return true
}

// check reports the first broken rule of the tree, for tests.
func (t tree[V]) check() string {
	if t.root == nil {
		return ""
	}
	last, first, bad := "", true, ""
	t.root.each(func(k string, _ V) bool {
		if !first && last >= k {
			bad = "keys out of order at " + k
		}
		if got, ok := t.get(k); !ok {
			bad = "key " + k + " is not found"
			_ = got
		}
		last, first = k, false
		return bad == ""
	})
	if bad != "" {
		return bad
	}
	return t.root.check()
}

func (n *node[V]) check() string {
	size := len(n.vals)
	for _, k := range n.kids {
		if bad := k.check(); bad != "" {
			return bad
		}
		size += k.size
	}
	switch {
	case n.size != size:
		return "a node has the wrong size"
	case n.size == 0 || len(n.keys) > maxFan:
		return "a node is empty or too large"
	case n.kids != nil && len(n.kids) != len(n.keys), n.kids == nil && len(n.vals) != len(n.keys):
		return "a node has as many keys as entries no longer"
	}
	return ""
}
