package store

import (
	"errors"
	"slices"
	"sync"
)

// Checkpoints is the undo and redo of one writer. What others write meanwhile stays: going back undoes, of what this writer
// did, the places that still are as the writer left them.
//
// The words are those of TinyBase's Checkpoints. Its methods may be called by any goroutine, but not inside a transaction.
type Checkpoints struct {
	store *Store
	by    Origin
	limit int
	leave func()

	// What follows is written under the Store's writer lock and mu.
	mu       sync.Mutex
	now      Changes // since the last checkpoint
	back     []step
	forward  []step
	step     *Tx           // the transaction that goes backward or forward
	stepping bool          // it is the one that runs
	arrive   func(Changes) // what is to be noted once it has been committed
}

// step is the way from one checkpoint to the next.
type step struct {
	label   string // of where it leads to
	changes Changes
}

// CheckpointOptions of [NewCheckpoints]; nil means defaults.
type CheckpointOptions struct {
	// Limit is how many checkpoints are kept; 100 when 0. The oldest go first.
	Limit int
}

// Errors of Checkpoints.
var (
	ErrNoBackward = errors.New("store: there is nothing to undo")
	ErrNoForward  = errors.New("store: there is nothing to redo")
)

// NewCheckpoints begins to note what is written to s with the Origin by.
func NewCheckpoints(s *Store, by Origin, o *CheckpointOptions) *Checkpoints {
	c := &Checkpoints{store: s, by: by, limit: 100}
	if o != nil && o.Limit > 0 {
		c.limit = o.Limit
	}
	c.leave = s.Join(recorder{c})
	return c
}

// Close ends it.
func (c *Checkpoints) Close() { c.leave() }

// Add makes a checkpoint of the present state, if this writer has changed anything since the last one.
func (c *Checkpoints) Add(label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(label)
}

func (c *Checkpoints) add(label string) {
	if c.now.IsEmpty() {
		return
	}
	c.back = append(c.back, step{label, c.now})
	if over := len(c.back) - c.limit; over > 0 {
		c.back = slices.Delete(c.back, 0, over)
	}
	c.now = Changes{}
}

// GoBackward undoes what this writer has done since the last checkpoint or, if nothing, what led to it. It writes with the
// writer's Origin. The error is [ErrNoBackward], or why the transaction was refused.
func (c *Checkpoints) GoBackward() error {
	return c.goTo(func(tx *Tx) error {
		c.add("")
		n := len(c.back) - 1
		if n < 0 {
			return ErrNoBackward
		}
		last := c.back[n]
		c.arrive = func(done Changes) {
			c.back = c.back[:n]
			c.forward = append(c.forward, step{last.label, done.Inverse()})
		}
		return tx.Apply(stillThere(tx, last.changes.Inverse()))
	})
}

// GoForward does again what GoBackward has undone, as long as this writer has written nothing else meanwhile. The error is
// [ErrNoForward], or why the transaction was refused.
func (c *Checkpoints) GoForward() error {
	return c.goTo(func(tx *Tx) error {
		n := len(c.forward) - 1
		if n < 0 {
			return ErrNoForward
		}
		next := c.forward[n]
		c.arrive = func(done Changes) {
			c.forward = c.forward[:n]
			c.back = append(c.back, step{next.label, done})
		}
		return tx.Apply(stillThere(tx, next.changes))
	})
}

// goTo runs fn as a step, under both locks.
func (c *Checkpoints) goTo(fn func(*Tx) error) error {
	var mine *Tx
	err := c.store.UpdateAs(c.by, func(tx *Tx) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		mine, c.step, c.arrive = tx, tx, nil
		return fn(tx)
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.step == mine && c.arrive != nil { // a step that changed nothing is not committed
		c.arrive(Changes{})
		c.arrive = nil
	}
	return err
}

// stillThere returns those changes whose places are as they were.
func stillThere(tx *Tx, changes Changes) (out Changes) {
	for _, x := range changes.Cells {
		if tx.Cell(x.Table, x.Row, x.Cell) == x.Old {
			out.Cells = append(out.Cells, x)
		}
	}
	for _, x := range changes.Values {
		if tx.Value(x.ID) == x.Old {
			out.Values = append(out.Values, x)
		}
	}
	return out
}

// CanGoBackward says whether there is anything to undo.
func (c *Checkpoints) CanGoBackward() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.back) > 0 || !c.now.IsEmpty()
}

// CanGoForward says whether there is anything to redo.
func (c *Checkpoints) CanGoForward() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.forward) > 0
}

// Labels returns the labels of the checkpoints behind, oldest first, and of those ahead, next first. The last one behind is
// where the writer is, if nothing has been written since.
func (c *Checkpoints) Labels() (backward, forward []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.back {
		backward = append(backward, s.label)
	}
	for _, s := range slices.Backward(c.forward) {
		forward = append(forward, s.label)
	}
	return backward, forward
}

// Clear forgets everything.
func (c *Checkpoints) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.back, c.forward, c.now = nil, nil, Changes{}
}

// recorder is the part of Checkpoints in the Store's transactions.
type recorder struct{ c *Checkpoints }

// Prepare comes in every transaction, so it knows which one the commit belongs to.
func (r recorder) Prepare(tx *Tx, _ Origin) error {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	r.c.stepping = tx == r.c.step
	return nil
}

func (r recorder) Committed(c *Commit) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	switch {
	case r.c.stepping && r.c.arrive != nil:
		r.c.arrive(c.Changes())
		r.c.arrive = nil
	case c.Origin == r.c.by:
		r.c.now = r.c.now.Then(c.Changes())
		r.c.forward = nil
	}
}
