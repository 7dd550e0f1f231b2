package automerge

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// When two peers make a container under one key at the same time, one container loses its place, and nobody sees any more
// what was written into it. Automerge keeps it: the loser stays one of the live values of the key. A Target that finds such a
// loser writes its cells again, into the container that has won:
//
//	pets -> fido -> map 7@aa {legs: 4, color: "red"}        loses, since 9 > 7
//	             -> map 9@bb {legs: 3}                      wins: legs stays 3 ...
//	                               color: "red"             ... and this is written again, by the actor HASH
//
//   - A cell is restored only where the winner has never had anything but restored values. What its side has written or
//     deleted stands.
//   - Each restored value is a change of its own that depends on nothing but the winner, the key and the lost value. So all
//     Targets that restore it make the same change, byte for byte, and one that comes late makes none.
//   - Its operation is the youngest that the winner and the lost value allow, and its actor is smaller than others. So whoever
//     has known the lost value, and writes into the winner, wins; and of two restored values the one that was lost later
//     wins, as the actor begins with the age of what was lost.
//
// A peer that has not heard of the loss goes on writing into the loser. That is restored in the same way, when it comes.
// Containers that the winner lacks get their shared identity. They are made only on the way to a lost cell, so this ends.
//
// Maps and lists inside a cell are not carried over.

// restoring is the origin of the transaction that restores.
type restoring struct{ t *Target }

// String names the transaction.
func (r restoring) String() string { return "restore in " + r.t.String() }

// mend restores what has been lost at the places of a change, and below them; nil stands for everywhere. An error is
// impossible but for a full document, and then there is nobody to tell: the conflict remains.
func (t *Target) mend(d *amchange.Delta) {
	n, ok := t.layout.(nested)
	if !ok || !t.saving.Load() {
		return
	}
	var at [][]string
	if d == nil || d.Whole {
		at = [][]string{{string(n)}}
	} else {
		for _, list := range [][][]string{d.Touched, d.Conflicted, d.Behind} {
			for _, keys := range list {
				if n.contains(keys) {
					at = append(at, keys)
				}
			}
		}
	}
	if len(at) == 0 {
		return
	}
	contested := false
	t.doc.View(func(ix *amchange.Index) { contested = ix.Contested() })
	if !contested {
		return
	}
	_ = t.doc.Update(restoring{t}, func(tx *Tx) error {
		m := mending{tx, tx.Index()}
		for _, keys := range at {
			if len(keys) == 0 {
				keys = []string{string(n)}
			}
			var parent amchange.Live
			if parent, ok = m.ix.Get(keys[:len(keys)-1]...); !ok || !isMap(parent) {
				continue
			}
			if err := m.place(parent.ID, keys[len(keys)-1], n.level(keys)); err != nil {
				return err
			}
		}
		return nil
	})
}

// contains says whether a place is one of a container, or above.
func (n nested) contains(keys []string) bool {
	if len(keys) == 0 {
		return true
	}
	return keys[0] == string(n) && n.level(keys) >= 0
}

// rootLevel is the level of the root map. Its children are the map of all tables, which has level 2, and that of all values.
// A container of level 0 holds cells or values.
const rootLevel = 3

// level returns how many containers are below another one; it is negative for what is none.
func (n nested) level(keys []string) int {
	switch {
	case len(keys) == 0:
		return rootLevel + 1
	case len(keys) == 1:
		return rootLevel
	case keys[1] == tablesKey:
		return rootLevel + 1 - len(keys)
	case keys[1] == valuesKey:
		return 2 - len(keys)
	}
	return -1
}

// below returns the level of what is under a key of a container.
func below(level int, key string) int {
	if level == rootLevel && key == valuesKey {
		return 0
	}
	return level - 1
}

// mending is one transaction that restores.
type mending struct {
	tx *Tx
	ix *amchange.Index
}

// place looks for losers under a key, and below the winner.
func (m mending) place(parent amchange.OpID, key string, level int) error {
	chain, _ := m.containers(parent, key)
	return m.merge(chain, level)
}

// containers returns the maps that stand under a key, the winner first; ok is false when the winner is something else.
func (m mending) containers(parent amchange.OpID, key string) (out []amchange.OpID, ok bool) {
	live := m.ix.LiveIn(parent, key)
	if len(live) == 0 || !isMap(live[len(live)-1]) {
		return nil, false
	}
	for _, v := range slices.Backward(live) {
		if isMap(v) {
			out = append(out, v.ID)
		}
	}
	return out, true
}

// merge restores into the first container what the others have. Each stands for what was known where it won over those behind
// it, so what it has deleted is not looked for there.
func (m mending) merge(chain []amchange.OpID, level int) error {
	if len(chain) == 0 || level == 0 && len(chain) == 1 {
		return nil
	}
	for _, key := range m.keys(chain, level) {
		if level == 0 {
			if err := m.cell(chain, key); err != nil {
				return err
			}
			continue
		}
		inner := below(level, key)
		sub, ok := m.under(chain, key)
		if !ok {
			if len(sub) == 0 || !m.holds(sub, inner) {
				continue
			}
			if err := m.tx.Add(container(m.ix, chain[0], key)); err != nil {
				return err
			}
			made, _ := m.ix.GetIn(chain[0], key)
			sub = append([]amchange.OpID{made.ID}, sub...)
		}
		if err := m.merge(sub, inner); err != nil {
			return err
		}
	}
	return nil
}

// keys returns the keys of all containers of a chain.
func (m mending) keys(chain []amchange.OpID, level int) []string {
	all := map[string]bool{}
	for i, c := range chain {
		for key, v := range m.ix.EntriesOf(c) {
			switch {
			case level == rootLevel && key != tablesKey && key != valuesKey:
			case level > 0 && !isMap(v):
			case level == 0 && i == 0: // the winner's own cells stand, unless somebody else has them, too
			default:
				all[key] = true
			}
		}
	}
	return sortedKeys(all)
}

// under returns what is under a key of the containers of a chain; ok is false when the first has nothing there, in which case
// there is something only if it has never had anything.
func (m mending) under(chain []amchange.OpID, key string) (out []amchange.OpID, ok bool) {
	for i, c := range chain {
		sub, there := m.containers(c, key)
		switch {
		case there:
			out = append(out, sub...)
			ok = ok || i == 0
		case m.ever(c, key):
			return out, ok
		}
	}
	return out, ok
}

// holds reports whether there is any cell in containers.
func (m mending) holds(list []amchange.OpID, level int) bool {
	for _, c := range list {
		for key, v := range m.ix.EntriesOf(c) {
			if level == 0 {
				return true
			}
			if isMap(v) && m.holds([]amchange.OpID{v.ID}, below(level, key)) {
				return true
			}
		}
	}
	return false
}

// ever reports whether there is or was anything under a key.
func (m mending) ever(c amchange.OpID, key string) bool {
	for range m.ix.ReplacedIn(c, key) {
		return true
	}
	_, ok := m.ix.GetIn(c, key)
	return ok
}

// isRestored reports whether a value under a key was restored there, and nobody has edited it since.
func (m mending) isRestored(c amchange.OpID, key string, v amchange.Live) bool {
	return strings.HasPrefix(string(v.ID.Actor), restoredIn(c, key)) && len(v.ID.Actor) == restoredSize &&
		(v.Value.Kind() != amchange.Text || m.ix.Untouched(v.ID))
}

// written reports whether anything but a restored value is or was under a key.
func (m mending) written(c amchange.OpID, key string) bool {
	sign := restoredIn(c, key)
	for _, v := range m.ix.LiveIn(c, key) {
		if !m.isRestored(c, key, v) {
			return true
		}
	}
	for op := range m.ix.ReplacedIn(c, key) {
		if !strings.HasPrefix(string(op.Actor), sign) {
			return true
		}
	}
	return false
}

// cell restores one cell or value, if it is lost: into the first container of the chain, from the first of the others that
// somebody has written it in, or from one before that which had it restored, whichever is younger.
func (m mending) cell(chain []amchange.OpID, key string) error {
	to := chain[0]
	have, there := m.ix.GetIn(to, key)
	if m.written(to, key) || !there && m.ever(to, key) {
		return nil
	}
	for _, from := range chain[1:] {
		v, ok := m.ix.GetIn(from, key)
		switch {
		case ok:
			d, good := m.restored(to, from, key, v)
			if good && (!there || have.ID.Compare(amchange.OpID{Counter: d.StartOp, Actor: d.Actor}) < 0) && m.ix.Seq(d.Actor) == 0 {
				if err := m.tx.Add(d); err != nil {
					return err
				}
				have, there = m.ix.GetIn(to, key)
			}
			if m.written(from, key) {
				return nil
			}
		case m.ever(from, key):
			return nil
		}
	}
	return nil
}

// restoredIn is what the actors begin with who restore under a key of a container. Zeros make them smaller than others.
func restoredIn(c amchange.OpID, key string) string {
	b := binary.AppendUvarint([]byte("rowloom automerge restored 1"), c.Counter)
	sum := sha256.Sum256(appendCounted(appendCounted(b, string(c.Actor)), key))
	return "\x00\x00" + string(sum[:6])
}

// restoredSize is the length of the actors that restore: the place, the age of what was lost, and a hash of it.
const restoredSize = 24

// age returns what tells lost values apart, and is the greater the younger they are. One that was restored before, and is lost
// again, is as old as it was then.
func (m mending) age(from amchange.OpID, key string, v amchange.Live, text string) (age string, counter uint64) {
	if m.isRestored(from, key, v) {
		age = string(v.ID.Actor[8:])
		return age, uint64(binary.BigEndian.Uint32([]byte(age)))
	}
	sum := sha256.Sum256(appendCounted(appendCounted(nil, string(v.ID.Actor)), v.Value.String()+text))
	b := binary.BigEndian.AppendUint32(nil, uint32(v.ID.Counter))
	b = binary.BigEndian.AppendUint32(b, uint32(m.ix.EditsOf(v.ID)))
	return string(append(b, sum[:8]...)), v.ID.Counter
}

// restored returns the change that writes a lost value again.
func (m mending) restored(to, from amchange.OpID, key string, v amchange.Live) (d amchange.Draft, ok bool) {
	h, maxOp, ok := m.ix.MadeBy(to)
	if !ok {
		return d, false
	}
	var text string
	switch v.Value.Kind() {
	case amchange.Map, amchange.Table, amchange.List:
		return d, false
	case amchange.Text:
		text, _ = m.ix.TextOf(v.ID)
	}
	age, counter := m.age(from, key, v, text)
	d = amchange.Draft{Actor: amchange.Actor(restoredIn(to, key) + age), Seq: 1, StartOp: max(maxOp, counter) + 1, Deps: []amchange.Hash{h}}
	if v.Value.Kind() != amchange.Text {
		d.Ops = []amchange.Op{{Obj: to, Key: key, Action: amchange.Set, Value: v.Value}}
		return d, true
	}
	d.Ops = []amchange.Op{{Obj: to, Key: key, Action: amchange.MakeText}}
	id := func(n int) amchange.OpID { return amchange.OpID{Counter: d.StartOp + uint64(n), Actor: d.Actor} }
	for _, r := range text {
		var behind amchange.OpID
		if n := len(d.Ops); n > 1 {
			behind = id(n - 1)
		}
		d.Ops = append(d.Ops, amchange.Op{Obj: id(0), InSequence: true, Elem: behind, Insert: true, Action: amchange.Set,
			Value: amchange.StringValue(string(r))})
	}
	return d, true
}
