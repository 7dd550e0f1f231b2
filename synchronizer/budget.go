package synchronizer

import "sync/atomic"

// Budget bounds how many bytes many connections may hold together. It may be used by many goroutines. A nil Budget has no bound.
type Budget struct {
	max  int64
	used atomic.Int64
}

// NewBudget returns a Budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{max: bytes} }

// Used returns how many bytes are held.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	return b.used.Load()
}

// Take takes n bytes, if there are so many.
func (b *Budget) Take(n int) bool {
	if b == nil {
		return true
	}
	if b.used.Add(int64(n)) > b.max {
		b.used.Add(int64(-n))
		return false
	}
	return true
}

// Give gives back n bytes.
func (b *Budget) Give(n int) { b.add(-n) }

func (b *Budget) add(n int) {
	if b != nil {
		b.used.Add(int64(n))
	}
}

// fits says whether there are n bytes left.
func (b *Budget) fits(n int) bool { return b == nil || b.used.Load()+int64(n) <= b.max }

// scarce says that more than half is used up.
func (b *Budget) scarce() bool { return b != nil && b.used.Load() > b.max/2 }
