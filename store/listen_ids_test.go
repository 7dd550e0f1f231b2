package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

func TestListenIDs_HearWhatComesAndGoes(t *testing.T) {
	s := store.New()
	set(t, s, "pets", "fido", "price", store.Of(1))
	var log []string
	say := func(name string) func(*store.Commit, store.IDChange) {
		return func(_ *store.Commit, d store.IDChange) { log = append(log, fmt.Sprint(name, d.Added, d.Removed)) }
	}
	stops := []func(){
		s.ListenTableIDs(say("tables")), s.ListenRowIDs("pets", say("rows")), s.ListenCellIDs("pets", "fido", say("cells")),
		s.ListenValueIDs(say("values")), s.ListenColumns("pets", say("columns")),
		s.ListenRowCount("pets", func(_ *store.Commit, n int) { log = append(log, fmt.Sprint("count", n)) }),
		s.ListenExistence(store.Row("pets", "rex"), func(_ *store.Commit, is bool) { log = append(log, fmt.Sprint("rex", is)) }),
	}
	hear := func(fn func(tx *store.Tx) error) []string {
		log = nil
		require.NoError(t, s.Update(fn))
		return log
	}
	require.Empty(t, hear(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(2)) }))
	require.Equal(t, []string{"rows[rex] []", "columns[color] []", "count2", "rextrue"},
		hear(func(tx *store.Tx) error { return tx.SetCell("pets", "rex", "color", store.Of("black")) }))
	require.Equal(t, []string{"cells[color] []"}, hear(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "color", store.Of("brown")) }))
	require.Equal(t, []string{"tables[cars] []", "values[a b] []"}, hear(func(tx *store.Tx) error {
		_ = tx.SetValue("b", store.Of(1))
		_ = tx.SetValue("a", store.Of(1))
		return tx.SetCell("cars", "vw", "n", store.Of(1))
	}))
	require.Equal(t, []string{"rows[] [rex]", "count1", "rexfalse"}, hear(func(tx *store.Tx) error { return tx.DelRow("pets", "rex") }))
	require.Equal(t, []string{"tables[] [pets]", "rows[] [fido]", "cells[] [color price]", "columns[] [color price]", "count0"},
		hear(func(tx *store.Tx) error { return tx.DelTable("pets") }))
	for _, stop := range stops {
		stop()
	}
	require.Empty(t, hear(func(tx *store.Tx) error { return tx.DelTables() }))
}
