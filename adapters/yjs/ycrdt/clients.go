package ycrdt

import (
	"iter"
	"slices"
)

// A client is one author: its structs in the order of their clocks, without gaps.
type client struct {
	id     uint64
	next   uint32 // the clock after its last struct: the client's entry in the state vector
	list   structList
	holes  bool   // some of them are deleted
	stamp  uint32 // number of the transaction that touched it last
	before uint32 // next, as it was when that transaction began
	group  uint32 // scratch of sorting delete sets
	hot    place  // where something was found last
}

// clients numbers the clients of a document from 1 on. Numbers are never reused.
type clients struct {
	list  []client
	index map[uint64]uint32
	hot   uint32 // answered last
}

func newClients() clients {
	return clients{list: make([]client, 1, 4), index: map[uint64]uint32{}}
}

func (c *clients) find(id uint64) uint32 {
	return c.index[id]
}

func (c *clients) intern(id uint64) uint32 {
	if c.list[c.hot].id == id && c.hot != 0 {
		return c.hot
	}
	i, ok := c.index[id]
	if !ok {
		i = uint32(len(c.list))
		c.list = append(c.list, client{id: id})
		c.index[id] = i
	}
	c.hot = i
	return i
}

// truncate forgets the clients from n on; they have no structs.
func (c *clients) truncate(n int) {
	for i := n; i < len(c.list); i++ {
		delete(c.index, c.list[i].id)
	}
	clear(c.list[n:])
	c.list = c.list[:n]
	c.hot = 0
}

// A structList is the sequence of one client's structs, cut into blocks so that splitting and merging in the middle costs
// no more than a block.
type structList struct {
	blocks []block
}

type block struct {
	first uint32 // clock of the first struct
	refs  []ref
}

// A ref is a struct with its clock, so that a search does not have to look at the structs themselves.
type ref struct{ clock, item uint32 }

const blockMax = 256

// A place is a position in a structList. Changing the list makes places invalid, except as the methods say.
type place struct{ b, i int }

func (l *structList) at(p place) uint32 { return l.blocks[p.b].refs[p.i].item }

func (l *structList) lastPlace() place {
	b := len(l.blocks) - 1
	return place{b, len(l.blocks[b].refs) - 1}
}

// next and prev return the neighbouring place, and false at the end of the list.
func (l *structList) next(p place) (place, bool) {
	if p.i+1 < len(l.blocks[p.b].refs) {
		return place{p.b, p.i + 1}, true
	}
	if p.b+1 < len(l.blocks) {
		return place{p.b + 1, 0}, true
	}
	return p, false
}

func (l *structList) prev(p place) (place, bool) {
	if p.i > 0 {
		return place{p.b, p.i - 1}, true
	}
	if p.b > 0 {
		return place{p.b - 1, len(l.blocks[p.b-1].refs) - 1}, true
	}
	return p, false
}

// push adds a struct at the end.
func (l *structList) push(i, clock uint32) {
	if n := len(l.blocks); n > 0 && len(l.blocks[n-1].refs) < blockMax {
		b := &l.blocks[n-1]
		b.refs = append(b.refs, ref{clock, i})
		return
	}
	capacity := 1
	if len(l.blocks) > 0 {
		capacity = blockMax
	}
	l.blocks = append(l.blocks, block{clock, append(make([]ref, 0, capacity), ref{clock, i})})
}

// insertAfter adds a struct behind p and returns its place. Places up to p stay valid.
func (l *structList) insertAfter(p place, i, clock uint32) place {
	b := &l.blocks[p.b]
	if len(b.refs) == blockMax {
		half := blockMax / 2
		tail := append(make([]ref, 0, blockMax), b.refs[half:]...)
		b.refs = b.refs[:half]
		l.blocks = slices.Insert(l.blocks, p.b+1, block{tail[0].clock, tail})
		if p.i >= half {
			p = place{p.b + 1, p.i - half}
		}
		b = &l.blocks[p.b]
	}
	b.refs = slices.Insert(b.refs, p.i+1, ref{clock, i})
	return place{p.b, p.i + 1}
}

// remove takes out the struct at p. Places before p stay valid.
func (l *structList) remove(p place) {
	b := &l.blocks[p.b]
	b.refs = slices.Delete(b.refs, p.i, p.i+1)
	switch {
	case len(b.refs) == 0:
		l.blocks = slices.Delete(l.blocks, p.b, p.b+1)
	case p.i == 0:
		b.first = b.refs[0].clock
	}
}

// block returns the block that contains clock, which is not the last one: a guess in proportion, then a search by doubling
// and halving steps from there.
func (l *structList) block(next, clock uint32) int {
	n := len(l.blocks)
	b := int(uint64(clock) * uint64(n) / uint64(next))
	lo, hi := 0, n // first of lo <= clock < first of hi
	for step := 1; ; step *= 2 {
		if l.blocks[b].first > clock {
			hi = b
			b = max(lo, b-step)
		} else {
			lo = b
			if b+1 == hi || l.blocks[b+1].first > clock {
				return b
			}
			b = min(hi-1, b+step)
		}
		if step > 8 {
			break
		}
	}
	for hi-lo > 1 {
		if mid := int(uint(lo+hi) >> 1); l.blocks[mid].first > clock {
			hi = mid
		} else {
			lo = mid
		}
	}
	return lo
}

// find returns the place of the struct that contains clock, which must be below next.
//
// Structs tend to have one length, so the position is guessed in proportion to the clock, and then searched for by halving.
func (l *structList) find(next, clock uint32) place {
	b := len(l.blocks) - 1
	if clock < l.blocks[b].first {
		b = l.block(next, clock)
	}
	end := next
	if b+1 < len(l.blocks) {
		end = l.blocks[b+1].first
	}
	refs, first := l.blocks[b].refs, l.blocks[b].first
	lo, hi := 0, len(refs) // clock of lo <= clock < clock of hi
	for mid := int(uint64(clock-first) * uint64(len(refs)) / uint64(end-first)); hi-lo > 1; mid = int(uint(lo+hi) >> 1) {
		if clock < refs[mid].clock {
			hi = mid
		} else if lo = mid; lo+1 < hi && clock < refs[lo+1].clock {
			break
		}
	}
	return place{b, lo}
}

// from iterates over the structs from p to the end, block by block.
func (l *structList) from(p place) iter.Seq[[]ref] {
	return func(yield func([]ref) bool) {
		for b := p.b; b < len(l.blocks); b++ {
			if !yield(l.blocks[b].refs[p.i:]) {
				return
			}
			p.i = 0
		}
	}
}

// count returns the number of structs from p to the end.
func (l *structList) count(p place) int {
	n := len(l.blocks[p.b].refs) - p.i
	for _, b := range l.blocks[p.b+1:] {
		n += len(b.refs)
	}
	return n
}
