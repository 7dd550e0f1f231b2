package store_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/store"
)

func TestSort_IsATotalOrder(t *testing.T) {
	s := store.New()
	object, err := store.ParseJSON(`{}`)
	require.NoError(t, err)
	want := []string{}
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		add := func(id string, v store.Value) {
			want = append(want, id)
			_ = tx.SetCell("t", id, "other", store.Of(1))
			require.NoError(t, tx.SetCell("t", id, "c", v))
		}
		add("z missing", store.Value{})
		add("y null", store.NullValue())
		add("x false", store.Of(false))
		add("w true", store.Of(true))
		add("v -1e9", store.Of(-1e9))
		add("u -1", store.Of(-1))
		add("t 0", store.Of(0))
		add("s 2a", store.Of(2))
		add("s 2b", store.Of(2))
		add("r 10", store.Of(10))
		add("q", store.Of(""))
		add("p", store.Of("10"))
		add("o", store.Of("2"))
		add("n", store.Of("a"))
		add("m", store.Of("a\x00"))
		add("l", store.Of("a\x00b"))
		add("k", store.Of("ab"))
		add("j", store.Of("é"))
		add("i", object)
		return nil
	}))
	x := s.Sort("t", &store.SortOptions{Cell: "c"})
	defer x.Close()
	require.Equal(t, want, x.Page(0, 0))
	require.Equal(t, want, store.SortedRows(s.Snapshot(), "t", &store.SortOptions{Cell: "c"}))
	down := s.Sort("t", &store.SortOptions{Cell: "c", Descending: true})
	defer down.Close()
	slices.Reverse(want)
	require.Equal(t, want, down.Page(0, 0))
	require.Equal(t, want[3:5], down.Page(3, 2))
	require.Empty(t, down.Page(100, 2))
	require.Equal(t, want[17:], slices.Collect(down.From(17)))
	require.Equal(t, 17, down.Offset(want[17]))
	require.Equal(t, -1, down.Offset("nobody"))
}

func TestSort_FollowsItsTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := store.New()
		o := &store.SortOptions{Cell: "b", Descending: rapid.Bool().Draw(t, "down"), ByRowID: rapid.IntRange(0, 3).Draw(t, "by id") == 0}
		offset, limit := rapid.IntRange(0, 5).Draw(t, "offset"), rapid.IntRange(0, 5).Draw(t, "limit")
		x := s.Sort("a", o)
		defer x.Close()
		page := func() []string {
			all := store.SortedRows(s.Snapshot(), "a", o)
			all = all[min(offset, len(all)):]
			if limit > 0 {
				all = all[:min(limit, len(all))]
			}
			return all
		}
		last := page()
		var heard []string
		calls := 0
		x.Listen(offset, limit, func(_ *store.Commit, rows []string) { heard, calls = rows, calls+1 })
		m := newModel()
		for range rapid.IntRange(1, 10).Draw(t, "transactions") {
			calls = 0
			require.NoError(t, s.Update(func(tx *store.Tx) error {
				for range rapid.IntRange(1, 5).Draw(t, "steps") {
					step(t, tx, m)
				}
				return nil
			}))
			require.Equal(t, store.SortedRows(s.Snapshot(), "a", o), x.Page(0, 0))
			require.Equal(t, s.Snapshot().RowCount("a"), x.Len())
			now := page()
			require.Equal(t, now, x.Page(offset, limit))
			if slices.Equal(now, last) {
				require.Zero(t, calls)
			} else {
				require.Equal(t, 1, calls)
				require.Equal(t, now, heard)
			}
			last = now
			for i, row := range x.Page(0, 0) {
				require.Equal(t, i, x.Offset(row))
			}
		}
	})
}

func TestSort_FromKeepsTheOrderOfItsMoment(t *testing.T) {
	s := filled(t, 100)
	x := s.Sort("t1", &store.SortOptions{Cell: "c0"})
	defer x.Close()
	seq := x.From(0)
	want := x.Page(0, 0)
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelTable("t1") }))
	require.Equal(t, want, slices.Collect(seq))
	require.Zero(t, x.Len())
}

func BenchmarkSorted(b *testing.B) {
	for _, rows := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("rows=%dk/page=10", rows/1000), func(b *testing.B) {
			s := filled(b, rows)
			x := s.Sort("t1", &store.SortOptions{Cell: "c0"})
			defer x.Close()
			heard := 0
			x.Listen(0, 10, func(*store.Commit, []string) { heard++ })
			ids := names("r", rows)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("t1", ids[i*7919%rows], "c0", store.Of(i*31%100_000)) })
			}
		})
	}
}
