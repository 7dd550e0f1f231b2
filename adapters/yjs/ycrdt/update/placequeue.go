package update

import (
	"cmp"
	"slices"
)

// A place is where a cursor stands: the next struct it will yield.
type place struct {
	id     ID
	rank   int64
	cursor int32
	item   bool // the struct is an item and no GC
}

// comparePlaces orders by descending client and ascending clock.
func comparePlaces(a, b place) int {
	if a.id.Client != b.id.Client {
		return cmp.Compare(b.id.Client, a.id.Client)
	}
	return cmp.Compare(a.id.Clock, b.id.Clock)
}

// compareRanked is comparePlaces and then by rank.
func compareRanked(a, b place) int {
	if c := comparePlaces(a, b); c != 0 {
		return c
	}
	return cmp.Compare(a.rank, b.rank)
}

// A placeQueue gives the first place. Which of several structs at the same place comes first decides which of them is
// written, so this follows Yjs, which sorts its list of readers at every step, with one reader at the front that has moved.
//
// Few cursors are kept in a list and sorted just like that (see sortLikeV8). With many that is too slow: those that have
// not moved yet wait in a sorted list, the others in a heap. Most small updates are used up at once and never come to the
// heap. At equal places, the one that moved there last comes first, and those that have not moved keep the order of the
// updates: that is what the stable sort of Yjs leads to, unless an item and a GC struct stand at one place.
type placeQueue struct {
	waiting []place
	moved   []place // a binary heap
	moves   int64
	inHeap  bool // the head is moved[0]
	few     bool
}

// fewPlaces is the length from which on JavaScript's sort works in another way.
const fewPlaces = 64

func (q *placeQueue) add(s *Struct, cursor int) {
	q.waiting = append(q.waiting, place{s.ID, int64(cursor), int32(cursor), s.IsItem()})
}

// start is called after the last add.
func (q *placeQueue) start() {
	q.few = len(q.waiting) < fewPlaces
	if !q.few && !slices.IsSortedFunc(q.waiting, compareRanked) {
		slices.SortFunc(q.waiting, compareRanked)
	}
}

// head returns the first place without removing it.
func (q *placeQueue) head() (place, bool) {
	if q.few && len(q.waiting) > 1 {
		sortLikeV8(q.waiting)
	}
	switch {
	case len(q.waiting) == 0 && len(q.moved) == 0:
		return place{}, false
	case len(q.waiting) == 0:
		q.inHeap = true
	case len(q.moved) == 0:
		q.inHeap = false
	default:
		q.inHeap = compareRanked(q.moved[0], q.waiting[0]) < 0
	}
	if q.inHeap {
		return q.moved[0], true
	}
	return q.waiting[0], true
}

// moveHead puts the cursor that head returned to where it stands now, or removes it if it is at its end.
func (q *placeQueue) moveHead(alive bool, s *Struct) {
	q.moves++
	switch {
	case q.inHeap && alive:
		p := &q.moved[0]
		p.id, p.item, p.rank = s.ID, s.IsItem(), -q.moves
		q.sink()
	case q.inHeap:
		last := len(q.moved) - 1
		q.moved[0] = q.moved[last]
		q.moved = q.moved[:last]
		q.sink()
	case alive && q.few:
		p := &q.waiting[0]
		p.id, p.item = s.ID, s.IsItem()
	case alive:
		q.moved = append(q.moved, place{s.ID, -q.moves, q.waiting[0].cursor, s.IsItem()})
		q.waiting = q.waiting[1:]
		q.rise()
	default:
		q.waiting = q.waiting[1:]
	}
}

func (q *placeQueue) rise() {
	h := q.moved
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if compareRanked(h[i], h[up]) >= 0 {
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
		if right := down + 1; right < len(h) && compareRanked(h[right], h[down]) < 0 {
			down = right
		}
		if compareRanked(h[i], h[down]) <= 0 {
			return
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
}

// sortLikeV8 sorts fewer than 64 places as JavaScript does: find the run at the front, turn it round if it descends, and
// insert the others one by one. That matters because the comparison that Yjs uses contradicts itself: of an item and a GC
// struct at the same place either comes before the other.
func sortLikeV8(ps []place) {
	less := func(a, b *place) bool {
		if c := comparePlaces(*a, *b); c != 0 {
			return c < 0
		}
		return a.item != b.item
	}
	descends := less(&ps[1], &ps[0])
	run := 2
	for run < len(ps) && less(&ps[run], &ps[run-1]) == descends {
		run++
	}
	if descends {
		slices.Reverse(ps[:run])
	}
	for ; run < len(ps); run++ {
		pivot := ps[run]
		left, right := 0, run
		for left < right {
			if mid := (left + right) / 2; less(&pivot, &ps[mid]) {
				right = mid
			} else {
				left = mid + 1
			}
		}
		copy(ps[left+1:run+1], ps[left:run])
		ps[left] = pivot
	}
}
