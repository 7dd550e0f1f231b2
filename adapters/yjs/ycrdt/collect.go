package ycrdt

// collectDeleted drops the content of everything that the transaction has deleted.
func (d *Doc) collectDeleted(t *txn) {
	for n := len(t.deletes.spans) - 1; n >= 0; n-- {
		s := t.deletes.spans[n]
		l := &d.clients.list[s.client].list
		p, ok := d.place(s.client, s.clock), true
		for ok {
			i := l.at(p)
			it := d.items.at(i)
			if it.clock >= s.clock+s.length {
				break
			}
			if it.kind != kindGC && it.deleted() && it.flags&(flagKeep|flagLost) == 0 {
				d.collect(it)
			}
			p, ok = l.next(p)
		}
	}
}

// collect replaces the content of a deleted item by its length alone. Of what lies below a deleted type nothing but the
// length remains: those become GC structs, which have no place any more.
func (d *Doc) collect(it *item) {
	if it.kind == kindType {
		typ := it.off
		stack := append(d.frames[:0], d.frameOf(typ))
		owners := append(d.owners[:0], typ)
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			var child uint32
			switch {
			case f.item != 0:
				child = f.item
				f.item = d.items.at(child).right
			case f.entry != 0:
				// All items of the key, from the right-most leftwards: as a list from the left.
				en := d.entries.at(f.entry)
				f.item, f.entry = en.first, en.next
				continue
			default:
				stack = stack[:len(stack)-1]
				continue
			}
			c := d.items.at(child)
			if c.kind == kindType {
				stack = append(stack, d.frameOf(c.off))
				owners = append(owners, c.off)
			} else {
				d.content.drop(c)
			}
			if c.flags&flagRedone != 0 {
				delete(d.redone, child)
			}
			*c = item{clock: c.clock, length: c.length, client: c.client, kind: kindGC, flags: flagDeleted}
		}
		d.frames, d.owners = stack, owners
		for _, o := range owners {
			d.entries.clear(&d.types, o)
			d.dropMarkers(o)
			d.types.release(o)
		}
		it.off = 0
	}
	d.content.drop(it)
	it.kind = kindDeleted
	it.flags &^= flagAny | flagBound
}
