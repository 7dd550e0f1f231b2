package ycrdt

// An item is one struct of the document: a piece of content with its place, or the remains of one. It holds no pointers,
// so the garbage collector never looks at it: neighbours, the parent and the client are numbers of other slots.
//
// Before it is integrated, an item read from an update has only what the wire says; flagParentID then means that the
// origin fields hold the ID of the parent's item.
type item struct {
	clock, length uint32
	client        uint32 // number in the client table

	left, right uint32 // neighbours in the parent's list, or among the entries of one key; 0 = none

	originClient, originClock uint32 // last unit of the left neighbour at creation; client 0 = none
	rightClient, rightClock   uint32 // first unit of the right neighbour at creation; client 0 = none

	parent uint32 // number of the type it lies in
	key    uint32 // number of its map key; 0 = an element of the list

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
	kindFree kind = 255 // an unused slot; right is the next one
)

// countable reports whether units of this kind count for the length and the indexes of a list.
func (k kind) countable() bool {
	return k != kindGC && k != kindDeleted && k != kindFormat && k != kindSkip
}

type flags uint8

const (
	flagDeleted  flags = 1 << iota
	flagKeep           // not to be garbage collected
	flagRedone         // has an entry in Doc.redone
	flagParentID       // not integrated: the origin fields hold the parent's ID
	flagAny            // an embed or format whose value is encoded as "any" and not as JSON text
	flagBound          // a type that has its slot in the table of types
	flagLost           // lost its key to a value set at the same time, or lies in a map that did; see Options.KeepLost
	flagMarker         // a marker pointed at it (see markers.go)
)

func (it *item) deleted() bool { return it.flags&flagDeleted != 0 }
func (it *item) last() uint32  { return it.clock + it.length - 1 }
func (it *item) end() uint32   { return it.clock + it.length }

const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

// A slab is the memory of all items. Slot 0 is never used, so that 0 can mean none.
//
// The first chunk grows by doubling until it has its full size: a pointer into the slab is good only until the next alloc.
type slab struct {
	chunks [][]item
	n      uint32 // slots used so far
	free   uint32 // first unused slot below n
	live   int
}

func (s *slab) at(i uint32) *item { return &s.chunks[i>>chunkBits][i&(chunkSize-1)] }

// alloc returns a slot, which is zero.
func (s *slab) alloc() uint32 {
	s.live++
	if i := s.free; i != 0 {
		it := s.at(i)
		s.free = it.right
		*it = item{}
		return i
	}
	if s.n == 0 {
		s.chunks = [][]item{make([]item, 16)}
		s.n = 1
	}
	i := s.n
	c := int(i >> chunkBits)
	switch {
	case c == len(s.chunks):
		s.chunks = append(s.chunks, make([]item, chunkSize))
	case c == 0 && int(i) == len(s.chunks[0]):
		grown := make([]item, 2*len(s.chunks[0]))
		copy(grown, s.chunks[0])
		s.chunks[0] = grown
	}
	s.n++
	return i
}

func (s *slab) release(i uint32) {
	s.live--
	if i == s.n-1 {
		*s.at(i) = item{}
		s.n--
		return
	}
	*s.at(i) = item{kind: kindFree, right: s.free}
	s.free = i
}

// trim gives back chunks that are not used any more.
func (s *slab) trim() {
	used := int(s.n+chunkSize-1) >> chunkBits
	if used < len(s.chunks) && used > 0 {
		clear(s.chunks[used:])
		s.chunks = s.chunks[:used]
	}
}
