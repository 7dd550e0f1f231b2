package ycrdt_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

func TestLate_IsReportedWithItsPlace(t *testing.T) {
	a := ycrdt.New(&ycrdt.Options{ClientID: 1})
	b := ycrdt.New(&ycrdt.Options{ClientID: 2})
	hub := ycrdt.New(&ycrdt.Options{ClientID: 3, KeepLost: true})
	var late []ycrdt.Late
	hub.OnCommit(func(c *ycrdt.Commit) { late = append(late, c.Late...) })
	var fromA [][]byte
	a.OnUpdate(func(e ycrdt.UpdateEvent) { fromA = append(fromA, e.Update) })
	require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error {
		m, err := tx.Map("m").SetMap("t")
		require.NoError(t, err)
		r, err := m.SetMap("r")
		require.NoError(t, err)
		return r.Set("x", ycrdt.Number(1))
	}))
	require.NoError(t, b.Update(nil, func(tx *ycrdt.Txn) error {
		_, err := tx.Map("m").SetMap("t")
		return err
	}))
	require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").GetMap("t").GetMap("r").Set("x", ycrdt.Number(2)) }))
	require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error {
		r, err := tx.Map("m").GetMap("t").SetMap("s")
		require.NoError(t, err)
		return r.Set("y", ycrdt.Number(3))
	}))
	state, err := b.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	require.NoError(t, hub.Apply(state, nil))
	for _, u := range fromA {
		require.NoError(t, hub.Apply(u, nil))
	}
	require.Len(t, late, 2)
	require.Equal(t, []ycrdt.Step{{Key: "m"}, {Key: "t"}, {Key: "r"}}, late[0].Path)
	require.Equal(t, "x", late[0].Key)
	require.Equal(t, ycrdt.Number(2), late[0].Value)
	require.Equal(t, []ycrdt.Span{{ID: ycrdt.ID{Client: 1, Clock: 2}, Len: 2}}, late[0].Descent.Runs)
	require.Equal(t, []ycrdt.Descent{
		{Runs: []ycrdt.Span{{ID: ycrdt.ID{Client: 1, Clock: 0}, Len: 1}}},
		{Runs: []ycrdt.Span{{ID: ycrdt.ID{Client: 1, Clock: 1}, Len: 1}}},
	}, late[0].Around)
	require.Equal(t, "s", late[1].Key)
	require.Equal(t, "y", late[1].Entries[0].Key)

	// The encoded state keeps what is needed, so a copy can tell as well.
	copied := ycrdt.New(&ycrdt.Options{ClientID: 4, KeepLost: true})
	state, err = hub.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	require.NoError(t, copied.Apply(state, nil))
	late = nil
	copied.OnCommit(func(c *ycrdt.Commit) { late = append(late, c.Late...) })
	require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").GetMap("t").GetMap("s").Set("y", ycrdt.Number(4)) }))
	require.NoError(t, copied.Apply(fromA[len(fromA)-1], nil))
	require.Len(t, late, 1)
	require.Equal(t, ycrdt.Number(4), late[0].Value)
}

func TestLate_AValueBesideOneThatHasBeenDeleted(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	var late []ycrdt.Late
	for _, d := range []*ycrdt.Doc{a, b} {
		d.OnCommit(func(c *ycrdt.Commit) { late = append(late, c.Late...) })
	}
	require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("k", ycrdt.Number(1)) }))
	require.NoError(t, b.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("k", ycrdt.Number(2)) }))
	require.NoError(t, b.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Delete("k") }))
	syncAll(t, a, b)
	require.Len(t, late, 2, "seen by both")
	for _, l := range late {
		require.Equal(t, "k", l.Key)
		require.Equal(t, ycrdt.Number(1), l.Value)
	}
}

func TestEnsureMap_KnowsOfADeletionThatCameBefore(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	ensure := func(d *ycrdt.Doc, client uint64) (got ycrdt.Identity) {
		require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) (err error) {
			_, got, err = tx.Map("m").EnsureMap("k", client)
			return err
		}))
		return got
	}
	require.Equal(t, ycrdt.IdentityCreated, ensure(a, 1<<52))
	var deletion []byte
	a.OnUpdate(func(e ycrdt.UpdateEvent) { deletion = e.Update })
	require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Delete("k") }))
	require.NoError(t, b.Apply(deletion, nil))
	require.Equal(t, ycrdt.IdentityUsed, ensure(b, 1<<52))
	require.Equal(t, ycrdt.IdentityCreated, ensure(b, 1<<52+1), "the next life")
	syncAll(t, a, b)
	for _, d := range []*ycrdt.Doc{a, b} {
		d.View(func(r *ycrdt.Reader) { require.NoError(t, r.Map("m").GetMap("k").Err()) })
		require.Nil(t, d.Pending().Deletes)
	}
}
