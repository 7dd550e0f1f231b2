package amchange_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// Several actors edit maps, counters and texts, each on an index of its own, and exchange changes in any order. In the end all
// indexes and a naive model agree, and every change is what the model expects.
func TestEdit_ActorsConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type replica struct {
			ix    *amchange.Index
			queue *amchange.Queue
			inbox []*amchange.Change
		}
		actors := []amchange.Actor{"\x01", "\x01\x00", "\x02"}
		var replicas []*replica
		for range actors {
			replicas = append(replicas, &replica{ix: amchange.NewIndex(nil), queue: amchange.NewQueue(nil)})
		}
		m := newModel()
		var all []*amchange.Change
		keys := []string{"a", "b", "", "c"}
		receive := func(r *replica, c *amchange.Change) {
			if len(r.ix.Missing(c)) > 0 {
				require.True(t, r.queue.Push(r.ix, c))
				return
			}
			for ; c != nil; c = r.queue.Pop() {
				_, err := r.ix.Add(c)
				require.NoError(t, err)
				r.queue.Added(r.ix, c.Hash)
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			i := rapid.IntRange(0, len(actors)-1).Draw(t, "actor")
			r := replicas[i]
			if n := len(r.inbox); n > 0 && rapid.Bool().Draw(t, "receive") {
				at := rapid.IntRange(0, n-1).Draw(t, "which")
				c := r.inbox[at]
				r.inbox = append(r.inbox[:at:at], r.inbox[at+1:]...)
				receive(r, c)
				continue
			}
			state := r.ix.State()
			b := r.ix.Begin()
			e := b.Edit(actors[i])
			for range rapid.IntRange(1, 4).Draw(t, "ops") {
				obj := amchange.OpID{}
				if l, ok := r.ix.Get("m"); ok && l.Value.Kind() == amchange.Map && rapid.Bool().Draw(t, "inside") {
					obj = l.ID
				}
				key := rapid.SampledFrom(keys).Draw(t, "key")
				switch rapid.IntRange(0, 6).Draw(t, "op") {
				case 0:
					require.NoError(t, e.Set(obj, key, amchange.IntValue(rapid.Int64().Draw(t, "n"))))
				case 1:
					require.NoError(t, e.Set(obj, key, amchange.CounterValue(5)))
				case 2:
					require.NoError(t, e.Increment(obj, key, 2))
				case 3:
					require.NoError(t, e.Delete(obj, key))
				case 4:
					_, err := e.Make(amchange.OpID{}, "m", amchange.Map)
					require.NoError(t, err)
				default:
					l, ok := r.ix.Get("text")
					if !ok {
						id, err := e.Make(amchange.OpID{}, "text", amchange.Text)
						require.NoError(t, err)
						l.ID = id
					}
					s, _ := r.ix.TextOf(l.ID)
					runes := []rune(s)
					at := rapid.IntRange(0, len(runes)).Draw(t, "at")
					del := rapid.IntRange(0, min(3, len(runes)-at)).Draw(t, "del")
					ins := rapid.SampledFrom([]string{"", "x", "héllo", strings.Repeat("long ", 60)}).Draw(t, "ins")
					require.NoError(t, e.Splice(l.ID, at, del, ins))
					got, _ := r.ix.TextOf(l.ID)
					require.Equal(t, string(runes[:at])+ins+string(runes[at+del:]), got)
				}
			}
			if rapid.IntRange(0, 4).Draw(t, "abort") == 0 {
				e.Rollback()
				b.Rollback()
				require.Equal(t, state, r.ix.State())
				continue
			}
			c, err := e.Commit(time.Unix(7, 0), "")
			require.NoError(t, err)
			b.Commit()
			if c == nil {
				continue
			}
			all = append(all, c)
			m.add(c)
			for j, other := range replicas {
				if j != i {
					other.inbox = append(other.inbox, c)
				}
			}
		}
		want := m.json(amchange.OpID{})
		for _, r := range replicas {
			for _, c := range r.inbox {
				receive(r, c)
			}
			require.Zero(t, r.queue.Len())
			require.Equal(t, replicas[0].ix.Heads(), r.ix.Heads())
			compareWinners(t, r.ix, want, nil)
		}
		fresh := amchange.NewIndex(nil)
		for _, c := range all {
			_, err := fresh.Add(c)
			require.NoError(t, err)
		}
		require.Equal(t, fresh.Conflicts(), replicas[0].ix.Conflicts())
	})
}

func TestEdit_RefusesWhatIsNotThere(t *testing.T) {
	ix := amchange.NewIndex(nil)
	b := ix.Begin()
	e := b.Edit("\x01")
	text, err := e.Make(amchange.OpID{}, "t", amchange.Text)
	require.NoError(t, err)
	require.NoError(t, e.Splice(text, 0, 0, "abc"))
	require.ErrorContains(t, e.Splice(text, 2, 2, ""), "characters 2 to 4 of a text of 3")
	require.ErrorContains(t, e.Splice(amchange.OpID{}, 0, 0, ""), "there is no text")
	require.ErrorContains(t, e.Splice(text, 0, 0, "\xff"), "not UTF-8")
	require.ErrorContains(t, e.Set(text, "x", amchange.IntValue(1)), "there is no map")
	require.ErrorContains(t, e.Set(amchange.OpID{}, "\xff", amchange.IntValue(1)), "not UTF-8")
	_, err = e.Make(amchange.OpID{}, "t", amchange.Int)
	require.ErrorContains(t, err, "no object")
	require.NoError(t, e.Delete(amchange.OpID{}, "nothing"))
	c, err := e.Commit(time.Time{}, "message")
	require.NoError(t, err)
	require.Equal(t, 4, c.Len())
	require.True(t, c.Time().IsZero())
	require.Equal(t, "message", c.Message)
	require.Equal(t, [][]string{{"t"}}, b.Commit().Touched)
	h, maxOp, ok := ix.MadeBy(text)
	require.True(t, ok)
	require.Equal(t, c.Hash, h)
	require.EqualValues(t, 4, maxOp)
}
