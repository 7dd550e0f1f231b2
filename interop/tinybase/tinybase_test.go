// Package tinybase_test holds the tests against living TinyBase peers of seven versions, as clients of our server and as
// servers of our client.
package tinybase_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var versions = []string{"5.4", "6.7", "7.3", "8.5", "9.2", "9.5", "10.0"}

func peers(t *testing.T) *node.Process {
	t.Helper()
	node.Install(t, ".")
	return node.Start(t, "peers.mjs")
}

type args map[string]any

// server is ours, with a store for each path.
type server struct {
	*tinybase.Server
	url string

	mu     sync.Mutex
	stores map[string]*mergeable.Store
	errs   []error
}

func serve(t *testing.T, relay bool, o tinybase.Options) *server {
	t.Helper()
	s := &server{stores: map[string]*mergeable.Store{}}
	so := &tinybase.ServerOptions{Session: o, OnError: func(_, _ string, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errs = append(s.errs, err)
	}}
	if !relay {
		so.Open = func(_ context.Context, path string) (*mergeable.Store, error) { return s.store(path), nil }
	}
	s.Server = tinybase.NewServer(so)
	h := httptest.NewServer(s)
	s.url = "ws" + strings.TrimPrefix(h.URL, "http")
	t.Cleanup(func() {
		s.Close()
		h.Close()
	})
	return s
}

func (s *server) store(path string) *mergeable.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stores[path] == nil {
		s.stores[path], _ = mergeable.New(store.New(), nil)
	}
	return s.stores[path]
}

// connect runs our client on a store until the test ends, or stop is called.
func connect(t *testing.T, url string, m *mergeable.Store, o *tinybase.Options) (stop func()) {
	t.Helper()
	return run(t, url, func() (synchronizer.Session, error) { return tinybase.NewClient(m, o), nil }, nil)
}

func run(t *testing.T, url string, session func() (synchronizer.Session, error), subprotocols []string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	client := ws.NewClient(url, func(context.Context) (synchronizer.Session, error) { return session() },
		&ws.ClientOptions{Conn: ws.Options{Kind: ws.Text, Subprotocols: subprotocols}, MinWait: 10 * time.Millisecond, MaxWait: 50 * time.Millisecond})
	wg.Go(func() { _ = client.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(stop)
	return stop
}

func newStore(t testing.TB, id string) *mergeable.Store {
	t.Helper()
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id})
	require.NoError(t, err)
	return m
}

func update(t testing.TB, m *mergeable.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	require.NoError(t, m.Store().Update(fn))
}

func hashes(m *mergeable.Store) [2]uint32 {
	a, b := m.Hashes()
	return [2]uint32{a, b}
}

// reach waits until our store has the same hashes as a peer, and the peer the same as ours.
func reach(t *testing.T, p *node.Process, peer string, m *mergeable.Store) {
	t.Helper()
	var theirs [2]uint32
	require.Eventually(t, func() bool {
		p.Call("hashes", args{"peer": peer}, &theirs)
		return theirs == hashes(m)
	}, 20*time.Second, 10*time.Millisecond, "%s has %v, ours %v", peer, &theirs, m)
}

type state struct {
	Content [2]json.RawMessage
	Hashes  [2]uint32
	Stats   tinybase.Stats
	Errors  []string
	Closes  []struct {
		Code   int
		Reason string
	}
}

func stateOf(p *node.Process, peer string) (s state) {
	p.Call("state", args{"peer": peer}, &s)
	return s
}

func TestServer_ClientsOfAllVersionsShareARoom(t *testing.T) {
	p := peers(t)
	s := serve(t, false, tinybase.Options{})
	m := s.store("room")
	update(t, m, func(tx *store.Tx) error { return tx.SetCell("ours", "r", "c", store.Of("from the server")) })
	for _, v := range versions {
		p.Call("create", args{"peer": v, "version": v, "id": "client " + v, "content": []any{
			map[string]any{"t" + v: map[string]any{"r": map[string]any{"c": "é<>& \u2028", "n": 1e21, "b": true}}, "both": map[string]any{"r": map[string]any{v: 0.1}}},
			map[string]any{"v" + v: -0.5},
		}}, nil)
		p.Call("connect", args{"peer": v, "url": s.url + "/room"}, nil)
		reach(t, p, v, m)
	}
	for i, v := range versions {
		p.Call("set", args{"peer": v, "table": "live", "row": fmt.Sprint(i), "cell": "c", "value": v}, nil)
	}
	p.Call("del", args{"peer": "5.4", "table": "both", "row": "r", "cell": "10.0"}, nil)
	p.Call("del", args{"peer": "10.0", "table": "t9.5"}, nil)
	require.Eventually(t, func() bool {
		snap := m.Store().Snapshot()
		return snap.RowCount("live") == len(versions) && !snap.HasTable("t9.5") && !snap.Cell("both", "r", "10.0").Exists()
	}, 10*time.Second, 5*time.Millisecond)
	update(t, m, func(tx *store.Tx) error { return tx.SetValue("from the server", store.Of(true)) })
	for _, v := range versions {
		reach(t, p, v, m)
		require.Empty(t, stateOf(p, v).Closes, v)
	}
	require.Len(t, s.Clients("room"), len(versions))
	require.Equal(t, []string{"room"}, s.Paths())
}

func TestServer_CarriesNullsAndObjectsWhereTheVersionHasThem(t *testing.T) {
	p := peers(t)
	s := serve(t, false, tinybase.Options{})
	m := s.store("room")
	content := func(v string) []any {
		row := map[string]any{"null": nil}
		if v >= "8" || v == "10.0" {
			row["object"] = map[string]any{"b": []any{1, nil, "x"}, "1": map[string]any{}}
			row["array"] = []any{}
		}
		return []any{map[string]any{v: map[string]any{"r": row}}, map[string]any{}}
	}
	for _, v := range []string{"7.3", "8.5", "9.2", "9.5", "10.0"} {
		p.Call("create", args{"peer": v, "version": v, "content": content(v)}, nil)
		p.Call("connect", args{"peer": v, "url": s.url + "/room"}, nil)
		reach(t, p, v, m)
		require.Equal(t, store.NullValue(), m.Store().Snapshot().Cell(v, "r", "null"))
		if v >= "8" || v == "10.0" {
			require.Equal(t, `{"1":{},"b":[1,null,"x"]}`, m.Store().Snapshot().Cell(v, "r", "object").Text())
			require.Equal(t, store.Array, m.Store().Snapshot().Cell(v, "r", "array").Kind())
		}
	}
}

func TestServer_AnswersTheFirstClientAtOnce(t *testing.T) {
	p := peers(t)
	s := serve(t, false, tinybase.Options{})
	update(t, s.store("stored"), func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of("stored")) })
	for _, path := range []string{"stored", "empty"} {
		p.Call("create", args{"peer": path, "version": "10.0"}, nil)
		var took int
		p.Call("connect", args{"peer": path, "url": s.url + "/" + path, "timeout": 5, "initial": []any{map[string]any{"t": map[string]any{"r": map[string]any{"c": "default"}}}, map[string]any{}}}, &took)
		require.Less(t, took, 3000, "the client waited for its timeout")
		want := map[string]string{"stored": `"stored"`, "empty": `"default"`}[path]
		require.Contains(t, string(stateOf(p, path).Content[0]), want)
		reach(t, p, path, s.store(path))
	}
}

func TestServer_TellsAReturningClientWhatItMissed(t *testing.T) {
	for _, v := range versions {
		p := peers(t)
		s := serve(t, false, tinybase.Options{})
		m := s.store("room")
		p.Call("create", args{"peer": "a", "version": v}, nil)
		p.Call("connect", args{"peer": "a", "url": s.url + "/room"}, nil)
		p.Call("set", args{"peer": "a", "table": "t", "row": "r", "cell": "c", "value": 1}, nil)
		reach(t, p, "a", m)
		p.Call("disconnect", args{"peer": "a"}, nil)
		p.Call("set", args{"peer": "a", "table": "t", "row": "r", "cell": "offline", "value": 2}, nil)
		update(t, m, func(tx *store.Tx) error { return tx.DelCell("t", "r", "c") })
		p.Call("connect", args{"peer": "a", "url": s.url + "/room"}, nil)
		reach(t, p, "a", m)
		require.Equal(t, 1, m.Store().Snapshot().CellCount("t", "r"))
	}
}

func TestServer_FragmentsBothWays(t *testing.T) {
	p := peers(t)
	s := serve(t, false, tinybase.Options{FragmentSize: 300})
	m := s.store("room")
	update(t, m, func(tx *store.Tx) error {
		return tx.SetCell("t", "r", "ours", store.Of(strings.Repeat("é😀", 2000)))
	})
	for _, v := range []string{"9.2", "10.0"} {
		p.Call("create", args{"peer": v, "version": v}, nil)
		p.Call("fill", args{"peer": v, "table": v, "rows": 100, "text": "日本"}, nil)
		p.Call("connect", args{"peer": v, "url": s.url + "/room", "fragmentSize": 100}, nil)
		reach(t, p, v, m)
	}
}

func TestServer_ChannelsOfASharedSocket(t *testing.T) {
	p := peers(t)
	s := serve(t, false, tinybase.Options{})
	update(t, s.store("base/two"), func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of("two")) })
	for _, v := range []string{"9.5", "10.0"} {
		for _, channel := range []string{"one", "two"} {
			name := v + channel
			p.Call("create", args{"peer": name, "version": v}, nil)
			p.Call("connect", args{"peer": name, "url": s.url + "/base", "socket": v, "channel": channel}, nil)
			p.Call("set", args{"peer": name, "table": name, "row": "r", "cell": "c", "value": 1}, nil)
			reach(t, p, name, s.store("base/"+channel))
		}
	}
	// An ordinary client is in the same room.
	p.Call("create", args{"peer": "plain", "version": "5.4"}, nil)
	p.Call("connect", args{"peer": "plain", "url": s.url + "/base/two"}, nil)
	reach(t, p, "plain", s.store("base/two"))
	p.Call("disconnect", args{"peer": "9.5one"}, nil)
	p.Call("set", args{"peer": "10.0one", "table": "t", "row": "r", "cell": "c", "value": 2}, nil)
	reach(t, p, "10.0one", s.store("base/one"))
	require.Len(t, s.Clients("base/two"), 3)
}

func TestServer_RelaysWithoutDataOfItsOwn(t *testing.T) {
	p := peers(t)
	s := serve(t, true, tinybase.Options{})
	ours := newStore(t, "ours")
	update(t, ours, func(tx *store.Tx) error { return tx.SetCell("ours", "r", "c", store.Of(1)) })
	connect(t, s.url+"/room", ours, nil)
	for _, v := range versions {
		p.Call("create", args{"peer": v, "version": v, "content": []any{map[string]any{v: map[string]any{"r": map[string]any{"c": 1}}}, map[string]any{}}}, nil)
		p.Call("connect", args{"peer": v, "url": s.url + "/room", "timeout": 1}, nil)
	}
	for _, v := range versions {
		reach(t, p, v, ours)
	}
	p.Call("set", args{"peer": "6.7", "table": "live", "row": "r", "cell": "c", "value": 1}, nil)
	for _, v := range versions {
		reach(t, p, v, ours)
	}
	require.Equal(t, 9, ours.Store().Snapshot().TableCount())
	require.Equal(t, 9-1, len(s.Clients("room")))
}

func TestClient_MeetsTinyBasesOwnServers(t *testing.T) {
	for _, v := range versions {
		for _, kind := range []string{"simple", "full", "files"} {
			t.Run(v+" "+kind, func(t *testing.T) {
				p := peers(t)
				var url string
				p.Call("listen", args{"server": "s", "version": v, "kind": strings.Replace(kind, "files", "full", 1), "files": kind == "files"}, &url)
				a, b := newStore(t, "a"), newStore(t, "b")
				update(t, a, func(tx *store.Tx) error { return tx.SetCell("a", "r", "c", store.Of("a")) })
				update(t, b, func(tx *store.Tx) error { return tx.SetCell("b", "r", "c", store.Of("b")) })
				connect(t, url+"/room", a, nil)
				p.Call("create", args{"peer": "js", "version": v, "content": []any{map[string]any{"js": map[string]any{"r": map[string]any{"c": 1}}}, map[string]any{"v": true}}}, nil)
				p.Call("connect", args{"peer": "js", "url": url + "/room", "timeout": 1}, nil)
				connect(t, url+"/room", b, nil)
				reach(t, p, "js", b)
				reach(t, p, "js", a)
				update(t, a, func(tx *store.Tx) error { return tx.DelTable("b") })
				p.Call("set", args{"peer": "js", "table": "js", "row": "r", "cell": "d", "value": "live"}, nil)
				require.Eventually(t, func() bool {
					return b.Store().Snapshot().TableCount() == 2 && a.Store().Snapshot().Cell("js", "r", "d").Exists()
				}, 10*time.Second, 5*time.Millisecond)
				reach(t, p, "js", b)
				reach(t, p, "js", a)
			})
		}
	}
}

// Servers before 9.4 that have files confuse the store that they are closing with the one that they open, when their last client comes back at once; so
// these have none here.
func TestClient_ComesBackAndMakesUpForWhatItMissed(t *testing.T) {
	for _, v := range versions {
		p := peers(t)
		var url string
		p.Call("listen", args{"server": "s", "version": v, "kind": "full", "files": v == "9.5" || v == "10.0"}, &url)
		ours := newStore(t, "ours")
		connect(t, url+"/room", ours, nil)
		for i := range 3 {
			p.Call("drop", args{"server": "s"}, nil)
			js := fmt.Sprint("js", i)
			p.Call("create", args{"peer": js, "version": v, "content": []any{map[string]any{js: map[string]any{"r": map[string]any{"c": i}}}, map[string]any{}}}, nil)
			p.Call("connect", args{"peer": js, "url": url + "/room", "timeout": 1}, nil)
			update(t, ours, func(tx *store.Tx) error { return tx.SetCell("ours", "r", "c", store.Of(i)) })
			reach(t, p, js, ours)
		}
		require.Equal(t, 4, ours.Store().Snapshot().TableCount(), v)
	}
}

// A null is one where the version has it, and no cell where it has not; an object is one, or a text.
func TestClient_CarriesNullsAndObjectsAtTinyBasesOwnServers(t *testing.T) {
	object, err := store.ParseJSON(`{"b":[1,null,"x"],"1":{}}`)
	require.NoError(t, err)
	for _, v := range versions {
		p := peers(t)
		var url string
		p.Call("listen", args{"server": "s", "version": v, "kind": "full", "files": true}, &url)
		ours := newStore(t, "ours")
		connect(t, url+"/room", ours, nil)
		row, n := map[string]any{"text": "js"}, 1
		if v != "5.4" && v != "6.7" {
			row["null"], n = nil, 2
		}
		if v >= "8" || v == "10.0" {
			row["object"], n = map[string]any{"a": []any{}}, 3
		}
		p.Call("create", args{"peer": "js", "version": v, "content": []any{map[string]any{"js": map[string]any{"r": row}}, map[string]any{}}}, nil)
		p.Call("connect", args{"peer": "js", "url": url + "/room", "timeout": 1}, nil)
		update(t, ours, func(tx *store.Tx) error {
			return errors.Join(tx.SetCell("ours", "r", "null", store.NullValue()), tx.SetCell("ours", "r", "object", object), tx.SetCell("ours", "r", "gone", store.Of(1)))
		})
		update(t, ours, func(tx *store.Tx) error { return tx.DelCell("ours", "r", "gone") })
		reach(t, p, "js", ours)
		require.Equal(t, n, ours.Store().Snapshot().CellCount("js", "r"), v)
		if n > 2 {
			require.Equal(t, `{"a":[]}`, ours.Store().Snapshot().Cell("js", "r", "object").Text())
			require.Contains(t, string(stateOf(p, "js").Content[0]), `"object":{"1":{},"b":[1,null,"x"]}`)
		}
		if n > 1 {
			require.True(t, ours.Store().Snapshot().Cell("js", "r", "null").Kind() == store.Null, v)
			require.Contains(t, string(stateOf(p, "js").Content[0]), `"null":null`)
		}
	}
}

// large fills a store with more than a frame of TinyBase holds.
func large(t *testing.T, m *mergeable.Store) {
	largeOf(t, m, 400, 6, strings.Repeat("é<x", 2000))
}

// largeOf does so with so many rows and cells in each, all of which begin with text.
func largeOf(t *testing.T, m *mergeable.Store, rows, cells int, text string) {
	t.Helper()
	update(t, m, func(tx *store.Tx) error {
		for i := range rows {
			for j := range cells {
				if err := tx.SetCell("t", fmt.Sprint("r", i), fmt.Sprint("c", j), store.Of(text+fmt.Sprint(i*cells+j))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	require.Greater(t, len(m.Changes().AppendJSON(nil)), 17<<20)
}

// What does not fit into a frame reaches clients of all versions: from our server, and from our client by way of their server, which has a store of its own in the
// last one.
func TestLarge_FirstSyncsReachAllVersions(t *testing.T) {
	ours := newStore(t, "ours")
	large(t, ours)
	for _, v := range versions {
		t.Run(v, func(t *testing.T) {
			p := peers(t)
			s := serve(t, false, tinybase.Options{})
			s.mu.Lock()
			s.stores["large"] = ours
			s.mu.Unlock()
			p.Call("create", args{"peer": "at ours", "version": v}, nil)
			p.Call("connect", args{"peer": "at ours", "url": s.url + "/large", "timeout": 3}, nil)
			reach(t, p, "at ours", ours)
			require.Empty(t, stateOf(p, "at ours").Closes)

			var url string
			p.Call("listen", args{"server": "theirs", "version": v, "kind": "full", "files": v == "10.0"}, &url)
			connect(t, url+"/large", ours, nil)
			p.Call("create", args{"peer": "at theirs", "version": v}, nil)
			p.Call("connect", args{"peer": "at theirs", "url": url + "/large", "timeout": 3}, nil)
			reach(t, p, "at theirs", ours)
			require.Empty(t, stateOf(p, "at theirs").Closes)
		})
	}
}

func TestClient_SharesASocketWithTinyBasesOwnServer(t *testing.T) {
	for _, v := range []string{"9.5", "10.0"} {
		p := peers(t)
		var url string
		p.Call("listen", args{"server": "s", "version": v, "kind": "full"}, &url)
		one, two := newStore(t, "one"), newStore(t, "two")
		update(t, one, func(tx *store.Tx) error { return tx.SetValue("v", store.Of(1)) })
		run(t, url+"/base", func() (synchronizer.Session, error) {
			return tinybase.NewSharedClient(map[string]*mergeable.Store{"one": one, "two": two}, nil)
		}, []string{tinybase.Subprotocol})
		for name, m := range map[string]*mergeable.Store{"one": one, "two": two} {
			p.Call("create", args{"peer": name, "version": v, "content": []any{map[string]any{name: map[string]any{"r": map[string]any{"c": 1}}}, map[string]any{}}}, nil)
			p.Call("connect", args{"peer": name, "url": url + "/base/" + name, "timeout": 1}, nil)
			reach(t, p, name, m)
			update(t, m, func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of(name)) })
			reach(t, p, name, m)
		}
	}
}

// The original closes both sockets when a first sync is longer than 16 MiB. Ours sends it in pieces.
func TestServer_FirstSyncLargerThanOneFrame(t *testing.T) {
	p := peers(t)
	s := serve(t, false, tinybase.Options{})
	m := s.store("large")
	largeOf(t, m, 20_000, 5, strings.Repeat("x", 150))
	p.Call("create", args{"peer": "js", "version": "10.0"}, nil)
	p.Call("connect", args{"peer": "js", "url": s.url + "/large", "timeout": 10}, nil)
	reach(t, p, "js", m)
	require.Empty(t, stateOf(p, "js").Closes)
	// And one of ours, whose first sync needs pieces too.
	ours := newStore(t, "ours")
	connect(t, s.url+"/large", ours, nil)
	require.Eventually(t, func() bool { return hashes(ours) == hashes(m) }, 20*time.Second, 10*time.Millisecond)
}

// A client whose clock is an hour ahead wins over everybody, for ever, when its version and the server's are old. Ours lets
// nobody hear of what it stamped; newer clients would ignore whole messages with it.
func TestServer_ShieldsClientsFromAClockThatIsAhead(t *testing.T) {
	p := peers(t)
	var mu sync.Mutex
	var refused int
	s := serve(t, false, tinybase.Options{OnReport: func(r mergeable.Report) {
		mu.Lock()
		defer mu.Unlock()
		refused += r.RefusedCount
	}})
	m := s.store("room")
	for _, v := range []string{"9.2", "10.0"} {
		p.Call("create", args{"peer": v, "version": v, "content": []any{map[string]any{v: map[string]any{"r": map[string]any{"c": 1}}}, map[string]any{}}}, nil)
		p.Call("connect", args{"peer": v, "url": s.url + "/room"}, nil)
		reach(t, p, v, m)
	}
	p.Call("create", args{"peer": "ahead", "version": "9.2", "ahead": 3_600_000, "content": []any{map[string]any{"poison": map[string]any{"r": map[string]any{"c": 1}}}, map[string]any{}}}, nil)
	p.Call("connect", args{"peer": "ahead", "url": s.url + "/room", "timeout": 1}, nil)
	p.Call("set", args{"peer": "ahead", "table": "9.2", "row": "r", "cell": "c", "value": "poison"}, nil)
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return refused >= 2 }, 10*time.Second, 5*time.Millisecond)
	update(t, m, func(tx *store.Tx) error { return tx.SetCell("9.2", "r", "c", store.Of("ours")) })
	for _, v := range []string{"9.2", "10.0"} {
		reach(t, p, v, m)
		require.NotContains(t, string(stateOf(p, v).Content[0]), "poison")
	}
}

// A shared socket that comes back subscribes again, but does not ask what it missed; so the server tells it.
func TestServer_TellsAReturningSharedSocketWhatItMissed(t *testing.T) {
	for _, v := range []string{"9.5", "10.0"} {
		p := peers(t)
		s := serve(t, false, tinybase.Options{})
		m := s.store("room")
		p.Call("create", args{"peer": "a", "version": v}, nil)
		p.Call("connect", args{"peer": "a", "url": s.url, "socket": "shared", "channel": "room", "returning": true}, nil)
		p.Call("set", args{"peer": "a", "table": "t", "row": "r", "cell": "c", "value": 1}, nil)
		reach(t, p, "a", m)
		for i := range 3 {
			p.Call("cut", args{"peer": "a"}, nil)
			update(t, m, func(tx *store.Tx) error { return tx.SetCell("t", "r", fmt.Sprint("missed", i), store.Of(i)) })
			reach(t, p, "a", m)
			p.Call("set", args{"peer": "a", "table": "t", "row": "r", "cell": fmt.Sprint("live", i), "value": i}, nil)
			reach(t, p, "a", m)
		}
		require.Equal(t, 7, m.Store().Snapshot().CellCount("t", "r"))
	}
}

func TestFile_IsTinyBases(t *testing.T) {
	for _, v := range versions {
		p := peers(t)
		ours := newStore(t, "ours")
		object, err := store.ParseJSON(`{"1":2,"b":["<é>",null]}`)
		require.NoError(t, err)
		update(t, ours, func(tx *store.Tx) error {
			return errors.Join(tx.SetCell("t", "r", "c", store.Of("é\u2028<\"")), tx.SetCell("t", "r", "n", store.Of(1e-7)), tx.SetCell("t", "r", "gone", store.Of(1)), tx.SetValue("v", store.Of(true)))
		})
		update(t, ours, func(tx *store.Tx) error { return tx.DelCell("t", "r", "gone") })
		if v == "10.0" || v >= "8" {
			update(t, ours, func(tx *store.Tx) error { return tx.SetCell("t", "r", "o", object) })
		}
		path := filepath.Join(t.TempDir(), "store.json")
		f, _, err := mergeable.OpenFile(ours, path, nil)
		require.NoError(t, err)
		update(t, ours, func(tx *store.Tx) error { return tx.SetValue("saved", store.Of(1)) })
		require.NoError(t, f.Close())
		p.Call("create", args{"peer": "js", "version": v}, nil)
		p.Call("file", args{"peer": "js", "path": path, "load": true}, nil)
		reach(t, p, "js", ours)

		p.Call("set", args{"peer": "js", "table": "t", "row": "r2", "cell": "c", "value": "theirs"}, nil)
		p.Call("file", args{"peer": "js", "path": path}, nil)
		again := newStore(t, "again")
		f, report, err := mergeable.OpenFile(again, path, nil)
		require.NoError(t, err)
		require.Zero(t, report.RefusedCount)
		require.NoError(t, f.Close())
		reach(t, p, "js", again)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again.AppendContent(nil)), "the very bytes")
	}
}
