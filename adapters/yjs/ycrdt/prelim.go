package ycrdt

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// A prelim describes a shared type or subdocument that is still to be made. A Value with a prelim can be set or inserted as
// often as one likes; every time something new is made.
type prelim struct {
	name   string // of an XML element or hook; guid of a subdocument
	keys   []string
	values []Value // map values and attributes
	list   []Value
	text   string
	opts   Any
}

// A Member is a key with its value, for NewMap and NewXMLElement.
type Member struct {
	Key   string
	Value Value
}

func members(ms []Member) (p prelim) {
	for _, m := range ms {
		p.keys = append(p.keys, m.Key)
		p.values = append(p.values, m.Value)
	}
	return p
}

// NewMap describes a shared map with the given members, to be set or inserted.
func NewMap(ms ...Member) Value {
	p := members(ms)
	return Value{kind: KindMap, prelim: &p}
}

// NewArray describes a shared array with the given elements, to be set or inserted.
func NewArray(elements ...Value) Value {
	return Value{kind: KindArray, prelim: &prelim{list: elements}}
}

// NewText describes a shared text, to be set or inserted.
func NewText(text string) Value { return Value{kind: KindText, prelim: &prelim{text: text}} }

// NewXMLText describes an XML text, to be inserted.
func NewXMLText(text string) Value { return Value{kind: KindXMLText, prelim: &prelim{text: text}} }

// NewXMLElement describes an XML element with attributes and children, to be inserted.
func NewXMLElement(name string, attributes []Member, children ...Value) Value {
	p := members(attributes)
	p.name, p.list = name, children
	return Value{kind: KindXMLElement, prelim: &p}
}

// NewXMLFragment describes an XML fragment, to be set or inserted.
func NewXMLFragment(children ...Value) Value {
	return Value{kind: KindXMLFragment, prelim: &prelim{list: children}}
}

// NewXMLHook describes an XML hook, which is a map with a name, to be inserted.
func NewXMLHook(name string, ms ...Member) Value {
	p := members(ms)
	p.name = name
	return Value{kind: KindXMLHook, prelim: &p}
}

// contentFor makes it an item for a value: its kind and, for types, what it is. It returns the payload, which is mostly
// in d.scratch.
func (d *Doc) contentFor(v *Value, it *item) (payload []byte, err error) {
	it.length = 1
	switch {
	case v.prelim != nil && v.kind == KindSubdoc:
		it.kind = kindDoc
		payload = lib0.AppendAny(lib0.AppendString(d.scratch[:0], v.prelim.name), v.prelim.opts)
	case v.prelim != nil:
		it.kind, it.off = kindType, v.kind.ref()
		if v.kind.named() {
			it.size = d.keys.internString(v.prelim.name)
		}
		return nil, nil
	case v.kind == KindBytes:
		it.kind = kindBinary
		payload = append(d.scratch[:0], v.any.Bytes()...)
	case v.kind == KindNumber:
		it.kind = kindAny
		payload = lib0.AppendAnyNumber(d.scratch[:0], v.any.Number())
	case v.kind < KindArray:
		it.kind = kindAny
		payload = lib0.AppendAny(d.scratch[:0], v.any)
	default:
		return nil, ErrValue
	}
	if cap(payload) != cap(d.scratch) { // storing a pointer costs something while garbage is collected
		d.scratch = payload
	}
	return payload, nil
}

// fill puts the described content into a type that has just been made.
func (p *prelim) fill(n node) error {
	k := n.a.doc.types.at(n.t).kind
	if len(p.list) > 0 {
		if err := n.insertAfter(0, p.list); err != nil {
			return err
		}
	}
	for i, key := range p.keys {
		if err := (Map{n}).Set(key, p.values[i]); err != nil {
			return err
		}
	}
	if k.isText() && p.text != "" {
		return n.insertPlainText(p.text)
	}
	return nil
}

// insertPlainText fills an empty text.
func (n node) insertPlainText(text string) error {
	text = lib0.WellFormed(text)
	d := n.a.doc
	d.scratch = append(d.scratch[:0], text...)
	_, err := d.insertCopy(n.a.txn, &item{kind: kindString, length: uint32(lib0.UTF16Len(text)), parent: n.t}, d.scratch)
	return err
}
