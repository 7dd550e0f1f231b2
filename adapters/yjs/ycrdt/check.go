package ycrdt

import "fmt"

// check verifies everything that must always be true of a document's data. It is slow and for tests.
func (d *Doc) check() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	live := 0
	seen := map[uint32]bool{}
	liveBytes := map[uint32]int{}
	for ci := 1; ci < len(d.clients.list); ci++ {
		c := &d.clients.list[ci]
		if d.clients.index[c.id] != uint32(ci) {
			return fmt.Errorf("client %d is not found by its ID", ci)
		}
		clock := uint32(0)
		for bi, b := range c.list.blocks {
			if len(b.refs) == 0 || len(b.refs) > blockMax {
				return fmt.Errorf("client %d: block %d has %d structs", ci, bi, len(b.refs))
			}
			if b.first != b.refs[0].clock {
				return fmt.Errorf("client %d: block %d begins with %d", ci, bi, b.first)
			}
			for _, r := range b.refs {
				i, it := r.item, d.items.at(r.item)
				if it.clock != clock || r.clock != clock || it.length == 0 || it.client != uint32(ci) {
					return fmt.Errorf("item %d: clock %d, want %d of client %d: %+v", i, it.clock, clock, ci, *it)
				}
				clock = it.end()
				live++
				if it.deleted() && !c.holes {
					return fmt.Errorf("item %d is deleted, but the client has no holes", i)
				}
				seen[i] = true
				liveBytes[it.buf] += int(it.size)
				if err := d.checkItem(i, it); err != nil {
					return fmt.Errorf("item %d %+v: %w", i, *it, err)
				}
			}
		}
		if clock != c.next {
			return fmt.Errorf("client %d ends at %d, not %d", ci, clock, c.next)
		}
	}
	if live != d.items.live() {
		return fmt.Errorf("%d items in lists, %d slots used", live, d.items.live())
	}
	for b, n := range liveBytes {
		if b != 0 && d.content.bufs[b].live != n {
			return fmt.Errorf("buffer %d: %d bytes used, %d counted", b, n, d.content.bufs[b].live)
		}
	}
	all := 0
	for i, b := range d.content.bufs {
		all += len(b.bytes)
		if b.live < 0 || b.live > 0 && liveBytes[uint32(i)] == 0 {
			return fmt.Errorf("buffer %d: %d bytes, %d used", i, len(b.bytes), b.live)
		}
	}
	used := 0
	for _, n := range liveBytes {
		used += n
	}
	if used != d.content.live {
		return fmt.Errorf("%d bytes of content, %d counted", used, d.content.live)
	}
	if all != d.content.all || d.content.grow {
		return fmt.Errorf("%d bytes in buffers, %d counted", all, d.content.all)
	}
	reached := 0
	for t := 1; t < len(d.types.list); t++ {
		n, err := d.checkType(uint32(t), seen)
		if err != nil {
			return fmt.Errorf("type %d %+v: %w", t, d.types.list[t], err)
		}
		reached += n
	}
	for i := range seen {
		if d.items.at(i).kind != kindGC {
			reached--
		}
	}
	if reached != 0 {
		return fmt.Errorf("%d more items in types than in lists", reached)
	}
	if d.txn != nil || len(d.queue) > 0 {
		return fmt.Errorf("a transaction is open")
	}
	return nil
}

func (d *Doc) checkItem(i uint32, it *item) error {
	if it.kind == kindGC {
		if !it.deleted() || it.parent != 0 || it.left != 0 || it.right != 0 || it.size != 0 {
			return fmt.Errorf("GC with a place")
		}
		return nil
	}
	if it.kind > kindDoc || it.flags&(flagParentID|flagKey) != 0 {
		return fmt.Errorf("not integrated")
	}
	if it.parent == 0 || !d.types.at(it.parent).used {
		return fmt.Errorf("no parent")
	}
	if it.left != 0 {
		if l := d.items.at(it.left); l.right != i || l.parent != it.parent || l.entry != it.entry {
			return fmt.Errorf("left neighbour %+v", *l)
		}
	}
	if it.right != 0 {
		if r := d.items.at(it.right); r.left != i || r.parent != it.parent || r.entry != it.entry {
			return fmt.Errorf("right neighbour %+v", *r)
		}
	}
	if it.kind == kindDeleted && (!it.deleted() || it.size != 0) {
		return fmt.Errorf("content that is not there")
	}
	if it.kind == kindType {
		if ty := d.types.at(it.off); !ty.used || ty.item != i {
			return fmt.Errorf("its type is %+v", *ty)
		} else if ty.dead != it.deleted() {
			return fmt.Errorf("dead: %v", ty.dead)
		}
	}
	if owner := d.types.at(it.parent).item; owner != 0 && d.items.at(owner).deleted() && !it.deleted() {
		return fmt.Errorf("alive in a deleted type")
	}
	return nil
}

func (d *Doc) checkType(t uint32, seen map[uint32]bool) (reached int, err error) {
	ty := d.types.at(t)
	if !ty.used {
		return 0, nil
	}
	if ty.item != 0 && (d.items.at(ty.item).kind != kindType || d.items.at(ty.item).off != t) {
		return 0, fmt.Errorf("its item is %+v", *d.items.at(ty.item))
	}
	length, left := uint32(0), uint32(0)
	for i := ty.start; i != 0; i = d.items.at(i).right {
		it := d.items.at(i)
		if !seen[i] || it.left != left || it.parent != t || it.entry != 0 {
			return 0, fmt.Errorf("list item %d %+v after %d", i, *it, left)
		}
		if !it.gap() {
			length += it.length
		}
		left = i
		reached++
	}
	if left != ty.end {
		return 0, fmt.Errorf("ends with %d", left)
	}
	if length != ty.length {
		return 0, fmt.Errorf("%d units, not %d", length, ty.length)
	}
	count, keys, last := uint32(0), uint32(0), uint32(0)
	for e := ty.firstEntry; e != 0; e = d.entries.at(e).next {
		en := d.entries.at(e)
		if en.typ != t || d.entries.find(&d.types, t, en.key) != e {
			return 0, fmt.Errorf("entry %d %+v is not found", e, *en)
		}
		left := uint32(0)
		for i := en.first; i != 0; i = d.items.at(i).right {
			it := d.items.at(i)
			if !seen[i] || it.left != left || it.parent != t || it.entry != e {
				return 0, fmt.Errorf("entry %d: item %d %+v", e, i, *it)
			}
			left = i
			reached++
		}
		if left != en.last {
			return 0, fmt.Errorf("entry %d ends with %d, not %d", e, left, en.last)
		}
		if !d.items.at(en.last).deleted() {
			count++
		}
		keys++
		last = e
	}
	if count != ty.count || keys != ty.keys || last != ty.lastEntry {
		return 0, fmt.Errorf("%d of %d keys, last entry %d", count, keys, last)
	}
	return reached, nil
}
