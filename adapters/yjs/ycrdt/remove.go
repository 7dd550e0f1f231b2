package ycrdt

// A frame is a position in the children of a type that are being walked: the next list item, then the next entry.
type frame struct{ item, entry uint32 }

func (d *Doc) frameOf(typ uint32) frame {
	ty := d.types.at(typ)
	return frame{ty.start, ty.firstEntry}
}

// remove deletes an item and everything below it.
//
// It walks with a stack of its own, so that deeply nested types cost memory in proportion and no call depth.
func (d *Doc) remove(t *txn, i uint32) {
	it := d.items.at(i)
	if it.deleted() {
		return
	}
	d.markDeleted(t, it, i)
	t.change(it.parent, it.entry)
	if it.kind != kindType {
		return
	}
	stack := append(d.frames[:0], d.frameOf(it.off))
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		var child uint32
		switch {
		case f.item != 0:
			child = f.item
			f.item = d.items.at(child).right
		case f.entry != 0:
			en := d.entries.at(f.entry)
			child = en.last
			f.entry = en.next
		default:
			stack = stack[:len(stack)-1]
			continue
		}
		it := d.items.at(child)
		if it.deleted() {
			// Deleted before: it may merge with its neighbours once they are garbage.
			if it.clock < t.before(it.client) {
				t.splits = append(t.splits, unit{it.client, it.clock})
			}
			continue
		}
		d.markDeleted(t, it, child)
		if it.kind == kindType {
			stack = append(stack, d.frameOf(it.off))
		}
	}
	d.frames = stack
}

func (d *Doc) markDeleted(t *txn, it *item, i uint32) {
	if it.entry == 0 {
		ty := d.types.at(it.parent)
		if it.kind.countable() {
			ty.length -= it.length
		}
		if ty.markers != 0 && it.flags&flagMarker != 0 {
			d.markers[ty.markers].doubtful = true
		}
	} else if it.right == 0 {
		d.types.at(it.parent).count--
	}
	it.flags |= flagDeleted
	d.clients.list[it.client].holes = true
	t.deletes.add(it.client, it.clock, it.length)
	switch it.kind {
	case kindType:
		d.types.at(it.off).dead = true
	case kindDoc:
		t.subdocs = append(t.subdocs, subdocChange{item: i})
	}
}

// applySpan deletes a foreign span as far as its units are known and returns the part that lies beyond.
func (d *Doc) applySpan(t *txn, s span) (rest span) {
	c := &d.clients.list[s.client]
	end := s.clock + s.length
	if s.clock >= c.next {
		return s
	}
	if end > c.next {
		rest = span{s.client, c.next, end - c.next}
		end = c.next
	}
	p := d.place(s.client, s.clock)
	it := d.items.at(c.list.at(p))
	if !it.deleted() && it.clock < s.clock {
		d.split(t, s.client, p, s.clock)
		p = d.place(s.client, s.clock)
	}
	for ok := true; ok; {
		i := c.list.at(p)
		it := d.items.at(i)
		if it.clock >= end {
			break
		}
		if !it.deleted() {
			if end < it.end() {
				clock := it.clock
				d.split(t, s.client, p, end)
				p = d.place(s.client, clock)
			}
			if d.keepLost && d.pending.structs != nil && it.entry != 0 && d.isMap(it) {
				d.salvage(i) // what it has lost its key to may be among the pending structs, and will be seen to have won when it comes
			}
			d.remove(t, i)
		}
		p, ok = c.list.next(p)
	}
	return rest
}
