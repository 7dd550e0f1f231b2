package store_test

import (
	"maps"
	"slices"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/store"
)

// model is the obviously right Store: flat maps.
type model struct {
	cells  map[[3]string]store.Value
	values map[string]store.Value
}

func newModel() *model {
	return &model{map[[3]string]store.Value{}, map[string]store.Value{}}
}

func (m *model) clone() *model { return &model{maps.Clone(m.cells), maps.Clone(m.values)} }

func (m *model) deleteIn(p store.Path) {
	maps.DeleteFunc(m.cells, func(k [3]string, _ store.Value) bool { return p.Contains(store.Cell(k[0], k[1], k[2])) })
	maps.DeleteFunc(m.values, func(k string, _ store.Value) bool { return p.Contains(store.ValueOf(k)) })
}

// diff is the obviously right difference.
func (m *model) diff(to *model) (d store.Changes) {
	for k, v := range m.cells {
		d.Cells = append(d.Cells, store.CellChange{Table: k[0], Row: k[1], Cell: k[2], Old: v, New: to.cells[k]})
	}
	for k, v := range to.cells {
		if _, both := m.cells[k]; !both {
			d.Cells = append(d.Cells, store.CellChange{Table: k[0], Row: k[1], Cell: k[2], New: v})
		}
	}
	for k, v := range m.values {
		d.Values = append(d.Values, store.ValueChange{ID: k, Old: v, New: to.values[k]})
	}
	for k, v := range to.values {
		if _, both := m.values[k]; !both {
			d.Values = append(d.Values, store.ValueChange{ID: k, New: v})
		}
	}
	return d.Normalize()
}

func (m *model) equal(t require.TestingT, r store.Reader) {
	if h, ok := t.(interface{ Helper() }); ok {
		h.Helper()
	}
	got := newModel()
	for table := range r.Tables() {
		require.True(t, r.HasTable(table))
		rows := slices.Collect(r.Rows(table))
		require.True(t, sort.StringsAreSorted(rows))
		require.Equal(t, len(rows), r.RowCount(table))
		for _, row := range rows {
			require.True(t, r.HasRow(table, row))
			n := 0
			for cell, v := range r.Cells(table, row) {
				n++
				got.cells[[3]string{table, row, cell}] = v
				require.Equal(t, v, r.Cell(table, row, cell))
			}
			require.Equal(t, n, r.CellCount(table, row))
		}
	}
	for id, v := range r.Values() {
		got.values[id] = v
		require.Equal(t, v, r.Value(id))
	}
	require.Equal(t, m.cells, got.cells)
	require.Equal(t, m.values, got.values)
}

var anyID = rapid.SampledFrom([]string{"", "a", "b", "c", "fido", "zz", "0", "10", "é", "x/y"})
var anyRow = rapid.Custom(func(t *rapid.T) string {
	if rapid.IntRange(0, 3).Draw(t, "few") > 0 {
		return anyID.Draw(t, "id")
	}
	return string(rune('a'+rapid.IntRange(0, 25).Draw(t, "c1"))) + string(rune('a'+rapid.IntRange(0, 25).Draw(t, "c2")))
})
var anyValue = rapid.Custom(func(t *rapid.T) store.Value {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		return store.NullValue()
	case 1:
		return store.Of(rapid.Bool().Draw(t, "bool"))
	case 2:
		return store.Of(rapid.IntRange(-2, 3).Draw(t, "number"))
	case 3:
		v, err := store.ParseJSON(rapid.SampledFrom([]string{`{"a":1}`, `[1,2]`, `{}`, `[]`}).Draw(t, "json"))
		if err != nil {
			panic(err)
		}
		return v
	}
	return store.Of(rapid.SampledFrom([]string{"", "x", "dog", "\x00"}).Draw(t, "string"))
})
var anyPath = rapid.Custom(func(t *rapid.T) store.Path {
	id := func(n string) string { return anyID.Draw(t, n) }
	switch rapid.IntRange(0, 6).Draw(t, "level") {
	case 0:
		return store.Path{}
	case 1:
		return store.Tables()
	case 2:
		return store.Table(id("t"))
	case 3:
		return store.Row(id("t"), id("r"))
	case 4:
		return store.Cell(id("t"), id("r"), id("c"))
	case 5:
		return store.Values()
	}
	return store.ValueOf(id("v"))
})
var anyPattern = rapid.Custom(func(t *rapid.T) store.Path {
	p := store.AnyTable()
	if rapid.Bool().Draw(t, "one table") {
		p = store.Table(anyID.Draw(t, "t"))
	}
	if rapid.Bool().Draw(t, "deeper") {
		if p = p.AnyRow(); rapid.Bool().Draw(t, "one row") {
			p = p.Up().Row(anyID.Draw(t, "r"))
		}
		if rapid.Bool().Draw(t, "deepest") {
			p = p.Cell(anyID.Draw(t, "c"))
		} else if rapid.Bool().Draw(t, "any cell") {
			p = p.AnyCell()
		}
	}
	return p
})

// step makes one random write in a transaction and in the model.
func step(t *rapid.T, tx *store.Tx, m *model) {
	switch rapid.IntRange(0, 9).Draw(t, "op") {
	default:
		k := [3]string{anyID.Draw(t, "t"), anyRow.Draw(t, "r"), anyID.Draw(t, "c")}
		m.cells[k] = anyValue.Draw(t, "v")
		require.NoError(t, tx.SetCell(k[0], k[1], k[2], m.cells[k]))
	case 4:
		k := [3]string{anyID.Draw(t, "t"), anyRow.Draw(t, "r"), anyID.Draw(t, "c")}
		delete(m.cells, k)
		require.NoError(t, tx.DelCell(k[0], k[1], k[2]))
	case 5:
		k := anyID.Draw(t, "id")
		m.values[k] = anyValue.Draw(t, "v")
		require.NoError(t, tx.SetValue(k, m.values[k]))
	case 6:
		k := anyID.Draw(t, "id")
		delete(m.values, k)
		require.NoError(t, tx.DelValue(k))
	case 7:
		table, row := anyID.Draw(t, "t"), anyRow.Draw(t, "r")
		cells := rapid.MapOfN(anyID, anyValue, 0, 5).Draw(t, "cells")
		m.deleteIn(store.Row(table, row))
		for c, v := range cells {
			m.cells[[3]string{table, row, c}] = v
		}
		require.NoError(t, tx.SetRow(table, row, cells))
	case 8:
		p := anyPath.Draw(t, "p")
		if p.Level() == store.AtAll && rapid.IntRange(0, 3).Draw(t, "spare") > 0 {
			return
		}
		other := store.Builder{}
		m.deleteIn(p)
		for k, v := range rapid.MapOfN(anyID, anyValue, 0, 3).Draw(t, "content") {
			require.NoError(t, other.SetCell(k, k, k, v))
			require.NoError(t, other.SetValue(k, v))
			if p.Contains(store.Cell(k, k, k)) {
				m.cells[[3]string{k, k, k}] = v
			}
			if p.Contains(store.ValueOf(k)) {
				m.values[k] = v
			}
		}
		require.NoError(t, tx.ReplaceIn(p, other.Snapshot()))
	case 9:
		table := anyID.Draw(t, "t")
		for i := range rapid.IntRange(0, 300).Draw(t, "rows") { // enough for several levels, and for the log to give up
			row := string(rune('a'+i%26)) + string(rune('a'+i/26))
			m.cells[[3]string{table, row, "n"}] = store.Of(i)
			require.NoError(t, tx.SetCell(table, row, "n", store.Of(i)))
		}
	}
}

func TestStore_BehavesAsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, m := store.New(), newModel()
		pattern := anyPattern.Draw(t, "pattern")
		var inPattern store.Changes
		defer s.Listen(pattern, func(c *store.Commit) {
			in := c.In(pattern)
			require.False(t, in.IsEmpty())
			require.Equal(t, c.Changes().In(pattern), in)
			inPattern = inPattern.Then(in)
		})()
		empty := s.Snapshot()
		for range rapid.IntRange(1, 12).Draw(t, "transactions") {
			before, beforeModel := s.Snapshot(), m.clone()
			fail := rapid.IntRange(0, 4).Draw(t, "fail") == 0
			var commit *store.Commit
			stop := s.Listen(store.Path{}, func(c *store.Commit) { commit = c })
			err := s.Update(func(tx *store.Tx) error {
				for range rapid.IntRange(1, 6).Draw(t, "steps") {
					step(t, tx, m)
					if rapid.IntRange(0, 5).Draw(t, "look") == 0 {
						m.equal(t, tx)
						m.equal(t, tx.Snapshot())
						require.Equal(t, beforeModel.diff(m), tx.Changes())
					}
				}
				if fail {
					return assert.AnError
				}
				return nil
			})
			stop()
			beforeModel.equal(t, before) // snapshots never change
			if fail {
				require.ErrorIs(t, err, assert.AnError)
				require.Nil(t, commit)
				m = beforeModel
			} else {
				require.NoError(t, err)
				want := beforeModel.diff(m)
				require.Equal(t, want.IsEmpty(), commit == nil, "an empty commit is not delivered")
				if commit != nil {
					require.Equal(t, want, commit.Changes())
					require.Same(t, before, commit.Before)
					p := anyPath.Draw(t, "p")
					require.Equal(t, want.In(p), commit.In(p))
					require.Equal(t, !want.In(p).IsEmpty(), commit.Touches(p))
					require.Equal(t, !want.In(p).IsEmpty(), want.Touches(p))
				}
			}
			m.equal(t, s.Snapshot())
			store.CheckInvariants(t, s.Snapshot())
		}
		require.Equal(t, newModel().diff(m), store.Diff(empty, s.Snapshot()))
		require.Equal(t, newModel().diff(m).In(pattern).String(), inPattern.String())
	})
}

func TestChanges_ObeyTheirLaws(t *testing.T) {
	content := func(t *rapid.T, name string) (*model, *store.Snapshot) {
		m, b := newModel(), store.Builder{}
		for range rapid.IntRange(0, 20).Draw(t, name) {
			k := [3]string{anyID.Draw(t, "t"), anyID.Draw(t, "r"), anyID.Draw(t, "c")}
			m.cells[k] = anyValue.Draw(t, "v")
			require.NoError(t, b.SetCell(k[0], k[1], k[2], m.cells[k]))
			m.values[k[0]] = m.cells[k]
			require.NoError(t, b.SetValue(k[0], m.cells[k]))
		}
		return m, b.Snapshot()
	}
	rapid.Check(t, func(t *rapid.T) {
		ma, a := content(t, "a")
		mb, b := content(t, "b")
		_, c := content(t, "c")
		ab, bc, ac := store.Diff(a, b), store.Diff(b, c), store.Diff(a, c)
		require.Equal(t, ma.diff(mb), ab, "a difference of unrelated trees")
		require.Equal(t, ac.String(), ab.Then(bc).String(), "composition")
		require.True(t, ab.Then(ab.Inverse()).IsEmpty(), "inversion")
		require.Equal(t, store.Diff(b, a).String(), ab.Inverse().String())
		require.Equal(t, ab.String(), ab.Normalize().String(), "a difference is normal")
		p, q := anyPath.Draw(t, "p"), anyPattern.Draw(t, "q")
		require.Equal(t, ab.In(p).In(q).String(), ab.In(q).In(p).String(), "restriction")
		require.Equal(t, ac.In(p).String(), ab.In(p).Then(bc.In(p)).String(), "restriction and composition")
		require.Equal(t, ab.In(p).String(), store.DiffIn(p, a, b).String())

		s := store.New()
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.ReplaceIn(store.Path{}, a) }))
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.Apply(ab) }))
		require.True(t, store.Diff(b, s.Snapshot()).IsEmpty(), "applying")
	})
}
