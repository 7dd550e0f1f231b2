package amchange

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Batch adds changes to an index, all of them or none: what Add accepted is taken back by Rollback and made final by Commit.
type Batch struct {
	ix      *Index
	journal []undo
	changes []addedChange
	touched []touch
	before  int // objects there were before the batch: what is inside newer ones need not be listed
	lost    bool
}

// undo is one step to take back.
type undo struct {
	step undoStep
	slot slotKey
	e    entry
}

type undoStep uint8

const (
	undoAdd     undoStep = iota // a live operation was added
	undoRemove                  // a live operation was removed, and is dead now
	undoNum                     // a counter had another number
	undoElement                 // an element was added
	undoGone                    // the character of an element was retired
	undoObject                  // an object was added
)

type addedChange struct {
	hash                       Hash
	deps                       []Hash // that were heads
	actor                      uint32
	seq, actorMax, maxOp       uint64
	ops, actors, keys, journal int
	touched                    int
}

// touch is a place that changed, and how it was before.
type touch struct {
	slot    slotKey
	winner  opid // 0 is none
	multi   bool
	counted bool // a counter was incremented
}

// inside stands for the contents of a sequence.
const inside = math.MaxUint64

// Begin opens a batch. There can be one at a time; Commit or Rollback end it.
func (ix *Index) Begin() *Batch {
	if ix.batch != nil {
		panic("amchange: a batch is open already")
	}
	ix.batch = &Batch{ix: ix, before: len(ix.objects), journal: ix.journal, touched: ix.touched}
	return ix.batch
}

// Add adds one change to the index, in a batch of its own.
func (ix *Index) Add(c *Change) (*Delta, error) {
	b := ix.Begin()
	if err := b.Add(c); err != nil {
		b.Rollback()
		return nil, err
	}
	return b.Commit(), nil
}

// Add verifies the change against the document and adds it. A change that is there already is silently skipped. One whose
// dependencies are not all there gets a *MissingError, and may be offered again later. After an error the change has left
// no trace; the batch stays usable.
func (b *Batch) Add(c *Change) error {
	ix := b.ix
	if ix.Has(c.Hash) {
		return nil
	}
	if missing := ix.Missing(c); len(missing) > 0 {
		return &MissingError{Change: c.Hash, Deps: missing}
	}
	added := addedChange{maxOp: ix.maxOp, ops: ix.ops, actors: len(ix.actors), keys: len(ix.keys),
		journal: len(b.journal), touched: len(b.touched)}
	if err := b.add(c, &added); err != nil {
		b.undo(&added)
		return fmt.Errorf("amchange: change %s: %w", short(c.Hash), err)
	}
	b.changes = append(b.changes, added)
	return nil
}

func (b *Batch) add(c *Change, added *addedChange) error {
	ix := b.ix
	var depMax uint64
	for _, d := range c.Deps {
		depMax = max(depMax, uint64(ix.changes[ix.history[d]].maxOp))
	}
	if c.StartOp <= depMax {
		return fmt.Errorf("begins with operation %d, its dependencies reach to %d", c.StartOp, depMax)
	}
	author, known := ix.actorOf[c.Actor]
	var state actorState
	if known {
		state = ix.actors[author]
	}
	switch {
	case c.Seq <= state.seq:
		return fmt.Errorf("actor %s has made another change with number %d", c.Actor, c.Seq)
	case c.Seq > state.seq+1:
		return fmt.Errorf("actor %s: number %d follows %d", c.Actor, c.Seq, state.seq)
	case c.StartOp <= state.maxOp:
		return fmt.Errorf("actor %s: begins with operation %d, the last change reached to %d", c.Actor, c.StartOp, state.maxOp)
	}
	local, err := b.actors(c, known)
	if err != nil {
		return err
	}
	author = local[0]

	rd := c.operations()
	rd.preds = ix.preds[:0]
	var o rawOp
	for i := range c.count {
		if _, err := rd.read(&o); err != nil {
			return err
		}
		if err := b.apply(&o, opid(c.StartOp+uint64(i))<<32|opid(author), local); err != nil {
			return in(err, "operation %d", i)
		}
	}

	b.register(c, added, author)
	return nil
}

// register enters a change, all of whose operations have been applied, into the history.
func (b *Batch) register(c *Change, added *addedChange, author uint32) {
	ix := b.ix
	added.hash = c.Hash
	added.actor, added.seq, added.actorMax = author, ix.actors[author].seq, ix.actors[author].maxOp
	ix.actors[author].seq, ix.actors[author].maxOp = c.Seq, c.MaxOp()
	ix.history[c.Hash] = uint32(len(ix.changes))
	ix.changes = append(ix.changes, pastChange{c.Hash, uint32(c.MaxOp())})
	for _, d := range c.Deps {
		if _, ok := ix.heads[d]; ok {
			delete(ix.heads, d)
			added.deps = append(added.deps, d)
		}
	}
	ix.heads[c.Hash] = struct{}{}
	ix.maxOp = max(ix.maxOp, c.MaxOp())
	ix.ops += c.count
}

// actors translates the change's actors to the index's numbers. The author may be new, the others not.
func (b *Batch) actors(c *Change, known bool) ([]uint32, error) {
	ix := b.ix
	local := make([]uint32, len(c.actors))
	if !known {
		id := Actor(strings.Clone(string(c.Actor))) // not the whole change
		ix.actorOf[id] = uint32(len(ix.actors))
		ix.actors = append(ix.actors, actorState{id: id})
	}
	for i, a := range c.actors {
		n, ok := ix.actorOf[a]
		if !ok {
			return nil, fmt.Errorf("actor %s is not known", a)
		}
		local[i] = n
	}
	return local, nil
}

// apply verifies one operation against the document and carries it out. local translates its actors; nil says that they are
// the index's own numbers.
func (b *Batch) apply(o *rawOp, id opid, local []uint32) error {
	ix := b.ix
	own := func(r rawID) opid {
		if r.counter == 0 {
			return 0
		}
		if local == nil {
			return opid(r.counter)<<32 | opid(r.actor)
		}
		return opid(r.counter)<<32 | opid(local[r.actor])
	}
	var obj uint32
	if o.obj.counter != 0 {
		n, ok := ix.objOf[own(o.obj)]
		if !ok {
			return fmt.Errorf("object %s does not exist", ix.id(own(o.obj)))
		}
		obj = n
	}
	place := &ix.objects[obj]
	if place.kind.IsSequence() != o.inSeq {
		return fmt.Errorf("%s key in a %s", map[bool]string{true: "list", false: "map"}[o.inSeq], place.kind)
	}
	slot := slotKey{obj: obj}
	if o.inSeq {
		elem := own(o.elem)
		if elem != 0 && !place.seq.has(elem) {
			return fmt.Errorf("element %s does not exist", ix.id(elem))
		}
		if slot.key = uint64(elem); o.insert {
			slot.key = uint64(id)
		}
	} else {
		slot.key = uint64(b.key(o.key))
	}

	counted, err := b.replace(o, slot, own)
	if err != nil {
		return err
	}
	if o.inSeq {
		b.touch(touch{slot: slotKey{obj, inside}})
	} else {
		b.touchSlot(slot, counted)
	}
	if o.insert {
		it := ix.newItem(id, o.value.str, place.kind == Text && o.action == Set && o.value.kind == String)
		if place.kind == Text && o.action == Set && o.value.kind != String {
			it = ix.newItem(id, "\uFFFC", true)
		}
		ix.objects[obj].seq.insert(ix, own(o.elem), it)
		b.journal = append(b.journal, undo{step: undoElement, slot: slot, e: entry{op: id}})
	}
	return b.put(o, slot, id)
}

// replace verifies the predecessors and retires them, or increments them.
func (b *Batch) replace(o *rawOp, slot slotKey, own func(rawID) opid) (counted bool, err error) {
	ix := b.ix
	// First look, then act: touchSlot must see the place as it was.
	for _, p := range o.preds {
		if op := own(p); !ix.exists(slot, op) {
			return false, fmt.Errorf("predecessor %s has never been in this place", ix.id(op))
		}
	}
	if len(o.preds) > 0 && !o.inSeq {
		b.touchSlot(slot, false)
	}
	for _, p := range o.preds {
		op := own(p)
		if o.action == Increment && b.increment(slot, op, o.value.num) {
			counted = true
			continue
		}
		if e, ok := ix.removeLive(slot, op); ok {
			if slot.key != uint64(op) { // of elements it is known that they were there
				ix.addDead(slot, op)
			}
			b.journal = append(b.journal, undo{step: undoRemove, slot: slot, e: e})
		} else if seq := ix.objects[slot.obj].seq; seq != nil && slot.key == uint64(op) {
			if it := seq.item(op); it.char&gone == 0 {
				it.char |= gone
				b.journal = append(b.journal, undo{step: undoGone, slot: slot})
			}
		}
	}
	return counted, nil
}

// exists reports whether the operation has put something in the place, now or earlier.
func (ix *Index) exists(slot slotKey, op opid) bool {
	if seq := ix.objects[slot.obj].seq; seq != nil && opid(slot.key) == op {
		return seq.has(op)
	}
	var one [1]entry
	_, ok := ix.search(ix.live(slot, &one), op)
	return ok || ix.isDead(slot, op)
}

func (b *Batch) increment(slot slotKey, op opid, by uint64) bool {
	var one [1]entry
	list := b.ix.live(slot, &one)
	at, ok := b.ix.search(list, op)
	if !ok || list[at].kind != Counter {
		return false
	}
	e := list[at]
	b.journal = append(b.journal, undo{step: undoNum, slot: slot, e: e})
	b.ix.setNum(slot, op, e.num+by)
	return true
}

// put adds what the operation leaves in its place.
func (b *Batch) put(o *rawOp, slot slotKey, id opid) error {
	ix := b.ix
	e := entry{key: slot.key, op: id, kind: o.value.kind, code: o.value.code, num: o.value.num}
	kind, makes := o.action.object()
	switch {
	case makes:
		n := uint32(len(ix.objects))
		depth := ix.objects[slot.obj].depth + 1
		if int(depth) > ix.lim.Depth {
			return fmt.Errorf("objects nested %d deep: %w", depth, ErrTooLarge)
		}
		obj := object{op: id, key: slot.key, parent: slot.obj, change: uint32(len(ix.changes)), depth: depth, kind: kind}
		if kind.IsSequence() {
			obj.seq = newSequence()
		}
		ix.objects = append(ix.objects, obj)
		ix.objOf[id] = n
		b.journal = append(b.journal, undo{step: undoObject})
		e.kind, e.num = kind, uint64(n)
	case o.action != Set:
		return nil
	case o.insert && ix.objects[slot.obj].kind == Text:
		return nil // the sequence has it
	}
	if n := len(ix.multi[slot]); n >= ix.lim.Conflict {
		return fmt.Errorf("%d concurrent values in one place: %w", n+1, ErrTooLarge)
	}
	if e.hasText() {
		e.num = ix.texts.put(o.value.str)
	}
	ix.addLive(slot, e)
	b.journal = append(b.journal, undo{step: undoAdd, slot: slot, e: e})
	return nil
}

// key returns the number of a key.
func (b *Batch) key(s string) uint32 {
	ix := b.ix
	if n, ok := ix.keyOf[s]; ok {
		return n
	}
	s = strings.Clone(s)
	n := uint32(len(ix.keys))
	ix.keys = append(ix.keys, s)
	ix.keyOf[s] = n
	return n
}

func (b *Batch) touchSlot(slot slotKey, counted bool) {
	if int(slot.obj) >= b.before {
		return
	}
	e, ok := b.ix.objects[slot.obj].slots.get(slot.key)
	t := touch{slot: slot, counted: counted}
	if ok {
		t.winner, t.multi = e.op, e.more
	}
	b.touch(t)
}

func (b *Batch) touch(t touch) {
	switch {
	case int(t.slot.obj) >= b.before:
		return // the operation that made the object is listed
	case len(b.touched) > 0 && b.touched[len(b.touched)-1].slot == t.slot:
		last := &b.touched[len(b.touched)-1]
		last.counted = last.counted || t.counted
		return
	case len(b.touched) >= 2*b.ix.lim.Touched:
		b.lost = true
		return
	}
	b.touched = append(b.touched, t)
}

// undo takes a change back, or the part of it that was added.
func (b *Batch) undo(a *addedChange) {
	ix := b.ix
	for i := len(b.journal) - 1; i >= a.journal; i-- {
		switch u := b.journal[i]; u.step {
		case undoAdd:
			ix.removeLive(u.slot, u.e.op)
			if u.e.hasText() {
				ix.texts.drop(u.e.num)
			}
		case undoRemove:
			if u.slot.key != uint64(u.e.op) {
				ix.removeDead(u.slot, u.e.op)
			}
			ix.addLive(u.slot, u.e)
		case undoNum:
			ix.setNum(u.slot, u.e.op, u.e.num)
		case undoElement:
			if it := ix.objects[u.slot.obj].seq.remove(u.e.op); it.char&(longChar|gone) == longChar {
				ix.texts.drop(uint64(it.char & charBits))
			}
		case undoGone:
			ix.objects[u.slot.obj].seq.item(opid(u.slot.key)).char &^= gone
		case undoObject:
			last := len(ix.objects) - 1
			delete(ix.objOf, ix.objects[last].op)
			ix.objects[last] = object{}
			ix.objects = ix.objects[:last]
		}
	}
	b.journal = b.journal[:a.journal]
	b.touched = b.touched[:a.touched]
	if _, ok := ix.history[a.hash]; ok {
		delete(ix.history, a.hash)
		ix.changes = ix.changes[:len(ix.changes)-1]
		delete(ix.heads, a.hash)
		for _, d := range a.deps {
			ix.heads[d] = struct{}{}
		}
		ix.actors[a.actor].seq, ix.actors[a.actor].maxOp = a.seq, a.actorMax
	}
	ix.maxOp, ix.ops = a.maxOp, a.ops
	for _, s := range ix.actors[a.actors:] {
		delete(ix.actorOf, s.id)
	}
	ix.actors = ix.actors[:a.actors]
	for _, k := range ix.keys[a.keys:] {
		delete(ix.keyOf, k)
	}
	ix.keys = ix.keys[:a.keys]
}

// Len returns the number of changes that the batch has added.
func (b *Batch) Len() int { return len(b.changes) }

// Rollback takes everything back and ends the batch. After Commit it does nothing.
func (b *Batch) Rollback() {
	if b.ix.batch != b {
		return
	}
	for i := len(b.changes) - 1; i >= 0; i-- {
		b.undo(&b.changes[i])
	}
	b.end()
}

// Commit makes everything final and returns what it touched.
func (b *Batch) Commit() *Delta {
	if b.ix.batch != b {
		panic(errors.New("amchange: the batch has ended"))
	}
	for _, u := range b.journal {
		if u.step == undoRemove && u.e.hasText() {
			b.ix.texts.drop(u.e.num)
		}
	}
	d := b.ix.delta(b)
	b.end()
	return d
}

// end leaves the batch's memory, if it is little, to the next one.
func (b *Batch) end() {
	if cap(b.journal)+cap(b.touched) < 1<<10 {
		b.ix.journal, b.ix.touched = b.journal[:0], b.touched[:0]
	}
	b.ix.batch = nil
	b.journal, b.changes, b.touched = nil, nil, nil
}
