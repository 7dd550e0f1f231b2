package hub

import (
	"context"
	"sync"
)

// gate counts those who are changing a room's content, so that one can wait for all who began before.
//
// Why that is needed: documents report their updates one after the other. A goroutine that changes a document while another
// one is reporting leaves its own update to that one and returns. So when a change has been made, its update is
// somewhere between here and the log; but whoever carries it came through this gate before, and has not left.
type gate struct {
	mu     sync.Mutex
	begun  uint64
	active map[uint64]struct{}
	left   chan struct{} // closed when somebody leaves; nil when nobody waits
	shut   chan struct{} // closed when the gate opens again; nil when it is open
}

// enter begins a change. It waits while the gate is shut.
func (g *gate) enter() (id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut != nil {
		shut := g.shut
		g.mu.Unlock()
		<-shut
		g.mu.Lock()
	}
	g.begun++
	if g.active == nil {
		g.active = map[uint64]struct{}{}
	}
	g.active[g.begun] = struct{}{}
	return g.begun
}

func (g *gate) leave(id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.active, id)
	if g.left != nil {
		close(g.left)
		g.left = nil
	}
}

// empty says whether nobody is inside.
func (g *gate) empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.active) == 0
}

// wait waits until everybody who is inside now has left.
func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	last := g.begun
	for {
		waiting := false
		for id := range g.active {
			waiting = waiting || id <= last
		}
		if !waiting {
			g.mu.Unlock()
			return nil
		}
		if g.left == nil {
			g.left = make(chan struct{})
		}
		left := g.left
		g.mu.Unlock()
		select {
		case <-left:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		g.mu.Lock()
	}
}

// close shuts the gate and waits until nobody is inside, so that nothing changes until open is called. One at a time may do so.
func (g *gate) close(ctx context.Context) (open func(), err error) {
	g.mu.Lock()
	shut := make(chan struct{})
	g.shut = shut
	g.mu.Unlock()
	open = func() {
		g.mu.Lock()
		g.shut = nil
		g.mu.Unlock()
		close(shut)
	}
	if err := g.wait(ctx); err != nil {
		open()
		return nil, err
	}
	return open, nil
}

// alone says whether nobody but the one with this id is inside.
func (g *gate) alone(id uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, in := g.active[id]
	return in && len(g.active) == 1
}
