package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

func set(t testing.TB, s *store.Store, table, row, cell string, v store.Value) {
	t.Helper()
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell(table, row, cell, v) }))
}

func TestUpdate_ThatPanicsLeavesTheStoreAsItWas(t *testing.T) {
	s := store.New()
	set(t, s, "pets", "fido", "price", store.Of(3))
	before := s.Snapshot()
	require.PanicsWithValue(t, "stop", func() {
		_ = s.Update(func(tx *store.Tx) error {
			_ = tx.SetCell("pets", "fido", "price", store.Of(4))
			panic("stop")
		})
	})
	require.Same(t, before, s.Snapshot())
	set(t, s, "pets", "fido", "price", store.Of(5)) // and it goes on
	require.Equal(t, store.Of(5), s.Snapshot().Cell("pets", "fido", "price"))
}

func TestUpdate_RefusesWhatAStoreCannotHold(t *testing.T) {
	s := store.New()
	for v, why := range map[store.Value]string{
		store.Of(math.NaN()):             "the number NaN is not finite",
		store.Of(math.Inf(-1)):           "the number -Inf is not finite",
		store.Of(int64(1<<53 + 1)):       "the integer 9007199254740993 is beyond 2^53, so a number cannot hold it exactly",
		store.Of("\uFFFC"):               "the string U+FFFC is reserved: it marks an absent value",
		store.Of("\uFFFD{}"):             "a string that begins with U+FFFD is reserved: it marks an object or array",
		store.Of("\xff"):                 "the string is not valid UTF-8",
		store.Of(uint64(math.MaxUint64)): "the integer 9223372036854775807 is beyond 2^53, so a number cannot hold it exactly",
	} {
		err := s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "x", v) })
		require.EqualError(t, err, "store: set pets/fido/x: "+why)
		require.ErrorIs(t, err, store.ErrInvalid)
		err = s.Update(func(tx *store.Tx) error { return tx.SetValue("x", v) })
		require.EqualError(t, err, "store: set :x: "+why)
	}
	err := s.Update(func(tx *store.Tx) error { return tx.SetCell("\xff", "r", "c", store.Of(1)) })
	require.EqualError(t, err, `store: set "\xff"/r/c: an id is not valid UTF-8`)
	require.True(t, s.Snapshot().IsEmpty())
}

func TestUpdate_SetsARowWholeOrNotAtAll(t *testing.T) {
	s := store.New()
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		err := tx.SetRow("t", "r", map[string]store.Value{"a": store.Of(1), "b": store.Of(math.NaN())})
		require.Error(t, err)
		require.False(t, tx.HasRow("t", "r"))
		err = tx.Apply(store.Changes{Cells: []store.CellChange{
			{Table: "t", Row: "r", Cell: "a", New: store.Of(1)}, {Table: "t", Row: "r", Cell: "b", New: store.Of(math.NaN())},
		}})
		require.Error(t, err)
		require.False(t, tx.HasRow("t", "r"))
		require.True(t, tx.Changes().IsEmpty())
		return nil
	}))
}

func TestTx_EndsWithItsFunction(t *testing.T) {
	s := store.New()
	var kept *store.Tx
	require.NoError(t, s.Update(func(tx *store.Tx) error { kept = tx; return nil }))
	require.ErrorIs(t, kept.SetCell("t", "r", "c", store.Of(1)), store.ErrTxDone)
	require.ErrorIs(t, kept.DelTables(), store.ErrTxDone)
	require.True(t, s.Snapshot().IsEmpty())
}

func TestListen_DeliversInOrderWithoutRecursion(t *testing.T) {
	s := store.New()
	depth, seen := 0, []string{}
	s.Listen(store.Path{}, func(c *store.Commit) {
		depth++
		defer func() { depth-- }()
		require.Equal(t, 1, depth)
		if n := c.After.Value("n").Number(); n < 3 {
			require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetValue("n", store.Of(n+1)) }))
		}
	})
	s.Listen(store.Path{}, func(c *store.Commit) { seen = append(seen, c.Changes().String()) })
	require.NoError(t, s.UpdateAs("me", func(tx *store.Tx) error { return tx.SetValue("n", store.Of(1)) }))
	require.Equal(t, []string{"+ :n 1\n", "~ :n 1 -> 2\n", "~ :n 2 -> 3\n"}, seen)
}

func TestListen_HearsOnlyItsPart(t *testing.T) {
	s := store.New()
	heard := map[string]int{}
	for _, p := range []store.Path{
		{}, store.Tables(), store.Values(), store.Table("pets"), store.Table("toys"), store.Row("pets", "fido"), store.Row("pets", "felix"),
		store.Cell("pets", "fido", "price"), store.Cell("pets", "fido", "color"), store.ValueOf("open"), store.ValueOf("shut"),
		store.Table("pets").AnyRow().Cell("price"), store.AnyTable().Row("fido"), store.Table("pets").AnyRow().Cell("color"),
	} {
		s.Listen(p, func(*store.Commit) { heard[p.String()]++ })
	}
	set(t, s, "pets", "fido", "price", store.Of(3))
	set(t, s, "pets", "fido", "price", store.Of(3)) // equal is silence
	require.Equal(t, map[string]int{"everything": 1, "/": 1, "pets": 1, "pets/fido": 1, "pets/fido/price": 1, "pets/*/price": 1, "*/fido": 1}, heard)
	clear(heard)
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetValue("open", store.Of(true)) }))
	require.Equal(t, map[string]int{"everything": 1, ":": 1, ":open": 1}, heard)
}

func TestListen_StopsAtOnce(t *testing.T) {
	s := store.New()
	var stop func()
	n := 0
	s.Listen(store.Path{}, func(*store.Commit) { stop() })
	stop = s.Listen(store.Path{}, func(*store.Commit) { n++ })
	set(t, s, "t", "r", "c", store.Of(1))
	require.Zero(t, n)
}

func TestListen_ThatPanicsDoesNotStopTheNextDelivery(t *testing.T) {
	s := store.New()
	n := 0
	s.Listen(store.Path{}, func(*store.Commit) {
		if n++; n == 1 {
			panic("listener")
		}
	})
	require.Panics(t, func() { set(t, s, "t", "r", "c", store.Of(1)) })
	set(t, s, "t", "r", "c", store.Of(2))
	require.Equal(t, 2, n)
}

type participant struct {
	prepare   func(*store.Tx, store.Origin) error
	committed func(*store.Commit)
}

func (p *participant) Prepare(tx *store.Tx, by store.Origin) error {
	if p.prepare == nil {
		return nil
	}
	return p.prepare(tx, by)
}

func (p *participant) Committed(c *store.Commit) {
	if p.committed != nil {
		p.committed(c)
	}
}

func TestParticipant_MayWriteAndMayRefuse(t *testing.T) {
	s := store.New()
	leave := s.Join(&participant{prepare: func(tx *store.Tx, by store.Origin) error {
		if tx.Cell("t", "r", "c") == store.Of("bad") {
			return errors.New("refused")
		}
		return tx.SetCell("t", "r", "count", store.Of(1))
	}})
	var commits []string
	s.Join(&participant{committed: func(c *store.Commit) { commits = append(commits, c.Changes().String()) }})
	set(t, s, "t", "r", "c", store.Of("good"))
	require.EqualError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of("bad")) }), "refused")
	require.Equal(t, store.Of("good"), s.Snapshot().Cell("t", "r", "c"))
	leave()
	set(t, s, "t", "r", "c", store.Of("bad"))
	require.Equal(t, []string{"+ t/r/c \"good\"\n+ t/r/count 1\n", "~ t/r/c \"good\" -> \"bad\"\n"}, commits)
}

func TestParticipants_SeeEachOthersWritesUntilAllAgree(t *testing.T) {
	s := store.New()
	upTo := func(from, to string, limit float64) *participant {
		return &participant{prepare: func(tx *store.Tx, _ store.Origin) error {
			if v := tx.Value(from).Number(); v < limit {
				return tx.SetValue(to, store.Of(v+1))
			}
			return nil
		}}
	}
	s.Join(upTo("a", "b", 5))
	leave := s.Join(upTo("b", "a", 5))
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetValue("a", store.Of(0)) }))
	require.Equal(t, store.Of(4), s.Snapshot().Value("a"))
	require.Equal(t, store.Of(5), s.Snapshot().Value("b"))
	leave()
	s.Join(upTo("b", "a", math.MaxFloat64))
	s.Join(upTo("a", "b", math.MaxFloat64))
	require.ErrorIs(t, s.Update(func(tx *store.Tx) error { return tx.SetValue("b", store.Of(7)) }), store.ErrUnsettled)
	require.Equal(t, store.Of(5), s.Snapshot().Value("b"))
}

func TestEnqueue_InsideATransactionRunsRightAfterIt(t *testing.T) {
	s := store.New()
	var order []string
	s.Listen(store.Path{}, func(c *store.Commit) { order = append(order, fmt.Sprint(c.Origin, " ", c.Changes())) })
	require.NoError(t, s.UpdateAs("outer", func(tx *store.Tx) error {
		s.Enqueue("inner", func(tx *store.Tx) error {
			return tx.SetValue("n", store.Of(tx.Value("n").Number()+1))
		}, func(err error) { order = append(order, fmt.Sprint("then ", err)) })
		return tx.SetValue("n", store.Of(1))
	}))
	require.Equal(t, []string{"then <nil>", "outer + :n 1\n", "inner ~ :n 1 -> 2\n"}, order)
}

func TestStore_IsSafeForManyGoroutines(t *testing.T) {
	s := store.New()
	const writers, each = 8, 200
	var sum float64
	s.Listen(store.ValueOf("n"), func(c *store.Commit) {
		sum += c.After.Value("n").Number() - c.Before.Value("n").Number()
	})
	feed := s.Feed(store.Path{})
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				inc := func(tx *store.Tx) error {
					_ = tx.SetCell("t", fmt.Sprint(w, i), "n", store.Of(i))
					return tx.SetValue("n", store.Of(tx.Value("n").Number()+1))
				}
				if i%3 == 0 {
					s.Enqueue(nil, inc, nil)
				} else if err := s.Update(inc); err != nil {
					t.Error(err)
				}
				snap := s.Snapshot()
				if snap.RowCount("t") != int(snap.Value("n").Number()) {
					t.Error("a snapshot is torn")
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, s.Update(func(*store.Tx) error { return nil }))
	require.Equal(t, store.Of(writers*each), s.Snapshot().Value("n"))
	feed.Close()
	last := uint64(0)
	for {
		c, err := feed.Next(context.Background())
		if err != nil {
			require.ErrorIs(t, err, store.ErrFeedClosed)
			break
		}
		require.Equal(t, last+1, c.First)
		last = c.Last
	}
	require.Equal(t, float64(writers*each), sum)
	require.Equal(t, uint64(writers*each), last)
}

func TestChanges_Print(t *testing.T) {
	s := store.New()
	set(t, s, "pets", "fido", "price", store.Of(3))
	set(t, s, "pets", "fido", "gone", store.Of("x"))
	before := s.Snapshot()
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		_ = tx.DelCell("pets", "fido", "gone")
		_ = tx.SetCell("pets", "fi do", "", store.NullValue())
		_ = tx.SetValue("open", store.Of(true))
		return tx.SetCell("pets", "fido", "price", store.Of(5))
	}))
	require.Equal(t, `+ pets/"fi do"/"" null
- pets/fido/gone "x"
~ pets/fido/price 3 -> 5
+ :open true
`, store.Diff(before, s.Snapshot()).String())
}

func TestListen_HearsEverythingFromItsBeginningOn(t *testing.T) {
	s := store.New()
	inc := func(tx *store.Tx) error { return tx.SetValue("n", store.Of(tx.Value("n").Number()+1)) }
	var late store.Changes
	var first, last uint64
	begun := false
	s.Listen(store.Path{}, func(*store.Commit) {
		if begun {
			return
		}
		begun = true
		for i := range 4000 { // more than the queue keeps apart
			require.NoError(t, s.Update(inc))
			if i == 3000 {
				s.Listen(store.Path{}, func(c *store.Commit) {
					if first == 0 {
						first = c.First
					}
					last = c.Last
					late = late.Then(c.Changes())
				})
			}
		}
	})
	require.NoError(t, s.Update(inc))
	require.EqualValues(t, 3003, first)
	require.EqualValues(t, 4001, last)
	require.Equal(t, "~ :n 3002 -> 4001\n", late.String())
}
