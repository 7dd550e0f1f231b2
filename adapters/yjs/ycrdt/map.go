package ycrdt

import (
	"iter"
)

// A Map is a handle of a shared map: keys with values, of which every key can be set by somebody else at the same time.
// For each key the client with the highest ID wins, everywhere. XML hooks are maps, too.
type Map struct{ node }

// entry returns the number of a key's entry, 0 if the key was never set.
func (m Map) entry(key string) uint32 {
	d := m.a.doc
	return d.entries.find(&d.types, m.t, d.keys.find(key))
}

// Get returns the value of a key; ok is false if there is none, or no map.
func (m Map) Get(key string) (v Value, ok bool) {
	it := m.current(key)
	if it == nil {
		return Value{}, false
	}
	return m.a.lastValue(it), true
}

// current returns the item that is the value of a key, nil if there is none.
func (m Map) current(key string) *item {
	if _, err := m.get(); err != nil {
		return nil
	}
	d := m.a.doc
	if e := m.entry(key); e != 0 {
		if it := d.items.at(d.entries.at(e).last); !it.deleted() {
			return it
		}
	}
	return nil
}

// Has reports whether a key has a value.
func (m Map) Has(key string) bool {
	return m.current(key) != nil
}

// GetMap returns the handle of the map that is the value of a key. If the value is something else, the methods of the
// handle return ErrKind; if there is none, ErrDeleted.
func (m Map) GetMap(key string) Map {
	it := m.current(key)
	switch {
	case it == nil:
		return Map{node{a: m.a}}
	case it.kind != kindType:
		return Map{node{a: m.a, gen: uint32(codeKind)}}
	}
	return Shared{m.a.node(it.off)}.Map()
}

// Len returns the number of keys that have a value.
func (m Map) Len() int {
	ty, err := m.get()
	if err != nil {
		return 0
	}
	return int(ty.count)
}

// All iterates over the keys and values, in the order in which the keys were first set in this copy of the document, which
// is that of Yjs; other copies may have another order. The map must not be changed meanwhile.
func (m Map) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		ty, err := m.get()
		if err != nil {
			return
		}
		d := m.a.doc
		for e := ty.firstEntry; e != 0; e = d.entries.at(e).next {
			en := d.entries.at(e)
			it := d.items.at(en.last)
			if !it.deleted() && !yield(d.keys.name(en.key), m.a.lastValue(it)) {
				return
			}
		}
	}
}

// Keys iterates over the keys that have a value, in the order of All.
func (m Map) Keys() iter.Seq[string] {
	return func(yield func(string) bool) {
		ty, err := m.get()
		if err != nil {
			return
		}
		d := m.a.doc
		for e := ty.firstEntry; e != 0; e = d.entries.at(e).next {
			en := d.entries.at(e)
			if !d.items.at(en.last).deleted() && !yield(d.keys.name(en.key)) {
				return
			}
		}
	}
}

// Set gives a key a value: a plain one, or a description of a shared type that is to be made (NewMap and others). Setting
// an equal value is a change, too, as in Yjs: it wins over what others do at the same time.
func (m Map) Set(key string, v Value) error {
	if _, err := m.write(); err != nil {
		return err
	}
	d := m.a.doc
	i, it := d.draft()
	payload, err := d.contentFor(&v, it)
	if err != nil {
		d.items.release(i)
		return err
	}
	m.aim(it, key)
	if err = d.insert(m.a.txn, i, payload); err == nil && v.prelim != nil && v.kind != KindSubdoc {
		err = v.prelim.fill(m.a.node(d.items.at(i).off))
	}
	return err
}

// SetMap gives a key a new, empty map as its value, and returns it. What the key had before is deleted, with all that is in it.
func (m Map) SetMap(key string) (Map, error) {
	n, err := m.setType(key, KindMap, 0)
	return Map{n}, err
}

// GetOrCreateMap returns the map that is the value of a key; if there is something else or nothing, it sets a new one.
// Two copies that do so at the same time make two maps, one of which is lost with its content: see EnsureMap.
func (m Map) GetOrCreateMap(key string) (Map, error) {
	if c := m.GetMap(key); c.Err() == nil {
		return c, nil
	}
	return m.SetMap(key)
}

func (m Map) setType(key string, k Kind, name uint32) (node, error) {
	if _, err := m.write(); err != nil {
		return node{}, err
	}
	d := m.a.doc
	i, it := d.draft()
	it.kind, it.length, it.off, it.size = kindType, 1, k.ref(), name
	m.aim(it, key)
	if err := d.insert(m.a.txn, i, nil); err != nil {
		return node{}, err
	}
	return m.a.node(d.items.at(i).off), nil
}

// aim gives an item its place under a key: after what is there.
func (m Map) aim(it *item, key string) {
	d := m.a.doc
	it.parent, it.entry = m.t, d.keys.internString(key)
	if e := d.entries.find(&d.types, m.t, it.entry); e != 0 {
		it.entry, it.left = e, d.entries.at(e).last
	} else {
		it.flags |= flagKey
	}
}

// draft makes an item that is to be filled in and then inserted. The pointer is good until the next item is made.
func (d *Doc) draft() (i uint32, it *item) {
	i = d.items.alloc()
	return i, d.items.at(i)
}

// insertCopy drafts and inserts a copy of an item.
func (d *Doc) insertCopy(t *txn, it *item, payload []byte) (uint32, error) {
	i, draft := d.draft()
	*draft = *it
	return i, d.insert(t, i, payload)
}

// insert integrates a drafted item as one of our own client, or gives it back if there is an error. The payload is copied.
func (d *Doc) insert(t *txn, i uint32, payload []byte) error {
	it := d.items.at(i)
	it.client = d.clients.intern(d.clientID)
	c := &d.clients.list[it.client]
	if it.clock = c.next; uint64(it.clock)+uint64(it.length) > maxClock {
		d.items.release(i)
		return ErrFull
	}
	if it.left != 0 {
		l := d.items.at(it.left)
		it.originClient, it.originClock = l.client, l.last()
	}
	if it.right != 0 {
		r := d.items.at(it.right)
		it.rightClient, it.rightClock = r.client, r.clock
	}
	if payload != nil {
		d.content.put(it, payload)
	}
	d.integrate(t, i, 0)
	return nil
}

// Delete removes a key. It is no error if the key has no value.
func (m Map) Delete(key string) error {
	if _, err := m.write(); err != nil {
		return err
	}
	if e := m.entry(key); e != 0 {
		d := m.a.doc
		d.remove(m.a.txn, d.entries.at(e).last)
	}
	return nil
}

// Clear removes all keys.
func (m Map) Clear() error {
	ty, err := m.write()
	if err != nil {
		return err
	}
	d := m.a.doc
	for e := ty.firstEntry; e != 0; e = d.entries.at(e).next {
		d.remove(m.a.txn, d.entries.at(e).last)
	}
	return nil
}
