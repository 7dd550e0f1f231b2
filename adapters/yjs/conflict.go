package yjs

import (
	"fmt"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// Rule is how Yjs decides a conflict.
const Rule = "of values that were set at the same time, the one of the highest client id stays"

// Conflict says that clients set one place at the same time, not knowing of each other. See [Rule] for who wins.
type Conflict struct {
	At     store.Path // a cell or a value; or a container: a row, a table, all tables, all values
	Winner Claim
	Losers []Claim // the highest client id first
}

// Claim is what one client has set.
type Claim struct {
	Client uint64
	Clock  uint32

	// Value is what the Store shows of it. It is absent for containers, for what the Store does not show, and for values whose
	// content the document has dropped (Gone).
	Value store.Value
	Gone  bool

	// Content is, of a container that lost, what it held.
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
	switch {
	case c.Gone:
		return fmt.Sprintf("%d (gone)", c.Client)
	case c.Content != nil:
		return fmt.Sprintf("%d (%d cells)", c.Client, c.Content.CountCells()+c.Content.ValueCount())
	}
	return fmt.Sprintf("%d %v", c.Client, c.Value)
}

// report tells of the conflicts of one commit.
func (t *Target) report(l layout, list []ycrdt.Conflict) {
	var mine []Conflict
	for i := range list {
		c := &list[i]
		if at, ok := where(l, c.Path, c.Key); ok {
			mine = append(mine, t.conflict(at, c))
		}
	}
	for _, c := range mine {
		t.onConflict(c)
	}
}

// where returns the part of the Store that is the value of a key of a map. What lies inside of cells and values is none.
func where(l layout, path []ycrdt.Step, key string) (store.Path, bool) {
	at, ok := l.place(&ycrdt.Change{Path: path, Key: key})
	depth := 1 // of the maps that hold cells and values
	if _, flat := l.(flat); !flat && at.Level() == store.AtValue {
		depth = 2
	} else if !flat {
		depth = 4
	}
	return at, ok && len(path) <= depth
}

func (t *Target) conflict(at store.Path, c *ycrdt.Conflict) Conflict {
	out := Conflict{At: at, Winner: t.claim(at, c.Winner)}
	out.Winner.Content = nil
	for _, l := range c.Losers {
		out.Losers = append(out.Losers, t.claim(at, l))
	}
	return out
}

func (t *Target) claim(at store.Path, c ycrdt.Claim) Claim {
	out := Claim{Client: c.ID.Client, Clock: c.ID.Clock}
	if level := at.Level(); level == store.AtCell || level == store.AtValue {
		table, _, cell := at.IDs()
		if c.Kind != ycrdt.KindMap {
			out.Value, _ = t.decode(table, cell, c.Value)
		}
		return out
	}
	b := reading{Target: t}
	v := b.visitor()
	leaves(at, c, nil, func(p store.Path, x ycrdt.Claim, _ []ycrdt.Descent) {
		table, row, cell := p.IDs()
		if p.Level() == store.AtCell {
			v.cell(table, row, cell, x.Value)
		} else {
			v.value(cell, x.Value)
		}
	})
	out.Content = b.Snapshot()
	return out
}

// leaves calls fn for each cell and value in a container that has lost, with the descents of the containers around it. What is
// no container where one should be is left out, and so are shared types that lost: their content cannot be carried over.
func leaves(at store.Path, c ycrdt.Claim, around []ycrdt.Descent, fn func(at store.Path, c ycrdt.Claim, around []ycrdt.Descent)) {
	if level := at.Level(); level == store.AtCell || level == store.AtValue {
		if c.Kind < ycrdt.KindArray {
			fn(at, c, around)
		}
		return
	}
	around = append(slices.Clip(around), c.Descent)
	for _, e := range c.Entries {
		leaves(below(at, e.Key), e.Claim, around, fn)
	}
}

// below returns the part under a key of a container.
func below(at store.Path, key string) store.Path {
	switch at.Level() {
	case store.AtTables:
		return store.Table(key)
	case store.AtTable:
		return at.Row(key)
	case store.AtRow:
		return at.Cell(key)
	}
	return store.ValueOf(key)
}

// Conflicts says which values were set at one place at the same time as the present one, as far as the document still knows:
// who won and who lost is known as long as the value lives, the values of the losers only in documents that do not collect
// garbage ([Options.OnConflict] hears of them in time). ok is false if there were none. A path of more than one cell asks for
// the container itself.
func (t *Target) Conflicts(at store.Path) (c Conflict, ok bool) {
	t.doc.View(func(r *ycrdt.Reader) {
		m, key := t.layoutIn(r).find(r, at)
		c, ok = t.contested(at, m, key)
	})
	return c, ok
}

// contested looks at the items between the present one and the one that its writer knew: they were set at the same time. Of
// these, one that another of them names as its origin was known to that one's writer, and is left out.
//
//	... 3:1 "red" | 1:4 "blue", 3:2 "lime" | 7:0 "green"      7 knew 3:1 and beats 1:4 and 3:2
func (t *Target) contested(at store.Path, m ycrdt.Map, key string) (c Conflict, ok bool) {
	cur, ok := m.Current(key)
	if !ok || cur.Deleted() {
		return c, false
	}
	c = Conflict{At: at, Winner: t.entryClaim(at, cur)}
	base, based := cur.Origin()
	known := map[ycrdt.ID]bool{base: based}
	for e := range m.History(key) {
		last := e.ID()
		if last == cur.ID() {
			continue
		}
		if !known[last] {
			c.Losers = append(c.Losers, t.entryClaim(at, e))
		}
		if based && last.Client == base.Client && last.Clock >= base.Clock && int(last.Clock-base.Clock) < e.Len() {
			break // a run may hold the known unit and later ones
		}
		if origin, ok := e.Origin(); ok {
			known[origin] = true
		}
	}
	return c, len(c.Losers) > 0
}

func (t *Target) entryClaim(at store.Path, e ycrdt.Entry) Claim {
	id := e.ID()
	out := Claim{Client: id.Client, Clock: id.Clock}
	v, ok := e.Value()
	if out.Gone = !ok; ok && v.Kind() != ycrdt.KindMap {
		table, _, cell := at.IDs()
		out.Value, _ = t.decode(table, cell, v)
	}
	return out
}
