package amchange

import (
	"cmp"
	"slices"
)

// opid is an operation id inside an index: the counter above the number of the actor. It compares by counter only; among
// equal counters the order is that of arrival, so winners are found with Index.after.
type opid uint64

func (id opid) counter() uint64 { return uint64(id >> 32) }
func (id opid) actor() uint32   { return uint32(id) }

// slotKey names a place: an object and, in it, a key's number or an element's opid.
type slotKey struct {
	obj uint32
	key uint64
}

// entry is a live operation that holds a value in a place.
type entry struct {
	key  uint64
	op   opid
	num  uint64 // of the value; for objects the object's number; for strings the number in Index.texts
	kind Kind
	code uint8
	more bool // there are others in the same place: all of them are in Index.multi
}

// slots holds the winner of each place of one object: a few in a slice, many in a map.
type slots struct {
	few  []entry
	many map[uint64]entry
}

// fewSlots is where a slice becomes a map. Searching it takes about as long as hashing.
const fewSlots = 12

func (s *slots) get(key uint64) (entry, bool) {
	if s.many != nil {
		e, ok := s.many[key]
		return e, ok
	}
	for i := range s.few {
		if s.few[i].key == key {
			return s.few[i], true
		}
	}
	return entry{}, false
}

func (s *slots) put(e entry) {
	if s.many != nil {
		s.many[e.key] = e
		return
	}
	for i := range s.few {
		if s.few[i].key == e.key {
			s.few[i] = e
			return
		}
	}
	if len(s.few) < fewSlots {
		s.few = append(s.few, e)
		return
	}
	s.many = make(map[uint64]entry, 2*fewSlots)
	for _, f := range s.few {
		s.many[f.key] = f
	}
	s.many[e.key] = e
	s.few = nil
}

func (s *slots) remove(key uint64) {
	if s.many != nil {
		delete(s.many, key)
		return
	}
	for i := range s.few {
		if s.few[i].key == key {
			s.few[i] = s.few[len(s.few)-1]
			s.few = s.few[:len(s.few)-1]
			return
		}
	}
}

func (s *slots) all(yield func(entry) bool) {
	for _, e := range s.few {
		if !yield(e) {
			return
		}
	}
	for _, e := range s.many {
		if !yield(e) {
			return
		}
	}
}

// elements remembers which element ids a sequence has ever had. An actor's counters only grow, and typing makes them
// consecutive, so a few spans stand for many elements.
type elements struct {
	actors []actorSpans // ascending by actor
}

type actorSpans struct {
	actor uint32
	spans []span // ascending, apart
}

type span struct{ first, last uint32 }

func (e *elements) find(actor uint32) (int, bool) {
	return slices.BinarySearchFunc(e.actors, actor, func(a actorSpans, n uint32) int { return cmp.Compare(a.actor, n) })
}

func (e *elements) has(id opid) bool {
	i, ok := e.find(id.actor())
	if !ok {
		return false
	}
	n := uint32(id.counter())
	j, ok := slices.BinarySearchFunc(e.actors[i].spans, n, func(s span, n uint32) int {
		switch {
		case n < s.first:
			return 1
		case n > s.last:
			return -1
		}
		return 0
	})
	_ = j
	return ok
}

// add appends the actor's newest element.
func (e *elements) add(id opid) {
	i, ok := e.find(id.actor())
	if !ok {
		e.actors = slices.Insert(e.actors, i, actorSpans{actor: id.actor()})
	}
	n, s := uint32(id.counter()), &e.actors[i].spans
	if l := len(*s); l > 0 && (*s)[l-1].last+1 == n {
		(*s)[l-1].last = n
		return
	}
	*s = append(*s, span{n, n})
}

// drop takes the actor's newest element back.
func (e *elements) drop(id opid) {
	i, _ := e.find(id.actor())
	s := &e.actors[i].spans
	l := len(*s) - 1
	if (*s)[l].first < (*s)[l].last {
		(*s)[l].last--
		return
	}
	if *s = (*s)[:l]; l == 0 {
		e.actors = slices.Delete(e.actors, i, i+1)
	}
}
