package ycrdt

import (
	"iter"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// A document without garbage collection can show what lists, maps and texts had at the time of a snapshot, without making
// another document as Restore does. In other documents what was deleted before and collected is missing.

// run reports whether the unit at clock is visible, and up to which clock, at most end, that is so.
func (s *Snapshot) run(client uint64, clock, end uint32) (visible bool, until uint32) {
	state := s.State[client]
	if clock >= state {
		return false, end
	}
	end = min(end, state)
	i, _ := slices.BinarySearchFunc(s.Deleted, clock, func(x update.Deletion, clock uint32) int {
		switch {
		case x.Client != client:
			if x.Client > client {
				return -1
			}
			return 1
		case x.End() <= clock:
			return -1
		case x.Clock > clock:
			return 1
		}
		return 0
	})
	switch {
	case i == len(s.Deleted) || s.Deleted[i].Client != client || s.Deleted[i].Clock >= end:
		return true, end
	case s.Deleted[i].Clock > clock:
		return true, s.Deleted[i].Clock
	}
	return false, min(end, s.Deleted[i].End())
}

// lastSeen returns the last unit of an entry's items that the snapshot knows.
func (d *Doc) lastSeen(e uint32, s *Snapshot) (it *item, unit uint32, visible bool) {
	for i := d.entries.at(e).last; i != 0; i = d.items.at(i).left {
		it := d.items.at(i)
		client := d.clients.list[it.client].id
		state := s.State[client]
		if it.clock >= state {
			continue
		}
		clock := min(it.end(), state) - 1
		visible, _ := s.run(client, clock, clock+1)
		return it, clock - it.clock, visible && it.kind != kindDeleted
	}
	return nil, 0, false
}

// GetAt is Get at the time of a snapshot.
func (m Map) GetAt(s Snapshot, key string) (v Value, ok bool) {
	if _, err := m.get(); err != nil {
		return Value{}, false
	}
	e := m.entry(key)
	if e == 0 {
		return Value{}, false
	}
	it, unit, ok := m.a.doc.lastSeen(e, &s)
	if !ok {
		return Value{}, false
	}
	return m.a.valueAt(it, unit), true
}

// AllAt is All at the time of a snapshot.
func (m Map) AllAt(s Snapshot) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		ty, err := m.get()
		if err != nil {
			return
		}
		d := m.a.doc
		for e := ty.firstEntry; e != 0; e = d.entries.at(e).next {
			if it, unit, ok := d.lastSeen(e, &s); ok && !yield(d.keys.name(d.entries.at(e).key), m.a.valueAt(it, unit)) {
				return
			}
		}
	}
}

// AllAt is All at the time of a snapshot.
func (r Array) AllAt(s Snapshot) iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		ty, err := r.get()
		if err != nil {
			return
		}
		d := r.a.doc
		index := 0
		for i := ty.start; i != 0; i = d.items.at(i).right {
			it := d.items.at(i)
			if !it.kind.countable() {
				continue
			}
			client := d.clients.list[it.client].id
			for clock := it.clock; clock < it.end(); {
				visible, until := s.run(client, clock, it.end())
				for ; clock < until; clock++ {
					if !visible {
						continue
					}
					if !yield(index, r.a.valueAt(it, clock-it.clock)) {
						return
					}
					index++
				}
			}
		}
	}
}

// DeltaAt is Delta at the time of a snapshot.
func (x Text) DeltaAt(s Snapshot) []Delta { return x.DeltaBetween(s, s, nil) }

// DeltaBetween returns the text with the changes between two snapshots marked: what is only in the later one as added, what
// is only in the earlier one as removed. mark returns the value of the attribute "ychange" for that; by default it is the
// object {"type":"added"} or {"type":"removed"}. The formatting is that of the later snapshot.
func (x Text) DeltaBetween(from, to Snapshot, mark func(added bool, id ID) Any) []Delta {
	ty, err := x.get()
	if err != nil {
		return nil
	}
	if mark == nil {
		mark = func(added bool, _ ID) Any {
			what := "removed"
			if added {
				what = "added"
			}
			return lib0.ObjectOf(Field{Key: "type", Value: lib0.StringOf(what)})
		}
	}
	w := markedWriter{}
	d := x.a.doc
	for i := ty.start; i != 0; i = d.items.at(i).right {
		it := d.items.at(i)
		id := d.idOf(it)
		for clock := it.clock; clock < it.end(); {
			isNew, until := to.run(id.Client, clock, it.end())
			isOld, untilOld := from.run(id.Client, clock, until)
			until = min(until, untilOld)
			switch {
			case !isNew && !isOld:
			case it.kind == kindFormat:
				if isNew {
					w.flush()
					w.now.update(d.format(i))
				}
			case it.kind == kindString || it.kind == kindEmbed || it.kind == kindType:
				w.mark(isOld, isNew, ID{id.Client, clock}, mark)
				if it.kind != kindString {
					w.flush()
					w.out = append(w.out, Delta{Insert: x.a.lastValue(it), Attributes: w.attributes()})
					break
				}
				_, text := lib0.CutUTF16(d.content.of(it), int(clock-it.clock))
				text, _ = lib0.CutUTF16(text, int(until-clock))
				w.run = append(w.run, text...)
			}
			clock = until
		}
	}
	w.flush()
	return w.out
}

// A markedWriter collects pieces of text that have the same attributes.
type markedWriter struct {
	out     []Delta
	now     attrs
	run     []byte
	changed changeOf
	value   Any // of "ychange", if changed is set
}

// changeOf says who has changed a piece, and how.
type changeOf struct {
	client         uint64
	added, removed bool
}

func (w *markedWriter) mark(isOld, isNew bool, id ID, mark func(bool, ID) Any) {
	c := changeOf{added: isNew && !isOld, removed: isOld && !isNew}
	if c.added || c.removed {
		c.client = id.Client
	}
	if c == w.changed {
		return
	}
	w.flush()
	if w.changed = c; c.added || c.removed {
		w.value = mark(c.added, id)
	}
}

func (w *markedWriter) attributes() []Field {
	fields := w.now.fields()
	if w.changed != (changeOf{}) {
		fields = append(slices.Clone(fields), Field{Key: "ychange", Value: w.value})
	}
	return fields
}

func (w *markedWriter) flush() {
	if len(w.run) > 0 {
		w.out = append(w.out, Delta{Insert: String(string(w.run)), Attributes: w.attributes()})
		w.run = w.run[:0]
	}
}
