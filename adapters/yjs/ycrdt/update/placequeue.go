package update

import (
	"cmp"
	"slices"
)

// A place is where a cursor stands: the next struct it will yield, client descending and clock ascending. Of two at the same
// place the one that moved there last comes first; those that have not moved keep the order of the updates.
type place struct {
	id     ID
	rank   int64
	cursor int32
}

func comparePlaces(a, b place) int {
	if a.id.Client != b.id.Client {
		return cmp.Compare(b.id.Client, a.id.Client)
	}
	if a.id.Clock != b.id.Clock {
		return cmp.Compare(a.id.Clock, b.id.Clock)
	}
	return cmp.Compare(a.rank, b.rank)
}

// A placeQueue gives the first place. Cursors that have not moved yet wait in a sorted list, the others in a heap: most
// small updates are used up at once, and never come to the heap.
type placeQueue struct {
	waiting []place
	moved   []place // a binary heap
	moves   int64
	inHeap  bool // the head is moved[0]
}

func (q *placeQueue) add(p place) { q.waiting = append(q.waiting, p) }

func (q *placeQueue) sort() {
	if !slices.IsSortedFunc(q.waiting, comparePlaces) {
		slices.SortFunc(q.waiting, comparePlaces)
	}
}

// head returns the first place without removing it.
func (q *placeQueue) head() (place, bool) {
	switch {
	case len(q.waiting) == 0 && len(q.moved) == 0:
		return place{}, false
	case len(q.waiting) == 0:
		q.inHeap = true
	case len(q.moved) == 0:
		q.inHeap = false
	default:
		q.inHeap = comparePlaces(q.moved[0], q.waiting[0]) < 0
	}
	if q.inHeap {
		return q.moved[0], true
	}
	return q.waiting[0], true
}

// moveHead puts the place that head returned to its new position, or removes it.
func (q *placeQueue) moveHead(alive bool, to ID) {
	q.moves++
	switch {
	case q.inHeap && alive:
		q.moved[0].id, q.moved[0].rank = to, -q.moves
		q.sink()
	case q.inHeap:
		last := len(q.moved) - 1
		q.moved[0] = q.moved[last]
		q.moved = q.moved[:last]
		q.sink()
	case alive:
		p := q.waiting[0]
		p.id, p.rank = to, -q.moves
		q.waiting = q.waiting[1:]
		q.moved = append(q.moved, p)
		q.rise()
	default:
		q.waiting = q.waiting[1:]
	}
}

func (q *placeQueue) rise() {
	h := q.moved
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if comparePlaces(h[i], h[up]) >= 0 {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func (q *placeQueue) sink() {
	h := q.moved
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(h) {
			return
		}
		if right := down + 1; right < len(h) && comparePlaces(h[right], h[down]) < 0 {
			down = right
		}
		if comparePlaces(h[i], h[down]) <= 0 {
			return
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
}
