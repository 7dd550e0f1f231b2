package persist

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rowloom/rowloom/store"
)

// ErrClosed is returned by the methods of a closed Persister.
var ErrClosed = errors.New("persist: the persister is closed")

// Meeting says what happens when a Store and a Target that both have content meet for the first time. In no case is
// anything deleted because the other side does not have it.
type Meeting uint8

const (
	TargetWins Meeting = iota // a place that both have takes the Target's content; what only the Store has is added
	StoreWins                 // a place that both have keeps the Store's content; what only the Target has is added
)

// Options of a Persister; nil means defaults.
type Options struct {
	// FirstMeeting says who wins where both have content at the first Load.
	FirstMeeting Meeting

	// Initial is put into the Store by the first Load when the Target has never been written.
	Initial *store.Snapshot

	// OnError is told about each error that no caller gets: of automatic loads and saves. It must not call the Persister.
	OnError func(error)

	// RetryAfter gives the pause before try n (from 1) of a failed queued save or load. The default doubles from 100 ms to
	// 30 s.
	RetryAfter func(n int) time.Duration

	// After is the clock of the pauses. The default is time.After.
	After func(time.Duration) <-chan time.Time
}

// Status says what a Persister is doing.
type Status struct {
	AutoLoading, AutoSaving bool
	Unsaved                 int    // cells and values that the Store has changed and the Target does not have yet
	Loads, Saves            uint64 // how often content was taken over, either way
	Err                     error  // why the last load or save failed; nil after one that did not
}

// String prints the status on one line.
func (s Status) String() string {
	return fmt.Sprintf("autoload=%t autosave=%t unsaved=%d loads=%d saves=%d err=%v", s.AutoLoading, s.AutoSaving, s.Unsaved, s.Loads, s.Saves, s.Err)
}

// Persister keeps one Store and one Target equal. Its methods may be called by any goroutine, but not from inside a
// transaction of the Store.
type Persister struct {
	store  *store.Store
	target Target
	opts   Options
	leave  func()

	// What follows belongs to the holder of the Store's writer lock, except that Status reads it under mu.
	mu       sync.Mutex
	base     *store.Snapshot // the content on which both agreed last
	met      bool            // whether a Load has succeeded
	meeting  *store.Snapshot // what base will be when the first Load has
	autoSave bool
	status   Status // counters and Err

	control  sync.Mutex // one Start, Stop or Close at a time
	closed   bool
	stopLoad func()

	dirtyMu sync.Mutex
	dirty   dirtySet

	queue *queue // nil when inline
}

// Inline returns a Persister for a Target in memory. It does nothing until it is told to.
func Inline(s *store.Store, target Target, o *Options) *Persister {
	p := newPersister(s, target, o)
	p.leave = s.Join(inline{p})
	return p
}

func newPersister(s *store.Store, target Target, o *Options) *Persister {
	p := &Persister{store: s, target: target, base: &store.Snapshot{}}
	if o != nil {
		p.opts = *o
	}
	if p.opts.OnError == nil {
		p.opts.OnError = func(error) {}
	}
	if p.opts.RetryAfter == nil {
		p.opts.RetryAfter = func(n int) time.Duration { return min(100*time.Millisecond<<min(n-1, 20), 30*time.Second) }
	}
	if p.opts.After == nil {
		p.opts.After = time.After
	}
	return p
}

// Imports says that the transactions of a Persister bring in what others have written: see [store.Importer].
func (p *Persister) Imports() {}

// Load takes over what the Target has changed. A place that the Store has changed and not saved keeps the Store's content,
// except that at the first Load [Options.FirstMeeting] decides. If a Participant refuses the first Load, the Store has seen
// nothing of the Target, and deletes nothing from it.
func (p *Persister) Load(ctx context.Context) error {
	if p.queue != nil {
		return p.queue.do(ctx, func() error { return p.loadQueued(ctx, everything) })
	}
	if p.isClosed() {
		return ErrClosed
	}
	return p.loadInline(ctx)
}

func (p *Persister) loadInline(ctx context.Context) error {
	err := p.store.UpdateAs(p, func(tx *store.Tx) error { return p.load(ctx, tx, everything) })
	return errors.Join(err, p.store.UpdateAs(p, func(tx *store.Tx) error {
		p.meet(err == nil)
		return p.correct(ctx, tx.Before())
	}))
}

// Save writes what the Store has changed. It deletes only what a Load or Save has seen.
func (p *Persister) Save(ctx context.Context) error {
	if p.queue != nil {
		return p.queue.do(ctx, func() error { return p.save(ctx, p.store.Snapshot(), nil) })
	}
	return p.update(func(tx *store.Tx) error { return p.save(ctx, tx.Before(), nil) })
}

// update runs fn as a transaction of the Store signed by p.
func (p *Persister) update(fn func(*store.Tx) error) error {
	if p.isClosed() {
		return ErrClosed
	}
	return p.store.UpdateAs(p, fn)
}

func (p *Persister) isClosed() bool {
	p.control.Lock()
	defer p.control.Unlock()
	return p.closed
}

// StartAutoLoad watches the Target and loads. From then on what the Target changes is in the Store without further calls.
// A Target that is not a [Watcher] is loaded once. If the first load fails, nothing is watched.
func (p *Persister) StartAutoLoad(ctx context.Context) error {
	p.control.Lock()
	defer p.control.Unlock()
	if p.closed {
		return ErrClosed
	}
	if p.stopLoad == nil {
		stop := func() {}
		if w, ok := p.target.(Watcher); ok {
			var err error
			if stop, err = w.Watch(p.changedElsewhere); err != nil {
				return fmt.Errorf("persist: watch: %w", err)
			}
		}
		p.stopLoad = stop
		p.mu.Lock()
		p.status.AutoLoading = true
		p.mu.Unlock()
	}
	var err error
	if p.queue != nil {
		err = p.queue.do(ctx, func() error { return p.loadQueued(ctx, everything) })
	} else {
		err = p.loadInline(ctx)
	}
	if err != nil {
		p.stopAutoLoad()
	}
	return err
}

// StopAutoLoad ends what StartAutoLoad began.
func (p *Persister) StopAutoLoad() {
	p.control.Lock()
	defer p.control.Unlock()
	p.stopAutoLoad()
}

func (p *Persister) stopAutoLoad() {
	if p.stopLoad == nil {
		return
	}
	p.stopLoad()
	p.stopLoad = nil
	p.mu.Lock()
	p.status.AutoLoading = false
	p.mu.Unlock()
}

// StartAutoSave saves, and from then on saves each transaction. If the first save fails, saving goes on nevertheless and
// the error is returned: what is unsaved is tried again with the next transaction (inline) or after a pause (queued).
func (p *Persister) StartAutoSave(ctx context.Context) error {
	p.control.Lock()
	defer p.control.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.setAutoSave(true)
	if p.queue != nil {
		return p.queue.do(ctx, func() error { return p.save(ctx, p.store.Snapshot(), nil) })
	}
	return p.store.UpdateAs(p, func(tx *store.Tx) error { return p.save(ctx, tx.Before(), nil) })
}

// StopAutoSave ends what StartAutoSave began. What is unsaved stays so until the next Save.
func (p *Persister) StopAutoSave() {
	p.control.Lock()
	defer p.control.Unlock()
	p.setAutoSave(false)
}

func (p *Persister) setAutoSave(on bool) {
	p.mu.Lock()
	changed := p.autoSave != on
	p.autoSave, p.status.AutoSaving = on, on
	p.mu.Unlock()
	if o, ok := p.target.(SaveObserver); ok && changed {
		o.AutoSaving(on)
	}
}

// Flush returns when everything that was to be loaded or saved before the call has been, or with the error that prevents
// it.
func (p *Persister) Flush(ctx context.Context) error {
	if p.queue != nil {
		return p.queue.do(ctx, func() error { return p.catchUp(ctx) })
	}
	if err := p.update(func(tx *store.Tx) error { return p.drain(ctx, tx) }); err != nil {
		return err
	}
	return p.update(func(tx *store.Tx) error { return p.correct(ctx, tx.Before()) })
}

// Close stops loading and saving, after a last Flush whose error it returns. The Persister cannot be used afterwards.
func (p *Persister) Close(ctx context.Context) error {
	err := p.Flush(ctx)
	p.control.Lock()
	defer p.control.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	p.stopAutoLoad()
	p.setAutoSave(false)
	p.leave()
	if p.queue != nil {
		p.queue.close()
	}
	return err
}

// Status says what p is doing. Counting what is unsaved costs as much as there is.
func (p *Persister) Status() Status {
	p.mu.Lock()
	base, s := p.base, p.status
	p.mu.Unlock()
	s.Unsaved = store.Diff(base, p.store.Snapshot()).Len()
	return s
}

func (p *Persister) saving() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.autoSave
}

// report notes the outcome of a load or save.
func (p *Persister) report(count *uint64, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Err = err
	if err == nil {
		*count++
	}
	return err
}
