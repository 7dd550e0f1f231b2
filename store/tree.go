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
//
// A node and its entries are one object; see newLeaf and newBranch. The keys are an array of their own, because nodes share
// it: a copy with the keys of the original, and rows with the same cells.
type node[V any] struct {
	gen     *edit
	size    int32 // entries at or below this node
	ownKeys bool  // nobody else has keys, so gen may write into them
	keys    []string
	vals    []V
	kids    *kids[V]
}

// kids are the children of a branch, as many as it has keys. The last place is used for the moment before a split only.
type kids[V any] [maxFan + 1]*node[V]

func (t tree[V]) len() int {
	if t.root == nil {
		return 0
	}
	return int(t.root.size)
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

// own returns n if gen made it, and otherwise a copy that gen may write.
func (n *node[V]) own(gen *edit) *node[V] {
	if n.gen == gen {
		return n
	}
	var c *node[V]
	if n.kids != nil {
		c = newBranch[V](gen)
		copy(c.kids[:], n.kids[:len(n.keys)])
	} else {
		c = newLeaf[V](gen, len(n.vals))
		c.vals = c.vals[:len(n.vals)]
		copy(c.vals, n.vals)
	}
	c.size, c.keys = n.size, n.keys
	return c
}

// insertKey puts key at i of n, which gen owns. shape is the keys of a node that n may become like: as long as n is the
// beginning of it, n shares them.
func (n *node[V]) insertKey(i int, key string, shape []string) {
	at := len(n.keys)
	if i == at && at < len(shape) && shape[at] == key && (at == 0 || &shape[0] == &n.keys[0]) {
		n.keys, n.ownKeys = shape[:at+1:at+1], false
		return
	}
	if n.ownKeys && at < cap(n.keys) {
		n.keys = slices.Insert(n.keys, i, key)
		return
	}
	room := at + 1
	if n.ownKeys {
		room += at / 2
	}
	keys := make([]string, at+1, max(room, min(len(shape), maxFan)))
	copy(keys, n.keys[:i])
	keys[i] = key
	copy(keys[i+1:], n.keys[i:])
	n.keys, n.ownKeys = keys, true
}

func (n *node[V]) deleteKey(i int) {
	if n.ownKeys {
		n.keys = slices.Delete(n.keys, i, i+1)
		return
	}
	keys := make([]string, len(n.keys)-1)
	copy(keys, n.keys[:i])
	copy(keys[i:], n.keys[i+1:])
	n.keys, n.ownKeys = keys, true
}

// insert puts an entry at i of a leaf and returns the leaf that has it.
func (n *node[V]) insert(gen *edit, i int, key string, v V, shape []string) *node[V] {
	if n.gen != gen || len(n.vals) == cap(n.vals) {
		room := len(n.vals) + 1
		if n.gen == gen {
			room += len(n.vals) / 2
		}
		c := newLeaf[V](gen, max(room, min(len(shape), maxFan)))
		c.vals = append(c.vals, n.vals...)
		c.keys, c.ownKeys = n.keys, n.ownKeys && n.gen == gen
		c.size = n.size
		n = c
	}
	n.vals = slices.Insert(n.vals, i, v)
	n.insertKey(i, key, shape)
	n.size++
	return n
}

// set puts v under key and says whether the key is new.
func (t tree[V]) set(gen *edit, key string, v V) (_ tree[V], added bool) {
	return t.setLike(gen, key, v, nil)
}

// setLike is set for a tree that is probably going to have the keys in shape.
func (t tree[V]) setLike(gen *edit, key string, v V, shape []string) (_ tree[V], added bool) {
	if t.root == nil {
		n := newLeaf[V](gen, max(1, min(len(shape), maxFan)))
		return tree[V]{n.insert(gen, 0, key, v, shape)}, true
	}
	n, right, added := t.root.set(gen, key, v, shape)
	if right != nil {
		top := newBranch[V](gen)
		top.size, top.keys, top.ownKeys = n.size+right.size, []string{"", right.keys[0]}, true
		top.kids[0], top.kids[1] = n, right
		n = top
	}
	return tree[V]{n}, added
}

// set returns the node that replaces n, and a new right neighbour when n had to be split.
func (n *node[V]) set(gen *edit, key string, v V, shape []string) (left, right *node[V], added bool) {
	if n.kids == nil {
		i, found := n.find(key)
		if found {
			n = n.own(gen)
			n.vals[i] = v
			return n, nil, false
		}
		left, right = n.insert(gen, i, key, v, shape).split(gen, i)
		return left, right, true
	}
	i := n.childOf(key)
	kid, split, added := n.kids[i].set(gen, key, v, shape)
	n = n.own(gen)
	n.kids[i] = kid
	if added {
		n.size++
	}
	if split == nil {
		return n, nil, added
	}
	copy(n.kids[i+2:], n.kids[i+1:len(n.keys)])
	n.kids[i+1] = split
	n.insertKey(i+1, split.keys[0], nil)
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
	var r *node[V]
	if n.kids == nil {
		r = newLeaf[V](gen, maxFan+1)
		r.vals = append(r.vals, n.vals[at:]...)
		clear(n.vals[at:])
		n.vals = n.vals[:at]
		r.size = int32(len(r.vals))
	} else {
		r = newBranch[V](gen)
		copy(r.kids[:], n.kids[at:len(n.keys)])
		clear(n.kids[at:])
		for _, k := range r.kids[:len(n.keys)-at] {
			r.size += k.size
		}
	}
	r.keys, r.ownKeys = append(make([]string, 0, maxFan+1), n.keys[at:]...), true
	if n.ownKeys {
		clear(n.keys[at:])
	}
	n.keys = n.keys[:at]
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
func (s *spot[V]) put(gen *edit, v V) tree[V] {
	d := s.depth - 1
	n := s.at[d].n
	c := n.own(gen)
	c.vals[s.at[d].i] = v
	for c != n { // n was copied, so the node above needs to know
		if d == 0 {
			return tree[V]{c}
		}
		d--
		kid := c
		n = s.at[d].n
		c = n.own(gen)
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
	for n != nil && n.kids != nil && len(n.keys) == 1 {
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
		n.deleteKey(i)
		n.vals = slices.Delete(n.vals, i, i+1)
		return n
	}
	i := n.childOf(key)
	if kid := n.kids[i].delete(gen, key); kid == nil {
		n.deleteKid(i)
	} else {
		n.kids[i] = kid
		n.mend(gen, i)
	}
	return n
}

func (n *node[V]) deleteKid(i int) {
	copy(n.kids[i:], n.kids[i+1:len(n.keys)])
	n.kids[len(n.keys)-1] = nil
	n.deleteKey(i)
}

// mend joins a child that has become small with a neighbour, when both fit into one node.
func (n *node[V]) mend(gen *edit, i int) {
	if len(n.kids[i].keys) >= maxFan/4 {
		return
	}
	if i+1 == len(n.keys) {
		i--
	}
	if i < 0 || len(n.kids[i].keys)+len(n.kids[i+1].keys) > maxFan {
		return
	}
	left, right := n.kids[i], n.kids[i+1]
	from := len(left.keys)
	keys := make([]string, 0, maxFan)
	keys = append(append(keys, left.keys...), right.keys...)
	var both *node[V]
	if left.kids == nil {
		both = newLeaf[V](gen, from+len(right.keys))
		both.vals = append(append(both.vals, left.vals...), right.vals...)
	} else {
		keys[from] = n.keys[i+1] // the first bound of a branch may be anything; here it is compared
		both = newBranch[V](gen)
		copy(both.kids[:], left.kids[:from])
		copy(both.kids[from:], right.kids[:len(right.keys)])
	}
	both.keys, both.ownKeys, both.size = keys, true, left.size+right.size
	n.kids[i] = both
	n.deleteKid(i + 1)
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
	if n.kids != nil {
		for i, k := range n.kids {
			if (k != nil) != (i < len(n.keys)) {
				return "a branch has as many keys as children no longer"
			} else if k == nil {
				continue
			}
			if bad := k.check(); bad != "" {
				return bad
			}
			size += int(k.size)
		}
	}
	switch {
	case int(n.size) != size:
		return "a node has the wrong size"
	case n.size == 0 || len(n.keys) > maxFan:
		return "a node is empty or too large"
	case n.kids == nil && len(n.vals) != len(n.keys):
		return "a leaf has as many keys as entries no longer"
	}
	return ""
}
