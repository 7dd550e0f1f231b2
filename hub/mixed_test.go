//go:build cgo

package hub_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/store"
)

// agreeing checks that all documents of a room hold what its Store holds.
func agreeing(t testing.TB, s *server, room string) string {
	t.Helper()
	r, err := s.hub.Room(ctx, room)
	require.NoError(t, err)
	defer r.Release()
	require.NoError(t, r.Update(nil, func(*store.Tx) error { return nil })) // what is visible has been told to all documents
	want := store.Diff(nil, r.Store().Snapshot()).String()
	require.Equal(t, want, decoded(t, r, "yjs"))
	state, err := r.Document("automerge").Snapshot()
	require.NoError(t, err)
	doc, err := automerge.Load(state, nil)
	require.NoError(t, err)
	content, _, err := automerge.NewTarget(doc, nil).Read(ctx, []store.Path{{}})
	require.NoError(t, err)
	require.Equal(t, want, store.Diff(nil, content).String())
	return want
}

// Three clients of each family and requests write what they like at the same time; then all hold the same, also after a restart, which changes
// nothing.
func TestMixed_EverybodyEndsEqual(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	o := &hub.Options{Limits: hub.Limits{CompactRecords: 200}}
	o.Events.Fault = func(what string, err error) { t.Errorf("%s: %v", what, err) }
	s := serve(t, dir, o)
	// The rows are there before: of two rows of one id that are made at the same time, one is lost in TinyBase's layout.
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"0":{"x":0},"1":{"x":0},"2":{"x":0}}},"values":{"v":0}}`)
	y, b, a := newClient(s, "r").connect(""), newStamped(s, "r").connect(""), newRepo(t, "a", s.address("r")).connect(s, "")
	y2, b2, a2 := newClient(s, "r").connect(""), newStamped(s, "r").connect(""), newRepo(t, "a2", s.address("r")).connect(s, "")
	stores := map[string]*store.Store{"y": y.store, "b": b.store, "a": a.store, "y2": y2.store, "b2": b2.store, "a2": a2.store}
	for _, x := range stores {
		require.Eventually(t, func() bool { return x.Snapshot().RowCount("t") == 3 }, 20*time.Second, time.Millisecond)
	}
	const each = 60
	values := []store.Value{store.Of(1), store.Of(2.5), store.Of(true), store.Of("text"), store.Of("text and more"), store.Of("other"), store.Of(""), store.NullValue(),
		store.Of(1e300), store.Of(9007199254740993.0), store.Of("\u0000 \U0001F600")}
	var work sync.WaitGroup
	for name, x := range stores {
		work.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(len(name)*256+int(name[0]))))
			for n := range each {
				row, cell, v := fmt.Sprint(rng.IntN(3)), fmt.Sprint("c", rng.IntN(3)), values[rng.IntN(len(values))]
				err := x.Update(func(tx *store.Tx) error {
					if rng.IntN(10) == 0 {
						v = store.Value{}
					}
					if err := tx.SetCell("t", row, cell, v); err != nil {
						return err
					}
					if err := tx.SetCell("t", "0", name, store.Of(n)); err != nil {
						return err
					}
					return tx.SetValue("v", store.Of(n))
				})
				if err != nil {
					t.Error(err)
				}
				if rng.IntN(5) == 0 {
					time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond)
				}
			}
		})
	}
	work.Go(func() {
		for n := range each {
			s.do("PATCH", "/api/rooms/r", fmt.Sprintf(`{"tables":{"t":{"1":{"h":%d,"c1":{"a":[%d,null]}}}},"values":{"v":"http"}}`, n, n), "Content-Type", "application/merge-patch+json")
		}
	})
	work.Wait()
	print := func(s *store.Store) string { return store.Diff(nil, s.Snapshot()).String() }
	equal := func() bool {
		want := print(y.store)
		for name, x := range stores {
			if print(x) != want || !strings.Contains(want, fmt.Sprintf("t/0/%s %d\n", name, each-1)) {
				return false
			}
		}
		return strings.Contains(want, fmt.Sprintf("t/1/h %d\n", each-1))
	}
	if !assertEventually(equal, 30*time.Second) {
		for name, x := range stores {
			t.Logf("%s:\n%s", name, print(x))
		}
		t.Fatal("they do not end equal")
	}
	require.Equal(t, print(y.store), agreeing(t, s, "r"))
	for _, c := range []interface{ disconnect() }{y, b, a, y2, b2, a2} {
		c.disconnect()
	}
	room, stamps := s.get("/api/rooms/r").body, s.content("r")
	require.Less(t, len(stamps), 20_000)
	s.end()

	o.Events.Fault = nil
	s = serve(t, dir, o)
	require.Equal(t, room, s.get("/api/rooms/r").body)
	require.Equal(t, stamps, s.content("r"))
	agreeing(t, s, "r")
	records := func() string {
		body := s.get("/metrics").body
		_, rest, _ := strings.Cut(body, "\nrowloom_log_records_total ")
		line, _, _ := strings.Cut(rest, "\n")
		return line
	}
	require.Equal(t, "0", records(), "a restart writes nothing")
	for _, reconnect := range []func(){func() { y.url = newClient(s, "r").url; y.connect("") }, func() { b.url = newStamped(s, "r").url; b.connect("") }, func() { a.connect(s, "") }} {
		reconnect()
	}
	r := s.do("PUT", "/api/rooms/r/values/end", "true", "Content-Type", "application/json")
	require.Equal(t, http.StatusOK, r.StatusCode)
	for _, x := range []*store.Store{y.store, b.store, a.store} {
		require.Eventually(t, func() bool {
			return strings.HasSuffix(print(x), "+ :end true\n+ :v "+x.Snapshot().Value("v").String()+"\n") && print(x) == print(y.store)
		}, 20*time.Second, time.Millisecond)
	}
}

func assertEventually(ok func() bool, within time.Duration) bool {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

// What is said once is said once: a room with clients of all families comes to rest.
func TestMixed_ARoomComesToRest(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	y, b, a := newClient(s, "r").connect(""), newStamped(s, "r").connect(""), newRepo(t, "a", s.address("r")).connect(s, "")
	require.Eventually(t, func() bool { return len(a.doc.Heads()) == 1 }, 20*time.Second, time.Millisecond)
	for i, set := range []func(table, row, cell string, v store.Value){y.set, b.set, a.set} {
		set("t", fmt.Sprint(i), "c", store.Of(i))
		for _, x := range []*store.Store{y.store, b.store, a.store} {
			require.Eventually(t, func() bool { return x.Snapshot().RowCount("t") == i+1 }, 20*time.Second, time.Millisecond)
		}
	}
	count := func() string {
		s.get("/api/rooms/r/peers") // who looks on sets nothing in motion
		s.get("/api/rooms/r/conflicts")
		var lines []string
		for line := range strings.Lines(s.get("/metrics").body) {
			if strings.HasPrefix(line, "rowloom_log_records_total") || strings.HasPrefix(line, "rowloom_messages_total") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	var last string
	require.Eventually(t, func() bool { now := count(); same := now == last; last = now; return same }, 20*time.Second, 200*time.Millisecond)
	require.Contains(t, last, "rowloom_log_records_total 10\n", "one record of each document for each edit, and the containers of the Automerge document")
	t.Log(last)
}
