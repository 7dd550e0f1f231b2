package ycrdt_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

func TestMap_TellsTheEmptyKeyFromNoKey(t *testing.T) {
	d := ycrdt.New(nil)
	update(t, d, nil, func(tx *ycrdt.Txn) {
		m := tx.Map("")
		require.NoError(t, m.Set("", ycrdt.Undefined()))
		v, ok := m.Get("")
		require.True(t, ok)
		require.Equal(t, ycrdt.KindUndefined, v.Kind())
		require.Equal(t, 1, m.Len())
		_, ok = m.Get("x")
		require.False(t, ok)
		require.NoError(t, m.Delete(""))
		require.False(t, m.Has(""))
		require.Zero(t, m.Len())
	})
}

func TestMap_IteratesInTheOrderInWhichKeysCame(t *testing.T) {
	d := ycrdt.New(nil)
	update(t, d, nil, func(tx *ycrdt.Txn) {
		m := tx.Map("m")
		for _, k := range []string{"z", "a", "m"} {
			require.NoError(t, m.Set(k, ycrdt.String(k)))
		}
		require.NoError(t, m.Delete("a"))
		require.NoError(t, m.Set("z", ycrdt.Null()))
		require.NoError(t, m.Set("a", ycrdt.Null()))
		var keys []string
		for k := range m.Keys() {
			keys = append(keys, k)
		}
		require.Equal(t, []string{"z", "a", "m"}, keys)
	})
}

func TestHandles_OfDeletedTypesReturnErrors(t *testing.T) {
	d := ycrdt.New(nil)
	var ref ycrdt.Ref
	var kept ycrdt.Map
	update(t, d, nil, func(tx *ycrdt.Txn) {
		m := tx.Map("m")
		row, err := m.SetMap("r")
		require.NoError(t, err)
		ref = row.Ref()
		require.NoError(t, row.Err())
		require.NoError(t, m.Delete("r"))
		require.ErrorIs(t, row.Err(), ycrdt.ErrDeleted)
		require.ErrorIs(t, row.Set("c", ycrdt.Null()), ycrdt.ErrDeleted)
		_, ok := row.Get("c")
		require.False(t, ok)
		require.Zero(t, row.Len())
		require.ErrorIs(t, m.GetMap("none").Err(), ycrdt.ErrDeleted)
		require.NoError(t, m.Set("plain", ycrdt.Null()))
		require.ErrorIs(t, m.GetMap("plain").Err(), ycrdt.ErrKind)
		require.ErrorIs(t, tx.Array("m").Err(), ycrdt.ErrKind)
		kept = m
	})
	require.ErrorIs(t, kept.Err(), ycrdt.ErrClosed)
	require.ErrorIs(t, kept.Set("k", ycrdt.Null()), ycrdt.ErrClosed)
	update(t, d, nil, func(tx *ycrdt.Txn) {
		_, err := tx.Map("m").SetMap("other") // takes the slot of the deleted one
		require.NoError(t, err)
		require.ErrorIs(t, tx.At(ref).Err(), ycrdt.ErrDeleted)
	})
	d.View(func(r *ycrdt.Reader) {
		require.ErrorIs(t, r.Map("m").Set("k", ycrdt.Null()), ycrdt.ErrReadOnly)
		require.ErrorIs(t, r.Map("none").Err(), ycrdt.ErrDeleted)
		require.Zero(t, r.Map("none").Len())
	})
	require.ErrorIs(t, ycrdt.Map{}.Set("k", ycrdt.Null()), ycrdt.ErrDeleted)
}

func TestRef_FindsATypeInALaterTransaction(t *testing.T) {
	d := ycrdt.New(nil)
	var ref ycrdt.Ref
	update(t, d, nil, func(tx *ycrdt.Txn) {
		row, err := tx.Map("m").SetMap("r")
		require.NoError(t, err)
		ref = row.Ref()
	})
	update(t, d, nil, func(tx *ycrdt.Txn) {
		row := tx.At(ref).Map()
		require.NoError(t, row.Set("c", ycrdt.Bool(true)))
		parent, key, ok := row.Parent()
		require.True(t, ok)
		require.Equal(t, "r", key)
		require.True(t, parent.Same(tx.Root("m")))
	})
}

// exchange brings both documents to the same state.
func exchange(t *testing.T, a, b *ycrdt.Doc) {
	t.Helper()
	for _, way := range [][2]*ycrdt.Doc{{a, b}, {b, a}} {
		u, err := way[0].EncodeStateAsUpdate(way[1].StateVector())
		require.NoError(t, err)
		require.NoError(t, way[1].Apply(u, "exchange"))
		require.NoError(t, ycrdt.Check(way[1]))
	}
	require.Equal(t, a.StateVector(), b.StateVector())
}

func TestEnsureMap_MakesOneMapOfConcurrentCreations(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	const id = 1<<53 - 5
	for i, d := range []*ycrdt.Doc{a, b} {
		update(t, d, nil, func(tx *ycrdt.Txn) {
			row, found, err := tx.Map("m").EnsureMap("r", id)
			require.NoError(t, err)
			require.Equal(t, ycrdt.IdentityCreated, found)
			require.NoError(t, row.Set([]string{"x", "y"}[i], ycrdt.Bool(true)))
			_, found, err = tx.Map("m").EnsureMap("r", id)
			require.NoError(t, err)
			require.Equal(t, ycrdt.IdentityExists, found)
		})
	}
	exchange(t, a, b)
	for _, d := range []*ycrdt.Doc{a, b} {
		d.View(func(r *ycrdt.Reader) {
			row := r.Map("m").GetMap("r")
			require.Equal(t, 2, row.Len())
			got, ok := row.ID()
			require.True(t, ok)
			require.Equal(t, ycrdt.ID{Client: id}, got)
		})
	}
	update(t, a, nil, func(tx *ycrdt.Txn) {
		require.NoError(t, tx.Map("m").Delete("r"))
		_, found, err := tx.Map("m").EnsureMap("r", id)
		require.NoError(t, err)
		require.Equal(t, ycrdt.IdentityUsed, found)
	})
	update(t, a, nil, func(tx *ycrdt.Txn) {
		_, found, err := tx.Map("m").EnsureMap("r", id)
		require.NoError(t, err)
		require.Equal(t, ycrdt.IdentityUsed, found)
		require.NoError(t, tx.Map("m").Set("s", ycrdt.Null()))
		_, found, err = tx.Map("m").EnsureMap("s", id+1) // it knows what the key has, and replaces it
		require.NoError(t, err)
		require.Equal(t, ycrdt.IdentityCreated, found)
	})
	exchange(t, a, b)
}

func TestHistory_ShowsWhatLost(t *testing.T) {
	a := ycrdt.New(&ycrdt.Options{ClientID: 1, DisableGC: true})
	b := ycrdt.New(&ycrdt.Options{ClientID: 2, DisableGC: true})
	for i, d := range []*ycrdt.Doc{a, b} {
		update(t, d, nil, func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").Set("price", ycrdt.Number(float64(4+i)))) })
	}
	exchange(t, a, b)
	a.View(func(r *ycrdt.Reader) {
		var got []string
		for e := range r.Map("m").History("price") {
			v, ok := e.Value()
			require.True(t, ok)
			_, seen := e.Origin()
			require.False(t, seen)
			got = append(got, e.ID().String()+" "+v.String())
			require.Equal(t, len(got) == 2, e.Deleted())
		}
		require.Equal(t, []string{"2:0 5", "1:0 4"}, got)
	})
}

func TestTxn_AppliesASmallForeignUpdateInside(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	update(t, a, nil, func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").Set("a", ycrdt.Null())) })
	state, err := a.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	var events []ycrdt.UpdateEvent
	b.OnUpdate(func(u ycrdt.UpdateEvent) { events = append(events, u) })
	update(t, b, "o", func(tx *ycrdt.Txn) {
		require.NoError(t, tx.Map("m").Set("b", ycrdt.Null()))
		require.NoError(t, tx.Apply(state))
		require.Error(t, tx.Apply([]byte{1, 2, 3}))
		require.True(t, tx.Map("m").Has("a"))
	})
	require.Len(t, events, 1)
	require.True(t, events[0].Local)
	require.Equal(t, uint64(2), b.ClientID())
	require.NoError(t, a.Apply(events[0].Update, nil))
	require.Equal(t, a.StateVector(), b.StateVector())
}

func TestMap_SurvivesDeepNesting(t *testing.T) {
	d := ycrdt.New(nil)
	const depth = 200_000
	update(t, d, nil, func(tx *ycrdt.Txn) {
		m := tx.Map("m")
		for range depth {
			var err error
			if m, err = m.SetMap("k"); err != nil {
				t.Fatal(err)
			}
		}
		_ = tx.Root("m").JSON()
	})
	update(t, d, nil, func(tx *ycrdt.Txn) { require.NoError(t, tx.Map("m").Delete("k")) })
	state, err := d.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	require.Less(t, len(state), 64)
}
