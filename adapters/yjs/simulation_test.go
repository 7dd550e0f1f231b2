package yjs_test

import (
	"math/rand/v2"
	"testing"

	"github.com/rowloom/rowloom/adapters/internal/boundtest"
	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	wire "github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
	"github.com/rowloom/rowloom/store"
)

// See [boundtest.Simulation]. No cell is missing that was written last, by somebody who had every other write of it in his
// document. A deletion by somebody who had not seen the value takes nothing away, unless it is of a whole container, as
// JavaScript clients delete.
//
// ROWLOOM_SEED=n runs one schedule. ROWLOOM_SOAK=1 runs a million, a greater number as many, from ROWLOOM_FIRST on if it is set.
func TestSimulation_NothingIsLost(t *testing.T) {
	boundtest.Simulation{
		Package: "./adapters/yjs", Schedules: simulations, Short: 500, Soak: 1_000_000,
		Begin: func(_ *rand.Rand, flat bool) boundtest.Framework {
			if flat {
				return framework{yjs.Flat}
			}
			return framework{yjs.Nested}
		},
	}.Run(t)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

type framework struct{ layout yjs.Layout }

func (framework) Value(n int) store.Value { return store.Of(n) }

func (f framework) Open(r *rand.Rand, p *boundtest.Peer, saved []byte) boundtest.Replica {
	doc := ycrdt.New(&ycrdt.Options{ClientID: 1 + r.Uint64N(1<<32-1), KeepLost: p.Hub == nil})
	if saved != nil {
		must(doc.Apply(saved, "restart"))
	}
	d := &replica{document: document{doc, &yjs.Options{Layout: f.layout, Rows: yjs.Rows(p.Rows)}}, peer: p}
	doc.OnUpdate(func(e ycrdt.UpdateEvent) {
		if d.batch != nil {
			d.batch = append(d.batch, e.Update)
			return
		}
		from, _ := e.Origin.(*boundtest.Peer)
		p.Tell(e.Update, e.Origin != "network" && (from == nil || from != p.Hub), from)
	})
	return d
}

// replica is a document in the simulation.
type replica struct {
	document
	peer  *boundtest.Peer
	batch [][]byte // updates of the write that is under way
}

func (d *replica) ID() any             { return d.ClientID() }
func (d *replica) Clock(of any) uint64 { return uint64(d.Doc.Clock(of.(uint64))) }
func (d *replica) Version() string     { return string(d.StateVector()) }

func (d *replica) Save() ([]byte, error) { return d.EncodeStateAsUpdate(nil) }

func (d *replica) Since(other boundtest.Replica) ([]byte, error) {
	return d.EncodeStateAsUpdate([]byte(other.Version()))
}

func (d *replica) Receive(update []byte, from *boundtest.Peer) error {
	if from == nil {
		return d.Apply(update, "network")
	}
	return d.Apply(update, from)
}

// Write tells of the write and its mark in one update: whoever has the mark has the deletion.
func (d *replica) Write(at store.Path, v store.Value, mark int) (pruned []store.Path) {
	d.batch = [][]byte{}
	if d.peer.Store != nil {
		must(boundtest.Put(d.peer.Store, at, v))
	} else {
		must(d.Update("js", func(tx *ycrdt.Txn) (err error) {
			pruned, err = boundtest.Edit(container{tx.Map(yjs.DefaultMap)}, at, v)
			return err
		}))
	}
	must(d.Update("mark", func(tx *ycrdt.Txn) error { return tx.Map("marks").Set("m", ycrdt.Number(float64(mark))) }))
	whole, err := wire.Merge(wire.V1, d.batch, nil)
	must(err)
	d.batch = nil
	d.peer.Tell(whole, true, nil)
	return pruned
}

type container struct{ ycrdt.Map }

func (c container) Child(key string) (boundtest.Container, bool) {
	m := c.GetMap(key)
	return container{m}, m.Err() == nil
}

func (c container) Make(key string) (boundtest.Container, error) {
	m, err := c.GetOrCreateMap(key)
	return container{m}, err
}

func (c container) Set(key string, v store.Value) error {
	return c.Map.Set(key, ycrdt.Number(v.Number()))
}

func (c container) IsEmpty() bool { return c.Len() == 0 }

// Opposed says whether there is a write of the same place, or a deletion of it or around it, that the writer did not have in his
// document. A deletion by somebody who had not been shown what is written there does not count, unless he deleted a
// container: that Yjs does with all that is in it.
func (framework) Opposed(writes []boundtest.Write, i int) bool {
	w := writes[i]
	for j, o := range writes {
		if j == i || !o.At.Contains(w.At) || w.Seen[o.By] >= o.Clock {
			continue
		}
		container := o.Bare && o.At.Level() != store.AtCell && o.At.Level() != store.AtValue
		if o.Value.Exists() || container || o.Seen[w.By] >= w.Clock || boundtest.At(o.Before, w.At) == w.Value {
			return true
		}
	}
	return false
}
