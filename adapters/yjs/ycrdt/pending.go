package ycrdt

import (
	"cmp"
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

	deletes     deleteSet
	moreDeletes []span            // what has come since
	deletesFrom map[uint32]uint32 // by client: the lowest clock that waits to be deleted
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
	ds := d.waitingDeletes()
	if len(ds.spans) == 0 {
		return nil
	}
	var w writer2
	w.count(0)
	w.deletes(d, &ds)
	return w.bytes()
}

// waitingDeletes returns all deletions that wait. It changes nothing.
func (d *Doc) waitingDeletes() deleteSet {
	if len(d.pending.moreDeletes) == 0 {
		return d.pending.deletes
	}
	spans := slices.Concat(d.pending.deletes.spans, d.pending.moreDeletes)
	slices.SortStableFunc(spans, func(a, b span) int {
		if a.client != b.client {
			return cmp.Compare(d.clients.list[b.client].id, d.clients.list[a.client].id)
		}
		return cmp.Compare(a.clock, b.clock)
	})
	return deleteSet{spans: joinSpans(spans), sorted: true}
}

// addDeletes keeps deletions that have to wait.
func (d *Doc) addDeletes(beyond deleteSet) {
	p := &d.pending
	if p.deletesFrom == nil {
		p.deletesFrom = map[uint32]uint32{}
	}
	for _, s := range beyond.spans {
		if from, known := p.deletesFrom[s.client]; !known || s.clock < from {
			p.deletesFrom[s.client] = s.clock
		}
	}
	if len(p.deletes.spans) == 0 {
		p.deletes = beyond
		return
	}
	p.moreDeletes = append(p.moreDeletes, beyond.spans...)
	if len(p.moreDeletes) > len(p.deletes.spans)+64 {
		p.deletes = d.waitingDeletes()
		p.moreDeletes = nil
	}
}

// retryDeletes applies the deletions that wait, if a client that they wait for has come forward, and keeps those which are
// still beyond the known clocks, together with new ones.
func (d *Doc) retryDeletes(t *txn, beyond deleteSet) {
	p := &d.pending
	progress := false
	for _, w := range t.touched {
		from, waits := p.deletesFrom[w.client]
		progress = progress || waits && from < d.clients.list[w.client].next
	}
	if progress {
		all := d.waitingDeletes()
		p.deletes, p.moreDeletes, p.deletesFrom = deleteSet{}, nil, nil
		var still deleteSet
		for _, s := range all.spans {
			if s = d.applySpan(t, s); s.length > 0 {
				still.add(s.client, s.clock, s.length)
			}
		}
		if len(still.spans) > 0 && len(beyond.spans) > 0 {
			beyond = deleteSet{spans: append(beyond.spans, still.spans...)}
			beyond.sort(&d.clients)
		} else if len(still.spans) > 0 {
			beyond = still
		}
	}
	if len(beyond.spans) > 0 {
		d.addDeletes(beyond)
	}
}

// mergeAtOnce is up to which size waiting structs are merged with each update, as Yjs does. The order of merging decides
// which form is kept of a struct that comes whole in one update and collected as garbage in another.
const mergeAtOnce = 2 << 10

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
	if p.size <= mergeAtOnce || p.size > 2*len(p.structs)+4096 {
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
