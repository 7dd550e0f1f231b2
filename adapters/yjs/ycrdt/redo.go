package ycrdt

// eachDeleted calls fn for every struct in the spans, as far as they are known, splitting at their borders.
func (d *Doc) eachDeleted(t *txn, ds *deleteSet, fn func(i uint32)) {
	for _, s := range ds.spans {
		c := &d.clients.list[s.client]
		end := min(s.clock+s.length, c.next)
		for clock := s.clock; clock < end; {
			i := d.cleanStart(t, s.client, clock)
			if end < d.items.at(i).end() {
				d.cleanStart(t, s.client, end)
			}
			clock = d.items.at(i).end()
			fn(i)
		}
	}
}

// keep marks an item and the types that it lies in as not to be garbage collected, or takes the marks away.
func (d *Doc) keep(i uint32, keep bool) {
	for i != 0 {
		it := d.items.at(i)
		if it.flags&flagKeep != 0 == keep {
			return
		}
		it.flags ^= flagKeep
		i = d.types.at(it.parent).item
	}
}

// pop takes steps off a stack and reverts them, until one has had an effect.
func (u *UndoManager) pop(t *txn) *StackItem {
	stack := &u.undo
	if u.mode == TypeRedo {
		stack = &u.redo
	}
	for len(*stack) > 0 {
		last := len(*stack) - 1
		s := (*stack)[last]
		(*stack)[last] = nil
		*stack = (*stack)[:last]
		if u.revert(t, s) {
			return s
		}
	}
	return nil
}

// revert deletes what a step has inserted, unless it is deleted already, and inserts copies of what it has deleted.
func (u *UndoManager) revert(t *txn, s *StackItem) (changed bool) {
	d := u.doc
	var inserted []uint32
	d.eachDeleted(t, &s.insertions, func(i uint32) {
		it := d.items.at(i)
		if it.kind == kindGC {
			return
		}
		if it.flags&flagRedone != 0 {
			var diff uint32
			if i, diff = d.followRedone(d.idOf(it)); i == 0 {
				return
			}
			if it = d.items.at(i); diff > 0 {
				i = d.cleanStart(t, it.client, it.clock+diff)
			}
		}
		if !d.items.at(i).deleted() && u.covers(i) {
			inserted = append(inserted, i)
		}
	})
	r := redoer{u: u, t: t, wanted: map[uint32]bool{}, insertions: &s.insertions}
	var deleted []uint32
	d.eachDeleted(t, &s.deletions, func(i uint32) {
		it := d.items.at(i)
		if u.covers(i) && !s.insertions.has(it.client, it.clock) && !r.wanted[i] {
			r.wanted[i] = true
			deleted = append(deleted, i)
		}
	})
	for _, i := range deleted {
		if r.redo(i) != 0 {
			changed = true
		}
	}
	for n := len(inserted) - 1; n >= 0; n-- { // children before their parents
		d.remove(t, inserted[n])
		changed = true
	}
	return changed
}

// A redoer inserts deleted items again.
type redoer struct {
	u          *UndoManager
	t          *txn
	wanted     map[uint32]bool // the items that are to come back
	insertions *deleteSet      // what the step has inserted
}

// redo inserts a copy of a deleted item in its old place, and returns it; 0 if that place is gone, or taken by somebody
// else.
func (r *redoer) redo(i uint32) uint32 {
	d, t := r.u.doc, r.t
	if copied, ok := r.next(i); ok {
		return copied
	}
	it := *d.items.at(i)
	owner := d.types.at(it.parent).item
	if owner != 0 && d.items.at(owner).deleted() {
		if _, ok := r.next(owner); !ok && (!r.wanted[owner] || r.redo(owner) == 0) {
			return 0
		}
		for {
			next, ok := r.next(owner)
			if !ok {
				break
			}
			owner = next
		}
	}
	parent := it.parent
	if owner != 0 {
		if d.items.at(owner).kind != kindType {
			return 0
		}
		parent = d.items.at(owner).off
	}
	fresh := item{kind: it.kind, length: it.length, parent: parent, flags: flagKeep | it.flags&flagAny}
	if it.entry == 0 {
		fresh.left = r.nearest(it.left, owner, func(it *item) uint32 { return it.left })
		fresh.right = r.nearest(i, owner, func(it *item) uint32 { return it.right })
	} else {
		var free bool
		if fresh.left, free = r.leftOfKey(i, parent, owner); !free {
			return 0
		}
		fresh.entry = d.entries.at(it.entry).key
		fresh.flags |= flagKey
	}
	switch it.kind {
	case kindType:
		ty := d.types.at(it.off)
		fresh.off, fresh.size = ty.kind.ref(), ty.name
	default:
		d.content.share(&fresh, it.buf, it.off, it.size)
	}
	copied, err := d.insertCopy(t, &fresh, nil)
	if err != nil {
		d.content.drop(&fresh)
		return 0
	}
	if d.redone == nil {
		d.redone = map[uint32]ID{}
	}
	d.redone[i] = d.idOf(d.items.at(copied))
	d.items.at(i).flags |= flagRedone
	if d.items.at(copied).kind != kindGC {
		d.keep(owner, true)
	}
	return copied
}

// next returns the copy that has come in the place of an item.
func (r *redoer) next(i uint32) (copied uint32, ok bool) {
	d := r.u.doc
	if d.items.at(i).flags&flagRedone == 0 {
		return 0, false
	}
	id := d.redone[i]
	return d.cleanStart(r.t, d.clients.find(id.Client), id.Clock), true
}

// nearest walks from an item to one side and returns the first one that lies, or whose copy lies, in the list of owner.
func (r *redoer) nearest(i, owner uint32, step func(*item) uint32) uint32 {
	d := r.u.doc
	for i != 0 {
		trace := i
		for trace != 0 {
			it := d.items.at(trace)
			if it.kind == kindGC {
				trace = 0
				break
			}
			if d.types.at(it.parent).item == owner {
				break
			}
			trace, _ = r.next(trace)
		}
		if trace != 0 {
			return trace
		}
		i = step(d.items.at(i))
	}
	return 0
}

// leftOfKey returns the item of a key that the copy of i comes after, 0 for none. free is false if somebody else has set
// the key since.
func (r *redoer) leftOfKey(i, parent, owner uint32) (left uint32, free bool) {
	d := r.u.doc
	current := func() uint32 {
		it := d.items.at(i)
		if e := d.entries.find(&d.types, parent, d.entries.at(it.entry).key); e != 0 {
			return d.entries.at(e).last
		}
		return 0
	}
	if d.items.at(i).right == 0 || r.u.opts.IgnoreRemoteMapChanges {
		return current(), true
	}
	left = i
	for {
		right := d.items.at(left).right
		if right == 0 {
			break
		}
		it := d.items.at(right)
		if it.flags&flagRedone == 0 && !r.insertions.has(it.client, it.clock) && !r.u.onStack(it) {
			return 0, false
		}
		left = right
		for {
			next, ok := r.next(left)
			if !ok {
				break
			}
			left = next
		}
	}
	if it := d.items.at(left); it.kind == kindGC || d.types.at(it.parent).item != owner {
		left = current()
	}
	return left, true
}

// onStack reports whether some step has deleted an item.
func (u *UndoManager) onStack(it *item) bool {
	for _, stack := range [][]*StackItem{u.undo, u.redo} {
		for _, s := range stack {
			if s.deletions.has(it.client, it.clock) {
				return true
			}
		}
	}
	return false
}
