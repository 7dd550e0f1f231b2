package hub_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/store"
)

func TestRooms_AreUnloadedAndLoadedAgain(t *testing.T) {
	var mu sync.Mutex
	loaded, unloaded := 0, 0
	s := serve(t, t.TempDir(), &hub.Options{IdleAfter: time.Millisecond, Events: hub.Events{
		RoomLoaded:   func(string, time.Duration) { mu.Lock(); loaded++; mu.Unlock() },
		RoomUnloaded: func(string) { mu.Lock(); unloaded++; mu.Unlock() },
	}})
	var want []string
	for i := range 20 {
		s.ok("PUT", "/api/rooms/r/values/"+fmt.Sprint("v", i%5), fmt.Sprint(i))
		if i >= 15 {
			want = append(want, fmt.Sprintf(`"v%d":%d`, i%5, i))
		}
		mu.Lock()
		n := loaded
		mu.Unlock()
		require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return unloaded >= n }, 10*time.Second, time.Millisecond)
	}
	s.holds("r", `{}`, "{"+strings.Join(want, ",")+"}")
	mu.Lock()
	defer mu.Unlock()
	require.Greater(t, loaded, 15)
}

func TestRooms_AreBoundedInMemory(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Limits: hub.Limits{Rooms: 3, Connections: 3}})
	for i := range 20 {
		s.ok("PUT", fmt.Sprintf("/api/rooms/r%d/values/v", i), fmt.Sprint(i))
	}
	for i := range 20 {
		s.holds(fmt.Sprint("r", i), `{}`, fmt.Sprintf(`{"v":%d}`, i))
	}
	var held []*hub.Room
	for i := range 3 {
		r, err := s.hub.Room(ctx, fmt.Sprint("held", i))
		require.NoError(t, err)
		held = append(held, r)
	}
	r := s.get("/api/rooms/another")
	problem(t, r, 503)
	require.NotEmpty(t, r.Header.Get("Retry-After"))
	for _, r := range held {
		r.Release()
	}
	s.holds("another", `{}`, `{}`)
	for range 3 {
		s.follow("/api/rooms/r/events")
	}
	problem(t, s.get("/api/rooms/r/events"), 503)
}

func TestLog_IsCompactedWhileTheRoomIsUsed(t *testing.T) {
	dir := t.TempDir()
	compacted := make(chan int, 1000)
	s := serve(t, dir, &hub.Options{Limits: hub.Limits{CompactRecords: 10}, Events: hub.Events{
		Compacted: func(_ string, n int, _ time.Duration) { compacted <- n },
	}})
	for i := range 100 {
		s.ok("PUT", "/api/rooms/r/values/v", fmt.Sprint(i))
	}
	require.NotEmpty(t, <-compacted)
	s.end()
	serve(t, dir, nil).holds("r", `{}`, `{"v":99}`)
}

func TestUpdate_ByTheProgramItselfIsStored(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	r, err := s.hub.Room(ctx, "r")
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 20 {
				set := func(tx *store.Tx) error { return tx.SetCell("t", fmt.Sprint(i), "c", store.Of(n)) }
				if i%2 == 0 { // also past the gate
					_ = r.Store().Update(set)
				} else {
					_ = r.Update(nil, set)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, r.Sync(ctx))
	r.Release()
	s.end()
	s = serve(t, dir, nil)
	for i := range 8 {
		require.Equal(t, "19\n", s.get(fmt.Sprintf("/api/rooms/r/tables/t/%d/c", i)).body)
	}
}

func TestRoom_IsGivenUpWhenItCannotBeStored(t *testing.T) {
	dir := t.TempDir()
	o := &hub.Options{}
	o.Log.MaxBytes = 400 << 10
	failed := make(chan error, 100)
	o.Events.RoomFailed = func(_ string, err error) { failed <- err }
	s := serve(t, dir, o)
	s.ok("PUT", "/api/rooms/small/values/v", "1")
	text := `"` + strings.Repeat("x", 20_000) + `"`
	events := s.follow("/api/rooms/r/events")
	var r response
	n := 0
	for r = s.do("PUT", "/api/rooms/r/values/v0", text); r.StatusCode == 200; n++ {
		r = s.do("PUT", fmt.Sprintf("/api/rooms/r/values/v%d", n+1), text)
	}
	problem(t, r, 503)
	require.Positive(t, n)
	require.ErrorContains(t, <-failed, "full")
	for id := "x"; id != ""; id, _ = events.next() { // the stream ends, so that its reader comes back to what is true
	}
	require.Equal(t, 200, s.get("/healthz").StatusCode)
	require.Equal(t, 200, s.get(fmt.Sprintf("/api/rooms/r/values/v%d", n-1)).StatusCode)
	problem(t, s.get(fmt.Sprintf("/api/rooms/r/values/v%d", n)), 404)
	s.holds("small", `{}`, `{"v":1}`)
}

func TestClose_RefusesNewRequestsAndEndsWithoutALeak(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := serve(t, t.TempDir(), nil)
	s.ok("PUT", "/api/rooms/r/values/v", "1")
	require.NoError(t, s.hub.Close(ctx))
	require.NoError(t, s.hub.Close(ctx))
	problem(t, s.get("/api/rooms/r"), 503)
	problem(t, s.get("/readyz"), 503)
	_, err := s.hub.Room(ctx, "r")
	require.ErrorIs(t, err, hub.ErrClosed)
	s.end()
	http.DefaultClient.CloseIdleConnections()
}
