package ycrdt

import (
	"fmt"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// StateVector returns the encoded state vector: for each client the clock up to which this document has everything. Send it
// to another copy, which answers with EncodeStateAsUpdate.
func (d *Doc) StateVector() []byte {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var parts []part
	for ci := 1; ci < len(d.clients.list); ci++ {
		if next := d.clients.list[ci].next; next > 0 {
			parts = append(parts, part{uint32(ci), next})
		}
	}
	d.sortParts(parts)
	b := lib0.AppendVarUint(nil, uint64(len(parts)))
	for _, p := range parts {
		b = lib0.AppendVarUint(b, d.clients.list[p.client].id)
		b = lib0.AppendVarUint(b, uint64(p.clock))
	}
	return b
}

// Clock returns the clock up to which this document has everything of a client.
func (d *Doc) Clock(client uint64) uint32 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if ci := d.clients.find(client); ci != 0 {
		return d.clients.list[ci].next
	}
	return 0
}

// EncodeStateAsUpdate returns, in format V1, what this document has and a copy with the given encoded state vector has not.
// A nil vector asks for everything. Deletions are always complete. What waits for other updates is included.
func (d *Doc) EncodeStateAsUpdate(stateVector []byte) ([]byte, error) {
	return d.encodeState(stateVector, update.V1)
}

// EncodeStateAsUpdateV2 is EncodeStateAsUpdate for format V2.
func (d *Doc) EncodeStateAsUpdateV2(stateVector []byte) ([]byte, error) {
	return d.encodeState(stateVector, update.V2)
}

func (d *Doc) encodeState(stateVector []byte, v update.Version) ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	known, err := decodeStateVector(stateVector)
	if err != nil {
		return nil, fmt.Errorf("ycrdt: state vector: %w", err)
	}
	var parts []part
	for ci := 1; ci < len(d.clients.list); ci++ {
		c := &d.clients.list[ci]
		if clock := known[c.id]; uint64(c.next) > clock {
			parts = append(parts, part{uint32(ci), uint32(clock)})
		}
	}
	d.sortParts(parts)
	deletes := d.allDeletes()
	var state []byte
	if v == update.V1 {
		b := d.appendParts(make([]byte, 0, d.guess(parts)), parts)
		state = slices.Clip(d.appendDeletes(b, &deletes))
	} else {
		w, _ := d.writers.Get().(*writer2)
		if w == nil {
			w = &writer2{}
		}
		w.reset()
		w.parts(d, parts)
		w.deletes(d, &deletes)
		state = w.bytes()
		d.writers.Put(w)
	}
	return d.withPending(state, stateVector, v)
}

// guess estimates the size of an update.
func (d *Doc) guess(parts []part) int {
	n := 64
	for _, p := range parts {
		c := &d.clients.list[p.client]
		n += 16 * c.list.count(c.list.find(c.next, p.clock))
	}
	return n
}

// withPending adds to an encoded state what waits for other updates.
func (d *Doc) withPending(state, stateVector []byte, v update.Version) ([]byte, error) {
	updates := [][]byte{state}
	add := func(b []byte) (err error) {
		if v == update.V1 {
			b, err = update.V2ToV1(b)
		}
		updates = append(updates, b)
		return err
	}
	if b := d.pendingDeletes(); b != nil {
		if err := add(b); err != nil {
			return nil, fmt.Errorf("ycrdt: pending: %w", err)
		}
	}
	if b := d.pending.merged(); b != nil {
		sv, err := update.DecodeStateVector(vectorOrEmpty(stateVector), nil)
		if err == nil {
			b, err = update.Diff(update.V2, b, sv, nil)
		}
		if err == nil {
			err = add(b)
		}
		if err != nil {
			return nil, fmt.Errorf("ycrdt: pending: %w", err)
		}
	}
	if len(updates) == 1 {
		return state, nil
	}
	return update.Merge(v, updates, nil)
}

// decodeStateVector reads an encoded state vector. Empty input stands for the empty vector.
func decodeStateVector(b []byte) (map[uint64]uint64, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := lib0.NewReader(b)
	n := r.Count(2, "clients")
	if r.Failed() {
		return nil, r.Err()
	}
	sv := make(map[uint64]uint64, min(n, 1024))
	for range n {
		client := r.VarUint()
		sv[client] = r.VarUint()
	}
	return sv, r.End()
}

func vectorOrEmpty(b []byte) []byte {
	if len(b) == 0 {
		return []byte{0}
	}
	return b
}
