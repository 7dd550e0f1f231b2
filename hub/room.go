package hub

import (
	"context"
	"errors"
	"fmt"
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

	loaded chan struct{} // closed when loading has ended
	err    error         // why it could not be loaded; read after loaded
	gone   chan struct{} // closed when the room has left the hub

	// What follows belongs to the holder of Hub.mu.
	refs     int
	lastUsed time.Time
	leaving  bool  // nobody else may have it
	failure  error // why, if not in good order
	calls    map[*Call]func(error)

	pendingMu sync.Mutex
	pending   []roomdb.Record
	sinceLook int // bytes and records saved since the keeper was asked to look at the log
}

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
		if err != nil {
			_ = r.end()
		}
	}()
	for _, f := range r.hub.opts.Families {
		family := f.Name()
		doc, err := f.Open(Host{
			Room:  r.name,
			Save:  func(update []byte) { r.save(family, update) },
			Fault: func(err error) { r.hub.fault(fmt.Sprintf("the %s document of room %q", family, r.name), err) },
		})
		if err != nil {
			return fmt.Errorf("open the %s document: %w", family, err)
		}
		r.docs = append(r.docs, boundDocument{family, doc})
	}
	err = r.log.Load(ctx, func(rec roomdb.Record) error {
		doc := r.Document(rec.Family)
		if doc == nil {
			return fmt.Errorf("the room has a document of the family %q, which this hub does not serve", rec.Family)
		}
		if err := doc.Load(rec.Data); err != nil {
			return fmt.Errorf("load the %s document: %w", rec.Family, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	id := r.gate.enter()
	defer r.leave(id)
	for _, d := range r.docs {
		if err := d.doc.Bind(ctx, r.store); err != nil {
			return fmt.Errorf("bind the %s document: %w", d.family, err)
		}
	}
	return nil
}

// Update runs a transaction of the room's Store, signed by an origin. Use it rather than the Store's own method, so that [Room.Sync] knows of it. It must not be
// called from inside another one or from a listener.
func (r *Room) Update(by store.Origin, fn func(*store.Tx) error) error {
	id := r.gate.enter()
	defer r.leave(id)
	return r.store.UpdateAs(by, fn)
}

// Sync waits until everything that was changed before the call is durable. An error means that it may be lost.
func (r *Room) Sync(ctx context.Context) error {
	if err := r.gate.wait(ctx); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.log.Sync(ctx)
}

// save takes an update of a document. It is called with locks held, and only queues.
func (r *Room) save(family string, update []byte) {
	r.pendingMu.Lock()
	r.pending = append(r.pending, roomdb.Record{Family: family, Data: update})
	r.pendingMu.Unlock()
	if r.gate.empty() { // somebody who came another way
		_ = r.flush()
	}
}

// leave ends a change. What it gave rise to, in all documents, goes to the log together, unless somebody else is changing the room at the
// same time.
func (r *Room) leave(id uint64) {
	_ = r.flush()
	r.gate.leave(id)
	if r.gate.empty() { // what came another way meanwhile relied on this one
		_ = r.flush()
	}
}

// flush appends what is pending. An error has been dealt with: the room is given up.
func (r *Room) flush() error {
	r.pendingMu.Lock()
	defer r.pendingMu.Unlock() // also while appending, for the order
	if len(r.pending) == 0 {
		return nil
	}
	_, err := r.log.Append(r.pending...)
	if err != nil {
		err = fmt.Errorf("the changes of room %q cannot be stored: %w", r.name, err)
		r.hub.fail(r, err)
		return err
	}
	n := 0
	for _, rec := range r.pending {
		n += 1 + len(rec.Data)*r.hub.opts.Limits.CompactRecords/r.hub.opts.Limits.CompactBytes
	}
	r.pending = nil
	if r.sinceLook += n; r.sinceLook > r.hub.opts.Limits.CompactRecords {
		r.sinceLook = 0
		r.hub.keeper.look(r)
	}
	return nil
}

// compact replaces the log of each family that has grown too long by a snapshot. always is for logs of any length.
func (r *Room) compact(ctx context.Context, enough func(roomdb.Size) bool) error {
	sizes := r.log.Sizes()
	for _, d := range r.docs {
		if !enough(sizes[d.family]) {
			continue
		}
		start := r.hub.opts.Now()
		n := 0
		err := r.log.Compact(ctx, d.family, func() ([]byte, error) {
			b, err := d.doc.Snapshot()
			n = len(b)
			return b, err
		})
		if err != nil {
			return fmt.Errorf("compact the %s document of room %q: %w", d.family, r.name, err)
		}
		r.hub.metrics.compactions.Inc()
		if ev := r.hub.opts.Events.Compacted; ev != nil {
			ev(r.name, d.family, n, r.hub.opts.Now().Sub(start))
		}
	}
	return nil
}

// end closes the documents and the log. What was saved before is durable when it returns without an error.
func (r *Room) end() error {
	var errs []error
	for i := len(r.docs) - 1; i >= 0; i-- {
		errs = append(errs, r.docs[i].doc.Close())
	}
	if r.log != nil {
		if r.log.Err() == nil {
			errs = append(errs, r.flush())
		}
		errs = append(errs, r.log.Close())
	}
	return errors.Join(errs...)
}

// Release gives the room back.
func (r *Room) Release() { r.hub.release(r) }

// onFail sets what to do for a call when the room fails; nil ends that.
func (r *Room) onFail(c *Call, fn func(error)) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	if fn == nil {
		delete(r.calls, c)
		return
	}
	if r.calls == nil {
		r.calls = map[*Call]func(error){}
	}
	r.calls[c] = fn
	if r.leaving {
		fn(r.failure)
	}
}
