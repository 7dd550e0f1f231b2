package ycrdt_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

func TestContent_DoesNotGrowWithOverwritesAndRepeatedUpdates(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	require.NoError(t, buildTable(a, 500, 10))
	long := ycrdt.String(strings.Repeat("x", 200))
	for i := range 20_000 {
		require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set(fmt.Sprint(i%3), long) }))
	}
	require.Less(t, ycrdt.ContentBytes(a), 2<<20)
	for range 200 {
		state, err := a.EncodeStateAsUpdate(nil)
		require.NoError(t, err)
		require.NoError(t, b.Apply(state, nil))
		require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("k", long) }))
	}
	require.Less(t, ycrdt.ContentBytes(b), 2<<20)
	require.NoError(t, ycrdt.Check(a))
	require.NoError(t, ycrdt.Check(b))
	exchange(t, a, b)
	before, err := b.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	b.Compact()
	require.NoError(t, ycrdt.Check(b))
	after, err := b.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	require.Equal(t, before, after)
}
