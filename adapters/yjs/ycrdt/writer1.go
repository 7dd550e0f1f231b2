package ycrdt

import (
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A writer1 writes structs in format V1. It remembers how the last parent is written, because siblings mostly follow one
// another, and where the last payload ended, because the struct after it may be there as a whole.
type writer1 struct {
	*Doc
	parent   uint32
	place    []byte
	buf, end uint32
	raw      []byte // what follows verbatim
}

// appendParent appends what says that an item without origins lies in a type.
func (d *writer1) appendParent(b []byte, parent uint32) []byte {
	if parent != d.parent {
		d.parent = parent
		if ty := d.types.at(parent); ty.item == 0 {
			d.place = lib0.AppendString(append(d.place[:0], 1), d.keys.name(ty.name))
		} else {
			p := d.items.at(ty.item)
			d.place = lib0.AppendVarUint(append(d.place[:0], 0), d.clients.list[p.client].id)
			d.place = lib0.AppendVarUint(d.place, uint64(p.clock))
		}
	}
	return append(b, d.place...)
}

// follow looks which structs come next just as the last payload's buffer has them, and returns how many they are. Their bytes
// are left in raw.
func (d *writer1) follow(refs []ref) (n int) {
	d.raw = nil
	if d.buf == 0 {
		return 0
	}
	bytes, from := d.content.bufs[d.buf].bytes, d.end
	for _, r := range refs {
		it := d.items.at(r.item)
		if it.flags&flagVerbatim == 0 || it.buf != d.buf || bytes[d.end] != it.info() {
			break
		}
		d.end = it.off + it.size
		n++
	}
	d.raw = bytes[from:d.end]
	return n
}

// appendItem appends a struct without its first offset units.
func (d *writer1) appendItem(b []byte, i, offset uint32) []byte {
	it := d.items.at(i)
	d.buf, d.end = it.buf, it.off+it.size
	if it.kind == kindGC || it.kind == kindSkip {
		return lib0.AppendVarUint(append(b, byte(it.kind)), uint64(it.length-offset))
	}
	info := it.info()
	origin, clock := it.originClient, it.originClock
	if offset > 0 {
		origin, clock = it.client, it.clock+offset-1
		info |= 0x80
	}
	b = append(b, info)
	if origin != 0 {
		b = lib0.AppendVarUint(b, d.clients.list[origin].id)
		b = lib0.AppendVarUint(b, uint64(clock))
	}
	if it.rightClient != 0 {
		b = lib0.AppendVarUint(b, d.clients.list[it.rightClient].id)
		b = lib0.AppendVarUint(b, uint64(it.rightClock))
	}
	if info&0xc0 == 0 {
		b = d.appendParent(b, it.parent)
		if it.entry != 0 {
			b = d.keys.append(b, d.entries.at(it.entry).key)
		}
	}
	switch it.kind {
	case kindDeleted:
		return lib0.AppendVarUint(b, uint64(it.length-offset))
	case kindType:
		ty := d.types.at(it.off)
		if b = append(b, byte(ty.kind.ref())); ty.kind.named() {
			b = lib0.AppendString(b, d.keys.name(ty.name))
		}
		return b
	}
	payload := d.content.of(it)
	switch it.kind {
	case kindString:
		if offset > 0 {
			if it.size == it.length {
				payload = payload[offset:]
			} else {
				_, payload = lib0.CutUTF16(payload, int(offset))
			}
		}
		return lib0.AppendString(b, payload)
	case kindBinary:
		return lib0.AppendBytes(b, payload)
	case kindAny, kindJSON:
		b = lib0.AppendVarUint(b, uint64(it.length-offset))
		if offset > 0 {
			payload = payload[skipValues(it.kind, payload, int(offset)):]
		}
		if it.kind == kindJSON {
			return appendStrings(b, payload)
		}
		return append(b, payload...)
	case kindEmbed:
		return lib0.AppendString(b, jsonOf(payload, it.flags))
	case kindFormat:
		r := lib0.NewReader(payload)
		b = lib0.AppendString(b, r.Bytes())
		return lib0.AppendString(b, jsonOf(r.Rest(), it.flags))
	}
	return append(b, payload...) // Doc
}

// appendStrings appends the strings of a JSON payload, each with its length. Halves of surrogate pairs become U+FFFD.
func appendStrings(b, payload []byte) []byte {
	for r := lib0.NewReader(payload); !r.Done(); {
		b = lib0.AppendString(b, r.Bytes())
	}
	return b
}

// jsonOf returns the value of an embed or format as JSON text.
func jsonOf(value []byte, f flags) []byte {
	if f&flagAny == 0 {
		return value
	}
	r := lib0.NewReader(value)
	text, err := lib0.AppendJSON(nil, r.Any())
	if err != nil {
		return []byte("null") // Yjs throws here: a bigint or undefined has no JSON
	}
	return text
}

// anyOf returns the value of an embed or format as an "any" value.
func anyOf(value []byte, f flags) []byte {
	if f&flagAny != 0 {
		return value
	}
	v, err := lib0.ParseJSON(value)
	if err != nil {
		return lib0.AppendAny(nil, lib0.NullOf())
	}
	return lib0.AppendAny(nil, v)
}

// A part is what an update has of a client: its structs from a clock on.
type part struct{ client, clock uint32 }

// sortParts sorts by client ID, descending, as the wire wants it.
func (d *Doc) sortParts(parts []part) {
	slices.SortFunc(parts, func(a, b part) int {
		x, y := d.clients.list[a.client].id, d.clients.list[b.client].id
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
}

// appendParts appends the structs of an update in format V1.
func (d *Doc) appendParts(b []byte, parts []part) []byte {
	w := writer1{Doc: d}
	b = lib0.AppendVarUint(b, uint64(len(parts)))
	for _, x := range parts {
		c := &d.clients.list[x.client]
		p := c.list.find(c.next, x.clock)
		b = lib0.AppendVarUint(b, uint64(c.list.count(p)))
		b = lib0.AppendVarUint(b, c.id)
		b = lib0.AppendVarUint(b, uint64(x.clock))
		offset := x.clock - d.items.at(c.list.at(p)).clock
		for refs := range c.list.from(p) {
			for i := 0; i < len(refs); i++ {
				b = w.appendItem(b, refs[i].item, offset)
				offset = 0
				i += w.follow(refs[i+1:])
				b = append(b, w.raw...)
			}
		}
	}
	return b
}

// appendDeletes appends a delete set in format V1. Spans of a client must stand together.
func (d *Doc) appendDeletes(b []byte, ds *deleteSet) []byte {
	groups := d.deleteGroups(ds)
	b = lib0.AppendVarUint(b, uint64(len(groups)))
	for _, g := range groups {
		b = lib0.AppendVarUint(b, d.clients.list[g[0].client].id)
		b = lib0.AppendVarUint(b, uint64(len(g)))
		for _, s := range g {
			b = lib0.AppendVarUint(b, uint64(s.clock))
			b = lib0.AppendVarUint(b, uint64(s.length))
		}
	}
	return b
}

// deleteGroups returns the spans of each client, by descending client ID.
func (d *Doc) deleteGroups(ds *deleteSet) [][]span {
	var groups [][]span
	ds.groups(func(_ uint32, spans []span) { groups = append(groups, spans) })
	if len(groups) > 1 {
		slices.SortStableFunc(groups, func(a, b []span) int {
			x, y := d.clients.list[a[0].client].id, d.clients.list[b[0].client].id
			switch {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return 0
		})
	}
	return groups
}

// allDeletes returns the delete set of the whole document.
func (d *Doc) allDeletes() deleteSet {
	var ds deleteSet
	for ci := range d.clients.list {
		if !d.clients.list[ci].holes {
			continue
		}
		for _, b := range d.clients.list[ci].list.blocks {
			for _, r := range b.refs {
				if it := d.items.at(r.item); it.deleted() {
					ds.add(uint32(ci), it.clock, it.length)
				}
			}
		}
	}
	return ds
}
