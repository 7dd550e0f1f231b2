package store

import (
	"iter"
	"slices"
)

// maxFan is the greatest number of entries of a leaf and of children of a branch.
//
// A write copies one node per level, so a small number makes single writes cheap; a large one makes lookups and
// iteration cheap. At 32 a table of 10,000 rows has three levels, and one of a million has five.
const maxFan = 32

// tree is a persistent B+ tree with string keys in byte order. The zero tree is empty. A tree value is one pointer;
// copying it is a snapshot.
//
// Nothing reachable from a published tree is ever written, as long as anybody can have it; see spare.go. Every write names the
// generation it works for: a node that this generation made is written in place, any other node is copied first. So a
// transaction of many writes copies each node once.
type tree[V any] struct{ root *node[V] }

// edit stands for one generation, by its address; a counter would not do, because trees of several Stores may share nodes.
type edit struct {
	epoch *edit // the first generation since a Snapshot was taken; nil when nothing is used again
}

// node is a leaf (kids == nil: key i has vals[i]) or a branch (key i is a lower bound of kids[i]; the first bound is never
// compared).
//
// A node and its entries or children are one object; see newLeaf and newBranch. The keys are an object of their own, because
// nodes share it: a copy with the keys of the original, and rows with the same cells.
type node[V any] struct {
	gen  *edit
	size int // entries at or below this node
	keys *keys
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
func (n *node[V]) find(key string) (int, bool) { return n.keys.search(key, 0) }

// childOf returns the child of a branch whose range holds key.
func (n *node[V]) childOf(key string) int {
	i, equal := n.keys.search(key, 1)
	if equal {
		return i
	}
	return i - 1
}

// fan returns the number of entries of a leaf or children of a branch.
func (n *node[V]) fan() int { return len(n.keys.list) }

// own returns n if gen made it, and otherwise a copy that gen may write.
func (n *node[V]) own(gen *edit) *node[V] {
	if n.gen == gen {
		return n
	}
	var c *node[V]
	if n.kids != nil {
		c = newBranch[V](gen, len(n.kids))
		c.kids = append(c.kids, n.kids...)
	} else {
		c = newLeaf[V](gen, len(n.vals))
		c.vals = append(c.vals, n.vals...)
	}
	c.size, c.keys = n.size, n.keys
	return c
}

// insert puts an entry at i of a leaf and returns the leaf that has it.
func (n *node[V]) insert(gen *edit, i int, key string, v V) *node[V] {
	if n.gen != gen || len(n.vals) == cap(n.vals) {
		room := len(n.vals) + 1
		if n.gen == gen {
			room += len(n.vals) / 2
		}
		c := newLeaf[V](gen, room)
		c.vals = append(c.vals, n.vals...)
		c.keys, c.size = n.keys, n.size
		n = c
	}
	n.vals = slices.Insert(n.vals, i, v)
	n.keys = n.keys.insert(gen, i, key, 0)
	n.size++
	return n
}

// set puts v under key and says whether the key is new.
func (t tree[V]) set(gen *edit, key string, v V) (_ tree[V], added bool) {
	if t.root == nil {
		return tree[V]{newLeaf[V](gen, 1).insert(gen, 0, key, v)}, true
	}
	n, right, added := t.root.set(gen, key, v)
	if right != nil {
		top := newBranch[V](gen, 2)
		top.size, top.keys = n.size+right.size, newKeys(gen, []string{"", right.keys.list[0]}, 1)
		top.kids = append(top.kids, n, right)
		n = top
	}
	return tree[V]{n}, added
}

// set returns the node that replaces n, and a new right neighbour when n had to be split.
func (n *node[V]) set(gen *edit, key string, v V) (left, right *node[V], added bool) {
	if n.kids == nil {
		i, found := n.find(key)
		if found {
			n = n.own(gen)
			n.vals[i] = v
			return n, nil, false
		}
		left, right = n.insert(gen, i, key, v).split(gen, i)
		return left, right, true
	}
	i := n.childOf(key)
	kid, split, added := n.kids[i].set(gen, key, v)
	n = n.own(gen)
	n.kids[i] = kid
	if added {
		n.size++
	}
	if split == nil {
		return n, nil, added
	}
	left, right = n.insertKid(gen, i+1, split).split(gen, i+1)
	return left, right, added
}

// insertKid puts a child at i of a branch that gen owns and returns the branch that has it.
func (n *node[V]) insertKid(gen *edit, i int, kid *node[V]) *node[V] {
	if len(n.kids) == cap(n.kids) {
		c := newBranch[V](gen, len(n.kids)+len(n.kids)/2+1)
		c.kids = append(c.kids, n.kids...)
		c.keys, c.size = n.keys, n.size
		n = c
	}
	n.kids = slices.Insert(n.kids, i, kid)
	n.keys = n.keys.insert(gen, i, kid.keys.list[0], 1)
	return n
}

// split divides a node that has grown beyond maxFan, where it has grown: after r12 comes r120 and then r121, and these fill the
// left part. Neither part gets less than a third, or random keys would leave small nodes behind; but a node that grew at its end
// gives away only its last entry, so that keys which arrive in order leave full ones.
func (n *node[V]) split(gen *edit, grewAt int) (left, right *node[V]) {
	fan := n.fan()
	if fan <= maxFan {
		return n, nil
	}
	at := max(fan/3, min(grewAt+1, fan-fan/3))
	if grewAt == fan-1 {
		at = fan - 1
	}
	var r *node[V]
	if n.kids == nil {
		r = newLeaf[V](gen, maxFan+1)
		r.vals = append(r.vals, n.vals[at:]...)
		clear(n.vals[at:])
		n.vals = n.vals[:at]
		r.size = len(r.vals)
		n.keys, r.keys = n.keys.split(gen, at, 0)
	} else {
		r = newBranch[V](gen, maxFan+1)
		r.kids = append(r.kids, n.kids[at:]...)
		clear(n.kids[at:])
		n.kids = n.kids[:at]
		for _, k := range r.kids {
			r.size += k.size
		}
		n.keys, r.keys = n.keys.split(gen, at, 1)
	}
	n.size -= r.size
	return n, r
}

// spot is the place of an entry: the nodes from the root to its leaf, each with the index of the next, and of the entry.
type spot[V any] struct {
	at [maxDepth]struct {
		n *node[V]
		i int
	}
	depth int
}

// seek is get, and notes where the entry is, or would be.
func (t tree[V]) seek(key string, s *spot[V]) (v V, ok bool) {
	s.depth = 0
	n := t.root
	if n == nil {
		return v, false
	}
	for n.kids != nil {
		i := n.childOf(key)
		s.at[s.depth].n, s.at[s.depth].i = n, i
		s.depth++
		n = n.kids[i]
	}
	i, found := n.find(key)
	s.at[s.depth].n, s.at[s.depth].i = n, i
	s.depth++
	if found {
		v = n.vals[i]
	}
	return v, found
}

// put replaces the entry at s and returns the tree that has it. A node that gen owns has owned nodes above it.
func (s *spot[V]) put(gen *edit, v V, spare *sparesOf[V]) tree[V] {
	d := s.depth - 1
	n := s.at[d].n
	c := spare.own(n, gen)
	c.vals[s.at[d].i] = v
	for c != n { // n was copied, so the node above needs to know
		if d == 0 {
			return tree[V]{c}
		}
		d--
		kid := c
		n = s.at[d].n
		c = spare.own(n, gen)
		c.kids[s.at[d].i] = kid
	}
	return tree[V]{s.at[0].n}
}

// delete removes key and says whether it was there.
func (t tree[V]) delete(gen *edit, key string) (_ tree[V], removed bool) {
	if _, ok := t.get(key); !ok {
		return t, false
	}
	n := t.root.delete(gen, key)
	for n != nil && n.kids != nil && n.fan() == 1 {
		n = n.kids[0]
	}
	return tree[V]{n}, true
}

// delete removes a key that is there; it returns nil when nothing is left.
func (n *node[V]) delete(gen *edit, key string) *node[V] {
	if n.size == 1 {
		return nil
	}
	n = n.own(gen)
	n.size--
	if n.kids == nil {
		i, _ := n.find(key)
		n.keys = n.keys.delete(gen, i, 0)
		n.vals = slices.Delete(n.vals, i, i+1)
		return n
	}
	i := n.childOf(key)
	if kid := n.kids[i].delete(gen, key); kid == nil {
		n.deleteKid(gen, i)
	} else {
		n.kids[i] = kid
		n.mend(gen, i)
	}
	return n
}

func (n *node[V]) deleteKid(gen *edit, i int) {
	n.kids = slices.Delete(n.kids, i, i+1)
	n.keys = n.keys.delete(gen, i, 1)
}

// mend joins a child that has become small with a neighbour, when both fit into one node.
func (n *node[V]) mend(gen *edit, i int) {
	if n.kids[i].fan() >= maxFan/4 {
		return
	}
	if i+1 == n.fan() {
		i--
	}
	if i < 0 || n.kids[i].fan()+n.kids[i+1].fan() > maxFan {
		return
	}
	left, right := n.kids[i], n.kids[i+1]
	at := left.fan()
	list := append(append(make([]string, 0, maxFan), left.keys.list...), right.keys.list...)
	var both *node[V]
	if left.kids == nil {
		both = newLeaf[V](gen, len(list))
		both.vals = append(append(both.vals, left.vals...), right.vals...)
		both.keys = newKeys(gen, list, 0)
	} else {
		list[at] = n.keys.list[i+1] // the first bound of a branch may be anything; here it is compared
		both = newBranch[V](gen, len(list))
		both.kids = append(append(both.kids, left.kids...), right.kids...)
		both.keys = newKeys(gen, list, 1)
	}
	both.size = left.size + right.size
	n.kids[i] = both
	n.deleteKid(gen, i+1)
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
	for i, k := range n.keys.list {
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
	size, from := len(n.vals), 0
	if n.kids != nil {
		for _, k := range n.kids {
			if bad := k.check(); bad != "" {
				return bad
			}
			size += k.size
		}
		from = 1
	}
	if bad := n.keys.check(from); bad != "" {
		return bad
	}
	switch {
	case n.size != size:
		return "a node has the wrong size"
	case n.size == 0 || n.fan() > maxFan:
		return "a node is empty or too large"
	case n.kids == nil && len(n.vals) != n.fan():
		return "a leaf has as many keys as entries no longer"
	case n.kids != nil && len(n.kids) != n.fan():
		return "a branch has as many keys as children no longer"
	}
	return ""
}
