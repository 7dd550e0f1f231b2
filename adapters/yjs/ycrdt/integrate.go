package ycrdt

// A parentOf remembers which type an ID stands for, as the children of a type mostly come one after the other. It is right
// only while nothing is collected.
type parentOf struct{ client, clock, typ uint32 }

// resolve finds the neighbours and the parent of an item that has just been read. It returns the client that must send
// more before that is possible, 0 if nothing is missing.
func (d *Doc) resolve(t *txn, i uint32) (missing uint32) {
	it := d.items.at(i)
	if it.kind == kindGC || it.kind == kindSkip {
		return 0
	}
	// Clocks of the item's own client are known to be smaller than its own (the parser has seen to it).
	if c := it.originClient; c != 0 && c != it.client && it.flags&flagParentID == 0 && it.originClock >= d.clients.list[c].next {
		return c
	}
	if c := it.rightClient; c != 0 && c != it.client && it.rightClock >= d.clients.list[c].next {
		return c
	}
	if it.flags&flagParentID != 0 {
		c, clock := it.originClient, it.originClock
		if c != it.client && clock >= d.clients.list[c].next {
			return c
		}
		it.flags &^= flagParentID
		it.originClient, it.originClock = 0, 0
		it.parent = 0
		if h := &d.hotParent; h.client != c || h.clock != clock {
			*h = parentOf{client: c, clock: clock}
			if p := d.items.at(d.lookup(c, clock)); p.kind == kindType {
				h.typ = p.off
			}
		}
		it.parent = d.hotParent.typ
		return 0
	}
	if it.originClient == 0 && it.rightClient == 0 {
		return 0 // the parent is a root
	}
	originClient, originClock := it.originClient, it.originClock
	rightClient, rightClock := it.rightClient, it.rightClock
	var left, right uint32
	if originClient != 0 {
		left = d.cleanEnd(t, originClient, originClock)
	}
	if rightClient != 0 {
		right = d.cleanStart(t, rightClient, rightClock)
	}
	it = d.items.at(i) // the slab may have moved
	it.left, it.right = left, right
	it.parent, it.entry = 0, 0
	if left != 0 && d.items.at(left).kind == kindGC || right != 0 && d.items.at(right).kind == kindGC {
		it.left, it.right = 0, 0
		return 0
	}
	from := left
	if from == 0 {
		from = right
	}
	it.parent, it.entry = d.items.at(from).parent, d.items.at(from).entry
	return 0
}

// integrate gives an item, resolved or made here, its place. The first offset units are known already.
//
// This is the YATA rule in the form that Yjs has it. Between its left and right neighbour there may be items that others
// put there at the same time. They are walked from left to right: one with the same left origin goes to our left if its
// client is smaller; one whose origin is among those passed goes with its origin; the first one whose origin lies before
// our left origin ends the walk.
func (d *Doc) integrate(t *txn, i, offset uint32) {
	it := d.items.at(i)
	if offset > 0 {
		it.clock += offset
		if it.kind != kindGC {
			left := d.lookup(it.client, it.clock-1) // ends there: it is the last one
			it.left = left
			it.originClient, it.originClock = it.client, it.clock-1
			d.trim(it, offset)
			if l := d.items.at(left); l.kind == kindGC || l.parent != it.parent || (l.entry != 0) != (it.entry != 0) || it.entry != 0 && d.keyName(l) != d.keyName(it) {
				it.parent = 0 // or it is no continuation at all, which only a broken writer can send
			}
		}
		it.length -= offset
	}
	if it.parent == 0 || it.kind == kindGC {
		d.content.drop(it)
		*it = item{clock: it.clock, length: it.length, client: it.client, kind: kindGC, flags: flagDeleted}
		d.append(t, i)
		return
	}
	if it.flags&flagKey != 0 {
		it.entry = d.entries.get(&d.types, it.parent, it.entry)
		it.flags &^= flagKey
	}
	parent, e := it.parent, it.entry
	if it.left == 0 && (it.right == 0 || d.items.at(it.right).left != 0) || it.left != 0 && d.items.at(it.left).right != it.right {
		d.settle(it)
	}
	left, right := it.left, uint32(0)
	switch {
	case left != 0:
		l := d.items.at(left)
		right = l.right
		l.right = i
	case e == 0:
		ty := d.types.at(parent)
		right = ty.start
		ty.start = i
	default:
		en := d.entries.at(e)
		right = en.first
		en.first = i
	}
	it.right = right
	if right != 0 {
		d.items.at(right).left = i
	} else if e == 0 {
		d.types.at(parent).end = i
	} else {
		d.entries.at(e).last = i
		ty := d.types.at(parent)
		ty.count++
		if left != 0 {
			l := d.items.at(left)
			if !l.deleted() {
				ty.count--
			}
			if known := it.originClient == l.client && it.originClock == l.last(); known {
				d.remove(t, left)
			} else {
				if !l.deleted() || l.flags&flagLost != 0 {
					t.lose(left)
				}
				d.removeLost(t, left)
			}
		}
	}
	if e == 0 && it.kind.countable() {
		d.types.at(parent).length += it.length
	}
	d.append(t, i)
	switch it.kind {
	case kindDeleted:
		t.deletes.add(it.client, it.clock, it.length)
		it.flags |= flagDeleted
		if e != 0 && right == 0 {
			d.types.at(parent).count--
		}
	case kindType:
		if it.flags&flagBound == 0 {
			it.off, it.size = d.types.alloc(kindOfRef(it.off), i, it.size), 0
			it.flags |= flagBound
		}
	case kindFormat:
		d.types.at(parent).formatting = true
		d.types.at(parent).unmarked = true
		d.dropMarkers(parent)
	case kindDoc:
		t.subdocs = append(t.subdocs, subdocChange{item: i, added: true})
	}
	t.change(parent, e)
	if ty := d.types.at(parent); ty.dead || e != 0 && right != 0 {
		if ty.item != 0 && d.items.at(ty.item).flags&flagLost != 0 {
			it.flags |= flagLost
			t.late = append(t.late, i)
		} else if e != 0 && right != 0 {
			t.lose(i)
		}
		d.removeLost(t, i)
	}
}

// settle runs the conflict walk for it, and sets its left neighbour.
func (d *Doc) settle(it *item) {
	left := it.left
	var o uint32
	switch {
	case left != 0:
		o = d.items.at(left).right
	case it.entry != 0:
		o = d.entries.at(it.entry).first
	default:
		o = d.types.at(it.parent).start
	}
	if o == 0 || o == it.right {
		return
	}
	if d.scan > 1<<31 {
		d.clearMarks()
	}
	seen := d.scan + 1        // marks from here on: passed in this walk
	conflicting := d.scan + 1 // marks from here on: passed since the left neighbour moved
	own := d.clients.list[it.client].id
	for o != 0 && o != it.right {
		other := d.items.at(o)
		d.scan++
		other.mark = d.scan
		if other.originClient == it.originClient && (it.originClient == 0 || other.originClock == it.originClock) {
			if d.clients.list[other.client].id < own {
				left = o
				conflicting = d.scan + 1
			} else if other.rightClient == it.rightClient && (it.rightClient == 0 || other.rightClock == it.rightClock) {
				break
			}
		} else if other.originClient != 0 {
			m := d.originMark(other)
			if m < seen {
				break
			}
			if m < conflicting {
				left = o
				conflicting = d.scan + 1
			}
		} else {
			break
		}
		o = other.right
	}
	it.left = left
}

// originMark returns the mark of the item that holds the origin of other.
func (d *Doc) originMark(other *item) uint32 {
	if other.left != 0 {
		if l := d.items.at(other.left); l.client == other.originClient && other.originClock-l.clock < l.length {
			return l.mark
		}
	}
	return d.items.at(d.lookup(other.originClient, other.originClock)).mark
}

func (d *Doc) clearMarks() {
	for _, chunk := range d.items.chunks {
		for i := range chunk {
			chunk[i].mark = 0
		}
	}
	d.scan = 0
}

// append adds a struct to its client's list.
func (d *Doc) append(t *txn, i uint32) {
	it := d.items.at(i)
	t.touch(it.client)
	c := &d.clients.list[it.client]
	c.list.push(i, it.clock)
	c.holes = c.holes || it.kind <= kindDeleted
	c.next = it.clock + it.length
}

// trim drops the first n units of an item's content.
func (d *Doc) trim(it *item, n uint32) {
	it.flags &^= flagVerbatim
	if it.size == 0 {
		return
	}
	head := item{kind: it.kind, buf: it.buf, off: it.off, size: it.size, length: it.length}
	it.buf, it.off, it.size = 0, 0, 0
	d.content.split(&head, it, n)
	d.content.drop(&head)
}
