package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/store"
)

// kept is a Snapshot and what it must hold.
type kept struct {
	s *store.Snapshot
	m *model
}

// checkKept looks whether all are as they were; the last one is the present content.
func checkKept(t require.TestingT, all []kept) {
	store.CheckInvariants(t, all[len(all)-1].s)
	for _, k := range all {
		k.m.equal(t, k.s)
	}
}

// Whatever is written later, and in whichever way a Snapshot was taken, it never changes.
func TestSnapshot_OutlivesTheReuseOfWhatNobodyHasSeen(t *testing.T) {
	ids := names("r", 150) // several leaves
	rapid.Check(t, func(t *rapid.T) {
		s, now := store.New(), newModel()
		var all []kept
		finish := func() {} // a reader that has begun to take a Snapshot
		set := func(tx *store.Tx, row, cell string, v int) {
			now.cells[[3]string{"t", row, cell}] = store.Of(v)
			require.NoError(t, tx.SetCell("t", row, cell, store.Of(v)))
		}
		update := func(fn func(*store.Tx) error) { require.NoError(t, s.Update(fn)) }
		update(func(tx *store.Tx) error {
			for i, row := range ids[:rapid.IntRange(1, len(ids)).Draw(t, "rows")] {
				set(tx, row, "a", i)
				set(tx, row, "b", -i)
			}
			return nil
		})
		anyRow := rapid.SampledFrom(ids)
		for i := range rapid.IntRange(1, 60).Draw(t, "transactions") {
			row := anyRow.Draw(t, "row")
			switch rapid.SampledFrom([]string{"set", "set", "set", "set", "take", "slow", "more", "fail", "inside", "before", "replace", "delete",
				"finish", "listen", "join"}).Draw(t, "do") {
			case "set":
				update(func(tx *store.Tx) error { set(tx, row, "a", i); return nil })
			case "take":
				all = append(all, kept{s.Snapshot(), now.clone()})
			case "slow":
				finish()
				end, m := store.StartSnapshot(s), now.clone()
				finish = sync.OnceFunc(func() { all = append(all, kept{end(), m}) })
			case "finish":
				finish()
			case "more":
				update(func(tx *store.Tx) error {
					for range rapid.IntRange(2, 40).Draw(t, "writes") {
						set(tx, anyRow.Draw(t, "row"), "b", i)
					}
					return nil
				})
			case "fail":
				was := now.clone()
				require.Error(t, s.Update(func(tx *store.Tx) error {
					set(tx, row, "a", i)
					if rapid.Bool().Draw(t, "look") {
						all = append(all, kept{tx.Snapshot(), now.clone()})
					}
					return errors.New("no")
				}))
				now = was
			case "inside":
				update(func(tx *store.Tx) error {
					set(tx, row, "a", i)
					all = append(all, kept{tx.Snapshot(), now.clone()})
					set(tx, row, "b", i)
					return nil
				})
			case "before":
				update(func(tx *store.Tx) error {
					was := now.clone()
					set(tx, row, "a", i)
					all = append(all, kept{tx.Before(), was})
					return nil
				})
			case "replace":
				if len(all) > 0 {
					from := rapid.SampledFrom(all).Draw(t, "from")
					now = from.m.clone()
					update(func(tx *store.Tx) error { return tx.ReplaceIn(store.Path{}, from.s) })
				}
			case "delete":
				now.deleteIn(store.Row("t", row))
				update(func(tx *store.Tx) error { return tx.DelRow("t", row) })
			case "listen":
				stop := s.Listen(store.Path{}, func(c *store.Commit) { all = append(all, kept{c.After, now.clone()}) })
				update(func(tx *store.Tx) error { set(tx, row, "a", i); return nil })
				stop()
			case "join":
				was := now.clone()
				leave := s.Join(&witness{func(c *store.Commit) { all = append(all, kept{c.Before, was}, kept{c.After, now.clone()}) }})
				update(func(tx *store.Tx) error { set(tx, row, "a", i); return nil })
				leave()
			}
		}
		finish()
		checkKept(t, append(all, kept{s.Snapshot(), now}))
	})
}

// What a Borrower is lent stays as it was until its next Committed has returned, or for ever when it leaves, while nodes are used again.
func TestBorrower_SeesWhatItWasLentUntilTheNext(t *testing.T) {
	ids := names("r", 150)
	rapid.Check(t, func(t *rapid.T) {
		s, now := store.New(), newModel()
		b := &borrower{}
		var lent *kept
		var all []kept // by others, and by a Borrower that has left
		look := func() {
			if lent != nil {
				lent.m.equal(t, lent.s)
			}
		}
		b.see = func(c *store.Commit) {
			look()
			if lent != nil {
				require.Same(t, lent.s, c.Before)
			}
			now.equal(t, c.After)
			require.Equal(t, store.Diff(c.Before, c.After), c.Changes())
			lent = &kept{c.After, now.clone()}
		}
		set := func(tx *store.Tx, row, cell string, v int) {
			now.cells[[3]string{"t", row, cell}] = store.Of(v)
			require.NoError(t, tx.SetCell("t", row, cell, store.Of(v)))
		}
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			for i, row := range ids[:rapid.IntRange(1, len(ids)).Draw(t, "rows")] {
				set(tx, row, "a", i)
			}
			return nil
		}))
		leave := s.Join(b)
		for i := range rapid.IntRange(1, 60).Draw(t, "transactions") {
			row := rapid.SampledFrom(ids).Draw(t, "row")
			switch rapid.SampledFrom([]string{"set", "set", "set", "set", "set", "many", "fail", "take", "keeper", "listen", "leave"}).Draw(t, "do") {
			case "set":
				require.NoError(t, s.Update(func(tx *store.Tx) error { set(tx, row, "a", -1-i); look(); return nil }))
			case "many":
				require.NoError(t, s.Update(func(tx *store.Tx) error {
					for range rapid.IntRange(2, 40).Draw(t, "writes") {
						set(tx, rapid.SampledFrom(ids).Draw(t, "row"), "b", -1-i)
					}
					look()
					return nil
				}))
			case "fail":
				was := now.clone()
				require.Error(t, s.Update(func(tx *store.Tx) error { set(tx, row, "a", -1-i); return errors.New("no") }))
				now = was
			case "take":
				all = append(all, kept{s.Snapshot(), now.clone()})
			case "keeper":
				leave := s.Join(&witness{func(c *store.Commit) { all = append(all, kept{c.After, now.clone()}) }})
				require.NoError(t, s.Update(func(tx *store.Tx) error { set(tx, row, "a", -1-i); return nil }))
				leave()
			case "listen":
				stop := s.Listen(store.Path{}, func(c *store.Commit) { all = append(all, kept{c.After, now.clone()}) })
				require.NoError(t, s.Update(func(tx *store.Tx) error { set(tx, row, "a", -1-i); return nil }))
				stop()
			case "leave":
				leave()
				if lent != nil {
					all = append(all, *lent)
				}
				lent, leave = nil, s.Join(b)
			}
			look()
		}
		leave()
		checkKept(t, append(all, kept{s.Snapshot(), now}))
	})
}

// A Borrower that is not told of a commit, because another participant has panicked, keeps what it was lent whole.
func TestBorrower_KeepsWhatItHasWhenOthersPanic(t *testing.T) {
	ids := names("r", 150)
	rapid.Check(t, func(t *rapid.T) {
		s, now := store.New(), newModel()
		var lent *store.Snapshot
		var want *model
		look := func() {
			if lent != nil {
				want.equal(t, lent)
			}
		}
		fail := false
		last := &borrower{witness{func(c *store.Commit) {
			look()
			now.equal(t, c.After)
			lent, want = c.After, now.clone()
		}}}
		s.Join(&borrower{witness{func(*store.Commit) {
			if fail {
				panic("broken")
			}
		}}})
		leave := s.Join(last)
		update := func(fn func(tx *store.Tx, set func(row string, v int)) error) (panicked bool) {
			was := now.clone()
			defer func() {
				if recover() != nil {
					panicked = true
				}
			}()
			err := s.Update(func(tx *store.Tx) error {
				return fn(tx, func(row string, v int) {
					now.cells[[3]string{"t", row, "a"}] = store.Of(v)
					require.NoError(t, tx.SetCell("t", row, "a", store.Of(v)))
				})
			})
			if err != nil {
				now = was
			}
			return false
		}
		update(func(_ *store.Tx, set func(string, int)) error {
			for i, row := range ids {
				set(row, i)
			}
			return nil
		})
		for i := range rapid.IntRange(1, 60).Draw(t, "transactions") {
			row := rapid.SampledFrom(ids).Draw(t, "row")
			write := func(_ *store.Tx, set func(string, int)) error { set(row, -1-i); return nil }
			switch rapid.SampledFrom([]string{"set", "set", "set", "panic after", "panic inside", "fail", "elsewhere"}).Draw(t, "do") {
			case "set":
				require.False(t, update(write))
			case "panic after":
				fail = true
				require.True(t, update(write))
				fail = false
			case "panic inside":
				was := now.clone()
				require.True(t, update(func(tx *store.Tx, set func(string, int)) error {
					set(row, -1-i)
					look()
					panic("broken")
				}))
				now = was
			case "fail":
				update(func(tx *store.Tx, set func(string, int)) error { set(row, -1-i); return errors.New("no") })
			case "elsewhere": // it leaves and joins in another goroutine
				done := make(chan struct{})
				go func() { leave(); leave = s.Join(last); close(done) }()
				<-done
				look()
				kept, keptWant := lent, want
				lent = nil
				require.False(t, update(write))
				if kept != nil {
					keptWant.equal(t, kept)
				}
			}
			look()
		}
		store.CheckInvariants(t, s.Snapshot())
		now.equal(t, s.Snapshot())
	})
}

type borrower struct{ witness }

func (*borrower) Borrows() {}

// witness is a Participant that only looks.
type witness struct{ see func(*store.Commit) }

func (*witness) Prepare(*store.Tx, store.Origin) error { return nil }
func (w *witness) Committed(c *store.Commit)           { w.see(c) }

// Readers take Snapshots at any moment, while nodes are used again for what nobody has taken.
func TestSnapshot_IsWholeForReadersAtAnyMoment(t *testing.T) {
	s := filled(t, 200)
	ids := names("r", 200)
	sum := func(r store.Reader) (n float64) {
		for row := range r.Rows("t1") {
			n += r.Cell("t1", row, "c3").Number()
		}
		return n
	}
	want := sum(s.Snapshot())
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			var version uint64
			var old []*store.Snapshot
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				now := s.Snapshot()
				if now.Version() < version || sum(now) != want {
					t.Errorf("version %d after %d has the sum %v, not %v", now.Version(), version, sum(now), want)
					return
				}
				version = now.Version()
				if old = append(old, now); len(old) > 20 {
					if x := old[i%20]; sum(x) != want {
						t.Errorf("version %d has changed", x.Version())
						return
					}
					old[i%20], old = now, old[:20]
				}
			}
		})
	}
	for i := range 3_000 { // what one cell gains another one loses
		a, b := ids[i*7%200], ids[(i*11+1)%200]
		if a == b {
			continue
		}
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			x, y := tx.Cell("t1", a, "c3").Number(), tx.Cell("t1", b, "c3").Number()
			if err := tx.SetCell("t1", a, "c3", store.Of(x+1)); err != nil {
				return err
			}
			return tx.SetCell("t1", b, "c3", store.Of(y-1))
		}))
	}
	close(done)
	readers.Wait()
	require.Equal(t, want, sum(s.Snapshot()))
}

func TestUpdate_WithoutReadersMakesNoNewNodes(t *testing.T) {
	for name, join := range map[string]func(*store.Store){
		"nobody":   func(*store.Store) {},
		"borrower": func(s *store.Store) { s.Join(&borrower{witness{func(*store.Commit) {}}}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := filled(t, 1000)
			join(s)
			updateMakesNoNewNodes(t, s)
		})
	}
}

func updateMakesNoNewNodes(t *testing.T, s *store.Store) {
	ids := names("r", 1000)
	i := 0
	write := func() {
		i++
		_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("t1", ids[i*7%1000], "c1", store.Of(-i)) })
	}
	for range 5000 {
		write()
	}
	require.LessOrEqual(t, testing.AllocsPerRun(1000, write), 2.0, "a Snapshot and the test's own")
	first := s.Snapshot()
	was := fmt.Sprint(first.ContentJSON(store.NativeForm))
	for range 2000 {
		write()
	}
	require.Equal(t, was, first.ContentJSON(store.NativeForm))
}
