package ycrdt

import (
	"math"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A position is a place between two items of a text, with the formatting that holds there.
type position struct {
	d           *Doc
	t           *txn
	typ         uint32
	left, right uint32
	index       uint32
	now         attrs
}

// forward moves over the item to the right.
func (p *position) forward() {
	it := p.d.items.at(p.right)
	if !it.deleted() {
		if it.kind == kindFormat {
			p.now.update(p.d.format(p.right))
		} else {
			p.index += it.length
		}
	}
	p.left, p.right = p.right, it.right
}

// walk moves over count units, splitting the last item if need be.
func (p *position) walk(count uint32) {
	for p.right != 0 && count > 0 {
		it := p.d.items.at(p.right)
		if it.kind == kindFormat {
			if !it.deleted() {
				p.now.update(p.d.format(p.right))
			}
		} else if !it.deleted() {
			if count < it.length {
				p.d.cleanStart(p.t, it.client, it.clock+count)
				it = p.d.items.at(p.right)
			}
			p.index += it.length
			count -= it.length
		}
		p.left, p.right = p.right, it.right
	}
}

// position finds an index. With marked the markers are used, and then the formatting is not known: such texts have none.
func (x Text) position(index int, marked bool) (*position, error) {
	ty, err := x.write()
	if err != nil {
		return nil, err
	}
	if index < 0 || index > int(ty.length) {
		return nil, ErrIndex
	}
	d := x.a.doc
	p := &d.position
	*p = position{d: d, t: x.a.txn, typ: x.t, now: p.now[:0]}
	if marked {
		if i, at, ok := d.findMarker(x.t, uint32(index)); ok {
			p.left, p.right, p.index = d.items.at(i).left, i, at
			p.walk(uint32(index) - at)
			return p, nil
		}
	}
	p.right = d.types.at(x.t).start
	p.walk(uint32(index))
	return p, nil
}

// insert puts a new item at the position and moves behind it.
func (p *position) insert(it item, payload []byte) error {
	it.parent, it.left, it.right = p.typ, p.left, p.right
	i, err := p.d.insertCopy(p.t, &it, payload)
	if err != nil {
		return err
	}
	p.right = i
	p.forward()
	return nil
}

// insertFormat puts a format mark at the position. The value is shared if it comes from another item: Yjs takes equal
// objects for different ones unless they are the same.
func (p *position) insertFormat(a attr) error {
	it := item{kind: kindFormat, length: 1, flags: a.flags & flagAny}
	if a.src != 0 {
		if from := p.d.items.at(a.src); from.kind == kindFormat {
			p.d.content.share(&it, from.buf, from.off, from.size)
			return p.insert(it, nil)
		}
	}
	p.d.scratch = append(lib0.AppendBytes(p.d.scratch[:0], []byte(a.key)), a.value...)
	return p.insert(it, p.d.scratch)
}

// attrsOf encodes attributes that the user has given.
func attrsOf(fields []Field) attrs {
	var as attrs
	for _, f := range lib0.ObjectOf(fields...).Fields() {
		if f.Value.Kind() == lib0.Undefined {
			continue
		}
		value, flags := encodeJSON(f.Value)
		as = append(as, attr{key: lib0.WellFormed(f.Key), value: value, flags: flags})
	}
	return as
}

// encodeJSON encodes the value of an embed or format: as JSON text if that loses nothing, as an "any" value otherwise.
func encodeJSON(v Any) ([]byte, flags) {
	switch n := v.Number(); v.Kind() {
	case lib0.Number:
		if math.IsNaN(n) || math.IsInf(n, 0) || n == 0 && math.Signbit(n) {
			return lib0.AppendAny(nil, v), flagAny
		}
		fallthrough
	case lib0.Null, lib0.Bool, lib0.String:
		b, _ := lib0.AppendJSON(nil, v)
		return b, 0
	}
	return lib0.AppendAny(nil, v), flagAny
}

// ordered brings attributes into the order in which JavaScript lists the keys of an object: array indexes first.
func (as attrs) ordered() attrs {
	for _, a := range as {
		if len(a.key) > 0 && a.key[0] >= '0' && a.key[0] <= '9' {
			fields := make([]Field, len(as))
			for i, a := range as {
				fields[i].Key = a.key
			}
			out := as[:0:0]
			for _, f := range lib0.ObjectOf(fields...).Fields() {
				out = append(out, as.get(f.Key))
			}
			return out
		}
	}
	return as
}

// minimize moves over marks that set what the attributes say anyway.
func (p *position) minimize(as attrs) {
	for p.right != 0 {
		it := p.d.items.at(p.right)
		if !it.deleted() {
			if it.kind != kindFormat {
				return
			}
			if f := p.d.format(p.right); !as.get(f.key).equal(f) {
				return
			}
		}
		p.forward()
	}
}

// insertAttributes inserts marks for the attributes that do not hold yet, and returns what has to be restored afterwards.
func (p *position) insertAttributes(as attrs) (negated attrs, err error) {
	for _, a := range as.ordered() {
		old := p.now.get(a.key)
		if old.equal(a) {
			continue
		}
		negated.set(attr{a.key, old.value, old.flags, old.src})
		if err := p.insertFormat(a); err != nil {
			return negated, err
		}
	}
	return negated, nil
}

// restore inserts the marks that bring back what held before, as far as marks to the right do not do so.
func (p *position) restore(negated attrs) error {
	for p.right != 0 {
		it := p.d.items.at(p.right)
		if !it.deleted() {
			if it.kind != kindFormat {
				break
			}
			f := p.d.format(p.right)
			i := negated.find(f.key)
			if i < 0 || !negated[i].equal(f) {
				break
			}
			negated.delete(f.key)
		}
		p.forward()
	}
	for _, a := range negated {
		if err := p.insertFormat(a); err != nil {
			return err
		}
	}
	return nil
}

// insertContent inserts an item with the given formatting; all other formatting ends before it.
func (p *position) insertContent(it item, payload []byte, as attrs) error {
	for _, a := range p.now {
		if as.find(a.key) < 0 {
			as = append(as, attr{key: a.key, value: nullAttr.value})
		}
	}
	p.minimize(as)
	var kept []byte
	if len(as) > 0 && payload != nil {
		kept = append(kept, payload...) // the marks use the same scratch memory
		payload = kept
	}
	negated, err := p.insertAttributes(as)
	if err != nil {
		return err
	}
	p.d.moveMarkers(p.typ, p.index, int(it.length))
	index := p.index
	if err := p.insert(it, payload); err != nil {
		p.d.dropMarkers(p.typ)
		return err
	}
	if it.kind == kindFormat {
		p.index = index
	}
	return p.restore(negated)
}
