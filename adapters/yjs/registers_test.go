package yjs_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

// registers is a naive model of what a Store that is shared by peers should hold: each cell and each value is a register. A
// write replaces the writes that its peer has seen. Of writes that did not see each other a set stays rather than a
// deletion, and of several sets the one of the highest client id.
type registers struct {
	client uint64
	seen   map[int]*write // by number
}

type write struct {
	client   uint64
	at       store.Path
	value    store.Value
	replaces []int
}

func newRegisters(client uint64) *registers {
	return &registers{client: client, seen: map[int]*write{}}
}

// write makes changes at this peer.
func (r *registers) write(c store.Changes) {
	put := func(at store.Path, v store.Value) {
		w := &write{client: r.client, at: at, value: v}
		for n, old := range r.seen {
			if old.at == at {
				w.replaces = append(w.replaces, n)
			}
		}
		// Numbers of different peers differ in their remainder.
		r.seen[len(r.seen)*1000_000+int(r.client)%1000_000] = w
	}
	for _, x := range c.Cells {
		put(x.Path(), x.New)
	}
	for _, x := range c.Values {
		put(x.Path(), x.New)
	}
}

// merge lets this peer see what another one has seen.
func (r *registers) merge(from *registers) { maps.Copy(r.seen, from.seen) }

// content returns what this peer should see.
func (r *registers) content(t testing.TB) *store.Snapshot {
	replaced := map[int]bool{}
	for _, w := range r.seen {
		for _, n := range w.replaces {
			replaced[n] = true
		}
	}
	best := map[store.Path]*write{}
	for _, n := range slices.Sorted(maps.Keys(r.seen)) {
		w := r.seen[n]
		if cur := best[w.at]; !replaced[n] && w.value.Exists() && (cur == nil || w.client > cur.client) {
			best[w.at] = w
		}
	}
	var b store.Builder
	for at, w := range best {
		table, row, cell := at.IDs()
		if at.Level() == store.AtValue {
			require.NoError(t, b.SetValue(cell, w.value))
		} else {
			require.NoError(t, b.SetCell(table, row, cell, w.value))
		}
	}
	return b.Snapshot()
}
