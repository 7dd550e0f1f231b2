package ycrdt

// An item is one struct of the document: a piece of content with its place, or the remains of one. It holds no pointers,
// so the garbage collector never looks at it: neighbours, the parent and the client are numbers of other slots.
//
// Before it is integrated, an item has only what the wire says: flagParentID then means that the origin fields hold the ID
// of the parent's item, flagKey that entry holds the number of the key.
type item struct {
	clock, length uint32
	client        uint32 // number in the client table

	left, right uint32 // neighbours in the parent's list, or among the entries of one key; 0 = none

	originClient, originClock uint32 // last unit of the left neighbour at creation; client 0 = none
	rightClient, rightClock   uint32 // first unit of the right neighbour at creation; client 0 = none

	parent uint32 // number of the type it lies in
	entry  uint32 // number of its map entry; 0 = an element of the list

	buf, off, size uint32 // the content, still encoded (see content.go); for a type, off is its number

	mark  uint32 // position in the conflict scan that saw it last
	kind  kind
	flags flags
}

// A kind says what an item holds. The numbers are those of the wire.
type kind uint8

const (
	kindGC kind = iota
	kindDeleted
	kindJSON
	kindBinary
	kindString
	kindEmbed
	kindFormat
	kindType
	kindAny
	kindDoc
	kindSkip
)

// countable reports whether units of this kind count for the length and the indexes of a list.
func (k kind) countable() bool {
	return 1<<k&(1<<kindGC|1<<kindDeleted|1<<kindFormat|1<<kindSkip) == 0
}

type flags uint16

const (
	flagDeleted  flags = 1 << iota
	flagKeep           // not to be garbage collected
	flagRedone         // has an entry in Doc.redone
	flagParentID       // not integrated: the origin fields hold the parent's ID
	flagKey            // not integrated: entry holds the number of the key
	flagAny            // an embed or format whose value is encoded as "any" and not as JSON text
	flagBound          // a type that has its slot in the table of types
	flagLost           // lost its key to a value set at the same time, or lies in a map that did; see Options.KeepLost
	flagMarker         // a marker pointed at it (see markers.go)
	flagVerbatim       // from the end of the payload of the struct before to that of its own, its buffer has it in format V1
)

func (it *item) deleted() bool { return it.flags&flagDeleted != 0 }

// info returns the first byte of the item on the wire.
func (it *item) info() byte {
	info := byte(it.kind)
	if it.entry != 0 {
		info |= 0x20
	}
	if it.rightClient != 0 {
		info |= 0x40
	}
	if it.originClient != 0 && it.flags&flagParentID == 0 {
		info |= 0x80
	}
	return info
}

func (it *item) last() uint32 { return it.clock + it.length - 1 }
func (it *item) end() uint32  { return it.clock + it.length }

const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

// A slab holds records by number, from 1 on: 0 can mean none.
//
// The first chunk grows by doubling until it has its full size: a pointer into the slab is good only until the next alloc.
type slab[T any] struct {
	chunks [][]T
	n      uint32   // numbers used so far, 0 included
	free   []uint32 // those below n that are not used any more
}

func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>chunkBits][i&(chunkSize-1)] }

// live returns how many records there are.
func (s *slab[T]) live() int { return int(max(s.n, 1)) - 1 - len(s.free) }

// alloc makes a record, which is zero.
func (s *slab[T]) alloc() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	i := s.n
	if int(i>>chunkBits) == len(s.chunks) || int(i) == len(s.chunks[0]) {
		i = s.grow()
	}
	s.n = i + 1
	return i
}

// grow makes room for another record and returns its number.
func (s *slab[T]) grow() uint32 {
	switch {
	case s.n == 0:
		s.chunks = [][]T{make([]T, 16)}
		return 1
	case s.n < chunkSize:
		grown := make([]T, 2*len(s.chunks[0]))
		copy(grown, s.chunks[0])
		s.chunks[0] = grown
	case int(s.n>>chunkBits) == len(s.chunks):
		s.chunks = append(s.chunks, make([]T, chunkSize))
	}
	return s.n
}

func (s *slab[T]) release(i uint32) {
	var zero T
	*s.at(i) = zero
	if i == s.n-1 {
		s.n--
		return
	}
	s.free = append(s.free, i)
}

// trim gives back chunks that are not used any more.
func (s *slab[T]) trim() {
	used := int(s.n+chunkSize-1) >> chunkBits
	if used < len(s.chunks) && used > 0 {
		clear(s.chunks[used:])
		s.chunks = s.chunks[:used]
	}
}
