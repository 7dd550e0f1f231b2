package automerge

import (
	"fmt"
	"strings"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/store"
)

// Rule is how Automerge decides a conflict.
const Rule = "of values that were set at the same time, the one with the greatest operation id stays: the greater counter, and of equal counters the greater actor id"

// Conflict says that peers set one place at the same time, not knowing of each other. See [Rule] for who wins.
type Conflict struct {
	At     store.Path // a cell or a value; or a container: a row, a table, all tables, all values, everything
	Winner Claim
	Losers []Claim // the greatest operation id first
}

// Claim is what one peer has set.
type Claim struct {
	ID amchange.OpID

	// Value is what the Store shows of it. It is absent for containers, and for what the Store cannot hold.
	Value store.Value

	// Content is, of a container that lost, what is in it.
	Content *store.Snapshot
}

// String prints the conflict on one line.
func (c Conflict) String() string {
	s := fmt.Sprintf("%v: %v beats", c.At, c.Winner)
	for _, l := range c.Losers {
		s += " " + l.String()
	}
	return s
}

// String prints who has set what.
func (c Claim) String() string {
	if c.Content != nil {
		return fmt.Sprintf("%v (%d cells)", c.ID, c.Content.CountCells()+c.Content.ValueCount())
	}
	return fmt.Sprintf("%v %v", c.ID, c.Value)
}

// Conflicts returns what one place has that was set at the same time. ok is false if nothing is in conflict there. It is what
// getConflicts returns in JavaScript.
func (t *Target) Conflicts(at store.Path) (c Conflict, ok bool) {
	keys := t.layout.keys(at)
	if len(keys) == 0 {
		return c, false
	}
	t.doc.View(func(ix *amchange.Index) { c, ok = t.conflict(ix, at, keys) })
	return c, ok
}

// AllConflicts returns the cells and values of the Store that are in conflict, in the order of their keys in the document, at most limit of them; more
// says whether there are others. Containers are left out: of one that lost, the cells that the
// winner lacks are restored.
func (t *Target) AllConflicts(limit int) (all []Conflict, more bool) {
	t.doc.View(func(ix *amchange.Index) {
		if !ix.Contested() {
			return
		}
		for _, x := range ix.Conflicts() {
			at, ok := t.placeAt(x.Path)
			if level := at.Level(); !ok || !x.Elem.IsZero() || level != store.AtCell && level != store.AtValue {
				continue
			}
			c, ok := t.conflict(ix, at, x.Path)
			if !ok {
				continue
			}
			if more = len(all) >= limit; more {
				return
			}
			all = append(all, c)
		}
	})
	return all, more
}

// tellConflicts tells of the conflicts that a change has made or changed.
func (t *Target) tellConflicts(d *amchange.Delta) {
	var all []Conflict
	t.doc.View(func(ix *amchange.Index) {
		for _, list := range [][][]string{d.Touched, d.Conflicted} {
			for _, keys := range list {
				if at, ok := t.placeAt(keys); ok {
					if c, ok := t.conflict(ix, at, keys); ok {
						all = append(all, c)
					}
				}
			}
		}
	})
	for _, c := range all {
		t.onConflict(c)
	}
}

// placeAt returns the place that has just these keys, and none that has them inside.
func (t *Target) placeAt(keys []string) (at store.Path, ok bool) {
	at, ok = t.layout.place(keys)
	return at, ok && len(keys) == len(t.layout.keys(at))
}

// conflict describes the conflict at a place whose keys are given. Values that were restored do not compete with each other.
func (t *Target) conflict(ix *amchange.Index, at store.Path, keys []string) (c Conflict, ok bool) {
	parent, ok := ix.Get(keys[:len(keys)-1]...)
	if !ok || !isMap(parent) {
		return c, false
	}
	live := ix.LiveIn(parent.ID, keys[len(keys)-1])
	if len(live) < 2 {
		return c, false
	}
	sign := restoredIn(parent.ID, keys[len(keys)-1])
	last := len(live) - 1
	c = Conflict{At: at, Winner: t.claim(ix, at, live[last])}
	c.Winner.Content = nil
	for i := last - 1; i >= 0; i-- {
		if !strings.HasPrefix(string(live[i].ID.Actor), sign) {
			c.Losers = append(c.Losers, t.claim(ix, at, live[i]))
		}
	}
	return c, len(c.Losers) > 0
}

func (t *Target) claim(ix *amchange.Index, at store.Path, v amchange.Live) Claim {
	out := Claim{ID: v.ID}
	if level := at.Level(); level == store.AtCell || level == store.AtValue {
		out.Value, _ = decode(ix, v)
		return out
	}
	r := reading{ix: ix}
	t.layout.lost(&r, at, v)
	out.Content = r.Snapshot()
	return out
}
