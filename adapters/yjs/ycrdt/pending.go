package ycrdt

import (
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// pending is what has come too early: structs, as an update in format V2 (the form in which Yjs keeps and sends them), with
// the clocks from which on they miss something, and deletions of units that are not known yet.
type pending struct {
	structs []byte
	later   [][]byte // what has come since, not merged into structs yet: that would take quadratic time
	size    int      // of all of them
	missing []unit
	deletes deleteSet
}

// Pending says what a document waits for.
type Pending struct {
	Structs []byte            // an update in format V2 that cannot be applied yet, nil if there is none
	Missing map[uint64]uint32 // by client: the clock from which on structs are missing
	Deletes []byte            // an update in format V2 with deletions of structs that are not known yet, nil if there are none
}

// Pending returns what has been received but waits for other updates. EncodeStateAsUpdate includes it.
func (d *Doc) Pending() Pending {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p := Pending{Structs: slices.Clone(d.pending.merged()), Deletes: d.pendingDeletes()}
	if p.Structs != nil {
		p.Missing = make(map[uint64]uint32, len(d.pending.missing))
		for _, m := range d.pending.missing {
			p.Missing[d.clients.list[m.client].id] = m.clock
		}
	}
	return p
}

// pendingDeletes returns the waiting deletions as an update in format V2, nil if there are none.
func (d *Doc) pendingDeletes() []byte {
	if len(d.pending.deletes.spans) == 0 {
		return nil
	}
	var w writer2
	w.count(0)
	w.deletes(d, &d.pending.deletes)
	return w.bytes()
}

// add keeps structs that have to wait.
func (p *pending) add(w waiting) {
	p.size += len(w.structs)
	if p.structs == nil {
		p.structs, p.missing = w.structs, w.missing
		return
	}
	for _, m := range w.missing {
		i := slices.IndexFunc(p.missing, func(x unit) bool { return x.client == m.client })
		if i < 0 {
			p.missing = append(p.missing, m)
		} else {
			p.missing[i].clock = min(p.missing[i].clock, m.clock)
		}
	}
	p.later = append(p.later, w.structs)
	if p.size > 2*len(p.structs)+4096 {
		p.structs = p.merged()
		p.later, p.size = nil, len(p.structs)
	}
}

// merged returns all structs that wait as one update, nil if there are none.
func (p *pending) merged() []byte {
	if len(p.later) == 0 {
		return p.structs
	}
	merged, err := update.Merge(update.V2, append([][]byte{p.structs}, p.later...), &update.Limits{Bytes: 1 << 40, Structs: 1 << 40, Clients: 1 << 40})
	if err != nil {
		panic("ycrdt: pending structs: " + err.Error()) // they were written by this document
	}
	return merged
}
