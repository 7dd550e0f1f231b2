package amchange

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Delta says where a document changed, as far as somebody who reads it can see: changes inside an object that lost its
// place, or was deleted, are not listed.
type Delta struct {
	// Changes is the number of changes that were new.
	Changes int
	// Whole says that there were too many places to list: everything may have changed.
	Whole bool
	// Touched are places with another value than before, each given by the map keys from the root. At such a place or
	// below it anything may be different. What happens in a list or text touches the place that the outermost sequence is in.
	Touched [][]string
	// Conflicted are places whose value is the same, but whose set of concurrent values is another one.
	Conflicted [][]string
	// Behind are places where something has changed inside an object that has lost the place, and is no winner there, but is
	// live. Readers see nothing of it.
	Behind [][]string
}

// Empty reports whether nothing that can be seen has changed.
func (d *Delta) Empty() bool {
	return !d.Whole && len(d.Touched) == 0 && len(d.Conflicted) == 0
}

// String lists the places.
func (d *Delta) String() string {
	if d.Whole {
		return "everything"
	}
	var b strings.Builder
	for i, p := range d.Touched {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.Join(p, "/"))
	}
	for _, p := range d.Conflicted {
		fmt.Fprintf(&b, " ?%s", strings.Join(p, "/"))
	}
	for _, p := range d.Behind {
		fmt.Fprintf(&b, " ~%s", strings.Join(p, "/"))
	}
	return b.String()
}

// delta sums a batch up. The first touch of a place says how it was before the batch.
func (ix *Index) delta(b *Batch) *Delta {
	d := &Delta{Changes: len(b.changes), Whole: b.lost}
	if b.lost {
		return d
	}
	slices.SortStableFunc(b.touched, func(x, y touch) int {
		if c := cmp.Compare(x.slot.obj, y.slot.obj); c != 0 {
			return c
		}
		return cmp.Compare(x.slot.key, y.slot.key)
	})
	var parents pathCache
	if len(b.touched) > 4 {
		parents = pathCache{}
	}
	for i := 0; i < len(b.touched); {
		first := b.touched[i]
		for ; i < len(b.touched) && b.touched[i].slot == first.slot; i++ {
			first.counted = first.counted || b.touched[i].counted
		}
		if first.slot.key == inside {
			if p, ok := ix.path(first.slot.obj, parents); ok {
				d.Touched = append(d.Touched, p.keys)
			} else if keys, ok := ix.behind(first.slot.obj, parents); ok {
				d.Behind = append(d.Behind, keys)
			}
			continue
		}
		e, _ := ix.objects[first.slot.obj].slots.get(first.slot.key)
		changed := e.op != first.winner || first.counted
		if !changed && !first.multi && !e.more {
			continue
		}
		p, ok := ix.path(first.slot.obj, parents)
		if !ok {
			if keys, ok := ix.behind(first.slot.obj, parents); ok {
				d.Behind = append(d.Behind, keys)
			}
			continue
		}
		keys := append(p.keys, ix.keys[first.slot.key])
		switch {
		case p.sequence: // a map in a list
			d.Touched = append(d.Touched, p.keys)
		case changed:
			d.Touched = append(d.Touched, keys)
		default:
			d.Conflicted = append(d.Conflicted, keys)
		}
	}
	d.Touched = tidy(d.Touched)
	d.Conflicted = tidy(d.Conflicted)
	d.Behind = tidy(d.Behind)
	if len(d.Touched)+len(d.Conflicted)+len(d.Behind) > ix.lim.Touched {
		return &Delta{Changes: d.Changes, Whole: true}
	}
	return d
}

// tidy sorts paths and removes those at or below another one.
func tidy(paths [][]string) [][]string {
	slices.SortFunc(paths, slices.Compare[[]string])
	out := paths[:0]
	for _, p := range paths {
		if l := len(out); l > 0 && len(out[l-1]) <= len(p) && slices.Equal(out[l-1], p[:len(out[l-1])]) {
			continue
		}
		out = append(out, p)
	}
	return out
}

type pathTo struct {
	keys     []string
	sequence bool // the path ends at a sequence, and the object is that or inside it
	visible  bool
}

// pathCache keeps the paths of objects; nil keeps nothing.
type pathCache map[uint32]pathTo

// path returns the keys that lead to an object, up to the first sequence on the way, and whether the object can be seen: it
// and all around it are the winners of their places. One key may be appended.
func (ix *Index) path(obj uint32, cache pathCache) (pathTo, bool) {
	return ix.pathBefore(obj, 1, cache)
}

// pathBefore is path, with room for more keys behind it.
func (ix *Index) pathBefore(obj uint32, more int, cache pathCache) (pathTo, bool) {
	if obj == 0 {
		return pathTo{keys: make([]string, 0, more), visible: true}, true
	}
	if p, ok := cache[obj]; ok {
		p.keys = slices.Clip(p.keys)
		return p, p.visible
	}
	o := &ix.objects[obj]
	var p pathTo
	if e, ok := o.winnerIn(ix); ok && e.op == o.op {
		if up, ok := ix.pathBefore(o.parent, more+1, cache); ok {
			p = up
			if !up.sequence {
				p.keys = append(up.keys, ix.keys[o.key])
				p.sequence = o.kind.IsSequence()
			}
		}
	}
	if cache != nil {
		cache[obj] = p
	}
	return p, p.visible
}

// behind returns the place that an object, or the outermost of those around it that is not to be seen, has lost. It returns
// false where one of them was deleted or replaced.
func (ix *Index) behind(obj uint32, cache pathCache) (keys []string, ok bool) {
	var lost slotKey
	for n := obj; n != 0; n = ix.objects[n].parent {
		o := &ix.objects[n]
		slot := slotKey{o.parent, o.key}
		if e, there := o.winnerIn(ix); there && e.op == o.op {
			continue
		}
		if _, live := ix.search(ix.multi[slot], o.op); !live {
			return nil, false
		}
		lost, ok = slot, true
	}
	if !ok {
		return nil, false
	}
	p, ok := ix.path(lost.obj, cache)
	if !ok || p.sequence {
		return nil, false
	}
	return append(p.keys[:len(p.keys):len(p.keys)], ix.keys[lost.key]), true
}

// winnerIn returns the winner of the place that the object was made in.
func (o *object) winnerIn(ix *Index) (entry, bool) {
	return ix.objects[o.parent].slots.get(o.key)
}
