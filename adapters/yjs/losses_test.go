package yjs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// The tests in this file are the losses that were measured in TinyBase 10.0.1 with its own Yjs persister. Each says what
// comes out there; the assertions say what comes out here. The letters are those of docs/differences.md.

// pair is two bound peers with documents of their own.
type pair struct {
	t          *testing.T
	o          *yjs.Options
	doc1, doc2 *ycrdt.Doc
	s1, s2     *store.Store
}

func newPair(t *testing.T, o *yjs.Options) *pair {
	p := &pair{t: t, o: o, doc1: newDoc(1), doc2: newDoc(2)}
	p.s1, p.s2 = bind(t, p.doc1, o), bind(t, p.doc2, o)
	return p
}

// pairWith begins with a content that both have.
func pairWith(t *testing.T, o *yjs.Options, cells ...string) *pair {
	p := newPair(t, o)
	for _, c := range cells {
		set(t, p.s1, c, store.Of(0))
	}
	p.sync()
	return p
}

// inBothLayouts runs a test in both layouts.
func inBothLayouts(t *testing.T, test func(t *testing.T, o *yjs.Options)) {
	for _, l := range []yjs.Layout{yjs.Nested, yjs.Flat} {
		t.Run(l.String(), func(t *testing.T) { test(t, &yjs.Options{Layout: l}) })
	}
}

func (p *pair) sync() { exchange(p.t, p.doc1, p.doc2) }

// requireBoth syncs and requires that both Stores and both documents hold exactly these lines.
func (p *pair) requireBoth(lines ...string) {
	p.t.Helper()
	p.sync()
	want := ""
	for _, l := range lines {
		want += "+ " + l + "\n"
	}
	require.Equal(p.t, want, store.Diff(nil, p.s1.Snapshot()).String(), "Store 1")
	require.Equal(p.t, want, store.Diff(nil, p.s2.Snapshot()).String(), "Store 2")
	require.Equal(p.t, want, holds(p.t, p.doc1, p.o), "document 1")
	require.Equal(p.t, want, holds(p.t, p.doc2, p.o), "document 2")
}

// set sets a cell named as table/row/cell.
func set(t testing.TB, s *store.Store, at string, v store.Value) {
	t.Helper()
	var table, row, cell string
	n, err := fmt.Sscanf(at, "%1s/%1s/%1s", &table, &row, &cell)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell(table, row, cell, v) }))
}

func update(t testing.TB, s *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Update(fn))
}

// There: 100 of 200 rows are gone from the document, and Store 1 still shows all 200.
func TestLossF1_TwoFreshPeersKeepTheRowsOfBoth(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := newPair(t, o)
		for i := range 100 {
			update(t, p.s1, func(tx *store.Tx) error { return tx.SetCell("t", fmt.Sprint("a", i), "n", store.Of(i)) })
			update(t, p.s2, func(tx *store.Tx) error { return tx.SetCell("t", fmt.Sprint("b", i), "n", store.Of(i)) })
		}
		p.sync()
		require.Equal(t, 200, p.s1.Snapshot().RowCount("t"))
		require.True(t, store.Diff(p.s1.Snapshot(), p.s2.Snapshot()).IsEmpty())
		require.Equal(t, holds(t, p.doc1, o), holds(t, p.doc2, o))
		require.Equal(t, store.Diff(nil, p.s1.Snapshot()).String(), holds(t, p.doc1, o))
	})
}

// There: one of the two tables is lost.
func TestLossF2_ATableMadeOnBothSidesIsOneTable(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "o/o/o")
		set(t, p.s1, "p/a/n", store.Of(1))
		set(t, p.s2, "p/b/n", store.Of(2))
		p.requireBoth("o/o/o 0", "p/a/n 1", "p/b/n 2")
	})
}

// There: the row of one side is lost, its Store goes on showing it, and comes to differ from the document.
func TestLossF3_ARowMadeOnBothSidesKeepsTheCellsOfBoth(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/x/n")
		set(t, p.s1, "t/r/a", store.Of(1))
		set(t, p.s1, "t/r/b", store.Of(1))
		set(t, p.s2, "t/r/c", store.Of(2))
		set(t, p.s2, "t/r/d", store.Of(2))
		p.requireBoth("t/r/a 1", "t/r/b 1", "t/r/c 2", "t/r/d 2", "t/x/n 0")
		set(t, p.s1, "t/r/a", store.Of(3)) // the side that lost its map goes on
		p.requireBoth("t/r/a 3", "t/r/b 1", "t/r/c 2", "t/r/d 2", "t/x/n 0")
	})
}

// There: the edit is lost, because the container is deleted.
func TestLossF5_AnEditBesideADeletedRowIsKept(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/r/a", "t/r/b", "t/x/n")
		update(t, p.s1, func(tx *store.Tx) error { return tx.DelRow("t", "r") })
		set(t, p.s2, "t/r/a", store.Of(2))
		set(t, p.s2, "t/r/c", store.Of(3))
		p.requireBoth("t/r/a 2", "t/r/c 3", "t/x/n 0")
	})
}

// There: the new row (F6) and the new cell (F6b) are lost, because the emptied container is deleted.
func TestLossF6_WhatIsAddedToAnEmptiedContainerIsKept(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/r/a")
		update(t, p.s1, func(tx *store.Tx) error { return tx.DelCell("t", "r", "a") })
		set(t, p.s2, "t/s/a", store.Of(1))
		set(t, p.s2, "t/r/b", store.Of(2))
		p.requireBoth("t/r/b 2", "t/s/a 1")
	})
}

// There, in Automerge: each Store goes on showing the row that the other has deleted.
func TestLossF7_TheLastTwoRowsAreDeletedByDifferentPeers(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/a/n", "t/b/n")
		update(t, p.s1, func(tx *store.Tx) error { return tx.DelRow("t", "a") })
		update(t, p.s2, func(tx *store.Tx) error { return tx.DelRow("t", "b") })
		p.requireBoth()
	})
}

// There: of several transactions in one tick the first arrives, the others do not, and a value goes back.
func TestLossF8_ABurstArrivesWhole(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/r/n")
		for i := range 1000 {
			update(t, p.s1, func(tx *store.Tx) error { return tx.SetCell("t", fmt.Sprintf("%03d", i), "n", store.Of(i)) })
			set(t, p.s1, "t/r/n", store.Of(i))
		}
		p.sync()
		require.Equal(t, 1001, p.s2.Snapshot().RowCount("t"))
		require.Equal(t, store.Of(999), p.s2.Snapshot().Cell("t", "r", "n"))
	})
}

// There: a peer that saves without having loaded leaves 2 of 1001 rows to everybody.
func TestLossF9_APeerThatOnlySavesDeletesNothing(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := newPair(t, o)
		for i := range 1000 {
			update(t, p.s1, func(tx *store.Tx) error { return tx.SetCell("t", fmt.Sprint(i), "n", store.Of(i)) })
		}
		doc3, s3 := newDoc(3), store.New()
		exchange(t, p.doc1, doc3)
		only := yjs.Bind(s3, doc3, o)
		require.NoError(t, only.StartAutoSave(ctx))
		set(t, s3, "t/x/n", store.Of(1))
		set(t, s3, "t/y/n", store.Of(1))
		update(t, s3, func(tx *store.Tx) error { return tx.DelRow("t", "x") })
		exchange(t, p.doc1, doc3)
		require.Equal(t, 1001, p.s1.Snapshot().RowCount("t"))
		require.NoError(t, only.Close(ctx))
	})
}

// There: a peer whose schema knows less deletes from the document what it does not know, merely by starting, and so does the
// other, whose schema it is, as soon as it adds a row.
func TestLossF10_ANarrowerSchemaDeletesNothing(t *testing.T) {
	schema := store.Schema{Tables: map[string]store.TableSchema{
		"t": {Cells: map[string]store.CellSchema{"a": {Types: []store.Kind{store.Number}}}},
	}}
	bound := func(policy store.Policy) *store.EnforceOptions {
		return &store.EnforceOptions{Writes: func(by store.Origin) store.Policy {
			if _, ok := by.(*persist.Persister); ok {
				return policy
			}
			return store.Refuse
		}}
	}
	refused := "store: t/r/b: 0 where nothing was wanted, and 1 more"
	for _, test := range []struct {
		name        string
		enforce     *store.EnforceOptions
		start       string // the error
		lost, later string // from the document: by starting, and when another peer has gone on
	}{
		{name: "default"},
		{name: "keep", enforce: bound(store.Keep)},
		{name: "refuse", enforce: bound(store.Refuse), start: refused},
		{name: "drop", enforce: bound(store.Drop), lost: "- t/r/b 0\n- u/r/a 0\n", later: "- t/r/b 0\n- t/s/c 2\n- u/r/a 0\n"},
	} {
		for _, first := range []string{"load", "save"} {
			t.Run(test.name+" "+first, func(t *testing.T) {
				inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
					p := pairWith(t, o, "t/r/a", "t/r/b", "u/r/a")
					doc3, s3 := newDoc(3), store.New()
					exchange(t, p.doc1, doc3)
					_, misfits, err := store.Enforce(s3, schema, test.enforce)
					require.NoError(t, err)
					require.Empty(t, misfits)
					b := yjs.Bind(s3, doc3, o)
					defer func() { require.NoError(t, b.Close(ctx)) }()
					before := func() *store.Snapshot {
						content, err := yjs.Content(doc3, o)
						require.NoError(t, err)
						return content
					}
					lost := func(since *store.Snapshot) string { return store.Diff(since, before()).String() }

					had := before()
					if first == "save" {
						require.NoError(t, b.StartAutoSave(ctx))
					}
					if err := b.StartAutoLoad(ctx); test.start == "" {
						require.NoError(t, err)
					} else {
						require.EqualError(t, err, test.start)
					}
					require.NoError(t, b.StartAutoSave(ctx))
					require.Equal(t, test.lost, lost(had), "by starting")

					update(t, p.s1, func(tx *store.Tx) error { return tx.SetCell("t", "s", "a", store.Of(1)) })
					update(t, p.s1, func(tx *store.Tx) error { return tx.SetCell("t", "s", "c", store.Of(2)) })
					had = p.s1.Snapshot()
					exchange(t, p.doc1, doc3)
					require.Equal(t, test.later, lost(had), "when others go on")

					had = before()
					update(t, s3, func(tx *store.Tx) error { return tx.SetCell("t", "x", "a", store.Of(3)) })
					require.Error(t, s3.Update(func(tx *store.Tx) error { return tx.SetCell("t", "x", "c", store.Of(4)) }))
					require.Equal(t, "+ t/x/a 3\n", lost(had), "when the Store writes")
					if test.start == "" {
						require.Empty(t, lost(s3.Snapshot()), "the Store shows what the document has")
					}
				})
			})
		}
	}
}

// There: foreign values are deleted from the document when some peer adds a row.
func TestLossF11_ForeignValuesStayUntilTheirCellIsWritten(t *testing.T) {
	p := pairWith(t, nil, "t/r/n")
	require.NoError(t, p.doc1.Update("js", func(tx *ycrdt.Txn) error {
		row := tx.Map("tinybase").GetMap("t").GetMap("t").GetMap("r")
		require.NoError(t, row.Set("text", ycrdt.NewText("rich")))
		require.NoError(t, row.Set("bytes", ycrdt.Bytes([]byte{1, 2})))
		require.NoError(t, row.Set("big", ycrdt.BigInt(10)))
		require.NoError(t, row.Set("undef", ycrdt.Undefined()))
		require.NoError(t, row.Set("map", ycrdt.NewMap()))
		return row.Set("obj", ycrdt.Object(ycrdt.Field{Key: "a", Value: ycrdt.Number(1).Any()}))
	}))
	set(t, p.s2, "t/s/n", store.Of(1))
	p.requireBoth("t/r/n 0", `t/r/obj {"a":1}`, "t/s/n 1")
	kinds := func() (out []ycrdt.Kind) {
		p.doc2.View(func(r *ycrdt.Reader) {
			for _, v := range r.Map("tinybase").GetMap("t").GetMap("t").GetMap("r").All() {
				out = append(out, v.Kind())
			}
		})
		return out
	}
	require.Equal(t, []ycrdt.Kind{ycrdt.KindNumber, ycrdt.KindText, ycrdt.KindBytes, ycrdt.KindBigInt, ycrdt.KindUndefined, ycrdt.KindMap, ycrdt.KindObject}, kinds())
	update(t, p.s2, func(tx *store.Tx) error { return tx.DelRow("t", "r") })
	require.Len(t, kinds(), 5, "deleting the row deletes what the Store has known")
	update(t, p.s2, func(tx *store.Tx) error { return tx.SetCell("t", "r", "bytes", store.Of("mine")) })
	require.Equal(t, ycrdt.KindString, kinds()[1])
	update(t, p.s2, func(tx *store.Tx) error { return tx.DelCell("t", "r", "bytes") })
	require.Len(t, kinds(), 4)
}

// There: saving before loading wipes the document.
func TestLossF13_SavingBeforeLoadingDeletesNothing(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/r/n")
		s3 := store.New()
		b := yjs.Bind(s3, p.doc1, o)
		require.NoError(t, b.StartAutoSave(ctx))
		p.requireBoth("t/r/n 0")
		require.NoError(t, b.StartAutoLoad(ctx))
		require.Equal(t, "+ t/r/n 0\n", store.Diff(nil, s3.Snapshot()).String())
		require.NoError(t, b.Close(ctx))
	})
}

// There: of two local writes in one tick with a remote update in between, the second never reaches the document.
func TestLossF14_ALocalWriteBesideARemoteOneIsSaved(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/r/n")
		set(t, p.s2, "t/r/m", store.Of(5))
		remote, err := p.doc2.EncodeStateAsUpdate(p.doc1.StateVector())
		require.NoError(t, err)
		set(t, p.s1, "t/r/n", store.Of(1))
		require.NoError(t, p.doc1.Apply(remote, "network"))
		set(t, p.s1, "t/r/n", store.Of(2))
		p.requireBoth("t/r/m 5", "t/r/n 2")
	})
}

// There: a deleted cell that has a default takes its whole row along, first in the Store, then in the document.
func TestLossF16_ADeletedCellIsOnlyACell(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		p := pairWith(t, o, "t/r/n", "t/r/s", "t/s/n")
		update(t, p.s1, func(tx *store.Tx) error { return tx.DelCell("t", "r", "n") })
		p.sync()
		set(t, p.s2, "t/z/n", store.Of(1))
		p.requireBoth("t/r/s 0", "t/s/n 0", "t/z/n 1")
	})
}

// There: a foreign key beside "t" and "v", set together with a cell, deletes a value of the same name.
func TestLossE1_AForeignKeyOfTheRootIsNoValue(t *testing.T) {
	p := newPair(t, nil)
	update(t, p.s1, func(tx *store.Tx) error { return tx.SetValue("x", store.Of(1)) })
	set(t, p.s1, "t/r/n", store.Of(1))
	p.sync()
	require.NoError(t, p.doc1.Update("js", func(tx *ycrdt.Txn) error {
		root := tx.Map("tinybase")
		require.NoError(t, root.Set("x", ycrdt.String("mine")))
		return root.GetMap("t").GetMap("t").GetMap("r").Set("n", ycrdt.Number(2))
	}))
	p.requireBoth("t/r/n 2", ":x 1")
}

// There: when the map of all tables is replaced together with a change of a value, the Store ignores the new tables.
func TestLossE2_AReplacedRootContainerIsRead(t *testing.T) {
	p := pairWith(t, nil, "t/r/n")
	require.NoError(t, p.doc1.Update("js", func(tx *ycrdt.Txn) error {
		tables, err := tx.Map("tinybase").SetMap("t")
		require.NoError(t, err)
		table, err := tables.SetMap("t")
		require.NoError(t, err)
		row, err := table.SetMap("r")
		require.NoError(t, err)
		require.NoError(t, row.Set("c", ycrdt.Number(99)))
		values, err := tx.Map("tinybase").GetOrCreateMap("v")
		require.NoError(t, err)
		return values.Set("x", ycrdt.Number(1))
	}))
	p.requireBoth("t/r/c 99", ":x 1")
}

// There: cells of the old map stay in the Store when a row's map is replaced.
func TestLossE3_AReplacedRowIsTheNewRow(t *testing.T) {
	p := pairWith(t, nil, "t/r/a", "t/r/b")
	require.NoError(t, p.doc1.Update("js", func(tx *ycrdt.Txn) error {
		row, err := tx.Map("tinybase").GetMap("t").GetMap("t").SetMap("r")
		require.NoError(t, err)
		return row.Set("c", ycrdt.Number(1))
	}))
	p.requireBoth("t/r/c 1")
}

// There: after a stop, loading first drops the local edits (E4) and saving first erases the remote ones (E5).
func TestLossE4E5_EditsOnBothSidesOfAStopAreMerged(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		for _, first := range []string{"load", "save"} {
			t.Run(first+" first", func(t *testing.T) {
				doc1, doc2 := newDoc(1), newDoc(2)
				s1 := store.New()
				s2 := bind(t, doc2, o)
				p := yjs.Bind(s1, doc1, o)
				require.NoError(t, p.StartAutoLoad(ctx))
				require.NoError(t, p.StartAutoSave(ctx))
				set(t, s1, "t/r/n", store.Of(0))
				set(t, s1, "t/x/n", store.Of(0))
				exchange(t, doc1, doc2)
				p.StopAutoLoad()
				p.StopAutoSave()
				set(t, s1, "t/r/a", store.Of(1))
				update(t, s1, func(tx *store.Tx) error { return tx.DelRow("t", "x") })
				set(t, s2, "t/r/b", store.Of(2))
				exchange(t, doc1, doc2)
				load := func() { require.NoError(t, p.StartAutoLoad(ctx)) }
				save := func() { require.NoError(t, p.StartAutoSave(ctx)) }
				if first == "load" {
					load()
					save()
				} else {
					save()
					load()
				}
				exchange(t, doc1, doc2)
				want := "+ t/r/a 1\n+ t/r/b 2\n+ t/r/n 0\n"
				require.Equal(t, want, store.Diff(nil, s1.Snapshot()).String())
				require.Equal(t, want, store.Diff(nil, s2.Snapshot()).String())
				require.Equal(t, want, holds(t, doc1, o))
				require.NoError(t, p.Close(ctx))
			})
		}
	})
}

// There: writes carry no origin, so nobody can tell them apart.
func TestLossF20_WritesAreSigned(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		doc, s := newDoc(1), store.New()
		p := yjs.Bind(s, doc, o)
		require.NoError(t, p.StartAutoLoad(ctx))
		require.NoError(t, p.StartAutoSave(ctx))
		var origins []any
		doc.OnUpdate(func(e ycrdt.UpdateEvent) { origins = append(origins, e.Origin) })
		set(t, s, "t/r/n", store.Of(1))
		require.Equal(t, []any{p}, origins)
		require.NoError(t, p.Close(ctx))
	})
}
