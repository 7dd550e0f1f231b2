package store

import "slices"

// A Store that is written often and looked at seldom makes nodes that nobody ever sees: those of the content between two
// transactions, when nobody has asked for it. Their memory is used again for the copies that later transactions make.
//
// Nodes are known by their generation, and generations by their epoch: an epoch ends when somebody takes a snapshot. So what a
// transaction replaces is a spare node if
//
//   - it was made in the present epoch, that is, after the last snapshot that somebody has, and
//   - nobody took the content before the transaction, up to the moment when that was published no more. Who is about to take a
//     snapshot says so first; see [Store.Snapshot].

// spares are the spare nodes of a Store.
type spares struct {
	cells  sparesOf[Value]
	rows   sparesOf[cells]
	tables sparesOf[rows]
}

type sparesOf[V any] struct {
	old  []*node[V] // what the running transaction has replaced
	free []*node[V] // empty, and nobody's
}

// noSpares are those of a transaction of no Store. Nothing is ever put there.
var noSpares spares

// maxSpares bounds both lists.
const maxSpares = 16

// own is [node.own], in a spare node if one fits.
func (s *sparesOf[V]) own(n *node[V], gen *edit) *node[V] {
	if n.gen == gen || gen.epoch == nil {
		return n.own(gen)
	}
	if n.gen.epoch == gen.epoch && len(s.old) < maxSpares {
		s.old = append(s.old, n)
	}
	for i := len(s.free) - 1; i >= 0; i-- {
		c := s.free[i]
		if !c.fits(n) {
			continue
		}
		last := len(s.free) - 1
		s.free[i], s.free[last] = s.free[last], nil
		s.free = s.free[:last]
		c.gen, c.size, c.keys = gen, n.size, n.keys
		c.vals, c.kids = append(c.vals, n.vals...), append(c.kids, n.kids...)
		return c
	}
	return n.own(gen)
}

// fits says whether an empty node has room for the entries or children of o, and not much more.
func (n *node[V]) fits(o *node[V]) bool {
	want, room := len(o.vals), cap(n.vals)
	if o.kids != nil {
		want, room = len(o.kids), cap(n.kids)
	}
	return want <= room && room <= want+want/4+2
}

// keep makes spare nodes of what the transaction has replaced.
func (s *sparesOf[V]) keep() {
	for _, n := range s.old {
		if !n.fits(n) {
			continue
		}
		if len(s.free) == maxSpares {
			s.free = slices.Delete(s.free, 0, 1)
		}
		clear(n.vals)
		clear(n.kids)
		n.gen, n.keys, n.vals, n.kids = nil, nil, n.vals[:0], n.kids[:0]
		s.free = append(s.free, n)
	}
}

func (s *sparesOf[V]) forget() {
	clear(s.old)
	s.old = s.old[:0]
}

// reuse decides, when a transaction has been published, whether what it has replaced can be used again.
func (s *Store) reuse(before *Snapshot) {
	if s.taking.Load() > 0 || before.taken.Load() { // in this order
		s.epoch = nil
		return
	}
	s.spares.cells.keep()
	s.spares.rows.keep()
	s.spares.tables.keep()
}

// forget ends a transaction, whatever came of it.
func (s *spares) forget() {
	s.cells.forget()
	s.rows.forget()
	s.tables.forget()
}
