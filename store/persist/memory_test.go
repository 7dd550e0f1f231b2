package persist_test

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/store/persist/persisttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is the simplest Target: a Snapshot.
type memory struct {
	mu      sync.Mutex
	now     *store.Snapshot
	exists  bool
	writes  int
	watcher map[int]func(store.Origin, []store.Path)
}

func newMemory() *memory {
	return &memory{now: &store.Snapshot{}, watcher: map[int]func(store.Origin, []store.Path){}}
}

func (m *memory) Read(_ context.Context, _ []store.Path) (*store.Snapshot, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now, m.exists, nil
}

func (m *memory) Write(_ context.Context, by store.Origin, c store.Changes, _ store.Reader) error {
	m.mu.Lock()
	s := store.New()
	err := s.Update(func(tx *store.Tx) error {
		if err := tx.ReplaceIn(store.Path{}, m.now); err != nil {
			return err
		}
		return tx.Apply(c)
	})
	var in []store.Path
	for _, c := range c.Cells {
		in = append(in, c.Path())
	}
	for _, v := range c.Values {
		in = append(in, v.Path())
	}
	m.now, m.exists = s.Snapshot(), true
	m.writes++
	var watchers []func(store.Origin, []store.Path)
	for _, w := range m.watcher {
		watchers = append(watchers, w)
	}
	m.mu.Unlock()
	for _, w := range watchers {
		w(by, in)
	}
	return err
}

func (m *memory) Watch(dirty func(store.Origin, []store.Path)) (func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := len(m.watcher)
	m.watcher[id] = dirty
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watcher, id)
	}, nil
}

func subject(bind func(*store.Store, persist.Target, *persist.Options) *persist.Persister) func(testing.TB) persisttest.Subject {
	return func(testing.TB) persisttest.Subject {
		m := newMemory()
		return persisttest.Subject{
			Target:    m,
			Persister: bind,
			Edit:      func(c store.Changes) error { return m.Write(context.Background(), "somebody else", c, nil) },
			Writes: func() int {
				m.mu.Lock()
				defer m.mu.Unlock()
				return m.writes
			},
		}
	}
}

func TestInline(t *testing.T) { persisttest.Run(t, subject(persist.Inline)) }

func TestQueued(t *testing.T) { persisttest.Run(t, subject(persist.Queued)) }
