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
	sinceLook int // what was saved since the keeper was asked to look at the log, in records
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
			_ = r.closeDocuments()
			_ = r.log.Close()
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
	var tail []roomdb.Record
	err = r.log.Load(ctx, func(rec roomdb.Record, unsettled bool) error {
		doc := r.Document(rec.Family)
		if doc == nil {
			return r.lacks(rec.Family)
		}
		if unsettled && len(r.docs) > 1 {
			tail = append(tail, rec)
			return nil
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
	for _, d := range r.docs {
		if err := d.doc.Bind(ctx, r.store); err != nil {
			return fmt.Errorf("bind the %s document: %w", d.family, err)
		}
	}
	if err := r.replay(ctx, tail); err != nil {
		return err // without leaving: nothing is stored of half a room
	}
	r.leave(id)
	return nil
}

// lacks returns the error of a room with a document that this server cannot read.
func (r *Room) lacks(family string) error {
	detail := fmt.Sprintf("the room has a document of the family %q, which this server does not have", family)
	if lacking, why := Lacking(); lacking == family {
		detail += ": " + why
	}
	return &problem{status: http.StatusServiceUnavailable, detail: detail}
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
	if err := r.flush(underway); err != nil {
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
		_ = r.flush(underway)
	}
}

// leave ends a change. What it gave rise to, in all documents, goes to the log together, unless somebody else is changing the room at the
// same time. Then some of it may be stored before the rest; the log is settled when the last one of those who overlap leaves.
func (r *Room) leave(id uint64) {
	_ = r.flush(func() bool { return r.gate.alone(id) })
	r.gate.leave(id)
	if r.gate.empty() { // what came another way meanwhile relied on this one
		_ = r.flush(underway)
	}
}

// What flush is told: whether all documents agree when they have told what is pending.
func underway() bool { return false }
func agreed() bool   { return true }

// flush appends what is pending. settled is asked when nothing more can become pending. An error has been dealt with: the room is given up.
func (r *Room) flush(settled func() bool) error {
	r.pendingMu.Lock()
	defer r.pendingMu.Unlock() // also while appending, for the order
	agree := len(r.docs) == 1 || settled()
	if len(r.pending) == 0 {
		if agree {
			_ = r.log.Settle() // a log that is broken is found by the keeper
		}
		return nil
	}
	r.pending[len(r.pending)-1].Settled = agree
	_, err := r.log.Append(r.pending...)
	if err != nil {
		err = fmt.Errorf("the changes of room %q cannot be stored: %w", r.name, err)
		r.hub.fail(r, err)
		return err
	}
	l := r.hub.opts.Limits
	for _, rec := range r.pending {
		r.sinceLook += 1 + len(rec.Data)*l.CompactRecords/l.CompactBytes
	}
	r.pending = nil
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
	if err := r.flush(agreed); err != nil {
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
		errs = append(errs, r.flush(agreed))
	}
	errs = append(errs, r.log.Close())
	return errors.Join(errs...)
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
