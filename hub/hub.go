package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rowloom/rowloom/hub/roomdb"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/synchronizer"
)

// Errors that callers may want to tell apart with errors.Is.
var (
	ErrClosed       = errors.New("hub: closed")
	ErrTooManyRooms = errors.New("hub: too many rooms are in use")
	ErrLoad         = errors.New("the room cannot be loaded")
)

// Hub has rooms and puts them on the network. Make one with [Open] and end it with [Hub.Close].
type Hub struct {
	opts    Options
	db      *roomdb.DB
	metrics *metrics
	keeper  keeper
	origins originPolicy

	incoming, outgoing *synchronizer.Budget // of all WebSockets

	ctx    context.Context // ends when the hub begins to close
	cancel context.CancelCauseFunc
	work   sync.WaitGroup // everything that must have ended before the database closes
	conns  atomic.Int64

	mu      sync.Mutex
	rooms   map[string]*Room
	closing bool
}

// Open opens a data folder, and makes it if it is not there. The errors are those of [roomdb.Open].
func Open(ctx context.Context, dir string, o *Options) (*Hub, error) {
	h := &Hub{opts: o.withDefaults(), rooms: map[string]*Room{}}
	h.incoming, h.outgoing = synchronizer.NewBudget(h.opts.Limits.Incoming), synchronizer.NewBudget(h.opts.Limits.Outgoing)
	var err error
	if h.origins, err = newOriginPolicy(h.opts.Origins); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, f := range h.opts.Families {
		if seen[f.Name()] || reserved[f.Name()] {
			return nil, fmt.Errorf("hub: the family name %q is taken", f.Name())
		}
		seen[f.Name()] = true
	}
	h.metrics = newMetrics(h)
	log := h.opts.Log
	committed, failed := log.Events.Committed, log.Events.Failed
	log.Events.Committed = func(records, bytes int, took time.Duration) {
		h.metrics.committed(records, bytes, took)
		if committed != nil {
			committed(records, bytes, took)
		}
	}
	log.Events.Failed = func(err error) {
		h.metrics.logFailures.Inc()
		if failed != nil {
			failed(err)
		}
		if ev := h.opts.Events.WriteFailed; ev != nil {
			ev(err)
		}
		h.keeper.seekBroken()
	}
	h.keeper.init(h)
	if h.db, err = roomdb.Open(ctx, dir, &log); err != nil {
		return nil, err
	}
	h.ctx, h.cancel = context.WithCancelCause(context.Background())
	h.work.Go(h.keeper.run)
	return h, nil
}

// Room opens a room, which need not exist, and keeps it in memory until it is released. An error means that it cannot be loaded, or not now:
// [ErrLoad], [ErrTooManyRooms], [ErrClosed], the error of ctx.
func (h *Hub) Room(ctx context.Context, name string) (*Room, error) {
	if err := h.checkRoom(name); err != nil {
		return nil, err
	}
	for {
		r, taken, err := h.take(name)
		if err != nil {
			return nil, err
		}
		wait := r.loaded
		if !taken { // it is leaving: wait, and look again
			wait = r.gone
		}
		select {
		case <-wait:
		case <-ctx.Done():
			if taken {
				h.release(r)
			}
			return nil, context.Cause(ctx)
		}
		if !taken {
			continue
		}
		if r.err != nil {
			h.release(r)
			return nil, fmt.Errorf("hub: open %q: %w: %w", name, ErrLoad, r.err)
		}
		return r, nil
	}
}

// take finds a room or begins to load it. taken says whether the caller has it now; otherwise it is leaving.
func (h *Hub) take(name string) (r *Room, taken bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, false, ErrClosed
	}
	if r = h.rooms[name]; r != nil {
		if !r.leaving {
			r.refs++
		}
		return r, !r.leaving, nil
	}
	if len(h.rooms) >= h.opts.Limits.Rooms {
		victim := h.oldest()
		if victim == nil {
			return nil, false, ErrTooManyRooms
		}
		h.dismiss(victim, nil)
		return victim, false, nil
	}
	r = &Room{
		hub: h, name: name, store: store.New(), loaded: make(chan struct{}), gone: make(chan struct{}),
		loading: newLoading(), refs: 1, lastUsed: h.opts.Now(), owed: map[string]uint64{},
	}
	r.gate.rest = r.completed
	h.rooms[name] = r
	h.work.Go(func() {
		start := h.opts.Now()
		defer func() {
			close(r.loaded)
			if r.err == nil && r.log.Err() != nil {
				h.keeper.seekBroken()
			}
		}()
		if r.err = r.load(h.ctx); r.err != nil {
			h.fail(r, r.err)
			return
		}
		took := h.opts.Now().Sub(start)
		h.metrics.loads.Observe(took.Seconds())
		if ev := h.opts.Events.RoomLoaded; ev != nil {
			ev(name, took)
		}
	})
	return r, true, nil
}

// oldest returns the room that has been idle longest, or one that is leaving already, or nil. The caller holds mu.
func (h *Hub) oldest() (found *Room) {
	for _, r := range h.rooms {
		if r.leaving && r.refs == 0 {
			return r
		}
		if r.refs == 0 && (found == nil || r.lastUsed.Before(found.lastUsed)) {
			found = r
		}
	}
	return found
}

// release takes back what Room gave.
func (h *Hub) release(r *Room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.refs--
	r.lastUsed = h.opts.Now()
	if r.refs == 0 && r.leaving {
		h.unload(r)
	}
}

// fail gives a room up. Its connections end, and when the last one has let go of it, it leaves the hub. What it holds in memory is lost, except for what was
// stored.
func (h *Hub) fail(r *Room, err error) {
	h.mu.Lock()
	first := !r.leaving
	h.dismiss(r, err)
	h.mu.Unlock()
	if first {
		h.metrics.roomFailures.Inc()
		if ev := h.opts.Events.RoomFailed; ev != nil {
			ev(r.name, err)
		}
	}
}

// dismiss makes a room leave, as soon as nobody has it. The caller holds mu.
func (h *Hub) dismiss(r *Room, why error) {
	if r.leaving {
		return
	}
	r.leaving, r.failure = true, why
	for _, p := range r.calls {
		p.fail(why)
	}
	if r.refs == 0 {
		h.unload(r)
	}
}

// unload closes a room that nobody has and nobody can get any more. The caller holds mu.
func (h *Hub) unload(r *Room) {
	h.work.Go(func() {
		<-r.loaded
		if r.err == nil {
			if r.failure == nil {
				_ = r.compact(context.Background(), func(s roomdb.Size) bool { return s.Records >= unloadRecords })
			}
			if err := r.end(); err != nil && r.failure == nil {
				h.metrics.roomFailures.Inc()
				if ev := h.opts.Events.RoomFailed; ev != nil {
					ev(r.name, err)
				}
			}
			if ev := h.opts.Events.RoomUnloaded; ev != nil {
				ev(r.name)
			}
		}
		h.mu.Lock()
		delete(h.rooms, r.name)
		h.mu.Unlock()
		close(r.gone)
	})
}

// unloadRecords is the length of a log that is worth a snapshot when its room is unloaded, so that it loads faster.
const unloadRecords = 100

// Close ends the hub: no new requests and connections, the connections that are there are told to go, rooms are stored. It waits for
// all that, but no longer than ctx for connections and requests that do not end. The error says what could not be stored.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		return nil
	}
	h.closing = true
	h.mu.Unlock()
	h.cancel(ErrClosed)

	// Those who have rooms let go of them, then the rooms leave.
	err := h.rest(ctx)
	h.mu.Lock()
	for _, r := range h.rooms {
		if r.refs > 0 && err == nil {
			err = fmt.Errorf("hub: room %q is still in use", r.name)
		}
		had := r.refs
		r.refs = 0
		if r.leaving && had > 0 {
			h.unload(r) // it waited for those who had it
		}
		h.dismiss(r, nil)
	}
	h.mu.Unlock()
	done := make(chan struct{})
	go func() { h.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("hub: not everything has ended: %w", context.Cause(ctx)))
	}
	return errors.Join(err, h.db.Close())
}

// rest waits until no connection and no request has a room.
func (h *Hub) rest(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		h.mu.Lock()
		busy := 0
		for _, r := range h.rooms {
			busy += r.refs
		}
		h.mu.Unlock()
		if busy == 0 && h.conns.Load() == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("hub: %d connections and requests did not end: %w", busy, context.Cause(ctx))
		}
	}
}

// closed says whether Close has begun.
func (h *Hub) closed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closing
}

// names returns the names of the rooms that hold something and may not be on disk yet.
func (h *Hub) names() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, r := range h.rooms {
		select {
		case <-r.loaded:
			if r.err == nil && r.failure == nil && r.exists() {
				out = append(out, name)
			}
		default:
		}
	}
	return out
}

// Rooms returns the names of all rooms that hold something, or ever did, in byte order: at most limit of them (0: all) that come after a name.
func (h *Hub) Rooms(ctx context.Context, after string, limit int) ([]string, error) {
	stored, err := h.db.Rooms(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	for _, name := range h.names() {
		if name > after {
			stored = append(stored, name)
		}
	}
	slices.Sort(stored)
	stored = slices.Compact(stored)
	if limit > 0 && len(stored) > limit {
		stored = stored[:limit]
	}
	return stored, nil
}
