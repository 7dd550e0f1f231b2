package amchange

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Edit makes one new change, operation by operation. Each operation takes effect in the index at once, as part of the batch.
//
// Objects are named by the operation that made them; the zero OpID is the root map. Setting a place replaces all of its
// concurrent values.
type Edit struct {
	b      *Batch
	added  addedChange
	actor  uint32
	before actorState
	start  uint64
	ops    []Op
}

// Edit begins a change by the actor that comes after everything in the index. While it is open nothing else may be added to
// the batch; Commit or Rollback ends it.
func (b *Batch) Edit(actor Actor) *Edit {
	ix := b.ix
	e := &Edit{b: b, start: ix.maxOp + 1, added: addedChange{maxOp: ix.maxOp, ops: ix.ops, actors: len(ix.actors),
		keys: len(ix.keys), journal: len(b.journal), touched: len(b.touched)}}
	n, ok := ix.actorOf[actor]
	if !ok {
		n = uint32(len(ix.actors))
		ix.actorOf[actor] = n
		ix.actors = append(ix.actors, actorState{id: actor})
	}
	e.actor, e.before = n, ix.actors[n]
	return e
}

// Len returns the number of operations so far.
func (e *Edit) Len() int { return len(e.ops) }

// Set puts a scalar under a key of a map.
func (e *Edit) Set(obj OpID, key string, v Value) error {
	if v.kind.IsObject() {
		return fmt.Errorf("amchange: set %q to a %s: use Make", key, v.kind)
	}
	_, err := e.at(obj, key, Set, v)
	return err
}

// Make puts a new, empty object under a key of a map, and returns its name.
func (e *Edit) Make(obj OpID, key string, kind Kind) (OpID, error) {
	for a := MakeMap; a <= MakeTable; a++ {
		if k, ok := a.object(); ok && k == kind {
			return e.at(obj, key, a, Value{})
		}
	}
	return OpID{}, fmt.Errorf("amchange: make %q a %s: that is no object", key, kind)
}

// Delete removes a key of a map. It does nothing when there is no such key.
func (e *Edit) Delete(obj OpID, key string) error {
	_, err := e.at(obj, key, Delete, Value{})
	return err
}

// Increment adds to all counters under a key of a map.
func (e *Edit) Increment(obj OpID, key string, by int64) error {
	_, err := e.at(obj, key, Increment, IntValue(by))
	return err
}

// at carries out an operation in a map.
func (e *Edit) at(obj OpID, key string, a Action, v Value) (OpID, error) {
	ix := e.b.ix
	n, ok := ix.object(obj)
	if !ok || ix.objects[n].kind.IsSequence() {
		return OpID{}, fmt.Errorf("amchange: edit: there is no map %s", obj)
	}
	if !utf8.ValidString(key) {
		return OpID{}, fmt.Errorf("amchange: edit: key %q is not UTF-8", key)
	}
	r := rawOp{obj: e.raw(ix.objects[n].op), key: key, action: a, value: v}
	if k, ok := ix.keyOf[key]; ok {
		var one [1]entry
		for _, l := range ix.live(slotKey{n, uint64(k)}, &one) {
			if a != Increment || l.kind == Counter {
				r.preds = append(r.preds, e.raw(l.op))
			}
		}
	}
	if (a == Delete || a == Increment) && len(r.preds) == 0 {
		return OpID{}, nil
	}
	return e.do(&r)
}

// Splice deletes characters of a text and inserts others there. Positions count what the text shows, in code points.
func (e *Edit) Splice(text OpID, at, remove int, insert string) error {
	ix := e.b.ix
	n, ok := ix.object(text)
	if !ok || ix.objects[n].kind != Text {
		return fmt.Errorf("amchange: edit: there is no text %s", text)
	}
	if !utf8.ValidString(insert) {
		return fmt.Errorf("amchange: edit: text %q is not UTF-8", insert)
	}
	o := &ix.objects[n]
	var behind opid
	var doomed []opid
	pos := 0
	for it := range o.seq.all {
		if pos >= at+remove {
			break
		}
		if _, ok := ix.visible(o, it); !ok {
			continue
		}
		if pos < at {
			behind = it.op()
		} else {
			doomed = append(doomed, it.op())
		}
		pos++
	}
	if at < 0 || remove < 0 || pos < at+remove {
		return fmt.Errorf("amchange: edit: characters %d to %d of a text of %d", at, at+remove, pos)
	}
	obj := e.raw(o.op)
	for _, r := range insert {
		id, err := e.do(&rawOp{obj: obj, inSeq: true, elem: e.raw(behind), insert: true, action: Set, value: StringValue(string(r))})
		if err != nil {
			return err
		}
		behind = opid(id.Counter)<<32 | opid(e.actor)
	}
	for _, op := range doomed {
		r := rawOp{obj: obj, inSeq: true, elem: e.raw(op), action: Delete}
		if it := ix.objects[n].seq.item(op); it.char&gone == 0 {
			r.preds = append(r.preds, e.raw(op))
		}
		var one [1]entry
		for _, l := range ix.live(slotKey{n, uint64(op)}, &one) {
			r.preds = append(r.preds, e.raw(l.op))
		}
		if _, err := e.do(&r); err != nil {
			return err
		}
	}
	return nil
}

func (e *Edit) raw(op opid) rawID { return rawID{counter: op.counter(), actor: uint64(op.actor())} }

// do adds an operation to the index and to the change.
func (e *Edit) do(r *rawOp) (OpID, error) {
	ix := e.b.ix
	counter := e.start + uint64(len(e.ops))
	if counter > maxCounter {
		return OpID{}, fmt.Errorf("amchange: edit: counter %w", errRange)
	}
	if err := e.b.apply(r, opid(counter)<<32|opid(e.actor), nil); err != nil {
		return OpID{}, fmt.Errorf("amchange: edit: %w", err)
	}
	public := func(id rawID) OpID { return ix.id(opid(id.counter)<<32 | opid(id.actor)) }
	op := Op{ID: OpID{counter, ix.actors[e.actor].id}, Obj: public(r.obj), Key: r.key, InSequence: r.inSeq, Elem: public(r.elem),
		Insert: r.insert, Action: r.action, Value: r.value}
	for _, p := range r.preds {
		op.Preds = append(op.Preds, public(p))
	}
	e.ops = append(e.ops, op)
	return op.ID, nil
}

// Commit ends the change and returns it. Without operations it returns nil. The time has a resolution of one second; the zero
// Time means unknown.
func (e *Edit) Commit(at time.Time, message string) (*Change, error) {
	ix := e.b.ix
	if len(e.ops) == 0 {
		e.Rollback()
		return nil, nil
	}
	d := Draft{Actor: ix.actors[e.actor].id, Seq: e.before.seq + 1, StartOp: e.start, Message: message, Deps: ix.Heads(), Ops: e.ops}
	if !at.IsZero() {
		d.Seconds = at.Unix()
	}
	c, err := d.Encode()
	if err != nil {
		e.Rollback()
		return nil, err
	}
	e.b.register(c, &e.added, e.actor)
	e.b.changes = append(e.b.changes, e.added)
	return c, nil
}

// Rollback takes all operations back. After Commit it must not be called.
func (e *Edit) Rollback() { e.b.undo(&e.added) }
