package ycrdt

import (
	"math"
	"unsafe"

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
	i, err := p.d.insert(p.t, it, payload, 0)
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

// Insert inserts text at an index, with the formatting of what stands to the left.
func (x Text) Insert(index int, text string) error { return x.insertText(index, text, nil, true) }

// InsertWith inserts text at an index with the given formatting and no other.
func (x Text) InsertWith(index int, text string, attributes ...Field) error {
	return x.insertText(index, text, attrsOf(attributes), false)
}

func (x Text) insertText(index int, text string, as attrs, inherit bool) error {
	if text == "" {
		_, err := x.write()
		return err
	}
	p, err := x.position(index, inherit)
	if err != nil {
		return err
	}
	if inherit {
		as = append(as, p.now...)
	}
	return p.insertString(text, as)
}

func (p *position) insertString(text string, as attrs) error {
	text = lib0.WellFormed(text)
	payload := unsafe.Slice(unsafe.StringData(text), len(text))
	return p.insertContent(item{kind: kindString, length: uint32(lib0.UTF16Len(text))}, payload, as)
}

// InsertEmbed inserts an object at an index: a plain value, or a description of a shared type (NewMap and others). Without
// attributes it has no formatting.
func (x Text) InsertEmbed(index int, embed Value, attributes ...Field) error {
	p, err := x.position(index, attributes == nil)
	if err != nil {
		return err
	}
	return p.insertEmbed(x, embed, attrsOf(attributes))
}

func (p *position) insertEmbed(x Text, embed Value, as attrs) error {
	if embed.prelim != nil {
		it, payload, err := p.d.contentFor(embed)
		if err == nil && it.kind != kindType {
			err = ErrValue
		}
		if err == nil {
			err = p.insertContent(it, payload, as)
		}
		if err == nil {
			// The new item stands left of the marks that restore the formatting.
			i := p.left
			for p.d.items.at(i).kind != kindType {
				i = p.d.items.at(i).left
			}
			err = embed.prelim.fill(x.a.node(p.d.items.at(i).off))
		}
		return err
	}
	if embed.kind >= KindArray || embed.kind == KindUndefined {
		return ErrValue
	}
	payload, flags := encodeJSON(embed.any)
	if _, err := lib0.AppendJSON(nil, embed.any); err != nil {
		return ErrValue
	}
	return p.insertContent(item{kind: kindEmbed, length: 1, flags: flags}, payload, as)
}

// Format sets the formatting of length units from index on. Attributes that are null are taken away, those not mentioned
// stay. As in Yjs a range that reaches beyond the end is filled up with line breaks.
func (x Text) Format(index, length int, attributes ...Field) error {
	ty, err := x.write()
	if err != nil {
		return err
	}
	if index < 0 || index > int(ty.length) || length < 0 || length > maxClock {
		return ErrIndex
	}
	if length == 0 {
		return nil // and no item is cut
	}
	p, err := x.position(index, false)
	if err != nil || p.right == 0 {
		return err
	}
	return p.format(uint32(length), attrsOf(attributes))
}

func (p *position) format(length uint32, as attrs) error {
	p.minimize(as)
	negated, err := p.insertAttributes(as)
	if err != nil {
		return err
	}
walk:
	for p.right != 0 {
		it := p.d.items.at(p.right)
		if length == 0 && (len(negated) == 0 || !it.deleted() && it.kind != kindFormat) {
			break
		}
		if !it.deleted() {
			if it.kind == kindFormat {
				f := p.d.format(p.right)
				if i := as.find(f.key); i >= 0 {
					if as[i].equal(f) {
						negated.delete(f.key)
					} else {
						if length == 0 {
							break walk
						}
						negated.set(f)
					}
					p.d.remove(p.t, p.right, 0)
				} else {
					p.now.set(f)
				}
			} else {
				if length < it.length {
					p.d.cleanStart(p.t, it.client, it.clock+length)
					it = p.d.items.at(p.right)
				}
				length -= it.length
			}
		}
		p.forward()
	}
	if length > 0 {
		lines := make([]byte, length)
		for i := range lines {
			lines[i] = '\n'
		}
		if err := p.insert(item{kind: kindString, length: length}, lines); err != nil {
			return err
		}
	}
	return p.restore(negated)
}

// Delete deletes length units from index on.
func (x Text) Delete(index, length int) error {
	ty, err := x.write()
	if err != nil {
		return err
	}
	if index < 0 || length < 0 || index+length > int(ty.length) {
		return ErrIndex
	}
	if length == 0 {
		return nil
	}
	p, err := x.position(index, true)
	if err != nil {
		return err
	}
	p.delete(uint32(length))
	return nil
}

func (p *position) delete(length uint32) {
	total := length
	before := p.now.clone()
	start := p.right
	for length > 0 && p.right != 0 {
		it := p.d.items.at(p.right)
		if !it.deleted() {
			switch it.kind {
			case kindType, kindEmbed, kindString:
				if length < it.length {
					p.d.cleanStart(p.t, it.client, it.clock+length)
					it = p.d.items.at(p.right)
				}
				length -= it.length
				p.d.remove(p.t, p.right, 0)
			}
		}
		p.forward()
	}
	if start != 0 && p.d.types.at(p.typ).formatting {
		p.d.cleanupMarks(p.t, start, p.right, before, &p.now)
	}
	p.d.moveMarkers(p.typ, p.index, int(length)-int(total))
}

// ApplyDelta changes the text from its start on as the steps say: insert (a string, a plain value or a description of a
// shared type), retain, with attributes to set the formatting, and delete.
func (x Text) ApplyDelta(delta []Delta) error {
	p, err := x.position(0, false)
	if err != nil {
		return err
	}
	for _, op := range delta {
		switch as := attrsOf(op.Attributes); {
		case op.Retain < 0 || op.Delete < 0 || op.Retain > maxClock || op.Delete > maxClock:
			err = ErrIndex
		case op.Retain > 0:
			err = p.format(uint32(op.Retain), as)
		case op.Delete > 0:
			p.delete(uint32(op.Delete))
		case op.Insert.kind == KindString:
			if s := op.Insert.Str(); s != "" {
				err = p.insertString(s, as)
			}
		default:
			err = p.insertEmbed(x, op.Insert, as)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Attribute returns an attribute of the text as a whole; ok is false if it is not set.
func (x Text) Attribute(name string) (v Value, ok bool) { return Map(x).Get(name) }

// SetAttribute sets an attribute of the text as a whole, not formatting.
func (x Text) SetAttribute(name string, v Value) error { return Map(x).Set(name, v) }

// RemoveAttribute removes an attribute of the text as a whole.
func (x Text) RemoveAttribute(name string) error { return Map(x).Delete(name) }
