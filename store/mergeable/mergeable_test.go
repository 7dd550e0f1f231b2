package mergeable_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const now = 1_700_000_000_000

func set(t testing.TB, m *mergeable.Store, table, row, cell string, v store.Value) {
	t.Helper()
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error { return tx.SetCell(table, row, cell, v) }))
}

// cell returns changes of one cell.
func cell(v store.Value, s hlc.Stamp) *mergeable.Changes {
	return &mergeable.Changes{Cells: []mergeable.Cell{{Table: "t", Row: "r", Cell: "c", Value: v, Stamp: s}}}
}

func TestWrite_StampsEveryCellOnce(t *testing.T) {
	m := newStore(t, "s1", now)
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
		return errors.Join(tx.SetCell("t1", "r1", "c1", store.Of(1)), tx.SetCell("t1", "r1", "c2", store.Of("x")), tx.SetValue("v", store.Of(true)))
	}))
	require.Equal(t, "NjEtLV-----7JQY8", m.CellStamp("t1", "r1", "c1").String())
	require.Equal(t, "NjEtLV----07JQY8", m.CellStamp("t1", "r1", "c2").String())
	require.Equal(t, "NjEtLV----17JQY8", m.ValueStamp("v").String())
	before := hashes(m)
	set(t, m, "t1", "r1", "c1", store.Of(1))
	require.Equal(t, before, hashes(m), "setting the same value is no change")
	require.Error(t, m.Store().Update(func(tx *store.Tx) error {
		_ = tx.SetCell("t1", "r1", "c1", store.Of(2))
		return errors.New("taken back")
	}))
	require.Equal(t, before, hashes(m), "a transaction taken back leaves no stamp")
	require.Empty(t, m.Check())
}

func TestDelete_LeavesATombstone(t *testing.T) {
	m := newStore(t, "s1", now)
	set(t, m, "t1", "r1", "c1", store.Of(1))
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error { return tx.DelTable("t1") }))
	require.Contains(t, string(m.AppendContent(nil)), "\"c1\":[\"\uFFFC\",\"NjEtLV----07JQY8\"")
	require.Empty(t, m.Check())
	_, err := m.Apply("peer", &mergeable.Changes{Cells: []mergeable.Cell{{Table: "t1", Row: "r1", Cell: "c1", Value: store.Of(7), Stamp: hlc.New(now-1, 0, 1)}}})
	require.NoError(t, err)
	require.False(t, m.Store().Snapshot().HasTable("t1"))
}

func TestNew_StampsWhatTheStoreHolds(t *testing.T) {
	for _, asDefault := range []bool{false, true} {
		s := store.New()
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of(1)) }))
		id := "s1"
		m, err := mergeable.New(s, &mergeable.Options{UniqueID: &id, AsDefault: asDefault, Now: func() time.Time { return time.UnixMilli(now) }})
		require.NoError(t, err)
		require.Empty(t, m.Check())
		require.Equal(t, asDefault, m.CellStamp("t", "r", "c").IsZero())
		m.Close()
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of(2)) }))
		require.Equal(t, asDefault, m.CellStamp("t", "r", "c").IsZero())
	}
}

func TestApply_TakesTheLaterStamp(t *testing.T) {
	m := newStore(t, "s1", now)
	set(t, m, "t", "r", "c", store.Of("mine"))
	r, err := m.Apply("peer", cell(store.Of("earlier"), hlc.New(now-1, 9, 9)))
	require.NoError(t, err)
	require.Zero(t, r.Applied)
	r, err = m.Apply("peer", cell(store.Of("later"), hlc.New(now+1, 0, 9)))
	require.NoError(t, err)
	require.Equal(t, 1, r.Applied)
	require.Equal(t, store.Of("later"), m.Store().Snapshot().Cell("t", "r", "c"))
	set(t, m, "t", "r", "c", store.Of("mine again"))
	require.True(t, m.CellStamp("t", "r", "c").After(hlc.New(now+1, 0, 9)))
	require.Empty(t, m.Check())
}

func TestApply_TakesANewStampWithTheSameContent(t *testing.T) {
	m := newStore(t, "s1", now)
	set(t, m, "t", "r", "c", store.Of(1))
	feed := m.Feed()
	defer feed.Close()
	later := hlc.New(now+1, 0, 9)
	_, err := m.Apply("peer", cell(store.Of(1), later))
	require.NoError(t, err)
	require.Equal(t, later, m.CellStamp("t", "r", "c"))
	deltas, lost := feed.Next()
	require.False(t, lost)
	require.Len(t, deltas, 1)
	require.Equal(t, `[[{"t":[{"r":[{"c":[1,"`+later.String()+`"]}]}]}],[{}],1]`, string(deltas[0].JSON()))
	require.Equal(t, "peer", deltas[0].Origin)
	require.Empty(t, m.Check())
}

func TestApply_RefusesOnlyTheCellWhoseStampIsTooFarAhead(t *testing.T) {
	m := newStore(t, "s1", now)
	c := cell(store.Of(1), hlc.New(now+360_000, 0, hlc.ClientOf("ahead")))
	c.Cells = append(c.Cells, mergeable.Cell{Table: "t", Row: "r", Cell: "good", Value: store.Of(2), Stamp: hlc.New(now, 0, 9)})
	r, err := m.Apply("peer", c)
	require.NoError(t, err)
	require.Equal(t, 1, r.Applied)
	require.Equal(t, 1, r.RefusedCount)
	var ahead *hlc.AheadError
	require.ErrorAs(t, r.Refused[0], &ahead)
	require.ErrorContains(t, r.Refused[0], "mergeable: t/r/c refused: hlc: stamp")
	require.Equal(t, 1, m.Store().Snapshot().CellCount("t", "r"))
	require.Empty(t, m.Check())
}

func TestApply_RefusesAnObjectThatIsNone(t *testing.T) {
	m := newStore(t, "s1", now)
	r, err := apply(t, m, []byte(`[[{"t":[{"r":[{"c":["\ufffd{oops","NjEtLV-----4JQFF"],"d":["\ufffd{ \"a\": 1}","NjEtLV-----4JQFF"],"e":[1,"NjEtLV-----4JQFF"]}]}]}],[{}],1]`), mergeable.Encoded)
	require.NoError(t, err)
	require.Equal(t, 2, r.RefusedCount)
	require.ErrorIs(t, r.Refused[0], store.ErrInvalid)
	require.Equal(t, 1, m.Store().Snapshot().CellCount("t", "r"))
	broken, _ := hlc.Parse("NjEtLV-----4JQFF")
	require.True(t, m.CellStamp("t", "r", "c").After(broken), "a later tombstone heals the others")
}

func TestLoad_KeepsContentWhoseClockWasAhead(t *testing.T) {
	yesterday := newStore(t, "s1", now+3_600_000)
	set(t, yesterday, "t", "r", "c", store.Of(1))
	m := newStore(t, "s1", now)
	r, err := m.Load(nil, yesterday.AppendContent(nil))
	require.NoError(t, err)
	require.NotNil(t, r.Ahead)
	require.Equal(t, store.Of(1), m.Store().Snapshot().Cell("t", "r", "c"))
	require.Equal(t, hashes(yesterday), hashes(m))
	// Other cells are stamped by the clock as it is, this one just above what it has.
	set(t, m, "t", "r", "d", store.Of(2))
	require.Equal(t, int64(now), m.CellStamp("t", "r", "d").Millis())
	set(t, m, "t", "r", "c", store.Of(3))
	require.True(t, m.CellStamp("t", "r", "c").After(yesterday.CellStamp("t", "r", "c")))
	require.Empty(t, m.Check())
}

func TestLoad_LeavesTheContentOnAnError(t *testing.T) {
	m := newStore(t, "s1", now)
	set(t, m, "t", "r", "c", store.Of(1))
	before := string(m.AppendContent(nil))
	for _, text := range []string{"", "{}", "null", "[", "[1,2,3,4]", before[:len(before)-3], `[[{"t":[{"r":[{"c":[1,"bad",1]},"",1]},"",1]},"",1],[{},"",0]]`,
		`[[{"t":[{"r":[{"c":[1,""]},"",1]},"",1]},"",1],[{},"",0]]`, `[{"t":{"r":{"c":"` + "\uFFFD" + `{"}}},{}]`} {
		_, err := m.Load(nil, []byte(text))
		require.Error(t, err, text)
		require.Equal(t, before, string(m.AppendContent(nil)))
	}
}

func TestLoad_StampsPlainContent(t *testing.T) {
	m := newStore(t, "s1", now)
	_, err := m.Load(nil, []byte(`[{"t":{"r":{"c":1,"o":"`+"\uFFFD"+`{\"a\":1}"}}},{"v":null}]`))
	require.NoError(t, err)
	require.Equal(t, store.Object, m.Store().Snapshot().Cell("t", "r", "o").Kind())
	require.False(t, m.CellStamp("t", "r", "c").IsZero())
	require.Equal(t, store.NullValue(), m.Store().Snapshot().Value("v"))
	require.Empty(t, m.Check())
}

func TestSetDefault_LosesAgainstWhateverIsStamped(t *testing.T) {
	m := newStore(t, "s1", now)
	set(t, m, "t", "r", "written", store.Of("mine"))
	content := func(cells ...string) *store.Snapshot {
		var b store.Builder
		for _, c := range cells {
			require.NoError(t, b.SetCell("t", "r", c, store.Of("default")))
		}
		return b.Snapshot()
	}
	require.NoError(t, m.SetDefault(nil, content("written", "a", "b")))
	require.Equal(t, store.Of("mine"), m.Store().Snapshot().Cell("t", "r", "written"))
	require.True(t, m.CellStamp("t", "r", "a").IsZero())
	require.NoError(t, m.SetDefault(nil, content("b")))
	require.False(t, m.Store().Snapshot().Cell("t", "r", "a").Exists())
	require.Equal(t, store.Of("default"), m.Store().Snapshot().Cell("t", "r", "b"))
	require.Empty(t, m.Check())
	_, err := m.Apply("peer", &mergeable.Changes{Cells: []mergeable.Cell{{Table: "t", Row: "r", Cell: "b", Value: store.Of("real"), Stamp: hlc.New(1, 0, 1)}}})
	require.NoError(t, err)
	require.Equal(t, store.Of("real"), m.Store().Snapshot().Cell("t", "r", "b"))
}

// schema refuses, or repairs, what a test says.
func TestSameID_IsNoticedAndHealed(t *testing.T) {
	a, b := newStore(t, "s1", now), newStore(t, "s1", now)
	set(t, a, "t", "r", "c", store.Of("A"))
	set(t, b, "t", "r", "c", store.Of("B"))
	require.Equal(t, a.CellStamp("t", "r", "c"), b.CellStamp("t", "r", "c"))
	mine, theirs, err := a.Merge("peer", b)
	require.NoError(t, err)
	require.NotEmpty(t, append(mine.Clashes, theirs.Clashes...))
	require.ErrorContains(t, theirs.Clashes[0], "client 7JQY8 is in use twice")
	for range 2 {
		_, _, err = a.Merge("peer", b)
		require.NoError(t, err)
	}
	require.Equal(t, hashes(a), hashes(b))
	require.Equal(t, store.Of("B"), a.Store().Snapshot().Cell("t", "r", "c"))
	require.NotEqual(t, hlc.ClientOf("s1"), b.Client())
	require.Empty(t, a.Check()+b.Check())
}

func TestSameID_IsNoticedByALaterStampOfItsOwn(t *testing.T) {
	m := newStore(t, "s1", now)
	r, err := m.Apply("peer", cell(store.Of(1), hlc.New(now-9, 0, hlc.ClientOf("s1"))))
	require.NoError(t, err)
	require.Nil(t, r.NewClient, "what was made before a restart comes back")
	set(t, m, "t", "r", "d", store.Of(1))
	r, err = m.Apply("peer", cell(store.Of(2), hlc.New(now+9, 0, hlc.ClientOf("s1"))))
	require.NoError(t, err)
	require.NotNil(t, r.NewClient)
	require.Equal(t, *r.NewClient, m.Client())
}

func TestWrite_IsRefusedWhenNoLaterStampExists(t *testing.T) {
	id := "s1"
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, MaxAhead: -1, Now: func() time.Time { return time.UnixMilli(now) }})
	require.NoError(t, err)
	_, err = m.Apply("peer", cell(store.Of(1), hlc.New(hlc.MaxTime, hlc.MaxCounter, hlc.MaxClient)))
	require.NoError(t, err)
	err = m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of(2)) })
	require.ErrorIs(t, err, hlc.ErrExhausted)
	require.Equal(t, store.Of(1), m.Store().Snapshot().Cell("t", "r", "c"))
}

func TestWrite_GoesOnBesidesAPoisonedCell(t *testing.T) {
	m := newStore(t, "s1", now)
	_, err := m.Load(nil, []byte(`[[{"t":[{"r":[{"c":[1,"zzzzzzzzzzzzzzzz",0]},"",0]},"",0]},"",0],[{},"",0]]`))
	require.NoError(t, err)
	set(t, m, "t", "r", "other", store.Of(1))
	err = m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of(2)) })
	require.ErrorIs(t, err, hlc.ErrExhausted)
	require.Empty(t, m.Check())
}

func TestFeed_SaysWhenItHasLostSomething(t *testing.T) {
	m := newStore(t, "s1", now)
	f := m.Feed()
	defer f.Close()
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
		for i := range mergeable.MaxPending + 1 {
			if err := tx.SetCell("t", fmt.Sprint(i), "c", store.Of(i)); err != nil {
				return err
			}
		}
		return nil
	}))
	<-f.Wake()
	deltas, lost := f.Next()
	require.Empty(t, deltas)
	require.True(t, lost)
	set(t, m, "t", "0", "c", store.Of("x"))
	deltas, lost = f.Next()
	require.Len(t, deltas, 1)
	require.False(t, lost)
}

func TestMissing_IsCutIntoPieces(t *testing.T) {
	a, b := newStore(t, "a", now), newStore(t, "b", now)
	require.NoError(t, a.Store().Update(func(tx *store.Tx) error {
		for i := range 100 {
			for j := range 7 {
				if err := tx.SetCell("t"+fmt.Sprint(i%3), fmt.Sprint(i), fmt.Sprint(j), store.Of(strings.Repeat("x", i))); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	lacks, _ := a.TableDiff(b.TableHashes())
	pieces := 0
	for more := true; more; pieces++ {
		var text []byte
		text, more = lacks.NextPiece(nil, 500)
		require.Less(t, len(text), 1000)
		c, err := mergeable.ReadTables(jsjson.NewReader(text, nil))
		require.NoError(t, err, string(text))
		_, err = b.Apply("peer", c)
		require.NoError(t, err)
	}
	require.Greater(t, pieces, 50)
	require.Equal(t, hashes(a), hashes(b))
	require.True(t, lacks.IsEmpty())
	require.Empty(t, b.Check())
}

// Replicas write at random, and send each other what changed in any order, more than once, or not at all; then they
// compare all they have. In the end they are equal, whatever the clocks said.
func TestReplicas_ConvergeWhateverIsDelivered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		rnd := rand.New(rand.NewPCG(seed, 1))
		n := 2 + rnd.IntN(3)
		var replicas []*mergeable.Store
		var feeds []*mergeable.Feed
		var messages []*mergeable.Delta
		clock := int64(now)
		for i := range n {
			id := fmt.Sprint("replica ", i)
			if rnd.IntN(6) == 0 {
				id = "replica 0" // somebody copied a configuration
			}
			skew := int64(rnd.IntN(20_000) - 10_000)
			m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, Now: func() time.Time { return time.UnixMilli(clock + skew) }})
			require.NoError(t, err)
			replicas, feeds = append(replicas, m), append(feeds, m.Feed())
		}
		values := []store.Value{store.Of(1), store.Of(2), store.Of("x"), store.NullValue(), store.Of(true), {}, {}}
		for range rnd.IntN(60) {
			clock += int64(rnd.IntN(3))
			i := rnd.IntN(n)
			if rnd.IntN(3) > 0 || len(messages) == 0 {
				require.NoError(t, replicas[i].Store().Update(func(tx *store.Tx) error {
					for range 1 + rnd.IntN(3) {
						v := values[rnd.IntN(len(values))]
						if rnd.IntN(4) == 0 {
							_ = tx.SetValue(fmt.Sprint(rnd.IntN(3)), v)
						} else {
							_ = tx.SetCell(fmt.Sprint(rnd.IntN(2)), fmt.Sprint(rnd.IntN(2)), fmt.Sprint(rnd.IntN(3)), v)
						}
					}
					return nil
				}))
			} else {
				m := messages[rnd.IntN(len(messages))]
				c, err := mergeable.ReadChanges(jsjson.NewReader(m.JSON(), nil), mergeable.ChangesShape, mergeable.Encoded)
				require.NoError(t, err)
				_, err = replicas[i].Apply("peer", c)
				require.NoError(t, err)
			}
			deltas, _ := feeds[i].Next()
			messages = append(messages, deltas...)
			require.Empty(t, replicas[i].Check())
		}
		for range 3 {
			for i := range n {
				for j := range i {
					_, _, err := replicas[i].Merge("peer", replicas[j])
					require.NoError(t, err)
				}
			}
		}
		first, values0 := plain(replicas[0].Store().Snapshot())
		for _, m := range replicas {
			tables, values := plain(m.Store().Snapshot())
			require.Equal(t, string(first), string(tables), "seed %d", seed)
			require.Equal(t, string(values0), string(values), "seed %d", seed)
			require.Equal(t, hashes(replicas[0]), hashes(m), "seed %d", seed)
			require.Empty(t, m.Check())
		}
	})
}

func FuzzLoad(f *testing.F) {
	for _, s := range []string{
		`[[{"t":[{"r":[{"c":[1,"NjEtLV-----7JQY8",7]},"NjEtLV-----7JQY8",1]},"",1]},"",1],[{"v":["x","",0]},"",0]]`,
		`[[{"t":[{"r":[{"c":["` + "\uFFFC" + `","NjEtLV-----7JQY8"]}]}]}],[{}],1]`, `[{"t":{"r":{"c":1}}},{}]`,
		`[[{"t":[{"r":[{"c":[{"b":1,"1":2}]}],"r":[{"c":[2]}]}]}],[{}],1]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m := newStore(t, "fuzz", now)
		if _, err := m.Load(nil, text); err != nil {
			return
		}
		require.Empty(t, m.Check())
		again := newStore(t, "again", now)
		_, err := again.Load(nil, m.AppendContent(nil))
		require.NoError(t, err)
		require.Equal(t, hashes(m), hashes(again))
		require.Empty(t, again.Check())
	})
}

func TestChanges_KeepOwnStampsOfRowsAndTables(t *testing.T) {
	own := `"NjEtLV-----4JQFF"`
	text := `[[{"t":[{"r":[{"c":[1,` + own + `]},` + own + `]},` + own + `],"alone":[{},` + own + `]},` + own + `],[{"v":[2,` + own + `]},` + own + `],1]`
	m := newStore(t, "s1", now)
	feed := m.Feed()
	defer feed.Close()
	_, err := apply(t, m, []byte(text), mergeable.Encoded)
	require.NoError(t, err)
	deltas, _ := feed.Next()
	other := newStore(t, "s2", now)
	_, err = apply(t, other, deltas[0].JSON(), mergeable.Encoded)
	require.NoError(t, err)
	require.Equal(t, hashes(m), hashes(other))
	require.Equal(t, "NjEtLV-----4JQFF", m.Changes().Top().String())
	third := newStore(t, "s3", now)
	load(t, third, m.AppendContent(nil))
	require.Equal(t, hashes(m), hashes(third))
	lacks, _ := m.TableDiff(nil)
	tables, ok := lacks.AppendWithin(nil, 10_000)
	require.True(t, ok)
	require.Contains(t, string(tables), `"alone":[{},`)
	_, ok = lacks.AppendWithin(nil, 1)
	require.False(t, ok)
}
