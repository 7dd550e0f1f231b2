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
}

// enter begins a change.
func (g *gate) enter() (id uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
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
