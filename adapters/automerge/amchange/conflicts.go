package amchange

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Live is one live operation of a place.
type Live struct {
	ID    OpID
	Value Value
}

// Conflict is a place with its live operations, in ascending order: the last is the winner, the one that readers see.
type Conflict struct {
	Path []string // map keys from the root
	// Elem is the element when the place is in a list or text, at or below the end of Path; else it is zero.
	Elem OpID
	Live []Live
}

// Winner returns the operation that readers see.
func (c Conflict) Winner() Live { return c.Live[len(c.Live)-1] }

// String returns one line: the path and all values.
func (c Conflict) String() string {
	var b strings.Builder
	b.WriteString(strings.Join(c.Path, "/"))
	if !c.Elem.IsZero() {
		b.WriteString("/" + c.Elem.String())
	}
	b.WriteByte(':')
	for i, l := range c.Live {
		if i > 0 {
			b.WriteString(" <")
		}
		b.WriteString(" " + l.Value.String() + " (" + l.ID.String() + ")")
	}
	return b.String()
}

// Conflicts returns all places that can be seen and have more than one live operation, sorted by path.
func (ix *Index) Conflicts() []Conflict {
	var out []Conflict
	cache := pathCache{}
	for slot, list := range ix.multi {
		p, ok := ix.path(slot.obj, cache)
		if !ok {
			continue
		}
		c := Conflict{Path: p.keys, Live: ix.lives(list)}
		switch {
		case ix.objects[slot.obj].kind.IsSequence():
			c.Elem = ix.id(opid(slot.key))
		case p.sequence:
			c.Elem = ix.id(ix.objects[slot.obj].op)
		default:
			c.Path = append(p.keys[:len(p.keys):len(p.keys)], ix.keys[slot.key])
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Conflict) int {
		return cmp.Or(slices.Compare(a.Path, b.Path), a.Elem.Compare(b.Elem))
	})
	return out
}

// Live returns the live operations of a place in nested maps: one where nothing is in conflict, none where nothing is. The
// last is the winner.
func (ix *Index) Live(path ...string) []Live {
	if len(path) == 0 {
		return nil
	}
	obj, ok := ix.find(path[:len(path)-1])
	if !ok {
		return nil
	}
	n, ok := ix.keyOf[path[len(path)-1]]
	if !ok || ix.objects[obj].kind.IsSequence() {
		return nil
	}
	var one [1]entry
	return ix.lives(ix.live(slotKey{obj, uint64(n)}, &one))
}

// Get returns the winner of a place in nested maps, and whether there is one.
func (ix *Index) Get(path ...string) (Live, bool) {
	if len(path) == 0 {
		return Live{Value: objectValue(Map)}, true
	}
	obj, ok := ix.find(path[:len(path)-1])
	if !ok {
		return Live{}, false
	}
	n, ok := ix.keyOf[path[len(path)-1]]
	if !ok || ix.objects[obj].kind.IsSequence() {
		return Live{}, false
	}
	e, ok := ix.objects[obj].slots.get(uint64(n))
	if !ok {
		return Live{}, false
	}
	return Live{ix.id(e.op), ix.value(e)}, true
}

// Entries returns the keys and winners of a map or table, in no particular order. The index must not change meanwhile.
func (ix *Index) Entries(path ...string) iter.Seq2[string, Live] {
	return func(yield func(string, Live) bool) {
		obj, ok := ix.find(path)
		if !ok || ix.objects[obj].kind.IsSequence() {
			return
		}
		for e := range ix.objects[obj].slots.all {
			if !yield(ix.keys[e.key], Live{ix.id(e.op), ix.value(e)}) {
				return
			}
		}
	}
}

// EntriesOf is Entries of an object.
func (ix *Index) EntriesOf(id OpID) iter.Seq2[string, Live] {
	return func(yield func(string, Live) bool) {
		obj, ok := ix.object(id)
		if !ok || ix.objects[obj].kind.IsSequence() {
			return
		}
		for e := range ix.objects[obj].slots.all {
			if !yield(ix.keys[e.key], Live{ix.id(e.op), ix.value(e)}) {
				return
			}
		}
	}
}

// GetIn returns the winner under a key of a map, and whether there is one.
func (ix *Index) GetIn(id OpID, key string) (Live, bool) {
	obj, ok := ix.object(id)
	if !ok || ix.objects[obj].kind.IsSequence() {
		return Live{}, false
	}
	n, ok := ix.keyOf[key]
	if !ok {
		return Live{}, false
	}
	e, ok := ix.objects[obj].slots.get(uint64(n))
	if !ok {
		return Live{}, false
	}
	return Live{ix.id(e.op), ix.value(e)}, true
}

// Conflicted reports whether a key of a map has more than one live operation.
func (ix *Index) Conflicted(id OpID, key string) bool {
	obj, ok := ix.object(id)
	if !ok {
		return false
	}
	n, ok := ix.keyOf[key]
	if !ok {
		return false
	}
	e, ok := ix.objects[obj].slots.get(uint64(n))
	return ok && e.more
}

// LiveIn is Live of a key of a map.
func (ix *Index) LiveIn(id OpID, key string) []Live {
	slot, ok := ix.slot(id, key)
	if !ok {
		return nil
	}
	var one [1]entry
	return ix.lives(ix.live(slot, &one))
}

// ReplacedIn returns the operations that once held a value under a key of a map and have been replaced or deleted since.
func (ix *Index) ReplacedIn(id OpID, key string) iter.Seq[OpID] {
	return func(yield func(OpID) bool) {
		slot, ok := ix.slot(id, key)
		if !ok {
			return
		}
		for _, op := range ix.dead[slot] {
			if !yield(ix.id(op)) {
				return
			}
		}
	}
}

// KeysOf returns the keys of a map that were ever set, also those that have been deleted since, also if the map has. It looks at
// every key that the document has.
func (ix *Index) KeysOf(id OpID) iter.Seq[string] {
	return func(yield func(string) bool) {
		obj, ok := ix.object(id)
		if !ok || ix.objects[obj].kind.IsSequence() {
			return
		}
		for n, key := range ix.keys {
			_, set := ix.objects[obj].slots.get(uint64(n))
			if (set || len(ix.dead[slotKey{obj, uint64(n)}]) > 0) && !yield(key) {
				return
			}
		}
	}
}

func (ix *Index) slot(id OpID, key string) (slotKey, bool) {
	obj, ok := ix.object(id)
	if !ok || ix.objects[obj].kind.IsSequence() {
		return slotKey{}, false
	}
	n, ok := ix.keyOf[key]
	return slotKey{obj, uint64(n)}, ok
}

// Contested reports whether any place, to be seen or not, has more than one live operation.
func (ix *Index) Contested() bool { return len(ix.multi) > 0 }

// find walks down nested maps.
func (ix *Index) find(path []string) (uint32, bool) {
	var obj uint32
	for _, key := range path {
		n, ok := ix.keyOf[key]
		if !ok || ix.objects[obj].kind.IsSequence() {
			return 0, false
		}
		e, ok := ix.objects[obj].slots.get(uint64(n))
		if !ok || !e.kind.IsObject() {
			return 0, false
		}
		obj = uint32(e.num)
	}
	return obj, true
}

func (ix *Index) lives(list []entry) []Live {
	out := make([]Live, len(list))
	for i, e := range list {
		out[i] = Live{ix.id(e.op), ix.value(e)}
	}
	return out
}
