package store

// diff calls fn, in key order, for each key whose entry differs between a and b; a missing entry is the zero V. Subtrees
// that both share are passed over, so the cost follows what changed. same says whether two values are equal.
//
// The two trees are walked side by side as sequences of entries. Where both walks stand at the beginning of the same
// node, the node is skipped: nodes are never written once published, so the same node has the same entries.
func diff[V any](a, b tree[V], same func(x, y V) bool, fn func(key string, old, new V) bool) {
	if a.root == b.root {
		return
	}
	if a.root != nil && b.root != nil && a.root.kids == nil && b.root.kids == nil {
		diffLeaves(a.root, b.root, same, fn)
		return
	}
	var zero V
	x, y := newWalk(a.root), newWalk(b.root)
	for {
		for x.skipShared(&y) {
		}
		x.descend()
		y.descend()
		switch {
		case x.done() && y.done():
			return
		case y.done() || !x.done() && x.key() < y.key():
			if !fn(x.key(), x.val(), zero) {
				return
			}
			x.next()
		case x.done() || y.key() < x.key():
			if !fn(y.key(), zero, y.val()) {
				return
			}
			y.next()
		default:
			if !same(x.val(), y.val()) && !fn(x.key(), x.val(), y.val()) {
				return
			}
			x.next()
			y.next()
		}
	}
}

// diffLeaves is diff for two trees of one leaf each, such as rows.
func diffLeaves[V any](a, b *node[V], same func(x, y V) bool, fn func(key string, old, new V) bool) {
	var zero V
	if a.keys == b.keys {
		for i := range a.vals {
			if !same(a.vals[i], b.vals[i]) && !fn(a.keys.list[i], a.vals[i], b.vals[i]) {
				return
			}
		}
		return
	}
	x, y := a.keys.list, b.keys.list
	i, j := 0, 0
	for i < len(x) || j < len(y) {
		more := true
		switch {
		case j == len(y) || i < len(x) && x[i] < y[j]:
			more = fn(x[i], a.vals[i], zero)
			i++
		case i == len(x) || y[j] < x[i]:
			more = fn(y[j], zero, b.vals[j])
			j++
		default:
			more = same(a.vals[i], b.vals[j]) || fn(x[i], a.vals[i], b.vals[j])
			i++
			j++
		}
		if !more {
			return
		}
	}
}

// walk is a place in a tree: a stack of nodes with the index of the entry or child that comes next. The top may be a
// branch whose child has not been entered yet.
type walk[V any] struct {
	at [maxDepth]struct {
		n *node[V]
		i int
	}
	depth int
}

// maxDepth bounds the height of a tree. Deletions can leave nodes with few children, but a branch has two or more below
// the root unless its neighbours were full, so a tree of this height cannot fit into memory.
const maxDepth = 24

func newWalk[V any](root *node[V]) (w walk[V]) {
	if root != nil {
		w.at[0].n = root
		w.depth = 1
	}
	return w
}

func (w *walk[V]) done() bool  { return w.depth == 0 }
func (w *walk[V]) key() string { t := &w.at[w.depth-1]; return t.n.keys.list[t.i] }
func (w *walk[V]) val() V      { t := &w.at[w.depth-1]; return t.n.vals[t.i] }

// descend enters children until the top is a leaf.
func (w *walk[V]) descend() {
	for w.depth > 0 {
		t := &w.at[w.depth-1]
		if t.n.kids == nil {
			return
		}
		w.push(t.n.kids[t.i])
	}
}

func (w *walk[V]) push(n *node[V]) {
	w.at[w.depth].n, w.at[w.depth].i = n, 0
	w.depth++
}

// next moves behind the entry or child that comes next, leaving nodes that are used up.
func (w *walk[V]) next() {
	for w.depth > 0 {
		t := &w.at[w.depth-1]
		if t.i++; t.i < t.n.fan() {
			return
		}
		w.depth--
	}
}

// skipShared moves both walks behind a node at whose beginning both stand, and says whether there was one.
func (w *walk[V]) skipShared(o *walk[V]) bool {
	if w.done() || o.done() {
		return false
	}
	// Candidates of a walk are the nodes on its stack that it has only just entered, and the next child of the top.
	for d := w.firstFresh(); d <= w.depth; d++ {
		n := w.fresh(d)
		if n == nil {
			continue
		}
		for e := o.firstFresh(); e <= o.depth; e++ {
			if o.fresh(e) == n {
				w.depth = d
				o.depth = e
				w.next()
				o.next()
				return true
			}
		}
	}
	return false
}

// firstFresh returns the lowest depth from which all indexes above are 0.
func (w *walk[V]) firstFresh() int {
	d := w.depth
	for d > 0 && w.at[d-1].i == 0 {
		d--
	}
	return d
}

// fresh returns the node at depth d of the stack if the walk stands at its beginning; at d == depth, the child of the top
// that comes next.
func (w *walk[V]) fresh(d int) *node[V] {
	if d < w.depth {
		return w.at[d].n
	}
	t := &w.at[w.depth-1]
	if t.n.kids == nil {
		return nil
	}
	return t.n.kids[t.i]
}
