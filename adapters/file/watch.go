package file

import (
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/rowloom/rowloom/store"
)

// settled is how long a watcher waits after a notification, so that the writer of the file can finish.
const settled = 10 * time.Millisecond

// Watch implements [persist.Watcher]. It calls dirty when the file is neither what it was nor what t wrote last. Where the system
// cannot notify, it only polls.
func (t *Target) Watch(dirty func(by store.Origin, in []store.Path)) (stop func(), err error) {
	w := &watcher{t: t, dirty: dirty, quit: make(chan struct{}), done: make(chan struct{})}
	w.seen, err = t.stat()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	w.news = t.news
	t.mu.Unlock()
	if n, err := fsnotify.NewWatcher(); err == nil {
		if err := n.Add(filepath.Dir(t.path)); err == nil {
			w.notify = n
		} else {
			_ = n.Close()
		}
	}
	go w.run()
	return sync.OnceFunc(func() {
		close(w.quit)
		<-w.done
	}), nil
}

// watcher is the goroutine that looks at the file.
type watcher struct {
	t          *Target
	dirty      func(store.Origin, []store.Path)
	notify     *fsnotify.Watcher // nil when the system has none
	seen       state
	news       int // as many of the Target's as have been told
	quit, done chan struct{}
}

func (w *watcher) run() {
	defer close(w.done)
	poll := time.NewTicker(w.t.opts.Poll)
	defer poll.Stop()
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w.notify != nil {
		defer w.notify.Close()
		events, errs = w.notify.Events, w.notify.Errors
	}
	var soon <-chan time.Time
	for {
		select {
		case <-w.quit:
			return
		case e, ok := <-events:
			if !ok {
				events = nil
			} else if e.Name == w.t.path && soon == nil {
				soon = time.After(settled)
			}
		case <-errs: // notifications may have been lost
			w.look()
		case <-soon:
			soon = nil
			w.look()
		case <-poll.C:
			w.look()
		}
	}
}

// look compares the file with what is known of it.
func (w *watcher) look() {
	now, err := w.t.stat()
	if err != nil {
		return
	}
	w.t.mu.Lock()
	changed := !now.same(w.seen) && !now.same(w.t.wrote) || w.news != w.t.news
	w.news = w.t.news
	w.t.mu.Unlock()
	if w.seen = now; changed {
		w.dirty(nil, []store.Path{{}})
	}
}
