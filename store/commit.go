package store

import "sync"

// Origin says who made a transaction. It is compared with ==, so it is a pointer or a string, usually; nil is nobody in
// particular. Whoever writes signs, and looks away when its own signature comes back.
type Origin any

// Mixed is the Origin of a Commit that was composed of transactions by several.
var Mixed Origin = mixed{}

type mixed struct{}

// Commit says that a Store went from one content to another, and by whom. Usually it is one transaction; for a listener
// that could not keep up it may be several in a row (First < Last).
type Commit struct {
	First, Last   uint64 // version numbers: of the first and the last transaction
	Origin        Origin
	Before, After *Snapshot

	once    sync.Once
	changes Changes
	few     bool // changes is there, and short
	writes  int  // about how many changes there are, or 0
}

// Changes returns what is different. The caller must not write into it.
func (c *Commit) Changes() Changes {
	c.once.Do(func() { c.changes = diffOf(Path{}, c.Before, c.After, c.writes) })
	return c.changes
}

// In returns what is different in one part. For a small part of a large Commit it is much cheaper than [Commit.Changes].
func (c *Commit) In(p Path) Changes {
	if p == (Path{}) {
		return c.Changes()
	}
	if c.few {
		return c.changes.In(p)
	}
	return DiffIn(p, c.Before, c.After)
}

// Touches says whether anything in p is different.
func (c *Commit) Touches(p Path) bool {
	if c.few {
		return c.changes.Touches(p)
	}
	return differs(p, &c.Before.content, &c.After.content)
}

// Then returns one Commit that stands for c and the one after it.
func (c *Commit) Then(next *Commit) *Commit {
	by := c.Origin
	if by != next.Origin {
		by = Mixed
	}
	return &Commit{First: c.First, Last: next.Last, Origin: by, Before: c.Before, After: next.After}
}

// know gives c its changes, before anybody else has seen it. There are few of them.
func (c *Commit) know(changes Changes) {
	c.few = true
	c.once.Do(func() { c.changes = changes })
}
