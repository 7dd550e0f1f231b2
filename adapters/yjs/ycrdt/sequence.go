package ycrdt

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// insertAfter inserts values into a list, behind the item left, 0 for the start. Neighbouring plain values share an item.
func (n node) insertAfter(left uint32, values []Value) error {
	d, t := n.a.doc, n.a.txn
	right := d.types.at(n.t).start
	if left != 0 {
		right = d.items.at(left).right
	}
	var packed uint32
	var buf []byte
	insert := func(it item, payload []byte) (err error) {
		it.parent, it.left, it.right = n.t, left, right
		left, err = d.insertCopy(t, &it, payload)
		return err
	}
	flush := func() error {
		if packed == 0 {
			return nil
		}
		it := item{kind: kindAny, length: packed}
		packed = 0
		return insert(it, buf)
	}
	for _, v := range values {
		if v.prelim == nil && v.kind < KindArray && v.kind != KindBytes {
			if v.kind == KindUndefined || v.kind == KindBigInt {
				return ErrValue // as in Yjs, although maps take them
			}
			if packed == 0 {
				buf = buf[:0]
			}
			buf = lib0.AppendAny(buf, v.any)
			packed++
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		var it item
		payload, err := d.contentFor(&v, &it)
		if err == nil {
			err = insert(it, payload)
		}
		if err == nil && v.prelim != nil && it.kind == kindType {
			err = v.prelim.fill(n.a.node(d.items.at(left).off))
		}
		if err != nil {
			return err
		}
	}
	return flush()
}

// find returns the item after which index lies, 0 for the start, splitting one if need be.
func (n node) find(index int) (left uint32, err error) {
	d := n.a.doc
	if index < 0 || index > int(d.types.at(n.t).length) {
		return 0, ErrIndex
	}
	if index == 0 {
		return 0, nil
	}
	d.findMarker(n.t, uint32(index))
	i, at := d.seek(n.t, uint32(index-1))
	if it := d.items.at(i); at+it.length > uint32(index) {
		d.cleanStart(n.a.txn, it.client, it.clock+uint32(index)-at)
	}
	return i, nil
}

func (n node) insertAt(index int, values []Value) error {
	if _, err := n.write(); err != nil {
		return err
	}
	left, err := n.find(index)
	if err != nil {
		return err
	}
	d := n.a.doc
	d.moveMarkers(n.t, uint32(index), len(values))
	if err = n.insertAfter(left, values); err != nil {
		d.dropMarkers(n.t) // not everything has been inserted
	}
	return err
}

func (n node) deleteAt(index, count int) error {
	ty, err := n.write()
	if err != nil {
		return err
	}
	if index < 0 || count < 0 || index+count > int(ty.length) {
		return ErrIndex
	}
	if count == 0 {
		return nil
	}
	d, t := n.a.doc, n.a.txn
	d.findMarker(n.t, uint32(index))
	i, at := d.seek(n.t, uint32(index))
	if it := d.items.at(i); at < uint32(index) {
		i = d.cleanStart(t, it.client, it.clock+uint32(index)-at)
	}
	for left := uint32(count); left > 0 && i != 0; i = d.items.at(i).right {
		it := d.items.at(i)
		if it.deleted() {
			continue
		}
		if left < it.length {
			d.cleanStart(t, it.client, it.clock+left)
			it = d.items.at(i)
		}
		left -= it.length
		d.remove(t, i)
	}
	d.moveMarkers(n.t, uint32(index), -count)
	return nil
}

// at returns the unit at an index; ok is false if there is none.
func (n node) at(index int) (v Value, ok bool) {
	ty, err := n.get()
	if err != nil || index < 0 || index >= int(ty.length) {
		return Value{}, false
	}
	d := n.a.doc
	i, at := d.seek(n.t, uint32(index))
	return n.a.valueAt(d.items.at(i), uint32(index)-at), true
}
