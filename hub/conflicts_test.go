//go:build cgo

package hub_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

type claimed struct {
	Value any
	By    string
}

type conflicting struct {
	Family, At, Table, Row, Cell string
	Value                        *string
	Winner                       claimed
	Losers                       []claimed
}

func (s *server) conflicts(room string) (list []conflicting, more bool) {
	s.t.Helper()
	r := s.get("/api/rooms/" + url.PathEscape(room) + "/conflicts")
	require.Equal(s.t, 200, r.StatusCode, r.body)
	var all struct {
		Conflicts []conflicting
		More      bool
	}
	require.NoError(s.t, json.Unmarshal([]byte(r.body), &all))
	require.NotNil(s.t, all.Conflicts)
	return all.Conflicts, all.More
}

// disputed has two Automerge clients set places at the same time, and returns them when they are equal again.
func disputed(t *testing.T, s *server, room string, set func(tx *store.Tx, who string) error) (a, b *repo) {
	t.Helper()
	a, b = newRepo(t, "a", s.address(room)), newRepo(t, "b", s.address(room))
	a.connect(s, "")
	b.connect(s, "")
	r := "/api/rooms/" + url.PathEscape(room)
	s.ok("PATCH", r, `{"tables":{"pets":{"fido":{"price":0}}},"values":{"open":"?"}}`)
	for _, c := range []*repo{a, b} {
		c.holds("+ pets/fido/price 0\n+ :open \"?\"\n")
		c.disconnect()
	}
	for _, c := range []*repo{a, b} {
		require.NoError(t, c.store.Update(func(tx *store.Tx) error { return set(tx, c.name) }))
		c.connect(s, "")
	}
	equal := func() bool {
		return store.Diff(a.store.Snapshot(), b.store.Snapshot()).String() == "" && fmt.Sprint(a.doc.Heads()) == fmt.Sprint(b.doc.Heads())
	}
	require.Eventually(t, equal, 20*time.Second, time.Millisecond)
	return a, b
}

func TestConflicts_AreWhatTheFrameworkStillKeeps(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	room := "garden/ü"
	list, _ := s.conflicts(room)
	require.Empty(t, list)
	require.Empty(t, s.rooms(""), "to ask stores nothing")
	a, b := disputed(t, s, room, func(tx *store.Tx, who string) error {
		for _, id := range []string{"a/b", "name", "%"} {
			if err := tx.SetCell("pets", "fido", id, store.Of("by "+who)); err != nil {
				return err
			}
		}
		if err := tx.SetCell("pets", "fido", "only "+who, store.Of(1)); err != nil {
			return err
		}
		return tx.SetValue("open", store.Of(float64(who[0]-'a'+1)))
	})
	list, more := s.conflicts(room)
	require.False(t, more)
	require.Len(t, list, 4)
	actors := []string{a.doc.Actor().String(), b.doc.Actor().String()}
	var at []string
	for _, c := range list {
		at = append(at, c.At)
		require.Equal(t, "automerge", c.Family)
		require.Len(t, c.Losers, 1)
		require.ElementsMatch(t, actors, []string{c.Winner.By, c.Losers[0].By})
		now := s.get("/api/rooms/" + url.PathEscape(room) + "/" + c.At)
		require.Equal(t, 200, now.StatusCode, now.body)
		var v any
		require.NoError(t, json.Unmarshal([]byte(now.body), &v))
		require.Equal(t, v, c.Winner.Value, "the winner is what the room shows")
		if c.Value != nil {
			require.Equal(t, "open", *c.Value)
			require.ElementsMatch(t, []any{1.0, 2.0}, []any{c.Winner.Value, c.Losers[0].Value})
			continue
		}
		require.Equal(t, []string{"pets", "fido"}, []string{c.Table, c.Row})
		require.ElementsMatch(t, []any{"by a", "by b"}, []any{c.Winner.Value, c.Losers[0].Value})
	}
	require.ElementsMatch(t, []string{"tables/pets/fido/a%2Fb", "tables/pets/fido/name", "tables/pets/fido/%25", "values/open"}, at)

	// Who sets the place again decides, from wherever.
	s.ok("PUT", "/api/rooms/garden%2F%C3%BC/tables/pets/fido/name", `"Fido"`)
	y := newClient(s, room).connect("")
	require.Eventually(t, func() bool { return y.store.Snapshot().Cell("pets", "fido", "name").String() == `"Fido"` }, 20*time.Second, time.Millisecond)
	require.NoError(t, y.store.Update(func(tx *store.Tx) error { return tx.SetValue("open", store.Of(true)) }))
	require.Eventually(t, func() bool { list, _ := s.conflicts(room); return len(list) == 2 }, 20*time.Second, 5*time.Millisecond)
}

func TestConflicts_AreAThousandAtMost(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	disputed(t, s, "r", func(tx *store.Tx, who string) error {
		for i := range 1001 {
			if err := tx.SetCell("pets", "fido", strconv.Itoa(i), store.Of(who)); err != nil {
				return err
			}
		}
		return nil
	})
	list, more := s.conflicts("r")
	require.Len(t, list, 1000)
	require.True(t, more)
	s.ok("DELETE", "/api/rooms/r/tables/pets/fido/1000", "")
	list, more = s.conflicts("r")
	require.Len(t, list, 1000)
	require.False(t, more)
}

// Yjs drops what has lost, so there is nothing to show of it.
func TestConflicts_OfYjsAreNotKept(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	s.ok("PATCH", "/api/rooms/r", `{"values":{"v":0}}`)
	a, b := newClient(s, "r").connect(""), newClient(s, "r").connect("")
	for _, c := range []*client{a, b} {
		c.holds("+ :v 0\n")
		c.disconnect()
	}
	for i, c := range []*client{a, b} {
		require.NoError(t, c.store.Update(func(tx *store.Tx) error { return tx.SetValue("v", store.Of(i+1)) }))
		c.connect("")
	}
	require.Eventually(t, func() bool {
		v := a.store.Snapshot().Value("v").String()
		return v != "0" && v == b.store.Snapshot().Value("v").String()
	}, 20*time.Second, time.Millisecond)
	list, _ := s.conflicts("r")
	require.Empty(t, list)
}
