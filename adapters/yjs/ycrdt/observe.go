package ycrdt

import "slices"

// An Action says what has happened to a key.
type Action uint8

const (
	ActionAdd Action = iota + 1
	ActionUpdate
	ActionDelete
)

// String returns "add", "update" or "delete".
func (a Action) String() string {
	switch a {
	case ActionAdd:
		return "add"
	case ActionUpdate:
		return "update"
	case ActionDelete:
		return "delete"
	}
	return "none"
}

// A KeyChange is the change of one key of a map, or of one attribute.
type KeyChange struct {
	Key    string
	Action Action
	Old    Value // the value before, unless the key was added
}

// An Event says how one shared type has changed in a transaction. It may be kept. Shared types in it are no handles any
// more, but have a Ref.
type Event struct {
	Origin any
	Local  bool // made by Update, not by Apply
	Target Ref
	Kind   Kind
	Path   []Step      // from the observed type to the target; empty if it is the observed type itself
	Keys   []KeyChange // keys that are set, changed or gone
	Delta  []Delta     // changes of the list or text
}

// observers are those who observe one type.
type observers struct {
	one listeners[func(Event)]
	all listeners[func([]Event)]
}

// A parcel is what one observer gets.
type parcel struct {
	one    *func(Event)
	all    *func([]Event)
	events []Event
}

// Observe calls fn after every transaction that has changed the type itself: its keys, its list or its text, but not what
// lies deeper. See OnCommit for when and by whom.
func (d *Doc) Observe(r Ref, fn func(Event)) *Subscription {
	return observe(d, r, func(o *observers) *listeners[func(Event)] { return &o.one }, fn)
}

// ObserveDeep calls fn after every transaction that has changed the type or what lies below it, with one event for each
// type that has changed, the upper ones first.
func (d *Doc) ObserveDeep(r Ref, fn func([]Event)) *Subscription {
	return observe(d, r, func(o *observers) *listeners[func([]Event)] { return &o.all }, fn)
}

func observe[F any](d *Doc, r Ref, which func(*observers) *listeners[F], fn F) *Subscription {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := &d.mail
	if m.observers == nil {
		m.observers = map[Ref]*observers{}
	}
	o := m.observers[r]
	if o == nil {
		o = &observers{}
		m.observers[r] = o
	}
	l, p := which(o), &fn
	*l = append(slices.Clone(*l), p)
	m.count()
	return &Subscription{doc: d, stop: func() {
		*l = slices.DeleteFunc(slices.Clone(*l), func(q *F) bool { return q == p })
		if len(o.one) == 0 && len(o.all) == 0 {
			delete(m.observers, r)
		}
		m.count()
	}}
}

// events makes the events of a transaction for those who observe: first for each changed type its own observers, then for
// each type with deep observers the events below it, by length of path.
func (d *Doc) events(t *txn) (out []parcel) {
	type deep struct {
		typ    uint32
		o      *observers
		events []Event
	}
	a := &access{doc: d}
	defer func() { a.doc = nil }()
	var deeps []deep
	var done []uint32
	for n, c := range t.changed {
		if !d.alive(c.typ) || slices.Contains(done, c.typ) {
			continue
		}
		done = append(done, c.typ)
		if d.types.at(c.typ).kind == KindUntyped {
			continue
		}
		var ev Event
		made := false
		for typ := c.typ; ; {
			ty := d.types.at(typ)
			if o := d.mail.observers[Ref{typ, ty.gen}]; o != nil && (len(o.all) > 0 || typ == c.typ) {
				if !made {
					made = true
					ev = a.event(t, c.typ, t.changed[n:])
				}
				if typ == c.typ {
					for _, fn := range o.one {
						out = append(out, parcel{one: fn, events: []Event{ev}})
					}
				}
				if len(o.all) > 0 {
					i := slices.IndexFunc(deeps, func(x deep) bool { return x.typ == typ })
					if i < 0 {
						i = len(deeps)
						deeps = append(deeps, deep{typ: typ, o: o})
					}
					ev.Path = d.pathFrom(typ, c.typ)
					deeps[i].events = append(deeps[i].events, ev)
					ev.Path = nil
				}
			}
			if ty.item == 0 {
				break
			}
			typ = d.items.at(ty.item).parent
		}
	}
	for _, x := range deeps {
		slices.SortStableFunc(x.events, func(a, b Event) int { return len(a.Path) - len(b.Path) })
		for _, fn := range x.o.all {
			out = append(out, parcel{all: fn, events: x.events})
		}
	}
	return out
}

// pathFrom returns the steps from one type down to another.
func (d *Doc) pathFrom(from, to uint32) []Step {
	var steps []Step
	for to != from {
		it := d.items.at(d.types.at(to).item)
		if it.entry != 0 {
			steps = append(steps, Step{Key: d.keyName(it)})
		} else {
			steps = append(steps, Step{Index: d.indexOf(d.types.at(to).item), InList: true})
		}
		to = it.parent
	}
	slices.Reverse(steps)
	return steps
}

func (t *txn) adds(it *item) bool    { return it.clock >= t.before(it.client) }
func (t *txn) deleted(it *item) bool { return t.deletes.has(it.client, it.clock) }

// event describes the change of one type. The type's first change is the first one of changed.
func (a *access) event(t *txn, typ uint32, changed []change) Event {
	d := a.doc
	ty := d.types.at(typ)
	ev := Event{Origin: t.origin, Local: t.mine, Target: Ref{typ, ty.gen}, Kind: ty.kind}
	list := false
	for _, c := range changed {
		switch {
		case c.typ != typ:
		case c.key == 0:
			list = true
		default:
			if k, ok := a.keyChange(t, c); ok {
				ev.Keys = append(ev.Keys, k)
			}
		}
	}
	switch {
	case ty.kind.isText():
		ev.Delta = a.textDelta(t, typ)
	case list:
		ev.Delta = a.listDelta(t, typ)
	}
	return ev
}

// keyChange says what has become of a key; ok is false if it is as before.
func (a *access) keyChange(t *txn, c change) (k KeyChange, ok bool) {
	d := a.doc
	k.Key = d.keys.name(c.key)
	it := d.items.at(d.entries.at(d.entries.find(&d.types, c.typ, c.key)).last)
	if !t.adds(it) {
		if !t.deleted(it) {
			return k, false
		}
		k.Action, k.Old = ActionDelete, a.lastOf(it)
		return k, true
	}
	prev := it
	for prev != nil && t.adds(prev) {
		if prev.left == 0 {
			prev = nil
		} else {
			prev = d.items.at(prev.left)
		}
	}
	had := prev != nil && t.deleted(prev)
	switch {
	case t.deleted(it) && !had:
		return k, false
	case t.deleted(it):
		k.Action = ActionDelete
	case had:
		k.Action = ActionUpdate
	default:
		k.Action = ActionAdd
		return k, true
	}
	k.Old = a.lastOf(prev)
	return k, true
}

// lastOf returns the last value of an item, undefined if its content is gone.
func (a *access) lastOf(it *item) Value {
	if it.kind == kindDeleted {
		return Value{}
	}
	return a.lastValue(it)
}

// listDelta describes the change of an array or XML list.
func (a *access) listDelta(t *txn, typ uint32) (out []Delta) {
	d := a.doc
	const (
		none = iota
		insert
		remove
		retain
	)
	var op Delta
	last := none
	begin := func(kind int) {
		if last != kind {
			if last != none {
				out = append(out, op)
			}
			last, op = kind, Delta{}
		}
	}
	for i := d.types.at(typ).start; i != 0; i = d.items.at(i).right {
		it := d.items.at(i)
		switch {
		case it.deleted():
			if t.deleted(it) && !t.adds(it) {
				begin(remove)
				op.Delete += int(it.length)
			}
		case t.adds(it):
			begin(insert)
			if it.kind.countable() {
				for u := uint32(0); u < it.length; u++ {
					op.Elements = append(op.Elements, a.valueAt(it, u))
				}
			}
		default:
			begin(retain)
			op.Retain += int(it.length)
		}
	}
	if last == insert || last == remove {
		out = append(out, op)
	}
	return out
}
