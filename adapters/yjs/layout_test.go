package yjs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

func TestAuto_TakesTheLayoutOfTheDocument(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		doc := newDoc(1)
		first := bind(t, doc, o)
		set(t, first, "t/r/a", store.Of(1))
		auto := bind(t, doc, &yjs.Options{Layout: yjs.Auto})
		require.Equal(t, "+ t/r/a 1\n", store.Diff(nil, auto.Snapshot()).String())
		set(t, auto, "t/s/a", store.Of(2))
		require.Equal(t, "+ t/r/a 1\n+ t/s/a 2\n", holds(t, doc, o))
		require.Equal(t, "+ t/r/a 1\n+ t/s/a 2\n", store.Diff(nil, first.Snapshot()).String())
	})
}

func TestAuto_WaitsForTheFirstContent(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		doc, other := newDoc(1), newDoc(2)
		auto := bind(t, doc, &yjs.Options{Layout: yjs.Auto})
		require.True(t, auto.Snapshot().IsEmpty())
		set(t, bind(t, other, o), "t/r/a", store.Of(1))
		exchange(t, doc, other)
		require.Equal(t, "+ t/r/a 1\n", store.Diff(nil, auto.Snapshot()).String())
		update(t, auto, func(tx *store.Tx) error { return tx.DelTables() })
		exchange(t, doc, other)
		require.Empty(t, holds(t, other, o))

		// A document in which everything was deleted is still of its layout.
		late := bind(t, doc, &yjs.Options{Layout: yjs.Auto})
		set(t, late, "t/r/a", store.Of(2))
		require.Equal(t, "+ t/r/a 2\n", holds(t, doc, o))
	})
}

// A document that somebody has emptied is not one that was never written: the Store becomes empty as well, and does not fill
// it again.
func TestLoad_TakesOverThatEverythingWasDeleted(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		doc := newDoc(1)
		s := bind(t, doc, o)
		set(t, s, "t/r/a", store.Of(1))
		require.NoError(t, doc.Update("js", func(tx *ycrdt.Txn) error {
			if o.Layout == yjs.Flat {
				return tx.Map("tinybase/t/t").Clear()
			}
			return tx.Map("tinybase").Clear()
		}))
		require.True(t, s.Snapshot().IsEmpty())
		require.Empty(t, holds(t, doc, o))
		set(t, s, "t/r/a", store.Of(2))
		require.Equal(t, "+ t/r/a 2\n", holds(t, doc, o))
	})
}

func TestConvert_ThereAndBackKeepsEverything(t *testing.T) {
	doc := newDoc(1)
	nested, flat := &yjs.Options{}, &yjs.Options{Layout: yjs.Flat}
	require.NoError(t, yjs.NewTarget(doc, nested).Write(ctx, "setup", store.Diff(nil, oddContent(t)), nil))
	require.NoError(t, doc.Update("setup", func(tx *ycrdt.Txn) error {
		m, key := cellIn(tx, yjs.Nested, "t", "r", "bytes")
		require.NoError(t, m.Set(key, ycrdt.Bytes([]byte{1, 2})))
		return m.Set("big", ycrdt.BigInt(10))
	}))
	before := holds(t, doc, nested)

	moved, err := yjs.Convert(doc, "", yjs.Nested, yjs.Flat, "convert")
	require.NoError(t, err)
	require.Equal(t, oddContent(t).CountCells()+oddContent(t).ValueCount()+2, moved)
	require.Equal(t, before, holds(t, doc, flat))
	require.Equal(t, before, holds(t, doc, &yjs.Options{Layout: yjs.Auto}))
	require.Empty(t, holds(t, doc, nested))
	doc.View(func(r *ycrdt.Reader) {
		m, key := cellIn(r, yjs.Flat, "t", "r", "bytes")
		v, _ := m.Get(key)
		require.Equal(t, []byte{1, 2}, v.Bytes())
	})

	moved, err = yjs.Convert(doc, "", yjs.Flat, yjs.Nested, "convert")
	require.NoError(t, err)
	require.Equal(t, before, holds(t, doc, nested))
	require.Equal(t, before, holds(t, doc, &yjs.Options{Layout: yjs.Auto}))
	require.Empty(t, holds(t, doc, flat))
	require.Positive(t, moved)
}

// oddContent has ids and values of all kinds.
func oddContent(t *testing.T) *store.Snapshot {
	var b store.Builder
	object, err := store.ParseJSON(`{"a":[1,null]}`)
	require.NoError(t, err)
	for _, id := range []string{"r", "", "a/b", "~", "~1", "/", "é", "\x00"} {
		require.NoError(t, b.SetCell("t", id, "a/"+id, store.Of(1.5)))
		require.NoError(t, b.SetCell("t/"+id, "r", id, object))
		require.NoError(t, b.SetValue(id, store.Of("text")))
	}
	return b.Snapshot()
}

func TestConvert_RefusesWhatItCannotMove(t *testing.T) {
	doc := newDoc(1)
	set(t, bind(t, doc, nil), "t/r/a", store.Of(1))
	for _, l := range [][2]yjs.Layout{{yjs.Nested, yjs.Nested}, {yjs.Flat, yjs.Flat}, {yjs.Auto, yjs.Flat}, {yjs.Nested, 9}} {
		_, err := yjs.Convert(doc, "", l[0], l[1], nil)
		require.ErrorContains(t, err, "choose nested and flat")
	}
	require.NoError(t, doc.Update("js", func(tx *ycrdt.Txn) error {
		m, _ := cellIn(tx, yjs.Nested, "t", "r", "")
		return m.Set("rich", ycrdt.NewText("x"))
	}))
	state := doc.StateVector()
	_, err := yjs.Convert(doc, "", yjs.Nested, yjs.Flat, nil)
	require.ErrorContains(t, err, `yjs: convert "tinybase": t/r/rich holds a shared type (text)`)
	require.Equal(t, state, doc.StateVector())
}
