package ycrdt

// mergeable reports whether two neighbours in a client's list can become one struct.
func (d *Doc) mergeable(li, ri uint32) bool {
	l, r := d.items.at(li), d.items.at(ri)
	if r.kind != l.kind {
		return false
	}
	if r.kind == kindGC {
		return true
	}
	switch r.kind {
	case kindDeleted, kindJSON, kindString, kindAny:
	default:
		return false
	}
	return r.originClient == r.client && r.originClock+1 == r.clock && l.right == ri &&
		l.rightClient == r.rightClient && (r.rightClient == 0 || l.rightClock == r.rightClock) &&
		(l.flags^r.flags)&flagDeleted == 0 && (l.flags|r.flags)&flagRedone == 0
}

// merge makes ri, at the place after li's, a part of li and removes it from the list.
func (d *Doc) merge(ci, li uint32, rp place) {
	list := &d.clients.list[ci].list
	ri := list.at(rp)
	l, r := d.items.at(li), d.items.at(ri)
	if l.kind != kindGC {
		d.mergeMarkers(l, r, li, ri)
		d.content.join(l, r)
		l.flags = l.flags&^flagVerbatim | r.flags&flagKeep
		l.right = r.right
		if r.right != 0 {
			d.items.at(r.right).left = li
		} else {
			d.setLast(l.parent, l.entry, li)
		}
	}
	l.length += r.length
	list.remove(rp)
	d.items.release(ri)
}

// mergeRange merges what can be merged among the structs from p to the one that holds clock to, the first of them also with
// what stands before it, and so on to the left as long as that succeeds.
func (d *Doc) mergeRange(ci uint32, p place, to uint32) {
	list := &d.clients.list[ci].list
	for {
		q, ok := list.prev(p)
		if !ok || !d.mergeable(list.at(q), list.at(p)) {
			break
		}
		p = q
	}
	for {
		li := list.at(p)
		q, ok := list.next(p)
		if !ok {
			return
		}
		ri := list.at(q)
		if d.items.at(ri).clock > to {
			return
		}
		if !d.mergeable(li, ri) {
			p = q
			continue
		}
		d.merge(ci, li, q)
	}
}

// mergeDeleted merges around the spans that the transaction has deleted.
func (d *Doc) mergeDeleted(t *txn) {
	for n := len(t.deletes.spans) - 1; n >= 0; n-- {
		s := t.deletes.spans[n]
		list := &d.clients.list[s.client].list
		p := d.place(s.client, s.clock)
		last := d.items.at(list.at(p))
		if end := s.clock + s.length - 1; end > last.last() {
			last = d.items.at(d.lookup(s.client, end))
		} else if !d.mergesWithNeighbours(list, p) {
			continue
		}
		d.mergeRange(s.client, p, last.end())
	}
}

func (d *Doc) mergesWithNeighbours(list *structList, p place) bool {
	i := list.at(p)
	if q, ok := list.prev(p); ok && d.mergeable(list.at(q), i) {
		return true
	}
	q, ok := list.next(p)
	return ok && d.mergeable(i, list.at(q))
}

// mergeNew merges the structs that the transaction has added.
func (d *Doc) mergeNew(t *txn) {
	for _, w := range t.touched {
		c := &d.clients.list[w.client]
		if c.next == w.before {
			continue
		}
		p := c.list.find(c.next, w.before)
		if p == (place{}) {
			var ok bool
			if p, ok = c.list.next(p); !ok {
				continue
			}
		}
		d.mergeRange(w.client, p, c.next)
	}
}

// mergeSplits tries to merge the items that were cut in the transaction, the last one first.
func (d *Doc) mergeSplits(t *txn) {
	for n := len(t.splits) - 1; n >= 0; n-- {
		u := t.splits[n]
		list := &d.clients.list[u.client].list
		p := d.place(u.client, u.clock)
		if q, ok := list.next(p); ok && d.mergeLefts(u.client, q) > 1 {
			continue
		}
		d.mergeLefts(u.client, d.place(u.client, u.clock))
	}
}

// mergeLefts merges the struct at p with its left neighbour, the result with the next one, and so on. It returns how often.
func (d *Doc) mergeLefts(ci uint32, p place) (merged int) {
	list := &d.clients.list[ci].list
	for {
		q, ok := list.prev(p)
		if !ok || !d.mergeable(list.at(q), list.at(p)) {
			return merged
		}
		d.merge(ci, list.at(q), p)
		merged++
		p = q
	}
}
