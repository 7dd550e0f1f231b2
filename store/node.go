package store

// What follows allocates a node together with its entries, because a write of one cell makes a handful of nodes, and each
// object costs.

type branch[V any] struct {
	node[V]
	a kids[V]
}

func newBranch[V any](gen *edit) *node[V] {
	b := &branch[V]{}
	b.gen, b.kids = gen, &b.a
	return &b.node
}

type (
	leaf1[V any] struct {
		node[V]
		a [1]V
	}
	leaf2[V any] struct {
		node[V]
		a [2]V
	}
	leaf3[V any] struct {
		node[V]
		a [3]V
	}
	leaf4[V any] struct {
		node[V]
		a [4]V
	}
	leaf6[V any] struct {
		node[V]
		a [6]V
	}
	leaf8[V any] struct {
		node[V]
		a [8]V
	}
	leaf10[V any] struct {
		node[V]
		a [10]V
	}
	leaf12[V any] struct {
		node[V]
		a [12]V
	}
	leaf16[V any] struct {
		node[V]
		a [16]V
	}
	leaf24[V any] struct {
		node[V]
		a [24]V
	}
	leafFull[V any] struct {
		node[V]
		a [maxFan + 1]V
	}
)

// newLeaf returns an empty leaf with room for n entries.
func newLeaf[V any](gen *edit, n int) *node[V] {
	switch {
	case n <= 1:
		l := &leaf1[V]{}
		return l.init(gen, l.a[:0])
	case n <= 2:
		l := &leaf2[V]{}
		return l.init(gen, l.a[:0])
	case n <= 3:
		l := &leaf3[V]{}
		return l.init(gen, l.a[:0])
	case n <= 4:
		l := &leaf4[V]{}
		return l.init(gen, l.a[:0])
	case n <= 6:
		l := &leaf6[V]{}
		return l.init(gen, l.a[:0])
	case n <= 8:
		l := &leaf8[V]{}
		return l.init(gen, l.a[:0])
	case n <= 10:
		l := &leaf10[V]{}
		return l.init(gen, l.a[:0])
	case n <= 12:
		l := &leaf12[V]{}
		return l.init(gen, l.a[:0])
	case n <= 16:
		l := &leaf16[V]{}
		return l.init(gen, l.a[:0])
	case n <= 24:
		l := &leaf24[V]{}
		return l.init(gen, l.a[:0])
	}
	l := &leafFull[V]{}
	return l.init(gen, l.a[:0])
}

func (n *node[V]) init(gen *edit, vals []V) *node[V] {
	n.gen, n.vals, n.keys = gen, vals, &none
	return n
}

// none is the keys of a leaf without entries. Nobody owns it.
var none keys
