package ycrdt

import "slices"

// A Conflict says that clients gave one key values at the same time: not knowing of each other's. Yjs keeps the value of
// the client with the highest ID.
//
// A Commit reports a Conflict when it is decided, or decided anew, and with the losing values, which are gone from the document
// afterwards.
type Conflict struct {
	Path   []Step    // from the root, which is the first step, to the map
	Around []Descent // of the maps on the way, the map itself last; the root has none
	Key    string
	Winner Claim
	Losers []Claim // by client ID and clock, the highest first
}

// A Claim is a value that somebody has given a key.
type Claim struct {
	ID    ID
	Kind  Kind
	Value Value // if it is plain

	// Descent says where among all that stood under the key it has its place. That of a winner is left out.
	Descent Descent

	// Entries are, if it is a map, its entries; those that are maps have entries of their own. Of a winner there are none:
	// it is in the document.
	Entries []LostEntry
}

// LostEntry is one key of a map that has lost, with what it held.
type LostEntry struct {
	Key string
	Claim
}

// Late is something that lost, but not to another value: it was written into a map by a client that did not know that the map had
// lost its key, which a document reports only with Options.KeepLost; or it was set at the same time as a value that has been
// deleted since.
type Late struct {
	Path   []Step    // to the map, through the keys that it and those around it had
	Around []Descent // as in a Conflict
	Key    string
	Claim
}

// lose notes that an item has lost its key to one that did not know of it.
func (t *txn) lose(i uint32) {
	d := t.doc
	it := d.items.at(i)
	if (d.mail.wanted || d.keepLost) && it.kind != kindDeleted {
		t.lost = append(t.lost, i)
	}
	if d.keepLost && d.isMap(it) && it.flags&flagLost == 0 {
		d.salvage(i)
	}
}

// removeLost deletes an item that has lost its key, or has come into something deleted. If the document keeps such
// content, its updates do not tell so: all copies that have the winner find it out for themselves. A copy that has not
// would take it for a deletion by somebody who knew the item, and collect it before it learns to whom it has lost.
func (d *Doc) removeLost(t *txn, i uint32) {
	if !d.keepLost {
		d.remove(t, i)
		return
	}
	all := t.deletes
	t.deletes = deleteSet{}
	d.remove(t, i)
	for _, s := range t.deletes.spans {
		all.add(s.client, s.clock, s.length)
		t.implied.add(s.client, s.clock, s.length)
	}
	t.deletes = all
}

// told returns the deletions of a transaction that an update tells of.
func (t *txn) told() *deleteSet {
	if len(t.implied.spans) == 0 {
		return &t.deletes
	}
	t.implied.sort(&t.doc.clients)
	rest := t.deletes.without(&t.implied)
	return &rest
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
		last := d.items.at(d.entries.at(it.entry).last)
		if last.deleted() {
			continue
		}
		path := d.appendPath(nil, it.parent)
		key := d.keyName(it)
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
			out = append(out, Conflict{Path: path, Around: d.around(it.parent), Key: key, Winner: winner})
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
	c := Claim{ID: ID{d.clients.list[it.client].id, it.last()}, Descent: d.descent(it)}
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
		if child.kind == kindDeleted || child.flags&flagLost == 0 && !t.deletes.has(child.client, child.last()) {
			continue // it had been deleted before
		}
		c.Entries = append(c.Entries, LostEntry{d.keys.name(en.key), d.claim(t, child, depth+1)})
	}
	return c
}

// salvage marks a map that is about to be deleted, because it has lost its key, and all that it holds, so that it is not garbage.
func (d *Doc) salvage(i uint32) {
	stack := []uint32{i}
	for len(stack) > 0 {
		it := d.items.at(stack[len(stack)-1])
		stack = stack[:len(stack)-1]
		it.flags |= flagLost
		if !d.isMap(it) {
			continue
		}
		for e := d.types.at(it.off).firstEntry; e != 0; e = d.entries.at(e).next {
			if child := d.entries.at(e).last; !d.items.at(child).deleted() {
				stack = append(stack, child)
			}
		}
	}
}

// isMap reports whether an item is a map.
func (d *Doc) isMap(it *item) bool { return it.kind == kindType && d.types.at(it.off).kind == KindMap }

// latecomers lists what came into lost maps in a transaction, and what lost its key inside of a map that is lost, or to
// something deleted. What the claim of a map around it tells already is left out.
func (d *Doc) latecomers(t *txn) (out []Late) {
	take := func(i uint32) {
		it := d.items.at(i)
		out = append(out, Late{Path: d.appendPath(nil, it.parent), Around: d.around(it.parent), Key: d.keyName(it), Claim: d.claim(t, it, 0)})
	}
	for _, i := range t.late {
		it := d.items.at(i)
		if it.entry == 0 || it.kind == kindDeleted {
			continue
		}
		if owner := d.items.at(d.types.at(it.parent).item); it.right == 0 && owner.clock >= t.before(owner.client) {
			continue
		}
		take(i)
	}
	for _, i := range t.lost {
		it := d.items.at(i)
		if it.entry == 0 {
			continue
		}
		owner := d.types.at(it.parent).item
		switch {
		case owner != 0 && d.items.at(owner).flags&flagLost != 0:
			take(i)
		case d.alive(it.parent) && d.items.at(d.entries.at(it.entry).last).deleted():
			take(i)
		}
	}
	return out
}

// EnsureValue gives a key a plain value under a given identity: as if the client of the ID had done so as its first act (or, if
// the clock is not 0, as its next one), knowing only what the key has now. Copies that do the same at the same time do it
// once. It does nothing, and returns false, if the ID was used before or is not the next one of the client. The ID must be
// unique to this place, to the value and to what [Map.Current] returns.
func (m Map) EnsureValue(key string, id ID, v Value) (bool, error) {
	if _, err := m.write(); err != nil {
		return false, err
	}
	d := m.a.doc
	if id.Client > maxClient || id.Client == d.clientID || v.kind.isShared() || v.kind == KindSubdoc {
		return false, ErrValue
	}
	if d.clients.list[d.clients.find(id.Client)].next != id.Clock {
		return false, nil
	}
	var it item
	payload, err := d.contentFor(&v, &it)
	if err != nil {
		return false, err
	}
	it.clock = id.Clock
	d.ensure(m, key, id.Client, it, payload)
	return true, nil
}

// ensure integrates the next item of a client under a key, after what is there. It may be known already that the item was
// deleted elsewhere.
func (d *Doc) ensure(m Map, key string, client uint64, it item, payload []byte) uint32 {
	it.client = d.clients.intern(client)
	if m.aim(&it, key); it.left != 0 {
		l := d.items.at(it.left)
		it.originClient, it.originClock = l.client, l.last()
	}
	if payload != nil {
		d.content.put(&it, payload)
	}
	i := d.items.alloc()
	*d.items.at(i) = it
	d.integrate(m.a.txn, i, 0)
	d.retryDeletes(m.a.txn, deleteSet{})
	return i
}
