package ycrdt

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// A Snapshot says which units a document had at some moment and which of them were deleted. It holds no content: to see
// what was there, the document must still have it, that is, it must have been made with Options.DisableGC.
type Snapshot struct {
	State   update.StateVector // the next clock of each client
	Deleted update.DeleteSet   // normalized: by descending client and ascending clock, joined
}

// ErrCollected is returned where content is needed that may have been garbage collected.
var ErrCollected = errors.New("ycrdt: the document has garbage collection; see Options.DisableGC")

// Snapshot returns the present state. What waits for other updates is not part of it.
func (d *Doc) Snapshot() Snapshot {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := Snapshot{State: make(update.StateVector)}
	for ci := 1; ci < len(d.clients.list); ci++ {
		if c := &d.clients.list[ci]; c.next > 0 {
			s.State[c.id] = c.next
		}
	}
	deletes := d.allDeletes()
	for _, x := range deletes.spans {
		s.Deleted = append(s.Deleted, update.Deletion{Client: d.clients.list[x.client].id, Clock: x.clock, Len: x.length})
	}
	s.Deleted = s.Deleted.Normalize()
	return s
}

// Equal reports whether two snapshots are of the same state.
func (s Snapshot) Equal(o Snapshot) bool {
	return maps.Equal(s.State, o.State) && slices.Equal(s.Deleted, o.Deleted)
}

// Visible reports whether a unit was there and not deleted.
func (s Snapshot) Visible(id ID) bool {
	return id.Clock < s.State[id.Client] && !s.Deleted.Contains(update.ID(id))
}

// Encode returns the snapshot as bytes: the delete set in format V1, then the state vector.
func (s Snapshot) Encode() []byte { return s.encode(update.V1) }

// EncodeV2 is Encode for format V2.
func (s Snapshot) EncodeV2() []byte { return s.encode(update.V2) }

func (s Snapshot) encode(v update.Version) []byte {
	return update.AppendStateVector(update.AppendDeleteSet(nil, v, s.Deleted), s.State)
}

// DecodeSnapshot reads what Encode has written.
func DecodeSnapshot(b []byte) (Snapshot, error) { return decodeSnapshot(b, update.V1) }

// DecodeSnapshotV2 reads what EncodeV2 has written.
func DecodeSnapshotV2(b []byte) (Snapshot, error) { return decodeSnapshot(b, update.V2) }

func decodeSnapshot(b []byte, v update.Version) (Snapshot, error) {
	r := lib0.NewReader(b)
	s := Snapshot{Deleted: update.ReadDeleteSet(&r, v, nil, nil).Normalize()}
	s.State = update.ReadStateVector(&r, nil)
	if err := r.End(); err != nil {
		return Snapshot{}, fmt.Errorf("ycrdt: snapshot: %w", err)
	}
	return s, nil
}

// ContainsUpdate reports whether an update in format V1 brings nothing that the snapshot has not.
func (s Snapshot) ContainsUpdate(b []byte) (bool, error) { return s.contains(b, update.V1) }

// ContainsUpdateV2 is ContainsUpdate for format V2.
func (s Snapshot) ContainsUpdateV2(b []byte) (bool, error) { return s.contains(b, update.V2) }

func (s Snapshot) contains(b []byte, v update.Version) (bool, error) {
	r := update.NewReader(v, b, nil)
	all := true
	for r.Next() {
		all = all && r.Struct().End() <= s.State[r.Struct().ID.Client]
	}
	ds, err := r.DeleteSet()
	if err != nil {
		return false, fmt.Errorf("ycrdt: %w", err)
	}
	return all && slices.Equal(append(slices.Clone(s.Deleted), ds...).Normalize(), s.Deleted), nil
}

// Restore returns a new document, made with opts, which has what this one had at the time of the snapshot. It needs a
// document without garbage collection, and fails with ErrCollected otherwise; a snapshot that knows more than this
// document is an error, too.
func (d *Doc) Restore(s Snapshot, opts *Options) (*Doc, error) {
	state, err := d.encodeAll()
	if err != nil {
		return nil, err
	}
	r := update.NewReader(update.V2, state, &update.Limits{Bytes: len(state) + 1, Structs: maxClock, Clients: maxClock})
	w := update.NewWriter(update.V2)
	have := make(update.StateVector)
	for r.Next() {
		x := r.Struct()
		until := s.State[x.ID.Client]
		if x.ID.Clock >= until {
			continue
		}
		if err := x.Keep(min(x.Len, until-x.ID.Clock)); err != nil {
			return nil, fmt.Errorf("ycrdt: restore: %w", err)
		}
		have[x.ID.Client] = x.End()
		if err := w.Write(x); err != nil {
			return nil, fmt.Errorf("ycrdt: restore: %w", err)
		}
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("ycrdt: restore: %w", err)
	}
	for client, clock := range s.State {
		if have[client] != clock {
			return nil, fmt.Errorf("ycrdt: restore: the snapshot has %d units of client %d, the document %d: %w",
				clock, client, have[client], ErrRange)
		}
	}
	b, err := w.Finish(s.Deleted)
	if err != nil {
		return nil, fmt.Errorf("ycrdt: restore: %w", err)
	}
	if opts == nil {
		opts = &Options{}
	}
	own := *opts
	own.Limits.UpdateBytes = max(own.Limits.withDefaults().UpdateBytes, len(b))
	out := New(&own)
	if err := out.ApplyV2(b, nil); err != nil {
		return nil, fmt.Errorf("ycrdt: restore: %w", err)
	}
	return out, nil
}

// encodeAll returns all structs in format V2.
func (d *Doc) encodeAll() ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.gc {
		return nil, ErrCollected
	}
	var parts []part
	for ci := 1; ci < len(d.clients.list); ci++ {
		if d.clients.list[ci].next > 0 {
			parts = append(parts, part{uint32(ci), 0})
		}
	}
	d.sortParts(parts)
	var w writer2
	w.parts(d, parts)
	w.deletes(d, &deleteSet{})
	return w.bytes(), nil
}
