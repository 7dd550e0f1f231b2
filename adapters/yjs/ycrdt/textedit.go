package ycrdt

import (
	"iter"
	"unsafe"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

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
		var it item
		payload, err := p.d.contentFor(&embed, &it)
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
					p.d.remove(p.t, p.right)
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
				p.d.remove(p.t, p.right)
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

// Attributes iterates over the attributes of the text as a whole.
func (x Text) Attributes() iter.Seq2[string, Value] { return Map(x).All() }
