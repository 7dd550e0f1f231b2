package mergeable

import (
	"slices"
	"sync"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Delta is what one transaction changed, with stamps. It is shared by all who follow the Store, and never changes.
type Delta struct {
	Origin  store.Origin // of the transaction
	Merged  bool         // taken from another replica, with its stamps
	Changes Changes

	once sync.Once
	json []byte
}

// JSON returns the changes in the form of a ContentDiff, made once for all who ask. It must not be written.
func (d *Delta) JSON() []byte {
	d.once.Do(func() { d.json = d.Changes.AppendJSON(nil) })
	return d.json
}

func (d *Delta) cell(t *table, n, name uint32, v store.Value, s hlc.Stamp) {
	if d != nil {
		if n := len(d.Changes.Cells); n == cap(d.Changes.Cells) && n > 64 {
			d.Changes.Cells = slices.Grow(d.Changes.Cells, n) // copied half as often as by append
		}
		d.Changes.Cells = append(d.Changes.Cells, Cell{t.id, t.rows[n].id, t.names[name].id, v, s})
	}
}

func (d *Delta) value(id string, v store.Value, s hlc.Stamp) {
	if d != nil {
		d.Changes.Values = append(d.Changes.Values, KeyedValue{id, v, s})
	}
}

// MaxPending is how many cells a [Feed] holds for a slow reader before it gives them up and says so.
const MaxPending = 200_000

// Feed tells one reader what changes, commit by commit. A reader that is slow loses nothing it could not find by
// comparing hashes: when more than MaxPending cells wait, they are dropped, and Next says that it must compare.
type Feed struct {
	of   *Store
	wake chan struct{}
	skip store.Origin

	mu      sync.Mutex // after the Store's
	pending []*Delta
	cells   int
	lost    bool
}

// Feed returns a new Feed, which tells what changes from now on. It must be closed.
func (m *Store) Feed() *Feed { return m.FeedTo(make(chan struct{}, 1), nil) }

// FeedTo is Feed with a channel of the caller's for Wake, which has room for one element; several Feeds may share it. It
// does not tell of what the Origin skip has done, unless that is nil.
func (m *Store) FeedTo(wake chan struct{}, skip store.Origin) *Feed {
	f := &Feed{of: m, wake: wake, skip: skip}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.feeds[f] = struct{}{}
	return f
}

// Close ends the Feed.
func (f *Feed) Close() {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	delete(f.of.feeds, f)
}

// Wake returns a channel from which something can be received when Next may have something.
func (f *Feed) Wake() <-chan struct{} { return f.wake }

// Next returns what has changed since the last call, without waiting. When lost is true, something more has changed that
// the Feed no longer knows.
func (f *Feed) Next() (deltas []*Delta, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	deltas, lost = f.pending, f.lost
	f.pending, f.cells, f.lost = nil, 0, false
	return deltas, lost
}

func (f *Feed) add(d *Delta) {
	f.mu.Lock()
	if f.cells += d.Changes.Len(); f.lost || f.cells > MaxPending {
		f.pending, f.cells, f.lost = nil, 0, true
	} else {
		f.pending = append(f.pending, d)
	}
	f.mu.Unlock()
	f.poke()
}

func (f *Feed) lose() {
	f.mu.Lock()
	f.pending, f.cells, f.lost = nil, 0, true
	f.mu.Unlock()
	f.poke()
}

func (f *Feed) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// delta returns a Delta to fill, or nil when nobody follows.
func (m *Store) delta(by store.Origin) *Delta {
	if m.onDelta != nil {
		return &Delta{Origin: by}
	}
	for f := range m.feeds {
		if f.hears(by) {
			return &Delta{Origin: by}
		}
	}
	return nil
}

func (f *Feed) hears(by store.Origin) bool { return f.skip == nil || f.skip != by }

func (m *Store) publish(d *Delta) {
	if d == nil || d.Changes.IsEmpty() {
		return
	}
	if m.onDelta != nil {
		m.onDelta(d)
	}
	for f := range m.feeds {
		if f.hears(d.Origin) {
			f.add(d)
		}
	}
}
