package mergeable

import "github.com/rowloom/rowloom/store"

// Enqueue is [Store.Apply] for whoever may hold the Store's writer lock: it merges at once if no transaction runs, and
// otherwise right after the one that runs, in that goroutine. It never waits for a lock. Changes that a
// [store.Participant] refuses are refused as a whole.
//
// then, unless it is nil, is told what came of it, still under the writer lock: it must not write to the Store, except by
// Enqueue.
func (m *Store) Enqueue(by store.Origin, c *Changes, then func(Report, error)) {
	if c.repeats() {
		c.sort()
	}
	g := &merging{m: m, changes: c}
	m.of.Enqueue(by, g.run, func(err error) {
		if err == nil && !g.done {
			err = errPutBack
		}
		if err != nil {
			g.giveUpLocked()
		}
		if then != nil {
			then(g.report, err)
		}
	})
}
