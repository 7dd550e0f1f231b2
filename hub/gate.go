package hub

import (
	"context"
	"sync"
)

// gate counts those who are changing a room's content. When the last one leaves, the room is at rest: all documents agree, and what they gave to
// save since it was at rest before belongs together.
//
// Whoever needs the room to come to rest says so by settle or want. From then on those who come wait outside, so it does. Who is inside another room already
// does not wait, however: two who hold one room each and wait for the other's would wait for ever.
type gate struct {
	mu      sync.Mutex
	inside  int
	wanted  bool          // somebody waits for rest
	shut    bool          // nobody may enter
	rests   uint64        // how often it has come to rest
	changed chan struct{} // closed when something of the above changes for those who wait; nil when nobody waits
	rest    func()        // called when the room comes to rest, before anybody can enter; may be nil
}

// enter begins a change. It waits while the gate is shut, and while somebody waits for rest, unless the caller is inside another room.
func (g *gate) enter(elsewhere bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut || g.wanted && !elsewhere {
		_ = g.await(context.Background())
	}
	g.inside++
}

// leave ends a change.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside > 0 {
		return
	}
	if g.rest != nil {
		g.rest()
	}
	g.wanted = false
	g.rests++
	g.tell()
}

// settle waits until the room has been at rest, now or later.
func (g *gate) settle(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for before := g.rests; g.inside > 0 && g.rests == before; {
		g.wanted = true
		if err := g.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// want makes the room come to rest soon, if it is not.
func (g *gate) want() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wanted = g.inside > 0
}

// atRest calls fn if nobody is inside, before anybody can enter.
func (g *gate) atRest(fn func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside > 0 {
		return false
	}
	fn()
	return true
}

// close shuts the gate and waits until nobody is inside, so that nothing changes until open is called. One at a time may do so.
func (g *gate) close(ctx context.Context) (open func(), err error) {
	open = func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.shut = false
		g.tell()
	}
	g.mu.Lock()
	g.shut = true
	for g.inside > 0 && err == nil {
		err = g.await(ctx)
	}
	g.mu.Unlock()
	if err != nil {
		open()
		return nil, err
	}
	return open, nil
}

// await waits until tell is called. The caller holds mu, which is free meanwhile.
func (g *gate) await(ctx context.Context) error {
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	changed := g.changed
	g.mu.Unlock()
	defer g.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tell wakes all who wait. The caller holds mu.
func (g *gate) tell() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}
