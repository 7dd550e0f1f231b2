package yjs

import (
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// A past is all that the document knows of what stands and stood in one cell: in the container that has won and in those that
// have lost. It answers whose value a restored item carries, and whether one writer knew the value of another.
//
// A restored item names nobody: its client ID is a hash of the place, of what stood there before it, and of the value that
// was lost. So the value is found by trying: the one whose hash comes out is it. If that one was restored in its turn, the
// search goes on from there.
//
//	container that lost        container that has won
//	   x: 7:4 "red"   ------>   x: HASH(place, nothing, 7:4) "red"
//	                  <------   which value gives this hash? 7:4
type past struct {
	nested
	key    string
	traces []ycrdt.Trace
}

const (
	maxTries = 1024 // values that are tried, then a restored value counts as nobody's, and stays
	maxTimes = 8    // how often a value may have been restored, from container to container; beyond it is nobody's
)

func (n nested) pastOf(tx *ycrdt.Txn, at store.Path) past {
	keys := keysOf(at)
	return past{n, keys[len(keys)-1], tx.Traces(n.root, keys...)}
}

// original is a value as a client has written it.
type original struct {
	id       ycrdt.ID
	replaced []ycrdt.Span // the values that the client knew and replaced, and maps with such values
}

// original returns the value that a client wrote and of which Targets have made the item with the given ID; the item itself if it is
// no such item. ok is false if the document has no trace of that value any more.
func (p past) original(id ycrdt.ID) (from original, ok bool) {
	for range maxTimes {
		t, ok := p.trace(id)
		if !ok {
			break
		}
		if !isIdentity(id) {
			return original{id, append(slices.Clip(t.Replaced), ycrdt.Span{ID: t.ID, Len: id.Clock - t.ID.Clock})}, true
		}
		if id, ok = p.lost(t); !ok {
			break
		}
	}
	return original{}, false
}

func (p past) trace(id ycrdt.ID) (t ycrdt.Trace, ok bool) {
	i := slices.IndexFunc(p.traces, func(t ycrdt.Trace) bool { return t.Has(id) })
	if i < 0 {
		return t, false
	}
	return p.traces[i], true
}

// lost returns the value that was restored as an item.
func (p past) lost(restored ycrdt.Trace) (id ycrdt.ID, ok bool) {
	at := place{p.root, restored.Inside[len(restored.Inside)-1], p.key}
	tries := 0
	for _, t := range p.traces {
		for k := t.Len; k > 0 && tries < maxTries; k-- {
			tries++
			id = ycrdt.ID{Client: t.ID.Client, Clock: t.ID.Clock + k - 1}
			if at.identity(restored.Origin, id) == restored.ID.Client {
				return id, true
			}
		}
	}
	return id, false
}

// knew says whether the writer of x had known y, in itself or as it was restored somewhere.
func (p past) knew(x original, y ycrdt.ID) bool {
	if y.Client == x.id.Client {
		return y.Clock < x.id.Clock
	}
	t, _ := p.trace(y)
	has := func(s ycrdt.Span) bool { return s.Has(y) || slices.ContainsFunc(t.Inside, s.Has) }
	return slices.ContainsFunc(x.replaced, func(s ycrdt.Span) bool {
		if has(s) || !isIdentity(s.ID) {
			return has(s)
		}
		from, ok := p.original(s.ID)
		return ok && (from.id == y || slices.ContainsFunc(from.replaced, has))
	})
}
