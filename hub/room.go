package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rowloom/rowloom/hub/roomdb"
	"github.com/rowloom/rowloom/store"
)

// Room is one live table. Get one with [Hub.Room] and give it back with [Room.Release].
type Room struct {
	hub   *Hub
	name  string
	store *store.Store
	log   *roomdb.Log
	docs  []boundDocument
	gate  gate

	loading uint64        // the number of this loading, for entity tags
	loaded  chan struct{} // closed when loading has ended
	err     error         // why it could not be loaded; read after loaded
	gone    chan struct{} // closed when the room has left the hub

	// What follows belongs to the holder of Hub.mu.
	refs     int
	lastUsed time.Time
	leaving  bool  // nobody else may have it
	failure  error // why, if not in good order
	calls    map[*Call]presence
	arrivals uint64 // counts the calls

	pendingMu sync.Mutex // taken after those of the gate and of the documents
	pending   []roomdb.Record
	complete  int               // so many of them, from the first, are all that came of some changes
	owed      map[string]uint64 // by family: the number of the last update of our own that may not be durable
	saved     uint64            // counts updates

	contest struct { // what was last said of conflicts
		sync.Mutex // taken before those of the documents
		answer     []byte
		saved      uint64 // what it is of
	}

	storing   sync.Mutex // held from taking what is complete to queuing it, for the order
	sinceLook int        // what was stored since the keeper was asked to look at the log, in records
}

// maxPending is how many updates may wait for a room to come to rest before it is made to.
const maxPending = 1024

type boundDocument struct {
	family string
	doc    Document
}

// Name returns the room's name.
func (r *Room) Name() string { return r.name }

// Store returns the table. Write to it with [Room.Update].
func (r *Room) Store() *store.Store { return r.store }

// Document returns the room's document of a family, or nil if the hub does not have that family.
func (r *Room) Document(family string) Document {
	for _, d := range r.docs {
		if d.family == family {
			return d.doc
		}
	}
	return nil
}

// load reads what is stored and binds the documents.
func (r *Room) load(ctx context.Context) (err error) {
	if r.log, err = r.hub.db.Open(ctx, r.name); err != nil {
		return err
	}
	defer func() {
		if err != nil { // nothing is stored of half a room
			_ = r.closeDocuments()
			_ = r.log.Close()
		}
	}()
	for _, f := range r.hub.opts.Families {
		family := f.Name()
		doc, err := f.Open(Host{
			Room:  r.name,
			Save:  func(update []byte, own bool) { r.save(family, update, own) },
			Fault: func(err error) { r.hub.fault(fmt.Sprintf("the %s document of room %q", family, r.name), err) },
		})
		if err != nil {
			return fmt.Errorf("open the %s document: %w", family, err)
		}
		r.docs = append(r.docs, boundDocument{family, doc})
	}
	if err := r.log.Load(ctx, r.bring); err != nil {
		return err
	}
	r.gate.enter(false)
	for _, d := range r.docs {
		if err := d.doc.Bind(ctx, r.store); err != nil {
			return fmt.Errorf("bind the %s document: %w", d.family, err)
		}
	}
	r.leave()
	return nil
}

// bring gives a stored record to its document.
func (r *Room) bring(rec roomdb.Record) error {
	doc := r.Document(rec.Family)
	if doc == nil {
		detail := fmt.Sprintf("the room has a document of the family %q, which this server does not have", rec.Family)
		if family, why := Lacking(); family == rec.Family {
			detail += ": " + why
		}
		return &problem{status: http.StatusServiceUnavailable, detail: detail}
	}
	if err := doc.Load(rec.Data); err != nil {
		return fmt.Errorf("load the %s document: %w", rec.Family, err)
	}
	return nil
}

// Update runs a transaction of the room's Store, signed by an origin. Use it rather than the Store's own method, so that [Room.Sync] knows of it. It must not be
// called from inside another one or from a listener.
func (r *Room) Update(by store.Origin, fn func(*store.Tx) error) error {
	r.gate.enter(false)
	defer r.leave()
	return r.store.UpdateAs(by, fn)
}

// Sync waits until everything that was changed before the call is durable. An error means that it may be lost. It must not be called from inside a
// change.
func (r *Room) Sync(ctx context.Context) error {
	if err := r.gate.settle(ctx); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.log.Sync(ctx)
}

// save takes an update of a document. It is called with locks held, and only queues.
func (r *Room) save(family string, update []byte, own bool) {
	r.pendingMu.Lock()
	r.pending = append(r.pending, roomdb.Record{Family: family, Data: update})
	r.saved++
	if own {
		r.owed[family] = r.saved
	}
	many := len(r.pending) >= maxPending
	r.pendingMu.Unlock()
	if many {
		r.gate.want()
	}
	if r.gate.atRest(r.completed) { // it came another way: nobody will say when there is no more
		_ = r.flush()
	}
}

// vouch waits until what the server itself has written into the document of a family is durable. What clients have written may be told to others at
// once: if it is lost here, they bring it back. What we have written would be made anew, in the place of what somebody has built on it.
func (r *Room) vouch(ctx context.Context, family string) error {
	r.pendingMu.Lock()
	upto := r.owed[family]
	r.pendingMu.Unlock()
	if upto == 0 {
		return nil
	}
	if err := r.Sync(ctx); err != nil {
		return err
	}
	r.pendingMu.Lock()
	defer r.pendingMu.Unlock()
	if r.owed[family] == upto {
		delete(r.owed, family)
	}
	return nil
}

// completed says that no more will come of the changes that gave rise to what is pending.
func (r *Room) completed() {
	r.pendingMu.Lock()
	defer r.pendingMu.Unlock()
	r.complete = len(r.pending)
}

// exists says whether anything was ever saved, even if it is still on its way to the disk.
func (r *Room) exists() bool {
	r.pendingMu.Lock()
	defer r.pendingMu.Unlock()
	return r.saved > 0 || r.log.Exists()
}

// leave ends a change. What it gave rise to, in all documents, is stored together, or not at all, with what others gave rise to at the same time.
func (r *Room) leave() {
	r.gate.leave()
	_ = r.flush()
}

// flush appends what is complete. An error has been dealt with: the room is given up.
func (r *Room) flush() error {
	r.storing.Lock()
	defer r.storing.Unlock()
	r.pendingMu.Lock()
	records := r.pending[:r.complete:r.complete]
	if r.pending, r.complete = r.pending[r.complete:], 0; len(r.pending) == 0 {
		r.pending = nil
	}
	r.pendingMu.Unlock()
	if len(records) == 0 {
		return nil
	}
	if _, err := r.log.Append(records...); err != nil {
		err = fmt.Errorf("the changes of room %q cannot be stored: %w", r.name, err)
		r.hub.fail(r, err)
		return err
	}
	l := r.hub.opts.Limits
	for _, rec := range records {
		r.sinceLook += 1 + len(rec.Data)*l.CompactRecords/l.CompactBytes
	}
	if r.sinceLook > l.CompactRecords {
		r.sinceLook = 0
		r.hub.keeper.look(r)
	}
	return nil
}

// compact replaces the log by a snapshot of each family when enough says so of one of them.
func (r *Room) compact(ctx context.Context, enough func(roomdb.Size) bool) error {
	long := false
	var families []string
	for _, d := range r.docs {
		long = long || enough(r.log.Sizes()[d.family])
		families = append(families, d.family)
	}
	if !long {
		return nil
	}
	start := r.hub.opts.Now()
	n := 0
	open := func() {}
	if len(r.docs) > 1 { // the snapshots have to agree
		var err error
		if open, err = r.gate.close(ctx); err != nil {
			return err
		}
		open = sync.OnceFunc(open)
		defer open()
	}
	if err := r.flush(); err != nil {
		return err
	}
	left := len(families)
	err := r.log.Compact(ctx, families, func(family string) ([]byte, error) {
		b, err := r.Document(family).Snapshot()
		n += len(b)
		if left--; left == 0 {
			open()
		}
		return b, err
	})
	if err != nil {
		return fmt.Errorf("compact room %q: %w", r.name, err)
	}
	r.hub.metrics.compactions.Inc()
	if ev := r.hub.opts.Events.Compacted; ev != nil {
		ev(r.name, n, r.hub.opts.Now().Sub(start))
	}
	return nil
}

// end closes the documents and the log. What was saved before is durable when it returns without an error.
func (r *Room) end() error {
	errs := []error{r.closeDocuments()}
	if r.log.Err() == nil {
		r.completed()
		errs = append(errs, r.flush())
	}
	return errors.Join(append(errs, r.log.Close())...)
}

func (r *Room) closeDocuments() error {
	var errs []error
	for i := len(r.docs) - 1; i >= 0; i-- {
		errs = append(errs, r.docs[i].doc.Close())
	}
	return errors.Join(errs...)
}

// Release gives the room back.
func (r *Room) Release() { r.hub.release(r) }
