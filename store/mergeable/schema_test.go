package mergeable_test

import (
	"errors"
	"testing"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/stretchr/testify/require"
)

type schema struct{ prepare func(tx *store.Tx) error }

func (s schema) Prepare(tx *store.Tx, _ store.Origin) error { return s.prepare(tx) }
func (s schema) Committed(*store.Commit)                    {}

func TestApply_WhatASchemaRefusesIsStampedAnew(t *testing.T) {
	m := newStore(t, "s1", now)
	set(t, m, "t", "r", "c", store.Of("good"))
	m.Store().Join(&schema{func(tx *store.Tx) error {
		for _, c := range tx.Changes().Cells {
			if c.New == store.Of("bad") {
				return errors.New("not in the schema")
			}
		}
		return nil
	}})
	feed := m.Feed()
	defer feed.Close()
	c := cell(store.Of("bad"), hlc.New(now+5, 0, 9))
	c.Cells = append(c.Cells, mergeable.Cell{Table: "t", Row: "other", Cell: "c", Value: store.Of("fine"), Stamp: hlc.New(now, 0, 9)})
	r, err := m.Apply("peer", c)
	require.NoError(t, err)
	require.Equal(t, 1, r.RefusedCount)
	require.ErrorContains(t, r.Refused[0], "t/r/c refused: not in the schema")
	require.Equal(t, store.Of("good"), m.Store().Snapshot().Cell("t", "r", "c"))
	require.Equal(t, store.Of("fine"), m.Store().Snapshot().Cell("t", "other", "c"))
	require.True(t, m.CellStamp("t", "r", "c").After(hlc.New(now+5, 0, 9)), "so that the peer returns to it")
	deltas, _ := feed.Next()
	require.Contains(t, string(deltas[len(deltas)-1].JSON())+string(deltas[0].JSON()), `"good"`)
	require.Empty(t, m.Check())
}

func TestApply_WhatASchemaRepairsIsStampedAnew(t *testing.T) {
	m := newStore(t, "s1", now)
	m.Store().Join(&schema{func(tx *store.Tx) error {
		for _, c := range tx.Changes().Cells {
			if c.New == store.Of("bad") {
				if err := tx.SetCell(c.Table, c.Row, c.Cell, store.Of("repaired")); err != nil {
					return err
				}
			}
		}
		return nil
	}})
	c := cell(store.Of("bad"), hlc.New(now+5, 0, 9))
	c.Cells = append(c.Cells, mergeable.Cell{Table: "t", Row: "r", Cell: "fine", Value: store.Of(1), Stamp: hlc.New(now+5, 1, 9)})
	_, err := m.Apply("peer", c)
	require.NoError(t, err)
	require.Equal(t, store.Of("repaired"), m.Store().Snapshot().Cell("t", "r", "c"))
	require.Equal(t, m.Client(), m.CellStamp("t", "r", "c").Client())
	require.Equal(t, hlc.Client(9), m.CellStamp("t", "r", "fine").Client())
	require.Empty(t, m.Check())
}

func TestApply_WhatASchemaPutsBackIsStampedAnew(t *testing.T) {
	m := newStore(t, "s1", now)
	m.Store().Join(&schema{func(tx *store.Tx) error {
		if tx.Cell("t", "r", "c").Exists() {
			return tx.DelCell("t", "r", "c")
		}
		return nil
	}})
	r, err := m.Apply("peer", cell(store.Of("bad"), hlc.New(now+5, 0, 9)))
	require.NoError(t, err)
	require.Equal(t, 1, r.RefusedCount)
	require.Equal(t, m.Client(), m.CellStamp("t", "r", "c").Client())
	require.Empty(t, m.Check())
}

func TestApply_WhatASchemaPutsBackAmongOthersIsStampedAnew(t *testing.T) {
	m := newStore(t, "s1", now)
	set(t, m, "t", "r", "c", store.Of("good"))
	m.Store().Join(&schema{func(tx *store.Tx) error {
		if tx.Cell("t", "r", "c") == store.Of("bad") {
			if err := tx.SetCell("t", "r", "c", store.Of("good")); err != nil {
				return err
			}
		}
		if tx.Value("v") == store.Of("bad") {
			return tx.DelValue("v")
		}
		return nil
	}})
	remote := hlc.New(now+5, 0, 9)
	c := cell(store.Of("bad"), remote)
	c.Cells = append(c.Cells, mergeable.Cell{Table: "t", Row: "r", Cell: "fine", Value: store.Of(1), Stamp: remote})
	c.Values = []mergeable.KeyedValue{{ID: "v", Value: store.Of("bad"), Stamp: remote}, {ID: "w", Value: store.Of("fine"), Stamp: remote}}
	_, err := m.Apply("peer", c)
	require.NoError(t, err)
	require.Equal(t, store.Of("good"), m.Store().Snapshot().Cell("t", "r", "c"))
	require.False(t, m.Store().Snapshot().Value("v").Exists())
	require.True(t, m.CellStamp("t", "r", "c").After(remote))
	require.True(t, m.ValueStamp("v").After(remote))
	require.Equal(t, remote, m.CellStamp("t", "r", "fine"))
	require.Equal(t, remote, m.ValueStamp("w"))
	require.Empty(t, m.Check())
}

func TestSetContent_StampsWhatASchemaMakesOfIt(t *testing.T) {
	from := newStore(t, "s2", now)
	set(t, from, "t", "r", "c", store.Of("bad"))
	set(t, from, "t", "r", "d", store.Of(1))
	m := newStore(t, "s1", now)
	m.Store().Join(&schema{func(tx *store.Tx) error {
		if tx.Cell("t", "r", "c") == store.Of("bad") {
			return tx.DelCell("t", "r", "c")
		}
		return nil
	}})
	feed := m.Feed()
	defer feed.Close()
	_, err := m.Load(nil, from.AppendContent(nil))
	require.NoError(t, err)
	require.Equal(t, m.Client(), m.CellStamp("t", "r", "c").Client())
	require.Equal(t, from.CellStamp("t", "r", "d"), m.CellStamp("t", "r", "d"))
	_, lost := feed.Next()
	require.True(t, lost)
	require.Empty(t, m.Check())
}
