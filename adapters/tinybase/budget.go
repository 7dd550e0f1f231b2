package tinybase

import "sync"

// Budget bounds what the fragments of unfinished messages may hold: of one socket, and through its parent of all. It may
// be used by many goroutines.
type Budget struct {
	parent    *Budget
	maxGroups int
	maxBytes  int

	mu     sync.Mutex // before the parent's
	groups int
	bytes  int
}

// NewBudget returns a budget of so many unfinished messages and bytes. What is taken from it is taken from its parent too,
// unless that is nil.
func NewBudget(groups, bytes int, parent *Budget) *Budget {
	return &Budget{parent: parent, maxGroups: groups, maxBytes: bytes}
}

// Used returns how many unfinished messages there are, and how many bytes they hold.
func (b *Budget) Used() (groups, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.groups, b.bytes
}

func (b *Budget) take(groups, bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.groups+groups > b.maxGroups || b.bytes+bytes > b.maxBytes {
		return false
	}
	if b.parent != nil && !b.parent.take(groups, bytes) {
		return false
	}
	b.groups += groups
	b.bytes += bytes
	return true
}

func (b *Budget) give(groups, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.groups -= groups
	b.bytes -= bytes
	if b.parent != nil {
		b.parent.give(groups, bytes)
	}
}
