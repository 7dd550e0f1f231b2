package ycrdt

import (
	"unsafe"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A writer2 writes an update in format V2: nine columns, each with its own compression, and the rest. The zero writer2 is
// empty and ready.
type writer2 struct {
	keyClock   lib0.IntDiffOptRleEncoder
	clients    lib0.UintOptRleEncoder
	leftClock  lib0.IntDiffOptRleEncoder
	rightClock lib0.IntDiffOptRleEncoder
	info       lib0.RleEncoder
	text       lib0.StringEncoder
	parentInfo lib0.RleEncoder
	typeRef    lib0.UintOptRleEncoder
	length     lib0.UintOptRleEncoder
	rest       []byte
	keys       int64
	parent     uint32 // the last one, which siblings have in common,
	place      unit   // and its item; client 0 for a root
}

func (w *writer2) reset() {
	w.keyClock.Reset()
	w.clients.Reset()
	w.leftClock.Reset()
	w.rightClock.Reset()
	w.info.Reset()
	w.text.Reset()
	w.parentInfo.Reset()
	w.typeRef.Reset()
	w.length.Reset()
	w.rest, w.keys, w.parent = w.rest[:0], 0, 0
}

// bytes returns the update.
func (w *writer2) bytes() []byte {
	columns := [...][]byte{
		w.keyClock.Bytes(), w.clients.Bytes(), w.leftClock.Bytes(), w.rightClock.Bytes(), w.info.Bytes(),
		nil, w.parentInfo.Bytes(), w.typeRef.Bytes(), w.length.Bytes(),
	}
	n := 1 + w.text.Size() + 8 + len(w.rest)
	for _, c := range columns {
		n += len(c) + 8
	}
	b := append(make([]byte, 0, n), 0)
	for i, c := range columns {
		if i == 5 {
			b = lib0.AppendVarUint(b, uint64(w.text.Size()))
			b = w.text.AppendTo(b)
			continue
		}
		b = lib0.AppendBytes(b, c)
	}
	return append(b, w.rest...)
}

func (w *writer2) count(n int) { w.rest = lib0.AppendVarUint(w.rest, uint64(n)) }

// key writes a format key or node name. Yjs has a table of keys here but never fills it: every key gets a new number.
func (w *writer2) key(name []byte) {
	w.keyClock.Write(w.keys)
	w.keys++
	w.text.Write(name)
}

// item writes a struct without its first offset units.
func (w *writer2) item(d *Doc, i, offset uint32) {
	it := d.items.at(i)
	switch it.kind {
	case kindGC:
		w.info.Write(0)
		w.length.Write(uint64(it.length - offset))
		return
	case kindSkip:
		w.info.Write(byte(kindSkip))
		w.rest = lib0.AppendVarUint(w.rest, uint64(it.length-offset))
		return
	}
	info := it.info()
	byID := it.flags&flagParentID != 0
	origin, clock := it.originClient, it.originClock
	if offset > 0 {
		origin, clock = it.client, it.clock+offset-1
		info |= 0x80
	} else if byID {
		origin = 0
	}
	w.info.Write(info)
	if origin != 0 {
		w.clients.Write(d.clients.list[origin].id)
		w.leftClock.Write(int64(clock))
	}
	if it.rightClient != 0 {
		w.clients.Write(d.clients.list[it.rightClient].id)
		w.rightClock.Write(int64(it.rightClock))
	}
	if info&0xc0 == 0 {
		place := unit{it.originClient, it.originClock}
		if !byID {
			if it.parent != w.parent {
				w.parent, w.place = it.parent, unit{}
				if owner := d.types.at(it.parent).item; owner != 0 {
					p := d.items.at(owner)
					w.place = unit{p.client, p.clock}
				}
			}
			place = w.place
		}
		if place.client == 0 {
			w.parentInfo.Write(1)
			w.text.WriteString(d.keys.name(d.types.at(it.parent).name))
		} else {
			w.parentInfo.Write(0)
			w.clients.Write(d.clients.list[place.client].id)
			w.leftClock.Write(int64(place.clock))
		}
		if it.entry != 0 && d.keys.others {
			w.text.WriteString(d.keyName(it))
		} else if it.entry != 0 {
			key := d.keyName(it)
			w.text.WriteASCII(unsafe.Slice(unsafe.StringData(key), len(key)))
		}
	}
	w.contentOf(d, it, offset)
}

func (w *writer2) contentOf(d *Doc, it *item, offset uint32) {
	switch it.kind {
	case kindDeleted:
		w.length.Write(uint64(it.length - offset))
		return
	case kindType:
		k, name := kindOfRef(it.off), it.size
		if it.flags&flagBound != 0 {
			ty := d.types.at(it.off)
			k, name = ty.kind, ty.name
		}
		if w.typeRef.Write(uint64(k.ref())); k.named() {
			w.key([]byte(d.keys.name(name)))
		}
		return
	}
	payload := d.content.of(it)
	switch it.kind {
	case kindString:
		switch {
		case it.size == it.length:
			w.text.WriteASCII(payload[offset:])
		case offset > 0:
			_, payload = lib0.CutUTF16(payload, int(offset))
			w.text.Write(payload)
		default:
			w.text.Write(payload)
		}
	case kindBinary:
		w.rest = lib0.AppendBytes(w.rest, payload)
	case kindAny, kindJSON:
		w.length.Write(uint64(it.length - offset))
		if offset > 0 {
			payload = payload[skipValues(it.kind, payload, int(offset)):]
		}
		if it.kind == kindAny {
			copy(lib0.Extend(&w.rest, len(payload)), payload)
			return
		}
		for r := lib0.NewReader(payload); !r.Done(); {
			w.text.Write(r.Bytes())
		}
	case kindEmbed:
		w.rest = append(w.rest, anyOf(payload, it.flags)...)
	case kindFormat:
		r := lib0.NewReader(payload)
		w.key(r.Bytes())
		w.rest = append(w.rest, anyOf(r.Rest(), it.flags)...)
	case kindDoc:
		r := lib0.NewReader(payload)
		w.text.Write(r.Bytes())
		w.rest = append(w.rest, r.Rest()...)
	}
}

// parts writes the structs of an update.
func (w *writer2) parts(d *Doc, parts []part) {
	w.count(len(parts))
	for _, x := range parts {
		c := &d.clients.list[x.client]
		p := c.list.find(c.next, x.clock)
		w.count(c.list.count(p))
		w.clients.Write(c.id)
		w.count(int(x.clock))
		offset := x.clock - d.items.at(c.list.at(p)).clock
		for refs := range c.list.from(p) {
			for _, r := range refs {
				w.item(d, r.item, offset)
				offset = 0
			}
		}
	}
}

// deletes writes a delete set. Spans of a client must stand together.
func (w *writer2) deletes(d *Doc, ds *deleteSet) {
	groups := d.deleteGroups(ds)
	w.count(len(groups))
	for _, g := range groups {
		w.rest = lib0.AppendVarUint(w.rest, d.clients.list[g[0].client].id)
		w.count(len(g))
		at := uint32(0)
		for _, s := range g {
			w.rest = lib0.AppendVarUint(w.rest, uint64(s.clock-at))
			w.rest = lib0.AppendVarUint(w.rest, uint64(s.length-1))
			at = s.clock + s.length
		}
	}
}
