package ycrdt_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

func describe(c *ycrdt.Commit) string {
	var b strings.Builder
	for _, ch := range c.Changes {
		for i, s := range ch.Path {
			if i > 0 {
				b.WriteByte('/')
			}
			if s.InList {
				fmt.Fprint(&b, s.Index)
			} else {
				b.WriteString(s.Key)
			}
		}
		if ch.List {
			b.WriteString("[] ")
		} else {
			b.WriteString("." + ch.Key + " ")
		}
	}
	return strings.TrimSpace(b.String())
}

func update(t testing.TB, d *ycrdt.Doc, origin any, fn func(tx *ycrdt.Txn)) {
	t.Helper()
	require.NoError(t, d.Update(origin, func(tx *ycrdt.Txn) error { fn(tx); return nil }))
	require.NoError(t, ycrdt.Check(d))
}

func TestOnCommit_TellsWhereAndOnlyAtTheTopOfWhatIsNew(t *testing.T) {
	d := ycrdt.New(nil)
	var got []string
	sub := d.OnCommit(func(c *ycrdt.Commit) { got = append(got, fmt.Sprint(c.Origin, c.Local, " ", describe(c))) })
	update(t, d, "a", func(tx *ycrdt.Txn) {
		row, err := tx.Map("m").SetMap("r")
		require.NoError(t, err)
		require.NoError(t, row.Set("c", ycrdt.Number(1)))
	})
	update(t, d, "b", func(tx *ycrdt.Txn) {
		row := tx.Map("m").GetMap("r")
		require.NoError(t, row.Set("c", ycrdt.Number(2)))
		require.NoError(t, row.Set("c", ycrdt.Number(3)))
		require.NoError(t, row.Set("", ycrdt.Number(3)))
	})
	update(t, d, "c", func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").GetMap("r").Set("c", ycrdt.Null())) })
	update(t, d, "d", func(tx *ycrdt.Txn) {
		require.NoError(t, tx.Map("m").GetMap("r").Delete("c"))
		require.NoError(t, tx.Map("m").Delete("r"))
	})
	update(t, d, "e", func(tx *ycrdt.Txn) {})
	update(t, d, "f", func(tx *ycrdt.Txn) {
		require.NoError(t, tx.Array("l").Push(ycrdt.Number(0), ycrdt.Number(1), ycrdt.NewMap()))
	})
	update(t, d, "g", func(tx *ycrdt.Txn) {
		for i, v := range tx.Array("l").All() {
			if i == 2 {
				require.NoError(t, v.Map().Set("k", ycrdt.Null()))
			}
		}
	})
	sub.Close()
	sub.Close()
	update(t, d, "h", func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").Set("x", ycrdt.Null())) })
	require.Equal(t, []string{
		"atrue m.r", "btrue m/r.c m/r.", "ctrue m/r.c", "dtrue m.r", "ftrue l[]", "gtrue l/2.k",
	}, got)
}

func TestOnCommit_ComesInOrderAfterUnlockingAndMayWrite(t *testing.T) {
	d := ycrdt.New(nil)
	var got []any
	d.OnCommit(func(c *ycrdt.Commit) {
		got = append(got, c.Origin)
		d.View(func(r *ycrdt.Reader) {})
		if n := c.Origin.(int); n < 3 {
			_ = d.Update(n+1, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("k", ycrdt.Number(float64(n))) })
			got = append(got, -n) // the nested transaction is reported later
		}
	})
	update(t, d, 1, func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").Set("k", ycrdt.Null())) })
	require.Equal(t, []any{1, -1, 2, -2, 3}, got)
}

func TestOnCommit_IsInTheOrderOfTransactionsOfManyGoroutines(t *testing.T) {
	d := ycrdt.New(nil)
	var wg sync.WaitGroup
	var updates [][]byte
	d.OnUpdate(func(u ycrdt.UpdateEvent) { updates = append(updates, u.Update) })
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				_ = d.Update(g, func(tx *ycrdt.Txn) error {
					return tx.Map("m").Set(fmt.Sprint(g, i%7), ycrdt.Number(float64(i)))
				})
				d.View(func(r *ycrdt.Reader) { r.Map("m").Len() })
			}
		})
	}
	wg.Wait()
	_ = d.Update(nil, func(tx *ycrdt.Txn) error { return nil })
	e := ycrdt.New(nil)
	for _, u := range updates {
		require.NoError(t, e.Apply(u, nil))
		require.Nil(t, e.Pending().Structs)
	}
	require.Equal(t, d.StateVector(), e.StateVector())
}

func TestUpdate_KeepsChangesWhenItFails(t *testing.T) {
	d := ycrdt.New(nil)
	count := 0
	d.OnUpdate(func(ycrdt.UpdateEvent) { count++ })
	oops := errors.New("oops")
	require.ErrorIs(t, d.Update(nil, func(tx *ycrdt.Txn) error { _ = tx.Map("m").Set("k", ycrdt.Null()); return oops }), oops)
	require.Panics(t, func() {
		_ = d.Update(nil, func(tx *ycrdt.Txn) error { _ = tx.Map("m").Set("l", ycrdt.Null()); panic(oops) })
	})
	require.Equal(t, 2, count)
	d.View(func(r *ycrdt.Reader) { require.Equal(t, 2, r.Map("m").Len()) })
	require.NoError(t, ycrdt.Check(d))
}

func TestApply_ReportsOriginAndThatItIsForeign(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	update(t, a, nil, func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").Set("k", ycrdt.Null())) })
	state, err := a.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	var got []ycrdt.UpdateEvent
	b.OnUpdate(func(u ycrdt.UpdateEvent) { got = append(got, u) })
	require.NoError(t, b.Apply(state, "net"))
	require.NoError(t, b.Apply(state, "net"), "a second time it is nothing new")
	require.Equal(t, []ycrdt.UpdateEvent{{Update: state, Origin: "net"}}, got)
}

func TestApply_TakesANewClientIDWhenAnotherCopyUsesOurs(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 7}), ycrdt.New(&ycrdt.Options{ClientID: 7})
	update(t, a, nil, func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").Set("k", ycrdt.Null())) })
	state, err := a.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	require.NoError(t, b.Apply(state, nil))
	require.NotEqual(t, uint64(7), b.ClientID())
	require.NoError(t, a.Apply(state, nil))
	require.Equal(t, uint64(7), a.ClientID())
}

func TestView_RunsBesideOtherReadersAndBetweenWriters(t *testing.T) {
	w := newWorld(5, 2, true)
	require.NoError(t, w.run(60))
	d := w.docs[0]
	state, err := w.docs[1].EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for i := range 60 {
				d.View(func(r *ycrdt.Reader) {
					_ = r.Root("m").JSON()
					_ = r.Text("t").Delta()
					a := r.Array("a")
					_, _ = a.Get(a.Len() / 2)
					for range r.Map("m").History("a") {
					}
				})
				if i%10 == g {
					_, _ = d.EncodeStateAsUpdate(nil)
					_, _ = d.EncodeStateAsUpdateV2(nil)
					_ = d.Pending()
				}
			}
		})
	}
	for range 40 {
		require.NoError(t, w.edit(0))
		require.NoError(t, d.Apply(state, nil))
	}
	wg.Wait()
	require.NoError(t, ycrdt.Check(d))
}
