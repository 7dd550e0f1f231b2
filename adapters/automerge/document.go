package automerge

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// DocOptions of a Doc; nil means defaults.
type DocOptions struct {
	// Actor signs the changes that are made here. No two documents that ever meet may use the same one. The default is
	// 16 random bytes.
	Actor amchange.Actor
	// Random is where the default Actor comes from. The default is crypto/rand.
	Random io.Reader
	// Now is the clock of changes. The default is time.Now. The zero Time means that changes carry no time.
	Now func() time.Time
	// Limits and Queue bound what foreign bytes may cost; see package amchange.
	Limits *amchange.Limits
	Queue  *amchange.QueueLimits
	// Isolation, if not nil, has the engine run in a process of its own.
	Isolation *Isolation
}

// Doc is an Automerge document: an engine that merges, saves and synchronises, and an index that checks everything first,
// knows where what is, and tells what has changed.
//
// Its methods are safe for concurrent use. Those who watch are told after the lock has been released, by the goroutine that
// made the change.
type Doc struct {
	opts DocOptions

	mu       sync.Mutex
	engine   engine
	ix       *amchange.Index
	queue    *amchange.Queue
	actor    amchange.Actor
	broken   error     // engine and index disagree: nothing may be done any more
	watchers []watcher // in the order in which they came
	next     int
	ballast  []byte
}

// Event says what has happened to a document.
type Event struct {
	// Origin is whoever did it: what was given to Update or Apply, or the [Sync] that received it.
	Origin any
	// Delta says where something changed.
	Delta *amchange.Delta
	// Changes are the new changes, in an order in which they can be applied.
	Changes []*amchange.Change
}

// New returns an empty document.
func New(o *DocOptions) (*Doc, error) {
	d := &Doc{queue: nil}
	if o != nil {
		d.opts = *o
	}
	if d.opts.Now == nil {
		d.opts.Now = time.Now
	}
	if d.opts.Random == nil {
		d.opts.Random = rand.Reader
	}
	if d.actor = d.opts.Actor; d.actor == "" {
		var b [16]byte
		if _, err := io.ReadFull(d.opts.Random, b[:]); err != nil {
			return nil, fmt.Errorf("automerge: actor id: %w", err)
		}
		d.actor = amchange.Actor(b[:])
	}
	var err error
	if d.opts.Isolation != nil {
		d.engine, err = newProcessEngine(d.opts.Isolation)
	} else {
		d.engine, err = newEngine()
	}
	if err != nil {
		return nil, err
	}
	d.ix, d.queue = amchange.NewIndex(d.opts.Limits), amchange.NewQueue(d.opts.Queue)
	d.weigh()
	return d, nil
}

// Load returns a document from what Save, SaveSince or any Automerge library has written: document and change chunks, one
// behind the other, in any order.
//
// The bytes must come from own storage. Document chunks cannot be checked before the engine sees them, and hostile ones can
// end the process; use Apply and sync messages for what peers send.
func Load(data []byte, o *DocOptions) (*Doc, error) {
	d, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := d.fill(data); err != nil {
		return nil, errors.Join(fmt.Errorf("automerge: load: %w", err), d.Close())
	}
	return d, nil
}

// fill takes chunks from own storage into an empty document.
func (d *Doc) fill(data []byte) error {
	var rest []byte
	for c, err := range amchange.Chunks(data, d.opts.Limits) {
		if err != nil {
			return err
		}
		if c.Type != amchange.DocumentChunk {
			rest = append(rest, c.Data...)
			continue
		}
		if err := d.loadDocument(c.Data); err != nil {
			return err
		}
	}
	return d.Apply(nil, rest)
}

// Close ends the engine's process, if it has one of its own; otherwise it need not be called. The document can be read
// afterwards, but not changed, saved or synchronised.
func (d *Doc) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken == nil {
		d.broken = errors.New("automerge: the document is closed")
	}
	return d.engine.close()
}

func (d *Doc) loadDocument(chunk []byte) error {
	before, err := d.engine.heads()
	if err != nil {
		return err
	}
	if err := d.engine.load(chunk); err != nil {
		return err
	}
	chunks, err := d.engine.changes(before)
	if err != nil {
		return err
	}
	for _, raw := range chunks {
		changes, err := amchange.ParseAll(raw, trusted(d.opts.Limits))
		if err != nil {
			return err
		}
		for _, c := range changes {
			if _, err := d.ix.Add(c); err != nil {
				return err
			}
		}
	}
	heads, err := d.engine.heads()
	if err == nil && !slices.Equal(heads, d.ix.Heads()) {
		err = errors.New("the document's heads are not those of its changes")
	}
	d.weigh()
	return err
}

// trusted are the limits for what comes out of the engine: it has been let in once.
func trusted(lim *amchange.Limits) *amchange.Limits {
	var l amchange.Limits
	if lim != nil {
		l = *lim
	}
	const most = 1 << 30
	l.Chunk, l.Inflate, l.Operations, l.Empty = most, most, most, most
	return &l
}

// weigh lets Go's garbage collector feel what the engine holds. That memory is freed by finalizers, but the collector does
// not see it and would hardly ever run: loading 100,000 small documents one after the other once took 5.7 GB. An allocation
// that nobody touches costs next to no memory, but counts.
func (d *Doc) weigh() {
	const base, perOp = 40 << 10, 48
	if want := base + perOp*d.ix.Ops(); want > 2*len(d.ballast) {
		d.ballast = make([]byte, want)
	}
}

// String counts what is in the document.
func (d *Doc) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return "automerge document: " + d.ix.String()
}

// Actor returns the actor id of this document.
func (d *Doc) Actor() amchange.Actor {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.actor
}

// SetActor changes the actor id for changes to come. It is meant for tests that want conflicts decided.
func (d *Doc) SetActor(a amchange.Actor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.actor = a
}

// Heads returns the changes that no other depends on, ascending.
func (d *Doc) Heads() []amchange.Hash {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ix.Heads()
}

// View calls fn with the document's index, which must not be changed, nor kept after fn has returned. The document is locked
// meanwhile.
func (d *Doc) View(fn func(*amchange.Index)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn(d.ix)
}

// Conflicts returns all places that can be seen and have more than one value, sorted by path.
func (d *Doc) Conflicts() []amchange.Conflict {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ix.Conflicts()
}

// Waiting returns how many changes wait for others that they depend on.
func (d *Doc) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.Len()
}

// Save returns the whole document as a document chunk, which every Automerge library can load.
func (d *Doc) Save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return nil, d.broken
	}
	return d.engine.save()
}

// SaveSince returns the changes that are not in the history of the heads, one chunk behind the other. Unknown heads are
// ignored. Without any it returns all changes.
func (d *Doc) SaveSince(heads ...amchange.Hash) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return nil, d.broken
	}
	known := slices.DeleteFunc(slices.Clone(heads), func(h amchange.Hash) bool { return !d.ix.Has(h) })
	chunks, err := d.engine.changes(known)
	if err != nil {
		return nil, fmt.Errorf("automerge: save: %w", err)
	}
	return slices.Concat(chunks...), nil
}

// Fork returns a copy of the document with options of its own.
func (d *Doc) Fork(o *DocOptions) (*Doc, error) {
	data, err := d.Save()
	if err != nil {
		return nil, err
	}
	return Load(data, o)
}

// Merge takes over all changes of another document. Neither document is locked while the other one is.
func (d *Doc) Merge(other *Doc) error {
	changes, err := other.SaveSince(d.Heads()...)
	if err != nil {
		return err
	}
	return d.Apply(other, changes)
}

// OnChange has fn called after each change, with no lock held, after those that were there before. Events of changes that are made at the same time by several
// goroutines may come in any order, or at once.
func (d *Doc) OnChange(fn func(*Event)) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := d.next
	d.next++
	d.watchers = append(d.watchers, watcher{id, fn})
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.watchers = slices.DeleteFunc(d.watchers, func(w watcher) bool { return w.id == id })
	}
}

type watcher struct {
	id int
	fn func(*Event)
}

// Watch has fn called after each change, with no lock held.
func (d *Doc) Watch(fn func()) (stop func()) { return d.OnChange(func(*Event) { fn() }) }

// tell returns what to call after the lock has been released. d.mu is held.
func (d *Doc) tell(e *Event) func() {
	watchers := slices.Clone(d.watchers)
	return func() {
		for _, w := range watchers {
			w.fn(e)
		}
	}
}
