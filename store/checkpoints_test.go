package store_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

func TestCheckpoints_UndoOnlyTheirOwn(t *testing.T) {
	s := store.New()
	c := store.NewCheckpoints(s, "ann", nil)
	defer c.Close()
	as := func(by, cell string, n int) {
		t.Helper()
		require.NoError(t, s.UpdateAs(by, func(tx *store.Tx) error { return tx.SetCell("t", "r", cell, store.Of(n)) }))
	}
	content := func() string { return store.Diff(nil, s.Snapshot()).String() }
	require.ErrorIs(t, c.GoBackward(), store.ErrNoBackward)
	as("ann", "a", 1)
	as("ann", "b", 1)
	c.Add("first")
	c.Add("nothing since")
	as("bob", "b", 2) // bob's place now
	as("bob", "c", 1)
	as("ann", "a", 2)
	require.NoError(t, c.GoBackward())
	require.Equal(t, "+ t/r/a 1\n+ t/r/b 2\n+ t/r/c 1\n", content())
	require.NoError(t, c.GoBackward())
	require.Equal(t, "+ t/r/b 2\n+ t/r/c 1\n", content(), "what bob has written stays")
	require.False(t, c.CanGoBackward())
	back, forward := c.Labels()
	require.Empty(t, back)
	require.Equal(t, []string{"first", ""}, forward)
	require.NoError(t, c.GoForward())
	require.NoError(t, c.GoForward())
	require.ErrorIs(t, c.GoForward(), store.ErrNoForward)
	require.Equal(t, "+ t/r/a 2\n+ t/r/b 2\n+ t/r/c 1\n", content())
	require.NoError(t, c.GoBackward())
	as("bob", "d", 1)
	require.True(t, c.CanGoForward())
	as("ann", "e", 1)
	require.False(t, c.CanGoForward(), "who writes anew has nothing to redo")
}

func TestCheckpoints_StayWhereTheyAreWhenAStepIsRefused(t *testing.T) {
	s := store.New()
	c := store.NewCheckpoints(s, "ann", nil)
	require.NoError(t, s.UpdateAs("ann", func(tx *store.Tx) error { return tx.SetValue("v", store.Of(1)) }))
	refused := errors.New("refused")
	leave := s.Join(&store.Middleware{WillSetValue: func(store.ValueWrite) (store.Value, error) { return store.Value{}, refused }})
	require.ErrorIs(t, c.GoBackward(), refused)
	leave()
	require.NoError(t, s.UpdateAs("ann", func(tx *store.Tx) error { return tx.SetValue("w", store.Of(1)) }))
	require.NoError(t, c.GoBackward())
	require.NoError(t, c.GoBackward())
	require.True(t, s.Snapshot().IsEmpty())
	// A step that has nothing left to undo is a step nevertheless.
	require.NoError(t, c.GoForward())
	require.NoError(t, s.UpdateAs("bob", func(tx *store.Tx) error { return tx.SetValue("v", store.Of(2)) }))
	require.NoError(t, c.GoBackward())
	require.False(t, c.CanGoBackward())
	require.Equal(t, store.Of(2), s.Snapshot().Value("v"))
}

func TestCheckpoints_KeepNoMoreThanTheirLimit(t *testing.T) {
	s := store.New()
	c := store.NewCheckpoints(s, nil, &store.CheckpointOptions{Limit: 3})
	for i := range 10 {
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetValue("v", store.Of(i)) }))
		c.Add("")
	}
	for range 3 {
		require.NoError(t, c.GoBackward())
	}
	require.ErrorIs(t, c.GoBackward(), store.ErrNoBackward)
	require.Equal(t, store.Of(6), s.Snapshot().Value("v"))
	c.Clear()
	require.False(t, c.CanGoForward())
}
