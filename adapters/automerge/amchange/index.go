package amchange

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Index knows a document's objects, the live operations of every place, and enough of its history to tell whether a change
// may be applied. It is fed change by change and costs about as much per change as the change has operations.
//
// An Index is not safe for concurrent use; whoever owns the document's lock owns the index.
type Index struct {
	lim Limits

	actors  []actorState
	actorOf map[Actor]uint32
	keys    []string
	keyOf   map[string]uint32
	objects []object // the first is the root
	objOf   map[opid]uint32
	multi   map[slotKey][]entry // places with more than one live operation, ascending
	dead    map[slotKey][]opid  // operations that have been replaced, ascending as numbers
	texts   texts

	history map[Hash]uint32 // every change with its number
	changes []pastChange
	heads   map[Hash]struct{}
	maxOp   uint64
	ops     int

	batch *Batch // the open one

	// Memory that is used again.
	journal []undo
	touched []touch
	preds   [4]rawID
}

type pastChange struct {
	hash  Hash
	maxOp uint32
}

type actorState struct {
	id    Actor
	seq   uint64
	maxOp uint64
}

type object struct {
	slots  slots
	seq    *sequence // of lists and texts
	op     opid      // that made it; 0 is the root
	key    uint64    // its place in the parent
	parent uint32
	change uint32 // number of the change that made it
	depth  uint16
	kind   Kind
}

// NewIndex returns the index of an empty document.
func NewIndex(lim *Limits) *Index {
	return &Index{
		lim:     lim.or(),
		actorOf: map[Actor]uint32{},
		keyOf:   map[string]uint32{},
		objects: []object{{kind: Map}},
		objOf:   map[opid]uint32{},
		multi:   map[slotKey][]entry{},
		dead:    map[slotKey][]opid{},
		history: map[Hash]uint32{},
		heads:   map[Hash]struct{}{},
	}
}

// Has reports whether the change has been added.
func (ix *Index) Has(h Hash) bool {
	_, ok := ix.history[h]
	return ok
}

// Heads returns the changes that no other depends on, ascending.
func (ix *Index) Heads() []Hash {
	out := make([]Hash, 0, len(ix.heads))
	for h := range ix.heads {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Hash) int { return cmp.Compare(string(a[:]), string(b[:])) })
	return out
}

// Changes returns the number of changes added.
func (ix *Index) Changes() int { return len(ix.history) }

// Ops returns the number of operations added.
func (ix *Index) Ops() int { return ix.ops }

// MaxOp returns the greatest counter of an operation.
func (ix *Index) MaxOp() uint64 { return ix.maxOp }

// Seq returns the sequence number of the actor's last change; 0 means that there is none.
func (ix *Index) Seq(a Actor) uint64 {
	if n, ok := ix.actorOf[a]; ok {
		return ix.actors[n].seq
	}
	return 0
}

// Actors returns how many actors have made changes.
func (ix *Index) Actors() int { return len(ix.actors) }

// Missing returns the dependencies of the change that have not been added.
func (ix *Index) Missing(c *Change) []Hash {
	var out []Hash
	for _, d := range c.Deps {
		if !ix.Has(d) {
			out = append(out, d)
		}
	}
	return out
}

// String counts what is there.
func (ix *Index) String() string {
	return fmt.Sprintf("%d changes, %d ops, %d actors, %d objects, %d conflicts", len(ix.history), ix.ops, len(ix.actors),
		len(ix.objects), len(ix.multi))
}

// id makes a public id.
func (ix *Index) id(op opid) OpID {
	if op == 0 {
		return OpID{}
	}
	return OpID{op.counter(), ix.actors[op.actor()].id}
}

// after reports whether a is the greater operation id, and so the winner.
func (ix *Index) after(a, b opid) bool {
	if a.counter() != b.counter() {
		return a.counter() > b.counter()
	}
	return ix.actors[a.actor()].id > ix.actors[b.actor()].id
}

// live returns the live operations of a place, ascending; the last is the winner. The slice is the index's own, or one.
func (ix *Index) live(k slotKey, one *[1]entry) []entry {
	e, ok := ix.objects[k.obj].slots.get(k.key)
	if !ok {
		return nil
	}
	if e.more {
		return ix.multi[k]
	}
	one[0] = e
	return one[:]
}

// addLive puts an operation in its place.
func (ix *Index) addLive(k slotKey, e entry) {
	s := &ix.objects[k.obj].slots
	old, ok := s.get(k.key)
	if !ok {
		s.put(e)
		return
	}
	e.more = true
	var list []entry
	if old.more {
		list = ix.multi[k]
	} else {
		old.more = true
		list = []entry{old}
	}
	at := len(list)
	for at > 0 && ix.after(list[at-1].op, e.op) {
		at--
	}
	list = slices.Insert(list, at, e)
	ix.multi[k] = list
	s.put(list[len(list)-1])
}

// removeLive takes an operation out of its place.
func (ix *Index) removeLive(k slotKey, op opid) (entry, bool) {
	s := &ix.objects[k.obj].slots
	e, ok := s.get(k.key)
	switch {
	case !ok:
		return e, false
	case !e.more:
		if e.op != op {
			return e, false
		}
		s.remove(k.key)
		return e, true
	}
	list := ix.multi[k]
	at, ok := ix.search(list, op)
	if !ok {
		return e, false
	}
	gone := list[at]
	list = slices.Delete(list, at, at+1)
	if len(list) == 1 {
		list[0].more = false
		delete(ix.multi, k)
	} else {
		ix.multi[k] = list
	}
	s.put(list[len(list)-1])
	gone.more = false
	return gone, true
}

// search finds an operation among the live ones of a place.
func (ix *Index) search(list []entry, op opid) (int, bool) {
	return slices.BinarySearchFunc(list, op, func(e entry, op opid) int {
		switch {
		case e.op == op:
			return 0
		case ix.after(e.op, op):
			return 1
		}
		return -1
	})
}

// setNum changes the number of a live operation: a counter was incremented.
func (ix *Index) setNum(k slotKey, op opid, num uint64) {
	s := &ix.objects[k.obj].slots
	e, _ := s.get(k.key)
	if e.op == op {
		e.num = num
		s.put(e)
	}
	if list := ix.multi[k]; len(list) > 0 {
		if at, ok := ix.search(list, op); ok {
			list[at].num = num
		}
	}
}

func (ix *Index) isDead(k slotKey, op opid) bool {
	_, ok := slices.BinarySearch(ix.dead[k], op)
	return ok
}

func (ix *Index) addDead(k slotKey, op opid) {
	list := ix.dead[k]
	at, _ := slices.BinarySearch(list, op)
	ix.dead[k] = slices.Insert(list, at, op)
}

func (ix *Index) removeDead(k slotKey, op opid) {
	list := ix.dead[k]
	at, _ := slices.BinarySearch(list, op)
	if list = slices.Delete(list, at, at+1); len(list) == 0 {
		delete(ix.dead, k)
	} else {
		ix.dead[k] = list
	}
}

// value makes a public value of an entry.
func (ix *Index) value(e entry) Value {
	switch e.kind {
	case String, Bytes, Unknown:
		return Value{kind: e.kind, code: e.code, str: ix.texts.get(e.num)}
	case Map, List, Text, Table:
		return Value{kind: e.kind}
	}
	return Value{kind: e.kind, num: e.num}
}

// texts holds strings and bytes, so that entries need no pointers.
type texts struct {
	all  []string
	free []uint64
}

func (t *texts) get(n uint64) string { return t.all[n] }

func (t *texts) put(s string) uint64 {
	s = strings.Clone(s)
	if l := len(t.free); l > 0 {
		n := t.free[l-1]
		t.free = t.free[:l-1]
		t.all[n] = s
		return n
	}
	t.all = append(t.all, s)
	return uint64(len(t.all) - 1)
}

func (t *texts) drop(n uint64) {
	t.all[n] = ""
	t.free = append(t.free, n)
}

// hasText reports whether the entry's number is one in texts.
func (e entry) hasText() bool { return e.kind == String || e.kind == Bytes || e.kind == Unknown }
