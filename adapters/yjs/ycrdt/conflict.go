package ycrdt

import "slices"

// A Conflict says that clients gave one key values at the same time: not knowing of each other's. Yjs keeps the value of
// the client with the highest ID.
//
// A Commit reports a Conflict when it is decided, or decided anew, and with the losing values, which are gone from the document
// afterwards.
type Conflict struct {
	Path   []Step // from the root, which is the first step, to the map
	Key    string
	Winner Claim
	Losers []Claim // by client ID and clock, the highest first
}

// A Claim is a value that somebody has given a key.
type Claim struct {
	ID    ID
	Kind  Kind
	Value Value // if it is plain

	// Entries are, if it is a map, its entries; those that are maps have entries of their own. Of a winner there are none:
	// it is in the document.
	Entries []LostEntry
}

// LostEntry is one key of a map that has lost, with what it held.
type LostEntry struct {
	Key string
	Claim
}

// lose notes that an item has lost its key to one that did not know of it.
func (t *txn) lose(i uint32) {
	if t.doc.mail.wanted && t.doc.items.at(i).kind != kindDeleted {
		t.lost = append(t.lost, i)
	}
}

// conflicts lists the keys whose value was contested in a transaction. It runs before garbage collection.
func (d *Doc) conflicts(t *txn) []Conflict {
	if len(t.lost) == 0 {
		return nil
	}
	var out []Conflict
	for n, i := range t.lost {
		it := d.items.at(i)
		if !d.alive(it.parent) || d.overwritten(t.lost, n) {
			continue
		}
		last := d.items.at(d.entries.at(d.entries.find(it.parent, it.key)).last)
		if last.deleted() {
			continue
		}
		path := d.appendPath(nil, it.parent)
		key := d.keys.name(it.key)
		at := slices.IndexFunc(out, func(c Conflict) bool { return c.Key == key && slices.Equal(c.Path, path) })
		if at < 0 {
			at = len(out)
			winner := Claim{ID: ID{d.clients.list[last.client].id, last.last()}, Kind: KindMap}
			if last.kind == kindType {
				winner.Kind = d.types.at(last.off).kind
			} else {
				winner.Value = (&access{doc: d}).lastValue(last)
				winner.Kind = winner.Value.kind
			}
			out = append(out, Conflict{Path: path, Key: key, Winner: winner})
		}
		out[at].Losers = append(out[at].Losers, d.claim(t, it, 0))
	}
	for _, c := range out {
		slices.SortFunc(c.Losers, func(a, b Claim) int {
			if a.ID.Client != b.ID.Client {
				if a.ID.Client > b.ID.Client {
					return -1
				}
				return 1
			}
			return int(b.ID.Clock) - int(a.ID.Clock)
		})
	}
	return out
}

// overwritten reports whether the loser at n was overwritten by another loser that knew it.
func (d *Doc) overwritten(lost []uint32, n int) bool {
	it := d.items.at(lost[n])
	for _, j := range lost {
		if o := d.items.at(j); o != it && o.originClient == it.client && o.originClock == it.last() {
			return true
		}
	}
	return false
}

// maxClaimDepth bounds how deep the content of a lost map is reported.
const maxClaimDepth = 16

// claim returns what an item says, and what lies below it and was alive before the transaction or came with it.
func (d *Doc) claim(t *txn, it *item, depth int) Claim {
	c := Claim{ID: ID{d.clients.list[it.client].id, it.last()}}
	if it.kind != kindType {
		c.Value = (&access{doc: d}).lastValue(it)
		c.Kind = c.Value.kind
		return c
	}
	ty := d.types.at(it.off)
	c.Kind = ty.kind
	if depth == maxClaimDepth || ty.kind != KindMap {
		return c
	}
	for e := ty.firstEntry; e != 0; e = d.entries.at(e).next {
		en := d.entries.at(e)
		child := d.items.at(en.last)
		if child.kind == kindDeleted || !t.deletes.has(child.client, child.last()) {
			continue // it had been deleted before
		}
		c.Entries = append(c.Entries, LostEntry{d.keys.name(en.key), d.claim(t, child, depth+1)})
	}
	return c
}

// EnsureValue gives a key a plain value under a given identity: as if the client with the given ID had done so as its first
// act. Copies that do the same at the same time do it once. It does nothing, and returns false, if the key has or had a
// value, or if the ID was used before. The ID must be unique to this purpose, for example a hash.
func (m Map) EnsureValue(key string, client uint64, v Value) (bool, error) {
	if _, err := m.write(); err != nil {
		return false, err
	}
	d := m.a.doc
	if client > maxClient || client == d.clientID || v.kind.isShared() || v.kind == KindSubdoc {
		return false, ErrValue
	}
	if m.entry(key) != 0 {
		return false, nil
	}
	ci := d.clients.intern(client)
	if d.clients.list[ci].next > 0 {
		return false, nil
	}
	it, payload, err := d.contentFor(v)
	if err != nil {
		return false, err
	}
	it.client, it.parent, it.key = ci, m.t, d.keys.internString(key)
	d.content.put(&it, payload)
	i := d.items.alloc()
	*d.items.at(i) = it
	d.integrate(m.a.txn, i, 0, 0)
	return true, nil
}
