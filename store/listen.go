package store

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// Listen calls fn after each commit that changes something in at, which may be a pattern. fn is called with no lock held,
// one commit after the other, in the order of the commits; it may read, and it may write: what it writes is committed at
// once and delivered after the present commit. A listener that falls more than 1,024 commits behind gets several in one.
//
// After stop has returned, no call begins.
func (s *Store) Listen(at Path, fn func(*Commit)) (stop func()) {
	_, stop = s.listenFrom(at, fn)
	return stop
}

// listenFrom is Listen, and returns the content from which on fn hears everything.
func (s *Store) listenFrom(at Path, fn func(*Commit)) (start *Snapshot, stop func()) {
	l := &listener{at: at, fn: fn}
	s.mu.Lock()
	defer s.mu.Unlock()
	start = s.Snapshot()
	l.since = start.version
	s.delivery.startAt(start.version)
	s.listeners.add(l)
	return start, func() { s.listeners.remove(l) }
}

type listener struct {
	id      uint64
	at      Path
	fn      func(*Commit)
	since   uint64 // the version when it began to listen
	hit     uint64 // the commit that was found to concern it last
	stopped atomic.Bool
}

// listeners finds those whom a commit concerns. Paths without open ids are looked up; patterns are tried one by one.
type listeners struct {
	count  atomic.Int32
	mu     sync.Mutex
	last   uint64
	byPath map[Path][]*listener
	opens  []*listener
}

func (ls *listeners) any() bool { return ls.count.Load() > 0 }

func (ls *listeners) add(l *listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.last++
	l.id = ls.last
	if l.at.IsPattern() {
		ls.opens = append(ls.opens, l)
	} else {
		if ls.byPath == nil {
			ls.byPath = map[Path][]*listener{}
		}
		ls.byPath[l.at] = append(ls.byPath[l.at], l)
	}
	ls.count.Add(1)
}

func (ls *listeners) remove(l *listener) {
	if l.stopped.Swap(true) {
		return
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	is := func(x *listener) bool { return x == l }
	if l.at.IsPattern() {
		ls.opens = slices.DeleteFunc(ls.opens, is)
	} else if list := slices.DeleteFunc(ls.byPath[l.at], is); len(list) > 0 {
		ls.byPath[l.at] = list
	} else {
		delete(ls.byPath, l.at)
	}
	ls.count.Add(-1)
}

// concerned appends the listeners whom c concerns, in the order in which they began to listen.
func (ls *listeners) concerned(c *Commit, out []*listener) []*listener {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	take := func(l *listener) {
		if l.hit != c.Last && l.since < c.First {
			l.hit = c.Last
			out = append(out, l)
		}
	}
	if len(ls.byPath) <= 4 || !c.few {
		for at, list := range ls.byPath {
			if c.Touches(at) {
				for _, l := range list {
					take(l)
				}
			}
		}
	} else {
		// Few changes, many listeners: look up each change and the parts that contain it.
		changes := c.Changes()
		up := func(p Path) {
			for {
				for _, l := range ls.byPath[p] {
					take(l)
				}
				if p == (Path{}) {
					return
				}
				p = p.Up()
			}
		}
		for i := range changes.Cells {
			up(changes.Cells[i].Path())
		}
		for i := range changes.Values {
			up(changes.Values[i].Path())
		}
	}
	for _, l := range ls.opens {
		if c.Touches(l.at) {
			take(l)
		}
	}
	slices.SortFunc(out, func(a, b *listener) int { return cmp.Compare(a.id, b.id) })
	return out
}

// delivery is the queue of commits that have not been delivered.
type delivery struct {
	mu      sync.Mutex
	running bool
	queue   []*Commit
	first   [1]*Commit  // where queue begins
	waiting atomic.Bool // there is something in queue
	fence   uint64      // the version at which the last listener began: no composed commit goes across it
}

// maxQueue is the length at which the queue composes commits instead of growing.
const maxQueue = 1024

// startAt notes that a listener begins at a version. It is to hear the next commit, and nothing from before it.
func (d *delivery) startAt(version uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fence = version
}

func (d *delivery) add(c *Commit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.queue); n >= maxQueue && d.queue[n-1].Last != d.fence {
		d.queue[n-1] = d.queue[n-1].Then(c)
		return
	}
	d.queue = append(d.queue, c)
	d.waiting.Store(true)
}

// run delivers what waits, unless somebody is delivering already: then that one goes on with it.
func (d *delivery) run(ls *listeners) {
	if !d.waiting.Load() {
		return
	}
	d.mu.Lock()
	if d.running || len(d.queue) == 0 {
		d.mu.Unlock()
		return
	}
	d.running = true
	defer func() { // also when a listener panics
		d.running = false
		d.mu.Unlock()
	}()
	var buf [8]*listener
	for len(d.queue) > 0 {
		c := d.queue[0]
		d.queue[0] = nil
		if d.queue = d.queue[1:]; len(d.queue) == 0 {
			d.queue = d.first[:0]
			d.waiting.Store(false)
		}
		d.mu.Unlock()
		func() {
			defer d.mu.Lock()
			for _, l := range ls.concerned(c, buf[:0]) {
				if !l.stopped.Load() {
					l.fn(c)
				}
			}
		}()
	}
}
