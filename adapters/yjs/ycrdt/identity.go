package ycrdt

import "iter"

// An Identity says what EnsureMap found.
type Identity uint8

const (
	IdentityCreated Identity = iota + 1 // the map was made
	IdentityExists                      // it was there already, and alive
	IdentityUsed                        // the ID was used before for something that is deleted or lies elsewhere
)

// EnsureMap makes an empty map under a key with a given identity: as if the client with the given ID had made it as its
// first act, knowing only what the key has now. Copies that do the same at the same time make the same map, where SetMap
// would make two of which one is lost. The ID must be unique to this place and to what [Map.Current] returns, for example a
// hash of the path and of the current ID, and must not be used for anything else.
//
// If the map is there already, nothing happens. If the document has heard that the map was deleted, before it has heard of the
// map, the map is made as one that is deleted; the next one is named after it. Against values that others set at the same time it wins or loses by its
// client ID.
func (m Map) EnsureMap(key string, client uint64) (Map, Identity, error) {
	if _, err := m.write(); err != nil {
		return Map{}, 0, err
	}
	d := m.a.doc
	if client > maxClient || client == d.clientID {
		return Map{}, 0, ErrValue
	}
	ci := d.clients.intern(client)
	if d.clients.list[ci].next > 0 {
		it := d.items.at(d.lookup(ci, 0))
		if it.kind == kindType && !it.deleted() && it.parent == m.t && it.entry != 0 && d.keyName(it) == key && d.types.at(it.off).kind == KindMap {
			return Map{m.a.node(it.off)}, IdentityExists, nil
		}
		return Map{node{a: m.a}}, IdentityUsed, nil
	}
	i := d.ensure(m, key, client, item{length: 1, kind: kindType, off: KindMap.ref()}, nil)
	if d.items.at(i).deleted() {
		return Map{node{a: m.a}}, IdentityUsed, nil // the deletion had been waiting for the map
	}
	return Map{m.a.node(d.items.at(i).off)}, IdentityCreated, nil
}

// An Entry is one of the items that a key has or had.
type Entry struct {
	a    *access
	item uint32
}

// WasSet reports whether any key was ever set, also if all have been deleted since.
func (m Map) WasSet() bool {
	ty, err := m.get()
	return err == nil && ty.firstEntry != 0
}

// Current returns the item that decides the value of a key, also if it is deleted; ok is false if the key was never set.
func (m Map) Current(key string) (e Entry, ok bool) {
	if _, err := m.get(); err != nil {
		return Entry{}, false
	}
	en := m.entry(key)
	if en == 0 {
		return Entry{}, false
	}
	return Entry{m.a, m.a.doc.entries.at(en).last}, true
}

// History iterates over the items of a key, from the one that decides the value back to the left-most: older values and
// those that lost against concurrent ones. Runs of deleted values whose content is gone are one item. The map must not be
// changed meanwhile.
func (m Map) History(key string) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		e, ok := m.Current(key)
		for ok && yield(e) {
			e.item = e.a.doc.items.at(e.item).left
			ok = e.item != 0
		}
	}
}

// ID returns the ID of the last unit, which is the value.
func (e Entry) ID() ID {
	it := e.a.doc.items.at(e.item)
	return ID{e.a.doc.clients.list[it.client].id, it.last()}
}

// Len returns how many values the item stands for: more than one only where content is gone.
func (e Entry) Len() int { return int(e.a.doc.items.at(e.item).length) }

// Deleted reports whether the item is deleted or overwritten.
func (e Entry) Deleted() bool { return e.a.doc.items.at(e.item).deleted() }

// Value returns the value; ok is false if the content is gone.
func (e Entry) Value() (v Value, ok bool) {
	it := e.a.doc.items.at(e.item)
	if it.kind == kindDeleted {
		return Value{}, false
	}
	return e.a.lastValue(it), true
}

// Origin returns the ID of the value that the writer saw under this key; ok is false if it saw none.
func (e Entry) Origin() (id ID, ok bool) {
	it := e.a.doc.items.at(e.item)
	if it.originClient == 0 {
		return ID{}, false
	}
	return ID{e.a.doc.clients.list[it.originClient].id, it.originClock}, true
}
