package ycrdt

import "slices"

// Yjs finds positions in arrays and texts with the help of markers: up to 80 remembered places per list. Where a text has
// deleted units, the markers decide between which of them an insertion goes, and so they decide on the bytes that are sent.
// This is why they are done here exactly as Yjs does them.

const maxMarkers = 80

type marker struct {
	p, index uint32
	time     uint64
}

// markers are the remembered places of one list.
type markers struct {
	typ  uint32
	list []marker
	time uint64

	// doubtful: a marker may point at a gap, or two at the same item. As long as that is not so, the items they point at, and
	// no others that matter, have the flag, and markers can be moved without a look at them.
	doubtful bool
}

// markersOf returns the markers of a list, nil if it has none: maps, and texts with formatting. (In Yjs XML has none, but
// there they do not matter, nor do they in arrays: only visible units count.)
func (d *Doc) markersOf(typ uint32) *markers {
	ty := d.types.at(typ)
	if ty.unmarked || ty.kind == KindMap || ty.kind == KindXMLHook || ty.kind == KindUntyped {
		return nil
	}
	if ty.markers == 0 {
		if n := len(d.freeMarkers); n > 0 {
			ty.markers = d.freeMarkers[n-1]
			d.freeMarkers = d.freeMarkers[:n-1]
		} else {
			if len(d.markers) == 0 {
				d.markers = make([]markers, 1)
			}
			ty.markers = uint32(len(d.markers))
			d.markers = append(d.markers, markers{})
		}
		d.markers[ty.markers].typ = typ
	}
	return &d.markers[ty.markers]
}

// dropMarkers forgets the markers of a list. The flags on the items stay, as in Yjs.
func (d *Doc) dropMarkers(typ uint32) {
	if ty := d.types.at(typ); ty.markers != 0 {
		m := &d.markers[ty.markers]
		*m = markers{list: m.list[:0], time: m.time}
		d.freeMarkers = append(d.freeMarkers, ty.markers)
		ty.markers = 0
	}
}

// dropAllMarkers forgets the markers of all lists.
func (d *Doc) dropAllMarkers() {
	for i := range d.markers {
		if typ := d.markers[i].typ; typ != 0 {
			d.dropMarkers(typ)
		}
	}
}

func (m *markers) tick() uint64 {
	m.time++
	return m.time
}

func distance(a, b uint32) uint32 {
	return max(a, b) - min(a, b)
}

// nearest returns the marker that is nearest to an index, -1 if there is none.
func (m *markers) nearest(index uint32) int {
	best, least := -1, ^uint32(0)
	for i := range m.list {
		if n := distance(index, m.list[i].index); n <= least {
			best, least = i, n
		}
	}
	return best
}

// mark sets the flag on the item that a marker is to point at.
func (m *markers) mark(it *item) {
	m.doubtful = m.doubtful || it.flags&flagMarker != 0 || it.gap()
	it.flags |= flagMarker
}

func (d *Doc) setMarker(m *markers, mk *marker, p, index uint32) {
	d.items.at(mk.p).flags &^= flagMarker
	*mk = marker{p, index, m.tick()}
	m.mark(d.items.at(p))
}

// findMarker returns an item near an index, together with the index where it begins, and remembers it. ok is false at the
// start of a list and where there are no markers: then one has to walk from the start.
func (d *Doc) findMarker(typ, index uint32) (p, at uint32, ok bool) {
	ty := d.types.at(typ)
	if ty.start == 0 || index == 0 {
		return 0, 0, false
	}
	m := d.markersOf(typ)
	if m == nil {
		return 0, 0, false
	}
	p = ty.start
	near := m.nearest(index)
	if near >= 0 {
		mk := &m.list[near]
		p, at = mk.p, mk.index
		mk.time = m.tick()
	}
	it := d.items.at(p)
	for it.right != 0 && at < index {
		if !it.gap() {
			if index < at+it.length {
				break
			}
			at += it.length
		}
		p = it.right
		it = d.items.at(p)
	}
	for it.left != 0 && at > index {
		p = it.left
		it = d.items.at(p)
		if !it.gap() {
			at -= it.length
		}
	}
	for it.left != 0 {
		l := d.items.at(it.left)
		if l.client != it.client || l.clock+l.length != it.clock {
			break
		}
		p, it = it.left, l
		if !it.gap() {
			at -= it.length
		}
	}
	if near >= 0 {
		if mk := &m.list[near]; float64(distance(mk.index, at)) < float64(ty.length)/maxMarkers {
			d.setMarker(m, mk, p, at)
			return p, at, true
		}
	}
	if len(m.list) >= maxMarkers {
		oldest := 0
		for i := range m.list {
			if m.list[i].time < m.list[oldest].time {
				oldest = i
			}
		}
		d.setMarker(m, &m.list[oldest], p, at)
	} else {
		m.mark(it)
		m.list = append(m.list, marker{p, at, m.tick()})
	}
	return p, at, true
}

// moveMarkers adapts the markers to an insertion of n units at an index, or a deletion if n is negative.
func (d *Doc) moveMarkers(typ, index uint32, n int) {
	ty := d.types.at(typ)
	if ty.markers == 0 || ty.unmarked {
		return
	}
	m := &d.markers[ty.markers]
	if n > 0 && m.doubtful {
		d.cleanMarkers(m)
	}
	if n > 0 {
		for i := range m.list {
			at := m.list[i].index
			moved := at + uint32(n)
			if at >= index {
				at = moved
			}
			m.list[i].index = at
		}
		return
	}
	for i := range m.list {
		if mk := &m.list[i]; index < mk.index {
			mk.index = uint32(max(int(index), int(mk.index)+n))
		}
	}
}

// cleanMarkers moves markers that point at gaps to the left, and drops those that come to the place of another one. The last
// one goes first.
func (d *Doc) cleanMarkers(m *markers) {
	for i := len(m.list) - 1; i >= 0; i-- {
		mk := &m.list[i]
		p := mk.p
		it := d.items.at(p)
		it.flags &^= flagMarker
		for p != 0 && it.gap() {
			if p = it.left; p != 0 {
				if it = d.items.at(p); !it.gap() {
					mk.index -= it.length
				}
			}
		}
		if p == 0 || it.flags&flagMarker != 0 {
			m.list = slices.Delete(m.list, i, i+1)
			continue
		}
		mk.p = p
		it.flags |= flagMarker
	}
	m.doubtful = false
	for i := range m.list {
		it := d.items.at(m.list[i].p)
		m.doubtful = m.doubtful || it.flags&flagMarker == 0
		it.flags &^= flagMarker
	}
	for i := range m.list {
		d.items.at(m.list[i].p).flags |= flagMarker
	}
}

// mergeMarkers makes the markers of an item that is merged into its left neighbour point to that one.
func (d *Doc) mergeMarkers(l, r *item, li, ri uint32) {
	ty := d.types.at(l.parent)
	if ty.markers == 0 {
		return
	}
	m := &d.markers[ty.markers]
	if r.flags&flagMarker == 0 && !m.doubtful {
		return
	}
	for i := range m.list {
		if mk := &m.list[i]; mk.p == ri {
			mk.p = li
			m.doubtful = true // as in Yjs l does not get the flag
			if !l.gap() {
				mk.index -= l.length
			}
		}
	}
}

// seek returns the item that holds the unit at an index, and the index where it begins; 0 behind the end. It changes nothing,
// so that readers may use it.
func (d *Doc) seek(typ, index uint32) (i, at uint32) {
	ty := d.types.at(typ)
	if index >= ty.length {
		return 0, 0
	}
	i = ty.start
	near, last := index, ty.length-index
	if ty.markers != 0 && !ty.unmarked {
		m := &d.markers[ty.markers]
		if n := m.nearest(index); n >= 0 {
			if mk := &m.list[n]; distance(mk.index, index) < min(near, last) {
				near = 0
				last = ty.length
				i, at = mk.p, mk.index
			}
		}
	}
	if last < near {
		i, at = ty.end, ty.length
		if it := d.items.at(i); !it.gap() {
			at -= it.length
		}
	}
	it := d.items.at(i)
	for at > index {
		i = it.left
		if it = d.items.at(i); !it.gap() {
			at -= it.length
		}
	}
	for it.gap() || index >= at+it.length {
		if !it.gap() {
			at += it.length
		}
		i = it.right
		it = d.items.at(i)
	}
	return i, at
}
