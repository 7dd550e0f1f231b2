package ycrdt

import (
	"encoding/json"
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A RelativePosition is a place in a list or text that stays where it belongs while others edit: it names the unit next to
// it instead of an index. Cursors are sent in this form. See Shared.PositionAt and Resolve.
//
// The unit is the one to the right of the place if Assoc is 0 or more, and to the left if it is negative. At the end of a
// list (or its start, for a negative Assoc) there is no such unit: then the list itself is named.
type RelativePosition struct {
	Item  ID     // the unit, if HasItem
	Type  ID     // the item that holds the list, if HasType
	Root  string // the name of the list, if HasRoot: it is a root
	Assoc int

	HasItem, HasType, HasRoot bool
}

// PositionAt returns the relative position of an index. With a negative assoc it belongs to what is to the left of it, and
// otherwise to what is to the right: that decides on which side it is when somebody inserts just here.
func (n node) PositionAt(index, assoc int) (RelativePosition, error) {
	ty, err := n.get()
	if err != nil {
		return RelativePosition{}, err
	}
	if index < 0 || index > int(ty.length) {
		return RelativePosition{}, ErrIndex
	}
	d := n.a.doc
	p := RelativePosition{Assoc: assoc}
	if ty.item == 0 {
		p.Root, p.HasRoot = d.keys.name(ty.name), true
	} else {
		p.Type, p.HasType = d.idOf(d.items.at(ty.item)), true
	}
	if assoc < 0 {
		if index == 0 {
			return p, nil
		}
		index--
	}
	for i := ty.start; i != 0; i = d.items.at(i).right {
		it := d.items.at(i)
		id := d.idOf(it)
		if !it.gap() {
			if int(it.length) > index {
				p.Item, p.HasItem = ID{id.Client, id.Clock + uint32(index)}, true
				return p, nil
			}
			index -= int(it.length)
		}
		if it.right == 0 && assoc < 0 {
			p.Item, p.HasItem = ID{id.Client, it.last()}, true
			return p, nil
		}
	}
	return p, nil
}

// Resolve returns the list and the index that a relative position stands for now. If the unit is deleted, that is the
// place where it was; if it came back by undo, the place where it is again. ok is false if the position is about something
// that this document does not have (yet), or no more.
func (a *access) Resolve(p RelativePosition) (list Shared, index int, ok bool) {
	if a.doc == nil {
		return Shared{}, 0, false
	}
	d := a.doc
	switch {
	case p.HasItem:
		i, diff := d.followRedone(p.Item)
		if i == 0 || d.items.at(i).kind == kindGC {
			return Shared{}, 0, false
		}
		it := d.items.at(i)
		list = Shared{a.node(it.parent)}
		if d.types.at(it.parent).dead {
			return list, 0, true
		}
		if !it.gap() {
			index = int(diff)
			if p.Assoc < 0 {
				index++
			}
		}
		for j := it.left; j != 0; j = d.items.at(j).left {
			if l := d.items.at(j); !l.gap() {
				index += int(l.length)
			}
		}
		return list, index, true
	case p.HasRoot:
		list = a.Root(p.Root)
		if list.t == 0 {
			return Shared{}, 0, false
		}
	case p.HasType:
		i, _ := d.followRedone(p.Type)
		if i == 0 || d.items.at(i).kind != kindType {
			return Shared{}, 0, false
		}
		list = Shared{a.node(d.items.at(i).off)}
	default:
		return Shared{}, 0, false
	}
	if p.Assoc >= 0 {
		index = int(d.types.at(list.t).length)
	}
	return list, index, true
}

// followRedone returns the item that holds a unit, or that has come in its place by undo and redo, and the unit's offset
// in it. 0 means that the document does not know the unit.
func (d *Doc) followRedone(id ID) (i, diff uint32) {
	for {
		ci := d.clients.find(id.Client)
		if ci == 0 || id.Clock >= d.clients.list[ci].next {
			return 0, 0
		}
		i = d.lookup(ci, id.Clock)
		it := d.items.at(i)
		diff = id.Clock - it.clock
		if it.kind == kindGC || it.flags&flagRedone == 0 {
			return i, diff
		}
		id = d.redone[i]
		id.Clock += diff
	}
}

// Encode returns the position as bytes, in the form of Yjs's encodeRelativePosition. They name the unit if there is one,
// and otherwise the list.
//
//	0 client clock | 1 root name | 2 client clock, then assoc
func (p RelativePosition) Encode() []byte {
	var b []byte
	appendID := func(tag byte, id ID) {
		b = append(b, tag)
		b = lib0.AppendVarUint(lib0.AppendVarUint(b, id.Client), uint64(id.Clock))
	}
	switch {
	case p.HasItem:
		appendID(0, p.Item)
	case p.HasRoot:
		b = lib0.AppendString(append(b, 1), p.Root)
	default:
		appendID(2, p.Type)
	}
	if p.Assoc < 0 {
		return lib0.AppendVarInt(b, uint64(-p.Assoc), true)
	}
	return lib0.AppendVarInt(b, uint64(p.Assoc), false)
}

// DecodeRelativePosition reads what Encode has written. A missing assoc is 0.
func DecodeRelativePosition(b []byte) (p RelativePosition, err error) {
	r := lib0.NewReader(b)
	readID := func() ID {
		client, clock := r.VarUint(), r.VarUint()
		if clock > maxClock {
			r.Fail(ErrRange, "clock")
			return ID{}
		}
		return ID{client, uint32(clock)}
	}
	switch r.VarUint() {
	case 0:
		p.HasItem, p.Item = true, readID()
	case 1:
		p.HasRoot, p.Root = true, string(r.Str())
	case 2:
		p.HasType, p.Type = true, readID()
	default:
		r.Fail(ErrTag, "kind of position")
	}
	if !r.Done() {
		n, negative := r.VarInt()
		if n > maxClock {
			r.Fail(ErrRange, "assoc")
		}
		if p.Assoc = int(n); negative {
			p.Assoc = -p.Assoc
		}
	}
	if err := r.End(); err != nil {
		return RelativePosition{}, fmt.Errorf("ycrdt: relative position: %w", err)
	}
	return p, nil
}

// jsonID and jsonPosition are the forms of Yjs's relativePositionToJSON.
type jsonID struct {
	Client uint64 `json:"client"`
	Clock  uint32 `json:"clock"`
}

type jsonPosition struct {
	Type  *jsonID `json:"type,omitempty"`
	Root  *string `json:"tname,omitempty"`
	Item  *jsonID `json:"item,omitempty"`
	Assoc int     `json:"assoc"`
}

// MarshalJSON returns the position in the form of Yjs's relativePositionToJSON.
func (p RelativePosition) MarshalJSON() ([]byte, error) {
	j := jsonPosition{Assoc: p.Assoc}
	if p.HasType {
		j.Type = &jsonID{p.Type.Client, p.Type.Clock}
	}
	if p.HasRoot {
		j.Root = &p.Root
	}
	if p.HasItem {
		j.Item = &jsonID{p.Item.Client, p.Item.Clock}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON, and Yjs, write.
func (p *RelativePosition) UnmarshalJSON(b []byte) error {
	var j jsonPosition
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*p = RelativePosition{Assoc: j.Assoc}
	if j.Type != nil {
		p.Type, p.HasType = ID(*j.Type), true
	}
	if j.Root != nil {
		p.Root, p.HasRoot = *j.Root, true
	}
	if j.Item != nil {
		p.Item, p.HasItem = ID(*j.Item), true
	}
	return nil
}
