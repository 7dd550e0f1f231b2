package ycrdt

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// UndoOptions configure an UndoManager. The zero value and nil mean the defaults.
type UndoOptions struct {
	// CaptureTimeout is how long after a change the next one still belongs to the same step. The default is 500 ms, as in
	// Yjs. A negative time makes every transaction a step of its own.
	CaptureTimeout time.Duration

	// Now is the clock; the default is time.Now.
	Now func() time.Time

	// Origins are the origins, as given to Update and Apply, of the transactions that can be undone. The default is nil
	// alone: what has no origin. So give an origin to every Apply.
	Origins []any

	// Capture, if it is not nil, refuses transactions by returning false. It is called with the document locked.
	Capture func(origin any, local bool) bool

	// IgnoreRemoteMapChanges makes undo bring back the value of a key also if somebody else has set the key since.
	IgnoreRemoteMapChanges bool

	// Limit is how many steps are kept on each of the two stacks; then the oldest is forgotten. The default is 1,000.
	// Steps keep what they have deleted from being garbage collected.
	Limit int
}

// An UndoManager undoes and redoes the changes that were made here, in chosen types, and leaves alone what others did in
// the meantime. It is Yjs's UndoManager.
//
// A step is not undone by going back in time but by a new change: what the step has inserted is deleted, what it has deleted
// is inserted again, as copies with new IDs in the old places. So undo is a change like any other, which is sent to others.
//
// An UndoManager may be used by many goroutines, but not inside Update and View.
type UndoManager struct {
	doc  *Doc
	opts UndoOptions

	// Everything below is guarded by Doc.mu.
	scope      []Ref // empty: the whole document
	origins    []any
	undo, redo []*StackItem
	mode       UndoType // what is going on, 0 if it is neither undo nor redo
	lastChange time.Time
	listeners  listeners[func(UndoEvent)]
	calls      []func() // to be made when the document is unlocked
}

// A StackItem is a step that can be undone or redone. Meta is for the user: for example the cursor position before the
// step, stored when an event says that the step has been added, and restored when it is undone.
type StackItem struct {
	Meta sync.Map

	insertions, deletions deleteSet
}

// UndoType says whether something is about undo or redo.
type UndoType uint8

// The two stacks.
const (
	TypeUndo UndoType = iota + 1
	TypeRedo
)

// UndoEventKind says what has happened to a stack.
type UndoEventKind uint8

// The kinds of events.
const (
	StackItemAdded   UndoEventKind = iota + 1 // a step has been put on the stack
	StackItemUpdated                          // the step on top has grown
	StackItemPopped                           // a step has been taken off, that is, undone or redone
	StackCleared                              // the stack has been emptied
)

// An UndoEvent says what has happened to a stack.
type UndoEvent struct {
	Kind   UndoEventKind
	Type   UndoType   // which stack
	Item   *StackItem // nil for StackCleared
	Origin any        // of the transaction; the UndoManager itself for StackItemPopped
}

// NewUndoManager returns an UndoManager for the types in scope and all that lies in them, or for the whole document if no
// type is given. Close ends its work.
func NewUndoManager(d *Doc, opts *UndoOptions, scope ...Ref) *UndoManager {
	u := &UndoManager{doc: d, scope: slices.Clone(scope)}
	if opts != nil {
		u.opts = *opts
	}
	if u.opts.CaptureTimeout == 0 {
		u.opts.CaptureTimeout = 500 * time.Millisecond
	}
	if u.opts.Now == nil {
		u.opts.Now = time.Now
	}
	if u.opts.Limit <= 0 {
		u.opts.Limit = 1000
	}
	if u.origins = slices.Clone(u.opts.Origins); u.origins == nil {
		u.origins = []any{nil}
	}
	u.origins = append(u.origins, u)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.undo = append(d.undo, u)
	return u
}

// Close stops tracking and forgets all steps. The document is not changed.
func (u *UndoManager) Close() {
	u.Clear()
	u.doc.mu.Lock()
	defer u.doc.mu.Unlock()
	u.doc.undo = slices.DeleteFunc(u.doc.undo, func(x *UndoManager) bool { return x == u })
	u.listeners = nil
}

// AddToScope adds types to those whose changes are tracked. If the scope is the whole document, it stays so.
func (u *UndoManager) AddToScope(types ...Ref) {
	u.doc.mu.Lock()
	defer u.doc.mu.Unlock()
	if len(u.scope) == 0 {
		return
	}
	for _, r := range types {
		if !slices.Contains(u.scope, r) {
			u.scope = append(u.scope, r)
		}
	}
}

// AddTrackedOrigin adds an origin to those whose transactions can be undone.
func (u *UndoManager) AddTrackedOrigin(origin any) {
	u.doc.mu.Lock()
	defer u.doc.mu.Unlock()
	u.origins = append(u.origins, origin)
}

// RemoveTrackedOrigin removes an origin.
func (u *UndoManager) RemoveTrackedOrigin(origin any) {
	u.doc.mu.Lock()
	defer u.doc.mu.Unlock()
	u.origins = slices.DeleteFunc(u.origins, func(o any) bool { return sameOrigin(o, origin) })
}

// OnEvent calls fn when a stack has changed. See Doc.OnCommit for when and by whom.
func (u *UndoManager) OnEvent(fn func(UndoEvent)) *Subscription {
	u.doc.mu.Lock()
	defer u.doc.mu.Unlock()
	p := &fn
	u.listeners = append(slices.Clone(u.listeners), p)
	return &Subscription{doc: u.doc, stop: func() {
		u.listeners = slices.DeleteFunc(slices.Clone(u.listeners), func(q *func(UndoEvent)) bool { return q == p })
	}}
}

// emit remembers an event for when the document is unlocked.
func (u *UndoManager) emit(e UndoEvent) {
	for _, fn := range u.listeners {
		u.calls = append(u.calls, func() { (*fn)(e) })
	}
}

// post puts the calls that are due into the document's mail.
func (u *UndoManager) post() {
	if u.calls != nil {
		u.doc.mail.post(u.calls)
		u.calls = nil
	}
}

// StopCapturing makes the next change begin a new step.
func (u *UndoManager) StopCapturing() {
	u.doc.mu.Lock()
	defer u.doc.mu.Unlock()
	u.lastChange = time.Time{}
}

// Len returns the number of steps that can be undone and redone.
func (u *UndoManager) Len() (undo, redo int) {
	u.doc.mu.RLock()
	defer u.doc.mu.RUnlock()
	return len(u.undo), len(u.redo)
}

// CanUndo reports whether there is a step to undo.
func (u *UndoManager) CanUndo() bool { n, _ := u.Len(); return n > 0 }

// CanRedo reports whether there is a step to redo.
func (u *UndoManager) CanRedo() bool { _, n := u.Len(); return n > 0 }

// ErrNothingToUndo is returned when the stack is empty, or nothing on it has an effect any more.
var ErrNothingToUndo = errors.New("ycrdt: nothing to undo or redo")

// Undo undoes the last step and returns it. Steps that have no effect any more are passed over.
func (u *UndoManager) Undo() (*StackItem, error) { return u.run(TypeUndo) }

// Redo does again what was undone last.
func (u *UndoManager) Redo() (*StackItem, error) { return u.run(TypeRedo) }

func (u *UndoManager) run(mode UndoType) (*StackItem, error) {
	d := u.doc
	d.mu.Lock()
	defer d.mail.deliver()
	defer d.mu.Unlock()
	u.mode = mode
	t := d.begin(u, true)
	item := u.pop(t)
	for _, c := range t.changed {
		if c.key == 0 {
			d.dropMarkers(c.typ)
		}
	}
	d.commit()
	u.mode = 0
	if item == nil {
		return nil, ErrNothingToUndo
	}
	u.emit(UndoEvent{StackItemPopped, mode, item, u})
	u.post()
	return item, nil
}

// Clear forgets all steps.
func (u *UndoManager) Clear() { u.clearStacks(true, true) }

// ClearUndo forgets the steps that could be undone.
func (u *UndoManager) ClearUndo() { u.clearStacks(true, false) }

// ClearRedo forgets the steps that could be redone.
func (u *UndoManager) ClearRedo() { u.clearStacks(false, true) }

func (u *UndoManager) clearStacks(undo, redo bool) {
	d := u.doc
	d.mu.Lock()
	defer d.mail.deliver()
	defer d.mu.Unlock()
	t := d.begin(nil, true)
	if undo {
		u.forget(t, &u.undo, TypeUndo)
	}
	if redo {
		u.forget(t, &u.redo, TypeRedo)
	}
	d.commit()
	u.post()
}

// forget empties a stack. What its steps have deleted may be garbage collected from now on.
func (u *UndoManager) forget(t *txn, stack *[]*StackItem, which UndoType) {
	if len(*stack) == 0 {
		return
	}
	for _, s := range *stack {
		u.unkeep(t, s)
	}
	*stack = nil
	u.emit(UndoEvent{Kind: StackCleared, Type: which})
}

func (u *UndoManager) unkeep(t *txn, s *StackItem) {
	u.doc.eachDeleted(t, &s.deletions, func(i uint32) {
		if u.covers(i) {
			u.doc.keep(i, false)
		}
	})
}

// covers reports whether an item lies in the scope.
func (u *UndoManager) covers(i uint32) bool {
	it := u.doc.items.at(i)
	if it.kind == kindGC {
		return false
	}
	return len(u.scope) == 0 || u.inScope(it.parent)
}

// inScope reports whether a type is one of the scope or lies in one.
func (u *UndoManager) inScope(typ uint32) bool {
	d := u.doc
	for {
		ty := d.types.at(typ)
		if slices.Contains(u.scope, Ref{typ, ty.gen}) {
			return true
		}
		if ty.item == 0 {
			return false
		}
		typ = d.items.at(ty.item).parent
	}
}

// sameOrigin compares origins; those that cannot be compared are never the same.
func sameOrigin(a, b any) (same bool) {
	defer func() {
		if recover() != nil {
			same = false
		}
	}()
	return a == b
}

// tracks reports whether a transaction belongs on the stacks.
func (u *UndoManager) tracks(t *txn) bool {
	d := u.doc
	switch {
	case len(t.touched) == 0 && len(t.deletes.spans) == 0,
		u.opts.Capture != nil && !u.opts.Capture(t.origin, t.mine),
		!slices.ContainsFunc(u.origins, func(o any) bool { return sameOrigin(o, t.origin) }):
		return false
	}
	return len(u.scope) == 0 || slices.ContainsFunc(t.changed, func(c change) bool {
		return d.alive(c.typ) && u.inScope(c.typ)
	})
}

// captureUndo puts a transaction, which is about to be committed, on the stacks of those who track it.
func (d *Doc) captureUndo(t *txn) {
	for _, u := range d.undo {
		if u.tracks(t) {
			u.capture(t)
		}
		u.post()
	}
}

func (u *UndoManager) capture(t *txn) {
	d := u.doc
	stack, which := &u.undo, TypeUndo
	switch u.mode {
	case TypeUndo:
		stack, which = &u.redo, TypeRedo
		u.lastChange = time.Time{} // the next undo is a step of its own
	case 0:
		u.forget(t, &u.redo, TypeRedo)
	}
	var insertions deleteSet
	for _, w := range t.touched {
		if c := &d.clients.list[w.client]; c.next > w.before {
			insertions.add(w.client, w.before, c.next-w.before)
		}
	}
	now := u.opts.Now()
	n := len(*stack)
	grows := u.mode == 0 && n > 0 && !u.lastChange.IsZero() && now.Sub(u.lastChange) < u.opts.CaptureTimeout
	if grows {
		s := (*stack)[n-1]
		s.deletions.union(&t.deletes, &d.clients)
		s.insertions.union(&insertions, &d.clients)
	} else {
		s := &StackItem{}
		s.deletions.union(&t.deletes, &d.clients)
		s.insertions.union(&insertions, &d.clients)
		if n >= u.opts.Limit {
			u.unkeep(t, (*stack)[0])
			*stack = slices.Delete(*stack, 0, 1)
		}
		*stack = append(*stack, s)
	}
	if u.mode == 0 {
		u.lastChange = now
	}
	d.eachDeleted(t, &t.deletes, func(i uint32) {
		if u.covers(i) {
			d.keep(i, true)
		}
	})
	kind := StackItemAdded
	if grows {
		kind = StackItemUpdated
	}
	u.emit(UndoEvent{kind, which, (*stack)[len(*stack)-1], t.origin})
}

// union adds the spans of another set.
func (ds *deleteSet) union(other *deleteSet, c *clients) {
	ds.spans = append(ds.spans, other.spans...)
	ds.sorted = false
	ds.sort(c)
}
