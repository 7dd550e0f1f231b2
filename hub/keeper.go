package hub

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rowloom/rowloom/hub/roomdb"
)

// keeper is the hub's one goroutine: it unloads rooms that are idle, compacts logs that are long, and gives up rooms whose logs are broken.
type keeper struct {
	hub    *Hub
	wake   chan struct{}
	broken atomic.Bool // some log may be

	mu   sync.Mutex
	long map[*Room]struct{} // whose logs may be long
}

func (k *keeper) init(h *Hub) {
	k.hub, k.wake, k.long = h, make(chan struct{}, 1), map[*Room]struct{}{}
}

// look asks the keeper to look at the log of a room.
func (k *keeper) look(r *Room) {
	k.mu.Lock()
	k.long[r] = struct{}{}
	k.mu.Unlock()
	k.poke()
}

// seekBroken asks the keeper to find the rooms whose logs are broken. A write that succeeds after the one that broke them does not mend them.
func (k *keeper) seekBroken() {
	k.broken.Store(true)
	k.poke()
}

func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) run() {
	tick := time.NewTicker(max(k.hub.opts.IdleAfter/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-k.hub.ctx.Done():
			return
		case <-tick.C:
			k.unloadIdle()
		case <-k.wake:
			k.giveUpBroken()
			k.compactLong()
		}
	}
}

func (k *keeper) unloadIdle() {
	h := k.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.opts.Now().Add(-h.opts.IdleAfter)
	for _, r := range h.rooms {
		if r.refs == 0 && !r.lastUsed.After(before) && !h.closing {
			h.dismiss(r, nil)
		}
	}
}

func (k *keeper) giveUpBroken() {
	if !k.broken.Swap(false) {
		return
	}
	h := k.hub
	broken := map[*Room]error{}
	h.mu.Lock()
	for _, r := range h.rooms {
		select {
		case <-r.loaded:
			if r.err == nil && r.log.Err() != nil && !r.leaving {
				broken[r] = r.log.Err()
			}
		default: // it is looked at when it has been loaded
		}
	}
	h.mu.Unlock()
	for r, err := range broken {
		h.fail(r, err)
	}
}

func (k *keeper) compactLong() {
	k.mu.Lock()
	long := k.long
	k.long = map[*Room]struct{}{}
	k.mu.Unlock()
	l := k.hub.opts.Limits
	for r := range long {
		if !k.hold(r) {
			continue
		}
		err := r.compact(k.hub.ctx, func(s roomdb.Size) bool {
			// A snapshot is written when the log has become half as dear to load as it, so that each byte is written three times at most.
			return (s.Records > l.CompactRecords || s.Bytes > l.CompactBytes) && s.Bytes+100*s.Records > s.Snapshot/2
		})
		if ev := k.hub.opts.Events.Fault; err != nil && ev != nil && k.hub.ctx.Err() == nil {
			ev("compact", err) // the log only stays longer
		}
		k.hub.release(r)
	}
}

// hold keeps a room from leaving, unless it is about to.
func (k *keeper) hold(r *Room) bool {
	k.hub.mu.Lock()
	defer k.hub.mu.Unlock()
	if r.leaving || k.hub.closing {
		return false
	}
	r.refs++
	return true
}
