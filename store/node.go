package store

// What follows allocates a node together with its entries or children, because a write of one cell makes a handful of nodes,
// and each object costs.

func newLeaf[V any](gen *edit, room int) *node[V] {
	n, vals := newNode[V, V](room)
	n.gen, n.vals, n.keys = gen, vals, &none
	return n
}

func newBranch[V any](gen *edit, room int) *node[V] {
	n, kids := newNode[V, *node[V]](room)
	n.gen, n.kids = gen, kids
	return n
}

// none is the keys of a leaf without entries. Nobody owns it.
var none keys

type (
	node1[V, E any] struct {
		node[V]
		a [1]E
	}
	node2[V, E any] struct {
		node[V]
		a [2]E
	}
	node3[V, E any] struct {
		node[V]
		a [3]E
	}
	node4[V, E any] struct {
		node[V]
		a [4]E
	}
	node6[V, E any] struct {
		node[V]
		a [6]E
	}
	node8[V, E any] struct {
		node[V]
		a [8]E
	}
	node10[V, E any] struct {
		node[V]
		a [10]E
	}
	node12[V, E any] struct {
		node[V]
		a [12]E
	}
	node16[V, E any] struct {
		node[V]
		a [16]E
	}
	node20[V, E any] struct {
		node[V]
		a [20]E
	}
	node24[V, E any] struct {
		node[V]
		a [24]E
	}
	node28[V, E any] struct {
		node[V]
		a [28]E
	}
	nodeFull[V, E any] struct {
		node[V]
		a [maxFan + 1]E
	}
)

// newNode returns a node and, next to it, room for n entries or children.
func newNode[V, E any](n int) (*node[V], []E) {
	switch {
	case n <= 1:
		x := &node1[V, E]{}
		return &x.node, x.a[:0]
	case n <= 2:
		x := &node2[V, E]{}
		return &x.node, x.a[:0]
	case n <= 3:
		x := &node3[V, E]{}
		return &x.node, x.a[:0]
	case n <= 4:
		x := &node4[V, E]{}
		return &x.node, x.a[:0]
	case n <= 6:
		x := &node6[V, E]{}
		return &x.node, x.a[:0]
	case n <= 8:
		x := &node8[V, E]{}
		return &x.node, x.a[:0]
	case n <= 10:
		x := &node10[V, E]{}
		return &x.node, x.a[:0]
	case n <= 12:
		x := &node12[V, E]{}
		return &x.node, x.a[:0]
	case n <= 16:
		x := &node16[V, E]{}
		return &x.node, x.a[:0]
	case n <= 20:
		x := &node20[V, E]{}
		return &x.node, x.a[:0]
	case n <= 24:
		x := &node24[V, E]{}
		return &x.node, x.a[:0]
	case n <= 28:
		x := &node28[V, E]{}
		return &x.node, x.a[:0]
	}
	x := &nodeFull[V, E]{}
	return &x.node, x.a[:0]
}
