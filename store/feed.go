package store

import (
	"context"
	"errors"
	"sync"
)

// ErrFeedClosed is what [Feed.Next] returns after Close.
var ErrFeedClosed = errors.New("store: the feed is closed")

// Feed gives commits to a reader that takes them when it is ready. While the reader is away, commits are composed: a slow
// reader gets bigger commits, never fewer facts, and the Feed holds one commit at most.
type Feed struct {
	at   Path
	stop func()

	mu     sync.Mutex
	next   *Commit
	closed bool
	wake   chan struct{}
}

// Feed begins a Feed of the commits that change something in at.
func (s *Store) Feed(at Path) *Feed {
	f := &Feed{at: at, wake: make(chan struct{}, 1)}
	f.stop = s.Listen(at, func(c *Commit) {
		f.mu.Lock()
		if f.next == nil {
			f.next = c
		} else {
			f.next = f.next.Then(c)
		}
		f.mu.Unlock()
		f.signal()
	})
	return f
}

func (f *Feed) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Next waits for the next commit. It returns the error of ctx, or [ErrFeedClosed].
func (f *Feed) Next(ctx context.Context) (*Commit, error) {
	for {
		f.mu.Lock()
		c, closed := f.next, f.closed
		f.next = nil
		f.mu.Unlock()
		if c != nil && (c.First == c.Last || c.Touches(f.at)) {
			return c, nil
		}
		if c != nil {
			continue
		}
		if closed {
			return nil, ErrFeedClosed
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends the Feed. What was not taken can still be.
func (f *Feed) Close() {
	f.stop()
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.signal()
}
