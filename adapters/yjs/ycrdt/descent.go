package ycrdt

import (
	"cmp"
	"slices"
)

// A Span is a run of units of one client.
type Span struct {
	ID  ID // of the first
	Len uint32
}

// A Descent leads from a value that was set when a key had none to a later one: each replaced the one before it, whose ID is
// its origin.
//
// The descents of all values that a key ever had are a tree. Yjs sorts these values (where the conflict rule decides, in
// Doc.integrate) as this tree is walked: a value before those that replaced it, and of several that replaced the same, the
// one of the smaller client first with all that follows from it. Whoever sets the key puts a value behind all others that
// he has.
type Descent struct {
	Runs    []Span // the oldest first; no more than 16, of which the last one ends with the value itself
	Omitted int    // how many units were left out before the last run
}

// Compare says which of two values under one key Yjs sorts first: -1 for d, 1 for e. In full descents that is decided where
// they part. If they part among the units that are left out, the shorter one is taken to be first: whoever writes behind a
// value has a longer one.
func (d Descent) Compare(e Descent) int {
	for i := range min(len(d.Runs), len(e.Runs)) {
		if d.cutBefore(i) || e.cutBefore(i) {
			break
		}
		x, y := d.Runs[i], e.Runs[i]
		switch {
		case x == y:
		case x.ID != y.ID:
			return compareIDs(x.ID, y.ID)
		case x.Len < y.Len && !d.cutBefore(i+1):
			return d.leaves(i, y)
		case x.Len > y.Len && !e.cutBefore(i+1):
			return -e.leaves(i, x)
		}
	}
	return cmp.Or(cmp.Compare(d.Len(), e.Len()), compareIDs(d.Last(), e.Last()))
}

// cutBefore reports whether units were left out before a run.
func (d Descent) cutBefore(i int) bool { return d.Omitted > 0 && i == len(d.Runs)-1 }

// leaves compares a descent that has left a run after its own i-th one with one that stays in it.
func (d Descent) leaves(i int, stays Span) int {
	if i+1 == len(d.Runs) {
		return -1
	}
	return cmp.Compare(d.Runs[i+1].ID.Client, stays.ID.Client)
}

// Len returns the number of values from the first one to the last one.
func (d Descent) Len() int {
	n := d.Omitted
	for _, r := range d.Runs {
		n += int(r.Len)
	}
	return n
}

// Last returns the ID of the value that a descent leads to.
func (d Descent) Last() ID {
	r := d.Runs[len(d.Runs)-1]
	return ID{r.ID.Client, r.ID.Clock + r.Len - 1}
}

func compareIDs(a, b ID) int {
	return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Clock, b.Clock))
}

// maxRuns bounds how many runs of a Descent are reported.
const maxRuns = 16

// descent follows the origins of an item under a key. They all lie to its left.
func (d *Doc) descent(it *item) (out Descent) {
	runs := []Span{{d.idOf(it), it.length}}
	client, clock := it.originClient, it.originClock
	for i := it.left; i != 0 && client != 0; {
		l := d.items.at(i)
		if l.client == client && clock >= l.clock && clock < l.end() {
			run := Span{ID{d.clients.list[client].id, l.clock}, clock - l.clock + 1}
			// What became one item in this copy may be several in another one.
			if last := &runs[len(runs)-1]; last.ID.Client == run.ID.Client && last.ID.Clock == clock+1 {
				last.ID.Clock, last.Len = run.ID.Clock, last.Len+run.Len
			} else {
				runs = append(runs, run)
			}
			client, clock = l.originClient, l.originClock
		}
		i = l.left
	}
	slices.Reverse(runs)
	if n := len(runs); n > maxRuns {
		for _, r := range runs[maxRuns-1 : n-1] {
			out.Omitted += int(r.Len)
		}
		runs = append(slices.Clone(runs[:maxRuns-1]), runs[n-1])
	}
	out.Runs = runs
	return out
}

// around returns the descents of a type below a root and of those around it, the outermost first.
func (d *Doc) around(typ uint32) (out []Descent) {
	for i := d.types.at(typ).item; i != 0; i = d.types.at(d.items.at(i).parent).item {
		out = append(out, d.descent(d.items.at(i)))
	}
	slices.Reverse(out)
	return out
}
