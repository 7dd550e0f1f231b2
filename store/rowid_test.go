package store_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

func add(t testing.TB, s *store.Store, table string) (row string) {
	t.Helper()
	require.NoError(t, s.Update(func(tx *store.Tx) (err error) {
		row, err = tx.AddRow(table, map[string]store.Value{"n": store.Of(1)})
		return err
	}))
	return row
}

func TestAddRow_GivesUniqueIDsInTheOrderOfTime(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	zeros := bytes.NewReader(make([]byte, 1<<20))
	s := store.NewStore(&store.Options{RowIDs: store.UniqueRowIDs(&store.UniqueOptions{Now: func() time.Time { return now }, Random: zeros})})
	ids := []string{}
	for i := range 200 {
		switch {
		case i%10 == 0:
			now = now.Add(time.Millisecond)
		case i%17 == 0:
			now = now.Add(-time.Second) // a clock may go back
		}
		ids = append(ids, add(t, s, "t"))
	}
	require.Equal(t, "-NjEtLV0-----------", ids[0])
	require.True(t, slices.IsSorted(ids))
	require.Equal(t, 200, s.Snapshot().RowCount("t"))
	at, ok := store.RowTime(ids[0])
	require.True(t, ok)
	require.Equal(t, int64(1_700_000_000_001), at.UnixMilli())
	_, ok = store.RowTime("fido")
	require.False(t, ok)

	other, third := store.New(), store.New()
	require.NotEqual(t, add(t, other, "t"), add(t, third, "t"))
}

func TestAddRow_CountsAsTinyBaseDoes(t *testing.T) {
	s := store.NewStore(&store.Options{RowIDs: store.NewRowCounter()})
	set(t, s, "t", "1", "n", store.Of(1))
	require.Equal(t, "0", add(t, s, "t"))
	require.Equal(t, "2", add(t, s, "t"))
	require.Equal(t, "0", add(t, s, "other"))
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelTable("t") }))
	require.Equal(t, "0", add(t, s, "t"))
}

func TestAddRow_RefusesWhatIsNoRow(t *testing.T) {
	s := store.New()
	for _, cells := range []map[string]store.Value{nil, {}, {"a": {}}, {"a": store.Of(math.NaN())}} {
		require.ErrorIs(t, s.Update(func(tx *store.Tx) error {
			_, err := tx.AddRow("t", cells)
			return err
		}), store.ErrInvalid)
	}
	broken := errors.New("no more chance")
	s = store.NewStore(&store.Options{RowIDs: brokenIDs{broken}})
	require.ErrorIs(t, s.Update(func(tx *store.Tx) error {
		_, err := tx.AddRow("t", map[string]store.Value{"a": store.Of(1)})
		return err
	}), broken)
}

type brokenIDs struct{ err error }

func (b brokenIDs) Next(*store.Tx, string) (string, error) { return "", b.err }

func TestRowCounter_UsesTheIDsOfDeletedRowsAgain(t *testing.T) {
	c := store.NewRowCounter()
	s := store.NewStore(&store.Options{RowIDs: c})
	for range 5 {
		add(t, s, "t")
	}
	del := func(row string) {
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelRow("t", row) }))
	}
	del("3")
	del("1")
	stop := errors.New("stop")
	require.ErrorIs(t, s.Update(func(tx *store.Tx) error {
		row, err := tx.AddRow("t", map[string]store.Value{"n": store.Of(1)})
		require.NoError(t, err)
		require.Equal(t, "3", row)
		return stop // nothing has happened
	}), stop)
	require.Equal(t, "3", add(t, s, "t"))
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		row, err := c.NextUnused(tx, "t")
		require.Equal(t, "5", row)
		return err
	}))
	require.Equal(t, "1", add(t, s, "t"))
	require.Equal(t, "5", add(t, s, "t"), "nothing was added under 5")
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelTables() }))
	require.Equal(t, "0", add(t, s, "t"))
}
