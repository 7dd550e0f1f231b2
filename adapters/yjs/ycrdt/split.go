package ycrdt

// place returns where the struct with a clock, below the client's next, stands in its client's list. The client remembers
// the last answer: often it is right again, or one of its neighbours is, and that is easily seen.
func (d *Doc) place(ci, clock uint32) place {
	c := &d.clients.list[ci]
	if p := c.hot; p.b < len(c.list.blocks) && p.i < len(c.list.blocks[p.b].refs) {
		it := d.items.at(c.list.at(p))
		if clock-it.clock < it.length {
			return p
		}
		q, ok := p, false
		if clock == it.end() {
			q, ok = c.list.next(p)
		} else if clock+1 == it.clock {
			q, ok = c.list.prev(p)
		}
		if ok {
			c.hot = q
			return q
		}
	}
	c.hot = c.list.find(c.next, clock)
	return c.hot
}

// lookup returns the struct that contains a clock below the client's next.
func (d *Doc) lookup(ci, clock uint32) uint32 {
	c := &d.clients.list[ci]
	if last := c.list.at(c.list.lastPlace()); d.items.at(last).clock <= clock {
		return last
	}
	return c.list.at(d.place(ci, clock))
}

// cleanStart returns the item that begins at clock, splitting one if need be. GC structs are never split.
func (d *Doc) cleanStart(t *txn, ci, clock uint32) uint32 {
	i := d.lookup(ci, clock)
	if it := d.items.at(i); it.clock == clock || it.kind == kindGC {
		return i
	}
	return d.split(t, ci, d.place(ci, clock), clock)
}

// cleanEnd returns the item that ends with clock, splitting one if need be. GC structs are never split.
func (d *Doc) cleanEnd(t *txn, ci, clock uint32) uint32 {
	i := d.lookup(ci, clock)
	if it := d.items.at(i); it.last() == clock || it.kind == kindGC {
		return i
	}
	d.split(t, ci, d.place(ci, clock), clock+1)
	return i
}

// split cuts a client's item at p before clock and returns the right part, whose place is the next one.
func (d *Doc) split(t *txn, ci uint32, p place, clock uint32) uint32 {
	li := d.clients.list[ci].list.at(p)
	ri := d.items.alloc()
	l, r := d.items.at(li), d.items.at(ri)
	n := clock - l.clock
	l.flags &^= flagVerbatim
	*r = item{
		clock: clock, length: l.length - n, client: l.client,
		left: li, right: l.right,
		originClient: l.client, originClock: clock - 1,
		rightClient: l.rightClient, rightClock: l.rightClock,
		parent: l.parent, entry: l.entry, kind: l.kind, flags: l.flags &^ flagMarker,
	}
	d.content.split(l, r, n)
	l.length = n
	if l.flags&flagRedone != 0 {
		id := d.redone[li]
		d.redone[ri] = ID{id.Client, id.Clock + n}
	}
	l.right = ri
	if r.right != 0 {
		d.items.at(r.right).left = ri
	} else {
		d.setLast(r.parent, r.entry, ri)
	}
	d.clients.list[l.client].list.insertAfter(p, ri, clock)
	t.splits = append(t.splits, unit{l.client, clock})
	return ri
}

// setLast makes an item the last one of an entry or, if that is 0, of a list.
func (d *Doc) setLast(typ, e, i uint32) {
	if e == 0 {
		d.types.at(typ).end = i
	} else {
		d.entries.at(e).last = i
	}
}
