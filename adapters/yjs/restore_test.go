package yjs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// The tests in this file are schedules in which a lost value was once not restored, or an older one stood in its place, cut
// down to what matters. Maps that JavaScript clients make lose to those of Stores, whose client IDs are higher.

// keeper returns a document like that of a server, and a Store that is bound to it.
func keeper(t *testing.T, id uint64) (*ycrdt.Doc, *store.Store) {
	doc := ycrdt.New(&ycrdt.Options{ClientID: id, KeepLost: true})
	return doc, bind(t, doc, nil)
}

// script is a document that is written as JavaScript clients do, making maps on demand.
type script struct {
	*ycrdt.Doc
	t *testing.T
}

func newScript(t *testing.T, id uint64) script { return script{newDoc(id), t} }

// set sets the cell x of row r in table t, which is in "t".
func (s script) set(v float64) {
	require.NoError(s.t, s.Update("js", func(tx *ycrdt.Txn) error {
		m := tx.Map("tinybase")
		for _, key := range []string{"t", "t", "r"} {
			var err error
			if m, err = m.GetOrCreateMap(key); err != nil {
				return err
			}
		}
		return m.Set("x", ycrdt.Number(v))
	}))
}

// prune deletes the cell, and with it the row and the table, which are empty then.
func (s script) prune() {
	require.NoError(s.t, s.Update("js", func(tx *ycrdt.Txn) error {
		tables := tx.Map("tinybase").GetMap("t")
		for _, del := range []func() error{
			func() error { return tables.GetMap("t").GetMap("r").Delete("x") },
			func() error { return tables.GetMap("t").Delete("r") },
			func() error { return tables.Delete("t") },
		} {
			if err := del(); err != nil {
				return err
			}
		}
		return nil
	}))
}

// send gives a document what it lacks of another one.
func send(t *testing.T, from, to *ycrdt.Doc) {
	u, err := from.EncodeStateAsUpdate(to.StateVector())
	require.NoError(t, err)
	require.NoError(t, to.Apply(u, "network"))
}

// record returns the updates that a document makes from now on, one after the other.
func record(doc *ycrdt.Doc) *[][]byte {
	var all [][]byte
	doc.OnUpdate(func(e ycrdt.UpdateEvent) {
		if e.Origin != "network" {
			all = append(all, e.Update)
		}
	})
	return &all
}

func applyAll(t *testing.T, to *ycrdt.Doc, updates [][]byte) {
	for _, u := range updates {
		require.NoError(t, to.Apply(u, "network"))
	}
}

// The Store that has restored 1 is gone when 2 comes, and nobody else has ever seen the 1 that it had restored.
func TestRestore_PutsANewerValueOverAnOlderOneWhoseOriginNobodyKnows(t *testing.T) {
	js := newScript(t, 10)
	js.set(1)
	gone, s := keeper(t, 1)
	updates := record(gone)
	set(t, s, "t/r/y", store.Of(0))
	send(t, js.Doc, gone) // its map of tables loses, and 1 is restored

	js.prune()
	js.set(2)
	doc, s := keeper(t, 2)
	applyAll(t, doc, *updates)
	require.Equal(t, "+ t/r/x 1\n+ t/r/y 0\n", store.Diff(nil, s.Snapshot()).String())
	send(t, js.Doc, doc)
	require.Equal(t, "+ t/r/x 2\n+ t/r/y 0\n", store.Diff(nil, s.Snapshot()).String())
}

// The writer of 2 has 1 in his document, but in a row that has lost to the one that he writes into. No origin leads from 2 to 1.
func TestRestore_PutsANewerValueOverAnOlderOneInARowThatHadLost(t *testing.T) {
	b, sb := keeper(t, 1)
	fromB := record(b)
	set(t, sb, "t/r/x", store.Of(1))
	first := len(*fromB)
	update(t, sb, func(tx *store.Tx) error { return tx.DelCell("t", "r", "x") })
	c, sc := keeper(t, 2)
	set(t, sc, "t/r/y", store.Of(0)) // another map for the row, which wins
	send(t, b, c)
	set(t, sc, "t/r/x", store.Of(2))

	a, sa := keeper(t, 3)
	set(t, sa, "t/r/z", store.Of(0)) // and a third one, which wins over both
	applyAll(t, a, (*fromB)[:first]) // 1 is restored: that it was deleted has not been heard of
	require.Equal(t, "+ t/r/x 1\n+ t/r/z 0\n", store.Diff(nil, sa.Snapshot()).String())
	exchange(t, a, b, c)
	for _, s := range []*store.Store{sa, sb, sc} {
		require.Equal(t, "+ t/r/x 2\n+ t/r/y 0\n+ t/r/z 0\n", store.Diff(nil, s.Snapshot()).String())
	}
}

// Whoever deletes a restored value does not delete a later one that he has not seen.
func TestRestore_ADeletedValueMakesRoomForALaterOne(t *testing.T) {
	js := newScript(t, 10)
	js.set(1)
	doc, s := keeper(t, 1)
	set(t, s, "t/r/y", store.Of(0))
	send(t, js.Doc, doc)
	update(t, s, func(tx *store.Tx) error { return tx.DelCell("t", "r", "x") })
	js.set(2)
	send(t, js.Doc, doc)
	require.Equal(t, "+ t/r/x 2\n+ t/r/y 0\n", store.Diff(nil, s.Snapshot()).String())

	update(t, s, func(tx *store.Tx) error { return tx.DelCell("t", "r", "x") })
	exchange(t, doc, js.Doc)
	require.Equal(t, "+ t/r/y 0\n", store.Diff(nil, s.Snapshot()).String(), "what was seen and deleted stays deleted")
}

// A value meets a restored one in its own cell, which wins by its client ID, but has been deleted already.
func TestRestore_AValueBesideADeletedRestoredOneIsKept(t *testing.T) {
	js := newScript(t, 10)
	js.set(1)
	doc, s := keeper(t, 1)
	set(t, s, "t/r/y", store.Of(0))
	other, so := keeper(t, 2)
	send(t, doc, other)
	send(t, js.Doc, doc)
	update(t, s, func(tx *store.Tx) error { return tx.DelCell("t", "r", "x") })
	set(t, so, "t/r/x", store.Of(2))
	exchange(t, doc, other)
	for _, s := range []*store.Store{s, so} {
		require.Equal(t, "+ t/r/x 2\n+ t/r/y 0\n", store.Diff(nil, s.Snapshot()).String())
	}
}

// A document hears that a table was deleted before it hears of the table, and makes it itself. Both tables are the same map.
func TestSharedContainers_AreNotMadeAsOneThatWasDeletedElsewhere(t *testing.T) {
	a, sa := keeper(t, 1)
	set(t, sa, "t/r/x", store.Of(1))
	js := newScript(t, 10)
	send(t, a, js.Doc)
	deleted := record(js.Doc)
	js.prune()

	b, sb := keeper(t, 2)
	applyAll(t, b, *deleted)
	set(t, sb, "t/r/x", store.Of(2))
	exchange(t, a, b)
	require.Equal(t, "+ t/r/x 2\n", store.Diff(nil, sa.Snapshot()).String())
	require.Equal(t, "+ t/r/x 2\n", store.Diff(nil, sb.Snapshot()).String())
}

// What a container held that was restored twice keeps its rank.
func TestRestore_KeepsTheRankFromContainerToContainer(t *testing.T) {
	for _, rows := range []yjs.Rows{yjs.RandomRows, yjs.SharedRows} {
		js1, js2 := newScript(t, 10), newScript(t, 11)
		js1.set(1)
		send(t, js1.Doc, js2.Doc)
		js2.prune()
		js2.set(2)
		// One Store restores 1 into its row, another one 2; then the rows meet.
		var docs []*ycrdt.Doc
		var stores []*store.Store
		for i, from := range []script{js1, js2} {
			doc := ycrdt.New(&ycrdt.Options{ClientID: uint64(20 - i), KeepLost: true})
			s := bind(t, doc, &yjs.Options{Rows: rows})
			set(t, s, "t/r/y", store.Of(i))
			send(t, from.Doc, doc)
			docs, stores = append(docs, doc), append(stores, s)
		}
		exchange(t, docs...)
		for _, s := range stores {
			require.Equal(t, store.Of(2), s.Snapshot().Cell("t", "r", "x"))
		}
	}
}

// A document hears that its row was deleted from another one, where it has lost, before it hears of the row that has won.
func TestRestore_ALossThatIsHeardOfBeforeTheWinner(t *testing.T) {
	a, sa := keeper(t, 1)
	fromA := record(a)
	set(t, sa, "t/r/x", store.Of(1))
	b, sb := keeper(t, 2)
	set(t, sb, "t/r/y", store.Of(0)) // another map for the row, which wins
	var relayed [][]byte
	sub := b.OnUpdate(func(e ycrdt.UpdateEvent) { relayed = append(relayed, e.Update) })
	applyAll(t, b, *fromA)
	sub.Close()

	set(t, sa, "t/r/x", store.Of(2))
	applyAll(t, a, relayed)
	require.Equal(t, "+ t/r/x 2\n", store.Diff(nil, sa.Snapshot()).String())
	exchange(t, a, b)
	for _, s := range []*store.Store{sa, sb} {
		require.Equal(t, "+ t/r/x 2\n+ t/r/y 0\n", store.Diff(nil, s.Snapshot()).String())
	}
}
