package persist

import (
	"context"
	"time"

	"github.com/rowloom/rowloom/store"
)

// Queued returns a Persister for a Target whose reads and writes take time. One goroutine makes them, until Close. What
// fails is tried again after [Options.RetryAfter].
func Queued(s *store.Store, target Target, o *Options) *Persister {
	p := newPersister(s, target, o)
	ctx, cancel := context.WithCancel(context.Background())
	p.queue = &queue{wake: make(chan struct{}, 1), calls: make(chan call), done: make(chan struct{}), cancel: cancel}
	go p.queue.run(ctx, p)
	p.leave = s.Join(queued{p})
	return p
}

// queue is the goroutine of a queued Persister.
type queue struct {
	wake   chan struct{} // there is something to catch up with
	calls  chan call
	cancel context.CancelFunc
	done   chan struct{}
}

// call is something that a method of the Persister has the goroutine do.
type call struct {
	fn     func() error
	result chan error
}

func (q *queue) run(ctx context.Context, p *Persister) {
	defer close(q.done)
	var retry <-chan time.Time
	failures := 0
	for {
		wake := q.wake
		if retry != nil {
			wake = nil // after a failure the pause comes first
		}
		select {
		case <-ctx.Done():
			return
		case c := <-q.calls:
			c.result <- c.fn()
			continue
		case <-wake:
		case <-retry:
		}
		if err := p.catchUp(ctx); err != nil && ctx.Err() == nil {
			p.opts.OnError(err)
			failures++
			retry = p.opts.After(p.opts.RetryAfter(failures))
		} else {
			failures, retry = 0, nil
		}
	}
}

// do has the goroutine call fn, and waits.
func (q *queue) do(ctx context.Context, fn func() error) error {
	c := call{fn, make(chan error, 1)}
	select {
	case q.calls <- c:
	case <-q.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// poke lets the goroutine catch up. It never waits.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) close() {
	q.cancel()
	<-q.done
}

// catchUp loads what is dirty and saves what is unsaved.
func (p *Persister) catchUp(ctx context.Context) error {
	if in := p.takeDirty(); len(in) > 0 && p.met {
		if err := p.loadQueued(ctx, in); err != nil {
			p.putBack(in)
			return err
		}
	}
	if p.saving() {
		return p.save(ctx, p.store.Snapshot(), nil)
	}
	return nil
}

// loadQueued reads without a lock and merges in a transaction. What the Store changes in between is unsaved, and the merge
// treats it so.
func (p *Persister) loadQueued(ctx context.Context, in []store.Path) error {
	content, exists, err := p.target.Read(ctx, in)
	if err == nil {
		err = p.store.UpdateAs(p, func(tx *store.Tx) error { return p.merge(tx, in, content, exists) })
		p.meet(err == nil)
	}
	if err != nil {
		return p.report(nil, wrap("load", err))
	}
	return p.report(&p.status.Loads, nil)
}

// queued is the part of a queued Persister in the Store's transactions.
type queued struct{ p *Persister }

func (q queued) Prepare(*store.Tx, store.Origin) error { return nil }

func (q queued) Committed(*store.Commit) {
	if q.p.saving() {
		q.p.queue.poke()
	}
}
