package mergeable_test

import (
	"testing"
	"time"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/stretchr/testify/require"
)

// restart makes a mergeable store of what was saved, beside a Store with content of its own.
func restart(t *testing.T, s *store.Store, saved []*mergeable.Delta, wins bool) *mergeable.Store {
	t.Helper()
	id := "s1"
	all := &mergeable.Changes{}
	for _, d := range saved {
		c, err := mergeable.ReadChanges(jsjson.NewReader(d.JSON(), nil), mergeable.ChangesShape, mergeable.Encoded)
		require.NoError(t, err)
		all.Append(c)
	}
	m, err := mergeable.New(s, &mergeable.Options{UniqueID: &id, Now: func() time.Time { return time.UnixMilli(now + 1000) }, Saved: all, SavedWins: wins})
	require.NoError(t, err)
	require.Empty(t, m.Check())
	return m
}

// run makes a store of which every delta is saved, and changes it.
func run(t *testing.T) (m *mergeable.Store, saved []*mergeable.Delta) {
	t.Helper()
	id := "s1"
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, Now: func() time.Time { return time.UnixMilli(now) },
		OnDelta: func(d *mergeable.Delta) { saved = append(saved, d) }})
	require.NoError(t, err)
	for _, c := range []string{"same", "other", "gone", "deleted"} {
		set(t, m, "t", "r", c, store.Of(1))
	}
	set(t, m, "t", "r", "deleted", store.Value{})
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error { return tx.SetValue("v", store.Of(1)) }))
	_, err = m.Apply("peer", &mergeable.Changes{Cells: []mergeable.Cell{{Table: "t", Row: "r", Cell: "theirs", Value: store.Of(2), Stamp: m.CellStamp("t", "r", "same")}}})
	require.NoError(t, err)
	return m, saved
}

func TestNew_GoesOnFromEveryDelta(t *testing.T) {
	m, saved := run(t)
	again := restart(t, store.New(), saved, true)
	require.Equal(t, hashes(m), hashes(again))
	require.Equal(t, m.Fingerprint(), again.Fingerprint())
	require.Empty(t, store.Diff(m.Store().Snapshot(), again.Store().Snapshot()).String())
	require.False(t, again.Store().Snapshot().Cell("t", "r", "deleted").Exists())
}

func TestNew_StampsWhatHasChangedSinceItWasSaved(t *testing.T) {
	for _, wins := range []bool{false, true} {
		m, saved := run(t)
		s := store.New()
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			for cell, v := range map[string]store.Value{"same": store.Of(1), "other": store.Of(9), "theirs": store.Of(2), "deleted": store.Of(3), "new": store.Of(4)} {
				if err := tx.SetCell("t", "r", cell, v); err != nil {
					return err
				}
			}
			return tx.SetValue("v", store.Of(1))
		}))
		again := restart(t, s, saved, wins)
		snap := s.Snapshot()
		require.Equal(t, m.CellStamp("t", "r", "same"), again.CellStamp("t", "r", "same"), "what is the same keeps its stamp")
		require.Equal(t, m.ValueStamp("v"), again.ValueStamp("v"))
		require.Equal(t, int64(now+1000), again.CellStamp("t", "r", "new").Millis())
		require.Equal(t, store.Of(4), snap.Cell("t", "r", "new"))
		if wins {
			require.Empty(t, store.Diff(m.Store().Snapshot(), snap).In(store.Cell("t", "r", "other")).String())
			require.Equal(t, store.Of(1), snap.Cell("t", "r", "gone"))
			require.False(t, snap.Cell("t", "r", "deleted").Exists())
			require.Equal(t, m.CellStamp("t", "r", "other"), again.CellStamp("t", "r", "other"))
		} else {
			require.Equal(t, store.Of(9), snap.Cell("t", "r", "other"))
			require.False(t, snap.Cell("t", "r", "gone").Exists())
			require.Equal(t, store.Of(3), snap.Cell("t", "r", "deleted"))
			require.Equal(t, int64(now+1000), again.CellStamp("t", "r", "gone").Millis())
		}
		require.Empty(t, again.Check())
	}
}

func TestNew_StampsWhatASchemaMakesOfWhatWasSaved(t *testing.T) {
	_, saved := run(t)
	s := store.New()
	s.Join(&schema{func(tx *store.Tx) error {
		if tx.Cell("t", "r", "other") == store.Of(1) {
			return tx.SetCell("t", "r", "other", store.Of("repaired"))
		}
		return nil
	}})
	m := restart(t, s, saved, true)
	require.Equal(t, store.Of("repaired"), s.Snapshot().Cell("t", "r", "other"))
	require.Equal(t, int64(now+1000), m.CellStamp("t", "r", "other").Millis())
}

func TestOnDelta_IsToldOfWhatReplacesEverything(t *testing.T) {
	var saved []*mergeable.Delta
	id := "s1"
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, Now: func() time.Time { return time.UnixMilli(now) },
		OnDelta: func(d *mergeable.Delta) { saved = append(saved, d) }})
	require.NoError(t, err)
	other, _ := run(t)
	_, err = m.Load(nil, other.AppendContent(nil))
	require.NoError(t, err)
	require.Len(t, saved, 1)
	require.Equal(t, other.Changes().Len(), saved[0].Changes.Len())
	require.Equal(t, hashes(other), hashes(restart(t, store.New(), saved, true)))
}
