package ycrdt

import (
	"slices"
	"sync"
)

// An UpdateEvent is what a transaction has changed, ready to be sent to other copies.
type UpdateEvent struct {
	Update []byte // in the format that was asked for; the receiver may keep it
	Origin any    // as given to Update or Apply; nil for formatting that was cleaned up
	Local  bool   // made by Update, not by Apply
}

// A Commit says which parts of a document a transaction has touched. It and its slices may be kept.
type Commit struct {
	Origin    any
	Local     bool // made by Update, not by Apply
	Changes   []Change
	Conflicts []Conflict
	Late      []Late
}

// A Change is a place that has changed: a key of a map (or attribute), or somewhere in a list or text. What lies below a
// type that is new or deleted is not reported, only its place in its parent. A place is reported also if it was changed
// back, and once per transaction.
type Change struct {
	Path []Step // from the root, which is the first step, to the type
	Kind Kind   // of the type
	Key  string // the key that has changed, unless List
	List bool   // the list or text has changed
}

// A Step leads to a type: from nothing to the root with the name Key, then from a type to what it has under Key or, if
// InList, at Index.
type Step struct {
	Key    string
	Index  int
	InList bool
}

// A Subscription is what the methods called On... return.
type Subscription struct {
	doc  *Doc
	once sync.Once
	stop func()
}

// Close ends the subscription. Calls that are under way are not waited for. It may be called more than once, but not inside
// Update or View.
func (s *Subscription) Close() {
	s.once.Do(func() {
		s.doc.mu.Lock()
		defer s.doc.mu.Unlock()
		s.stop()
	})
}

// listeners is a set of functions that is replaced when it changes, so that whoever has it may go on reading it.
type listeners[F any] []*F

func subscribe[F any](d *Doc, l *listeners[F], fn F) *Subscription {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &fn
	*l = append(slices.Clone(*l), p)
	d.mail.count()
	return &Subscription{doc: d, stop: func() {
		*l = slices.DeleteFunc(slices.Clone(*l), func(q *F) bool { return q == p })
		d.mail.count()
	}}
}

// mail brings news of transactions to listeners, after the document has been unlocked, in the order of the transactions.
type mail struct {
	// Read and written with Doc.mu.
	updates1, updates2 listeners[func(UpdateEvent)]
	commits            listeners[func(*Commit)]
	subdocs            listeners[func(SubdocEvent)]
	observers          map[Ref]*observers
	wanted             bool // somebody wants to know what has changed

	mu      sync.Mutex // taken after Doc.mu or alone
	queue   []*letter
	head    int     // letters before it have been delivered
	spare   *letter // an empty one
	running bool
}

// A letter is the news of one transaction, with those who get it.
type letter struct {
	commit             *Commit
	commits            listeners[func(*Commit)]
	update1, update2   UpdateEvent
	updates1, updates2 listeners[func(UpdateEvent)]
	events             []parcel
	subdocs            listeners[func(SubdocEvent)]
	subdoc             SubdocEvent
	calls              []func() // others to be made
}

// post puts calls into the queue.
func (m *mail) post(calls []func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, &letter{calls: calls})
}

func (m *mail) count() { m.wanted = len(m.commits) > 0 || len(m.observers) > 0 }

// OnUpdate calls fn after every transaction that has changed something, with the update in format V1. See OnCommit for when
// and by whom.
func (d *Doc) OnUpdate(fn func(UpdateEvent)) *Subscription {
	return subscribe(d, &d.mail.updates1, fn)
}

// OnUpdateV2 is OnUpdate for format V2.
func (d *Doc) OnUpdateV2(fn func(UpdateEvent)) *Subscription {
	return subscribe(d, &d.mail.updates2, fn)
}

// OnCommit calls fn after every transaction that has changed something, with the places that have changed.
//
// The document is not locked any more: fn may read and write it, and may find it further on already. Calls come one at a
// time and in the order of the transactions, made by the goroutine that committed the transaction, or by one that is still
// busy with calls for earlier ones. So a transaction that fn makes is reported after fn has returned.
func (d *Doc) OnCommit(fn func(*Commit)) *Subscription {
	return subscribe(d, &d.mail.commits, fn)
}

// notify collects what observers are told of a transaction, before garbage collection takes the old content away. It returns
// nil if there is nothing to tell.
func (d *Doc) notify(t *txn) *letter {
	if len(d.mail.commits) == 0 && len(d.mail.observers) == 0 && len(d.mail.subdocs) == 0 {
		return nil
	}
	l := &letter{}
	if len(d.mail.commits) > 0 && (len(t.touched) > 0 || len(t.deletes.spans) > 0) {
		l.commit = &Commit{Origin: t.origin, Local: t.mine, Changes: d.changes(t), Conflicts: d.conflicts(t), Late: d.latecomers(t)}
		l.commits = d.mail.commits
	}
	if len(d.mail.observers) > 0 && len(t.changed) > 0 {
		l.events = d.events(t)
	}
	if len(d.mail.subdocs) > 0 && len(t.subdocs) > 0 {
		if l.subdoc = d.subdocEvent(t); len(l.subdoc.Added)+len(l.subdoc.Loaded)+len(l.subdoc.Removed) > 0 {
			l.subdocs = d.mail.subdocs
		}
	}
	if l.commit == nil && l.events == nil && l.subdocs == nil {
		return nil
	}
	return l
}

// report writes the updates for those who listen and puts the letter into the queue.
func (d *Doc) report(t *txn, l *letter) {
	m := &d.mail
	changed := len(t.touched) > 0 || len(t.deletes.spans) > 0
	if l == nil && !(changed && len(m.updates1)+len(m.updates2) > 0) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if l == nil {
		if l, m.spare = m.spare, nil; l == nil {
			l = &letter{}
		}
	}
	if changed && len(m.updates1) > 0 {
		l.updates1 = m.updates1
		l.update1 = UpdateEvent{d.updateOf(t), t.origin, t.mine}
	}
	if changed && len(m.updates2) > 0 {
		l.updates2 = m.updates2
		l.update2 = UpdateEvent{d.updateOfV2(t), t.origin, t.mine}
	}
	m.queue = append(m.queue, l)
}

// partsOf returns what a transaction has added.
func (d *Doc) partsOf(t *txn) []part {
	parts := d.parts[:0]
	for _, w := range t.touched {
		parts = append(parts, part{w.client, w.before})
	}
	if len(parts) > 1 {
		d.sortParts(parts)
	}
	d.parts = parts
	return parts
}

func (d *Doc) updateOf(t *txn) []byte {
	b := d.appendDeletes(d.appendParts(d.scratch[:0], d.partsOf(t)), t.told())
	d.scratch = b
	return slices.Clone(b)
}

func (d *Doc) updateOfV2(t *txn) []byte {
	d.writer.reset()
	d.writer.parts(d, d.partsOf(t))
	d.writer.deletes(d, t.told())
	return d.writer.bytes()
}

// deliver calls the listeners, unless another call is at it, which then does this work as well.
func (m *mail) deliver() {
	m.mu.Lock()
	if m.running || len(m.queue) == m.head {
		m.mu.Unlock()
		return
	}
	m.running = true
	defer func() { // also if a listener panics
		m.running = false
		m.mu.Unlock()
	}()
	for len(m.queue) > m.head {
		l := m.queue[m.head]
		m.queue[m.head] = nil
		if m.head++; m.head == len(m.queue) {
			m.queue, m.head = m.queue[:0], 0
		}
		m.mu.Unlock()
		l.open(m)
		*l = letter{}
		m.mu.Lock()
		m.spare = l
	}
}

func (l *letter) open(m *mail) {
	defer func() {
		if p := recover(); p != nil {
			m.mu.Lock() // deliver unlocks it
			panic(p)
		}
	}()
	for _, e := range l.events {
		if e.one != nil {
			(*e.one)(e.events[0])
		} else {
			(*e.all)(e.events)
		}
	}
	for _, fn := range l.calls {
		fn()
	}
	for _, fn := range l.commits {
		(*fn)(l.commit)
	}
	for _, fn := range l.updates1 {
		(*fn)(l.update1)
	}
	for _, fn := range l.updates2 {
		(*fn)(l.update2)
	}
	for _, fn := range l.subdocs {
		(*fn)(l.subdoc)
	}
}

// changes lists what a transaction has changed in types that are still alive.
func (d *Doc) changes(t *txn) []Change {
	out := make([]Change, 0, len(t.changed))
	var steps []Step
	path := map[uint32][]Step(nil)
	var last uint32
	var lastPath []Step
	for _, c := range t.changed {
		if !d.alive(c.typ) {
			continue
		}
		if c.typ != last {
			p, known := path[c.typ]
			if !known {
				from := len(steps)
				steps = d.appendPath(steps, c.typ)
				p = steps[from:len(steps):len(steps)]
				if last != 0 {
					if path == nil {
						path = map[uint32][]Step{last: lastPath}
					}
					path[c.typ] = p
				}
			}
			last, lastPath = c.typ, p
		}
		ch := Change{Path: lastPath, Kind: d.types.at(c.typ).kind}
		if c.key == 0 {
			ch.List = true
		} else {
			ch.Key = d.keys.name(c.key)
		}
		out = append(out, ch)
	}
	return out
}

// appendPath appends the steps from the root to a type.
func (d *Doc) appendPath(steps []Step, typ uint32) []Step {
	from := len(steps)
	for {
		ty := d.types.at(typ)
		if ty.item == 0 {
			steps = append(steps, Step{Key: d.keys.name(ty.name)})
			break
		}
		it := d.items.at(ty.item)
		if it.entry != 0 {
			steps = append(steps, Step{Key: d.keyName(it)})
		} else {
			steps = append(steps, Step{Index: d.indexOf(ty.item), InList: true})
		}
		typ = it.parent
	}
	slices.Reverse(steps[from:])
	return steps
}

// indexOf returns the index of an item in its list, counting visible units.
func (d *Doc) indexOf(i uint32) int {
	n := 0
	for j := d.types.at(d.items.at(i).parent).start; j != i && j != 0; {
		it := d.items.at(j)
		if !it.deleted() && it.kind.countable() {
			n += int(it.length)
		}
		j = it.right
	}
	return n
}
