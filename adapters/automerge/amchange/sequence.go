package amchange

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// sequence holds the elements of a list or text in document order, dead ones included, as concurrent insertions find their
// place by them. It is a chain of blocks; a long sequence also knows in which block each element is.
type sequence struct {
	first *block
	where map[opid]*block // nil while there is one block
}

type block struct {
	items      []item
	next, prev *block
}

// item is one element. What it shows is the winner in the object's slots, if there is one; else, in a text, its own
// character, unless that has been replaced.
type item struct {
	counter, actor uint32
	char           uint32 // a character or, with longChar, a number in Index.texts; and flags
}

const (
	gone     = 1 << 31 // deleted or replaced, or there never was a character
	longChar = 1 << 30
	charBits = longChar - 1
)

func (it item) op() opid { return opid(it.counter)<<32 | opid(it.actor) }

// blockSize is where a block is split in two.
const blockSize = 256

func newSequence() *sequence { return &sequence{first: &block{}} }

// locate returns the block and position of an element, which must be there.
func (s *sequence) locate(id opid) (*block, int) {
	b := s.first
	if s.where != nil {
		b = s.where[id]
	}
	for i := len(b.items) - 1; i >= 0; i-- { // people type at the end
		if b.items[i].op() == id {
			return b, i
		}
	}
	panic("amchange: element is not in its block")
}

// has reports whether there has ever been such an element.
func (s *sequence) has(id opid) bool {
	if s.where != nil {
		return s.where[id] != nil
	}
	for i := range s.first.items {
		if s.first.items[i].op() == id {
			return true
		}
	}
	return false
}

// insert puts an element behind another one; 0 is the head. Elements with greater ids that stand there already were
// inserted in the same place by somebody who did not know this one, or hang on one that was: they stay in front.
func (s *sequence) insert(ix *Index, behind opid, it item) {
	b, at := s.first, 0
	if behind != 0 {
		b, at = s.locate(behind)
		at++
	}
	for {
		if at == len(b.items) {
			if b.next == nil {
				break
			}
			if !ix.after(b.next.items[0].op(), it.op()) {
				break
			}
			b, at = b.next, 0
		}
		if !ix.after(b.items[at].op(), it.op()) {
			break
		}
		at++
	}
	b.items = slices.Insert(b.items, at, it)
	if s.where != nil {
		s.where[it.op()] = b
	}
	if len(b.items) > blockSize {
		s.split(b)
	}
}

func (s *sequence) split(b *block) {
	if s.where == nil {
		s.where = make(map[opid]*block, 2*blockSize)
		for _, it := range b.items {
			s.where[it.op()] = b
		}
	}
	half := len(b.items) / 2
	n := &block{items: slices.Clone(b.items[half:]), next: b.next, prev: b}
	b.items = slices.Clip(b.items[:half])
	b.next = n
	if n.next != nil {
		n.next.prev = n
	}
	for _, it := range n.items {
		s.where[it.op()] = n
	}
}

// remove takes an element out that insert has put in.
func (s *sequence) remove(id opid) item {
	b, at := s.locate(id)
	it := b.items[at]
	b.items = slices.Delete(b.items, at, at+1)
	delete(s.where, id)
	if len(b.items) == 0 && b.prev != nil { // a block is never empty, except for the first one of an empty sequence
		b.prev.next = b.next
		if b.next != nil {
			b.next.prev = b.prev
		}
	} else if len(b.items) == 0 && b.next != nil {
		s.first = b.next
		s.first.prev = nil
	}
	return it
}

// item returns an element to be changed.
func (s *sequence) item(id opid) *item {
	b, at := s.locate(id)
	return &b.items[at]
}

// all yields the elements in order.
func (s *sequence) all(yield func(*item) bool) {
	for b := s.first; b != nil; b = b.next {
		for i := range b.items {
			if !yield(&b.items[i]) {
				return
			}
		}
	}
}

// newItem makes an element: with the character that an operation has inserted into a text, or without one.
func (ix *Index) newItem(id opid, text string, hasChar bool) item {
	it := item{counter: uint32(id.counter()), actor: id.actor(), char: gone}
	if !hasChar {
		return it
	}
	if r, size := utf8.DecodeRuneInString(text); size > 0 && size == len(text) {
		it.char = uint32(r)
		return it
	}
	it.char = longChar | uint32(ix.texts.put(text))
	return it
}

// visible returns what an element of a text shows.
func (ix *Index) visible(o *object, it *item) (string, bool) {
	if o.slots.few != nil || o.slots.many != nil {
		if e, ok := o.slots.get(uint64(it.op())); ok {
			if e.kind == String {
				return ix.texts.get(e.num), true
			}
			return "\uFFFC", true // as other libraries show objects in a text
		}
	}
	switch {
	case it.char&gone != 0:
		return "", false
	case it.char&longChar != 0:
		return ix.texts.get(uint64(it.char & charBits)), true
	}
	return string(rune(it.char)), true
}

// Text returns the contents of the text that wins a place in nested maps, and whether there is one.
func (ix *Index) Text(path ...string) (string, bool) {
	obj, ok := ix.find(path)
	if !ok {
		return "", false
	}
	return ix.textOf(obj)
}

// TextOf returns the contents of a text.
func (ix *Index) TextOf(id OpID) (string, bool) {
	obj, ok := ix.object(id)
	if !ok {
		return "", false
	}
	return ix.textOf(obj)
}

func (ix *Index) textOf(obj uint32) (string, bool) {
	o := &ix.objects[obj]
	if o.kind != Text {
		return "", false
	}
	var b strings.Builder
	for it := range o.seq.all {
		if s, ok := ix.visible(o, it); ok {
			b.WriteString(s)
		}
	}
	return b.String(), true
}

// ItemsOf returns the winners of a list's elements in order.
func (ix *Index) ItemsOf(id OpID) ([]Live, bool) {
	obj, ok := ix.object(id)
	if !ok || ix.objects[obj].kind != List {
		return nil, false
	}
	out := []Live{}
	o := &ix.objects[obj]
	for it := range o.seq.all {
		if e, ok := o.slots.get(uint64(it.op())); ok {
			out = append(out, Live{ix.id(e.op), ix.value(e)})
		}
	}
	return out, true
}

// EditsOf counts the elements that were ever inserted into a list or text, and those that are gone again: of two versions of
// one object, the later has the greater number.
func (ix *Index) EditsOf(id OpID) int {
	obj, ok := ix.object(id)
	if !ok || !ix.objects[obj].kind.IsSequence() {
		return 0
	}
	n := 0
	for it := range ix.objects[obj].seq.all {
		if n++; it.char&gone != 0 {
			n++
		}
	}
	return n
}

// Untouched reports whether a list or text is as its maker has made it: nobody else has inserted anything, and nothing is
// gone.
func (ix *Index) Untouched(id OpID) bool {
	obj, ok := ix.object(id)
	if !ok || !ix.objects[obj].kind.IsSequence() {
		return false
	}
	for it := range ix.objects[obj].seq.all {
		if it.char&gone != 0 || it.actor != ix.objects[obj].op.actor() {
			return false
		}
	}
	return true
}

// MadeBy returns the change that made an object, with the counter of its last operation. For the root it returns false.
func (ix *Index) MadeBy(obj OpID) (h Hash, maxOp uint64, ok bool) {
	n, ok := ix.object(obj)
	if !ok || n == 0 {
		return Hash{}, 0, false
	}
	c := ix.changes[ix.objects[n].change]
	return c.hash, uint64(c.maxOp), true
}

// object returns the number of an object.
func (ix *Index) object(id OpID) (uint32, bool) {
	if id.IsZero() {
		return 0, true
	}
	actor, ok := ix.actorOf[id.Actor]
	if !ok {
		return 0, false
	}
	n, ok := ix.objOf[opid(id.Counter)<<32|opid(actor)]
	return n, ok
}
