//go:build cgo

package automerge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/internal/boundtest"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

func TestConflicts_AreToldAndCanBeAskedFor(t *testing.T) {
	doc1, doc2 := newDoc(t, "\x01"), newDoc(t, "\x02")
	var told []automerge.Conflict
	o := &automerge.Options{OnConflict: func(c automerge.Conflict) { told = append(told, c) }}
	s1, s2 := bind(t, doc1, o), bind(t, doc2, nil)
	price := store.Cell("pets", "fido", "price")
	set := func(s *store.Store, at store.Path, v store.Value) {
		require.NoError(t, boundtest.Put(s, at, v))
	}
	set(s1, price, store.Of(1))
	exchange(t, doc1, doc2)
	require.Empty(t, told)
	set(s1, price, store.Of(4))
	set(s2, price, store.Of("five"))
	exchange(t, doc1, doc2)
	require.Len(t, told, 1)
	require.Equal(t, price, told[0].At)
	require.Equal(t, store.Of("five"), told[0].Winner.Value)
	require.Len(t, told[0].Losers, 1)
	require.Equal(t, store.Of(4), told[0].Losers[0].Value)
	require.Equal(t, amchange.Actor("\x01"), told[0].Losers[0].ID.Actor)
	require.Regexp(t, `^pets/fido/price: \d+@02 "five" beats \d+@01 4$`, told[0].String())

	for _, doc := range []*automerge.Doc{doc1, doc2} {
		c, ok := automerge.NewTarget(doc, nil).Conflicts(price)
		require.True(t, ok)
		require.Equal(t, told[0], c)
		all, more := automerge.NewTarget(doc, nil).AllConflicts(1)
		require.Equal(t, told, all)
		require.False(t, more)
		all, more = automerge.NewTarget(doc, nil).AllConflicts(0)
		require.Empty(t, all)
		require.True(t, more)
	}
	set(s1, price, store.Of(6))
	_, ok := automerge.NewTarget(doc1, nil).Conflicts(price)
	require.False(t, ok, "who writes decides")
	all, more := automerge.NewTarget(doc1, nil).AllConflicts(10)
	require.Empty(t, all)
	require.False(t, more)
	require.Len(t, told, 1)
}

// Two JavaScript peers make the same row. A Store that only loads shows what they show, and says what was lost; one that saves,
// too, restores it, also when it comes to the document later, and what is written later by a peer that does not know yet.
func TestRestore_WhatALostRowHeldIsWrittenAgain(t *testing.T) {
	js1, js2 := newDoc(t, "\x01"), newDoc(t, "\x02")
	require.NoError(t, automerge.NewTarget(js1, nil).Seed("js"))
	exchange(t, js1, js2)
	put := func(doc *automerge.Doc, cell, text string) {
		require.NoError(t, doc.Update("js", func(tx *automerge.Tx) error {
			parent, _ := tx.Index().Get("tinybase", "t")
			for _, key := range []string{"pets", "fido"} {
				m, ok := tx.Index().GetIn(parent.ID, key)
				if !ok {
					id, err := tx.Edit().Make(parent.ID, key, amchange.Map)
					require.NoError(t, err)
					m.ID = id
				}
				parent = m
			}
			id, err := tx.Edit().Make(parent.ID, cell, amchange.Text)
			require.NoError(t, err)
			return tx.Edit().Splice(id, 0, 0, text)
		}))
	}
	put(js1, "color", "red")
	put(js1, "legs", "four")
	put(js2, "legs", "three")
	late, err := js1.Fork(&automerge.DocOptions{Actor: "\x03"})
	require.NoError(t, err)
	put(late, "color", "blue")

	doc := newDoc(t, "\x04")
	var told []automerge.Conflict
	s := store.New()
	p := automerge.Bind(s, doc, &automerge.Options{OnConflict: func(c automerge.Conflict) { told = append(told, c) }, Persist: &persist.Options{}})
	require.NoError(t, p.StartAutoLoad(ctx))
	require.NoError(t, doc.Merge(js1))
	require.NoError(t, doc.Merge(js2))
	require.Equal(t, "+ pets/fido/legs \"three\"\n", store.Diff(nil, s.Snapshot()).String())
	require.Len(t, told, 1)
	require.Equal(t, store.Table("pets"), told[0].At)
	require.Equal(t, "+ pets/fido/color \"red\"\n+ pets/fido/legs \"four\"\n", store.Diff(nil, told[0].Losers[0].Content).String())

	require.NoError(t, p.StartAutoSave(ctx))
	require.Equal(t, "+ pets/fido/color \"red\"\n+ pets/fido/legs \"three\"\n", store.Diff(nil, s.Snapshot()).String())
	require.NoError(t, doc.Merge(late))
	want := "+ pets/fido/color \"blue\"\n+ pets/fido/legs \"three\"\n"
	require.Equal(t, want, store.Diff(nil, s.Snapshot()).String())

	other := newDoc(t, "\x05")
	s2 := bind(t, other, nil)
	require.NoError(t, other.Merge(js2))
	require.NoError(t, other.Merge(late))
	exchange(t, doc, other)
	require.Equal(t, want, store.Diff(nil, s2.Snapshot()).String())
	require.Equal(t, want, holds(t, doc, nil))
	require.Equal(t, doc.Heads(), other.Heads())
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelCell("pets", "fido", "color") }))
	exchange(t, doc, other)
	require.Equal(t, "+ pets/fido/legs \"three\"\n", holds(t, other, nil), "what is deleted stays deleted")
	require.NoError(t, p.Close(ctx))
}
