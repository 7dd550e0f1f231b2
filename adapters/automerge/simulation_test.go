//go:build cgo

package automerge_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/internal/boundtest"
	"github.com/rowloom/rowloom/store"
)

// See [boundtest.Simulation]. No cell is missing that was written last, by somebody who knew every other write of it.
//
// ROWLOOM_SEED=n runs one schedule. ROWLOOM_SOAK=1 runs 200,000, a greater number as many, from ROWLOOM_FIRST on if it is set.
func TestSimulation_NothingIsLost(t *testing.T) {
	boundtest.Simulation{
		Package: "./adapters/automerge", Schedules: 1_000, Short: 200, Soak: 200_000,
		Begin: func(r *rand.Rand, flat bool) boundtest.Framework {
			f := &framework{layout: automerge.Nested, text: r.IntN(4) == 0}
			if flat {
				f.layout = automerge.Flat
			}
			return f
		},
	}.Run(t)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

type framework struct {
	layout automerge.Layout
	text   bool           // values are texts
	knows  []map[int]bool // by write, see shown
}

// Value returns numbers, or texts that have nothing in common, so that they are replaced and not mixed.
func (f *framework) Value(n int) store.Value {
	if f.text {
		return store.Of(strings.Repeat(string(rune(0x4E00+n)), 2))
	}
	return store.Of(n)
}

func (f *framework) Open(r *rand.Rand, p *boundtest.Peer, saved []byte) boundtest.Replica {
	var id [16]byte
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	doc, err := automerge.Load(saved, &automerge.DocOptions{Actor: amchange.Actor(id[:]), Now: func() time.Time { return time.Time{} }})
	must(err)
	doc.OnChange(func(e *automerge.Event) {
		var data []byte
		for _, c := range e.Changes {
			data = append(data, c.Bytes()...)
		}
		p.Tell(data, e.Origin != "network", nil)
	})
	return replica{document{doc, &automerge.Options{Layout: f.layout, Rows: automerge.Rows(p.Rows)}}, p}
}

// replica is a document in the simulation.
type replica struct {
	document
	peer *boundtest.Peer
}

func (d replica) ID() any         { return d.Actor() }
func (d replica) Version() string { return fmt.Sprint(d.Heads()) }

// Clock returns the number of the last change of an actor.
func (d replica) Clock(of any) (n uint64) {
	d.View(func(ix *amchange.Index) { n = ix.Seq(of.(amchange.Actor)) })
	return n
}

func (d replica) Since(other boundtest.Replica) ([]byte, error) {
	return d.SaveSince(other.(replica).Heads()...)
}

func (d replica) Receive(update []byte, _ *boundtest.Peer) error { return d.Apply("network", update) }

func (d replica) Write(at store.Path, v store.Value, mark int) (pruned []store.Path) {
	if s := d.peer.Store; s != nil {
		had := s.Snapshot().TableCount()
		must(boundtest.Put(s, at, v))
		if had > 0 && s.Snapshot().TableCount() == 0 { // the Store prunes, too, when its last row goes
			pruned = append(pruned, store.Tables())
		}
	} else {
		must(d.Update("js", func(tx *automerge.Tx) (err error) {
			pruned, err = boundtest.Edit(container{tx, amchange.OpID{}}, at, v, automerge.DefaultRoot)
			return err
		}))
	}
	must(d.Update("mark", func(tx *automerge.Tx) error {
		return tx.Edit().Set(amchange.OpID{}, "mark of "+d.peer.Name, amchange.IntValue(int64(mark)))
	}))
	return pruned
}

// container is a map in a document.
type container struct {
	tx *automerge.Tx
	id amchange.OpID
}

func (c container) Child(key string) (boundtest.Container, bool) {
	m, ok := c.tx.Index().GetIn(c.id, key)
	return container{c.tx, m.ID}, ok && m.Value.Kind() == amchange.Map
}

func (c container) Make(key string) (boundtest.Container, error) {
	id, err := c.tx.Edit().Make(c.id, key, amchange.Map)
	return container{c.tx, id}, err
}

func (c container) Set(key string, v store.Value) error {
	if v.Kind() == store.Number {
		return c.tx.Edit().Set(c.id, key, amchange.IntValue(int64(v.Number())))
	}
	id, err := c.tx.Edit().Make(c.id, key, amchange.Text)
	if err != nil {
		return err
	}
	return c.tx.Edit().Splice(id, 0, 0, v.Text())
}

func (c container) Delete(key string) error { return c.tx.Edit().Delete(c.id, key) }

func (c container) IsEmpty() bool {
	for range c.tx.Index().EntriesOf(c.id) {
		return false
	}
	return true
}

// Opposed says whether there is a write of the same place, or a deletion of something around it, that the writer did not know.
// Nobody knows of what was pruned.
func (f *framework) Opposed(writes []boundtest.Write, i int) bool {
	for j := len(f.knows); j < len(writes); j++ {
		f.knows = append(f.knows, f.shown(writes[:j], writes[j]))
	}
	w := writes[i]
	for j, o := range writes {
		switch {
		case j == i || !o.At.Contains(w.At):
		case o.Value.Exists():
			if !f.knows[i][j] {
				return true
			}
		case o.Pruned || w.Seen[o.By] < o.Clock:
			return true
		}
	}
	return false
}

// shown returns the writes of a place that the writer of w knew: the one that his document showed, and those that its writer
// knew. A write that came to his document in a container that had lost already was never shown to him.
//
// A deletion is known if the document showed its effect. Beside a value in another container it may have deleted something
// that had lost already, so the deletion itself, and what its writer knew, do not count then.
func (f *framework) shown(earlier []boundtest.Write, w boundtest.Write) map[int]bool {
	now := boundtest.At(w.Before, w.At)
	knows := map[int]bool{}
	for i, o := range earlier {
		known := o.Value == now && o.At == w.At
		if !o.Value.Exists() {
			effective := !now.Exists() || f.layout == automerge.Flat
			known = effective && o.At.Contains(w.At) && !o.Pruned && w.Seen[o.By] >= o.Clock
		}
		if known {
			knows[i] = true
			for j := range f.knows[i] {
				knows[j] = true
			}
		}
	}
	return knows
}
