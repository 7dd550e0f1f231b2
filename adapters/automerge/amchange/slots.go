package amchange

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
