package ycrdt

import "slices"

// cleanupTexts removes format marks that have become superfluous by a foreign transaction t, in a transaction of its own.
//
// A text that got new format marks, or lost some, is cleaned as a whole; otherwise only the gaps are looked at in which
// something was deleted. All copies that see the same text remove the same marks.
func (d *Doc) cleanupTexts(t *txn) {
	var texts []uint32
	add := func(typ uint32) {
		if !slices.Contains(texts, typ) {
			texts = append(texts, typ)
		}
	}
	for _, w := range t.touched {
		c := &d.clients.list[w.client]
		for p, ok := d.place(w.client, w.before), true; ok; p, ok = c.list.next(p) {
			if it := d.items.at(c.list.at(p)); it.kind == kindFormat && !it.deleted() {
				add(it.parent)
			}
		}
	}
	t2 := d.begin(nil, true)
	for _, s := range t.deletes.spans {
		l := &d.clients.list[s.client].list
		for p, ok := d.place(s.client, s.clock), true; ok; p, ok = l.next(p) {
			i := l.at(p)
			it := d.items.at(i)
			if it.clock >= s.clock+s.length {
				break
			}
			if it.kind == kindGC || !d.types.at(it.parent).formatting || slices.Contains(texts, it.parent) {
				continue
			}
			if it.kind == kindFormat {
				add(it.parent)
			} else {
				d.cleanupGap(t2, i)
			}
		}
	}
	for _, typ := range texts {
		d.cleanupText(t2, typ)
	}
	d.end()
}

// gap reports whether an item takes no place in its list.
func (it *item) gap() bool { return it.deleted() || !it.kind.countable() }

// cleanupGap removes, in the gap around a deleted item, all marks of a key but the last one.
func (d *Doc) cleanupGap(t *txn, i uint32) {
	for {
		r := d.items.at(i).right
		if r == 0 || !d.items.at(r).gap() {
			break
		}
		i = r
	}
	var keys []string
	for i != 0 {
		it := d.items.at(i)
		if !it.gap() {
			break
		}
		if it.kind == kindFormat && !it.deleted() {
			if key := d.format(i).key; slices.Contains(keys, key) {
				d.remove(t, i)
			} else {
				keys = append(keys, key)
			}
		}
		i = it.left
	}
}

// cleanupText cleans all gaps of a text.
func (d *Doc) cleanupText(t *txn, typ uint32) {
	start := d.types.at(typ).start
	var before, now attrs
	for end := start; end != 0; {
		it := d.items.at(end)
		if !it.deleted() {
			if it.kind == kindFormat {
				now.update(d.format(end))
			} else {
				d.cleanupMarks(t, start, end, before, &now)
				before = append(before[:0], now...)
				start = end
			}
		}
		end = d.items.at(end).right
	}
}

// cleanupMarks removes superfluous marks in the gap that begins at start: those which another one of the same key follows,
// and those which set what was set before the gap. now is the formatting at cur, which may lie in the gap.
func (d *Doc) cleanupMarks(t *txn, start, cur uint32, before attrs, now *attrs) {
	type mark struct {
		key string
		i   uint32
	}
	var marks []mark
	end := start
	for end != 0 {
		it := d.items.at(end)
		if !it.gap() {
			break
		}
		if it.kind == kindFormat && !it.deleted() {
			key := d.format(end).key
			if n := slices.IndexFunc(marks, func(m mark) bool { return m.key == key }); n >= 0 {
				marks[n].i = end
			} else {
				marks = append(marks, mark{key, end})
			}
		}
		end = it.right
	}
	if len(marks) == 0 {
		return
	}
	reached := false
	for i := start; i != end; i = d.items.at(i).right {
		if i == cur {
			reached = true
		}
		it := d.items.at(i)
		if it.deleted() || it.kind != kindFormat {
			continue
		}
		f := d.format(i)
		old := before.get(f.key)
		n := slices.IndexFunc(marks, func(m mark) bool { return m.key == f.key })
		if n < 0 || marks[n].i != i || old.identical(f) {
			d.remove(t, i)
			if !reached && now.get(f.key).identical(f) && !old.identical(f) {
				now.update(attr{f.key, old.value, old.flags, old.src})
			}
		}
		if !reached && !d.items.at(i).deleted() {
			now.update(f)
		}
	}
}
