package hub_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/store"
)

func TestRoom_ThatNobodyWroteIsEmptyAndStoresNothing(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	r := s.get("/api/rooms/garden")
	require.Equal(t, 200, r.StatusCode)
	require.Equal(t, "application/json", r.Header.Get("Content-Type"))
	s.holds("garden", `{}`, `{}`)
	require.Empty(t, s.rooms(""))
	require.Equal(t, 404, s.get("/api/rooms/garden/tables/pets").StatusCode)
	s.ok("DELETE", "/api/rooms/garden/tables/pets/fido/species", "")
	require.Empty(t, s.rooms(""), "a change that changes nothing stores nothing")
}

func TestPatch_IsAMergePatchInOneTransaction(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	events := s.follow("/api/rooms/r/events")
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"pets":{"fido":{"species":"dog","price":4.5},"felix":{"species":"cat"}}},"values":{"open":true}}`)
	s.holds("r", `{"pets":{"felix":{"species":"cat"},"fido":{"price":4.5,"species":"dog"}}}`, `{"open":true}`)
	id, data := events.next()
	require.Equal(t, "1", id)
	require.JSONEq(t, `{"first":1,"last":1,"cells":[
		{"table":"pets","row":"felix","cell":"species","new":"cat"},
		{"table":"pets","row":"fido","cell":"price","new":4.5},
		{"table":"pets","row":"fido","cell":"species","new":"dog"}],"values":[{"id":"open","new":true}]}`, data)

	s.ok("PATCH", "/api/rooms/r", `{"tables":{"pets":{"fido":{"price":5,"species":null}}},"values":{"open":null,"n":1}}`)
	s.holds("r", `{"pets":{"felix":{"species":"cat"},"fido":{"price":5}}}`, `{"n":1}`)
	_, data = events.next()
	require.JSONEq(t, `{"first":2,"last":2,"cells":[
		{"table":"pets","row":"fido","cell":"price","old":4.5,"new":5},
		{"table":"pets","row":"fido","cell":"species","old":"dog"}],
		"values":[{"id":"n","new":1},{"id":"open","old":true}]}`, data)

	for _, step := range []struct{ patch, tables, values string }{
		{`{"tables":{"pets":{"felix":null}}}`, `{"pets":{"fido":{"price":5}}}`, `{"n":1}`},
		{`{"tables":{"cars":{"1":{"a":[1,null,{"b":null}]}},"pets":null}}`, `{"cars":{"1":{"a":[1,null,{"b":null}]}}}`, `{"n":1}`},
		{`{"tables":{"cars":{"1":{"o":{"x":1,"gone":null}}}}}`, `{"cars":{"1":{"a":[1,null,{"b":null}],"o":{"x":1}}}}`, `{"n":1}`},
		{`{"tables":{"cars":{"1":{"a":null,"o":{"y":{"z":2},"x":null}}}}}`, `{"cars":{"1":{"o":{"y":{"z":2}}}}}`, `{"n":1}`},
		{`{"tables":{"cars":{"1":{"o":{"y":{"w":"é\u0000\ud800"}}}}}}`, `{"cars":{"1":{"o":{"y":{"z":2,"w":"é\u0000\ud800"}}}}}`, `{"n":1}`},
		{`{"values":{"n":{"now":"an object"}}}`, `{"cars":{"1":{"o":{"y":{"z":2,"w":"é\u0000\ud800"}}}}}`, `{"n":{"now":"an object"}}`},
		{`{"tables":{"cars":{"1":{"o":"text"}}},"values":null}`, `{"cars":{"1":{"o":"text"}}}`, `{}`},
		{`{"tables":{"":{"":{"":""}}},"values":{"":0}}`, `{"":{"":{"":""}},"cars":{"1":{"o":"text"}}}`, `{"":0}`},
		{`{}`, `{"":{"":{"":""}},"cars":{"1":{"o":"text"}}}`, `{"":0}`},
		{` {"tables" : { "t" : { } , "cars" : { "1" : { } } } } `, `{"":{"":{"":""}},"cars":{"1":{"o":"text"}}}`, `{"":0}`},
		{`{"tables":null}`, `{}`, `{"":0}`},
	} {
		s.ok("PATCH", "/api/rooms/r", step.patch)
		s.holds("r", step.tables, step.values)
	}
}

func TestPatch_RefusesABadBodyAndSaysWhatAndWhere(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Limits: hub.Limits{Body: 4096}})
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1}}}}`)
	for _, c := range []struct {
		body   string
		status int
		path   string
		offset int
		detail string
	}{
		{``, 400, "", 0, "the text ends"},
		{`{"tables":{"t":{"r":{"c":2}}}`, 400, "", 29, "the text ends"},
		{`{"tables":{"t":{"r":{"c":2,}}}}`, 400, "/tables/t/r", 27, "no JSON"},
		{`{"tables":{"t":{"r":{"c":2}}}} x`, 400, "", 31, "more text"},
		{`{"tables":{"t":{"r":{"c":nope}}}}`, 400, "/tables/t/r/c", 25, "no JSON"},
		{"{\"tables\":{\"t\":{\"r\":{\"c\":\"\xff\"}}}}", 400, "/tables/t/r/c", 26, "UTF-8"},
		{`[]`, 422, "", 0, "array where an object"},
		{`null`, 422, "", 0, "null where an object"},
		{`{"tables":{"t":{"r":{"c":2}}},"tabels":{}}`, 422, "/tabels", 39, "unknown member"},
		{`{"tables":[]}`, 422, "/tables", 10, "array where an object or null"},
		{`{"tables":{"t":{"r":{"c":2}},"a/b~":7}}`, 422, "/tables/a~1b~0", 36, "number"},
		{`{"tables":{"t":{"r":"text"}}}`, 422, "/tables/t/r", 20, "string"},
		{`{"tables":{"t":{"r":{"c":2,"d":1e999}}}}`, 422, "/tables/t/r/d", 31, "not finite"},
		{`{"values":{"v":"\ufffdx"}}`, 422, "/values/v", 15, "U+FFFD"},
		{`{"tables":{"t":{"r":{"c":2}},"t":null}}`, 422, "/tables/t", 33, "twice"},
		{`{"values":{"v":` + strings.Repeat("[", 4000) + `}}`, 400, "/values/v", 4015, "no JSON"},
		{`{"values":{"v":"` + strings.Repeat("x", 5000) + `"}}`, 413, "", 0, "4096"},
	} {
		p := problem(t, s.patch("/api/rooms/r", c.body), c.status)
		require.Contains(t, p.Detail, c.detail, c.body)
		require.Equal(t, c.path, p.Path, c.body)
		require.Equal(t, c.offset, p.Offset, c.body)
	}
	s.holds("r", `{"t":{"r":{"c":1}}}`, `{}`)
	r := s.do("PATCH", "/api/rooms/r", `{}`, "Content-Type", "text/plain")
	problem(t, r, 415)
	require.Equal(t, "application/merge-patch+json", r.Header.Get("Accept-Patch"))
	s.ok("PATCH", "/api/rooms/r", `{"values":{"fine":1}}`)
}

func TestCellsAndValues_CanBeReadSetAndDeleted(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	cell, value := "/api/rooms/r/tables/pets/fido/price", "/api/rooms/r/values/open"
	for _, at := range []string{cell, value} {
		problem(t, s.get(at), 404)
		for _, v := range []string{`4.5`, `null`, `"text"`, `true`, `[1,null]`, `{"b":null,"a":1}`, `"\ud800"`, `""`} {
			s.ok("PUT", at, " "+v+"\n")
			r := s.get(at)
			require.Equal(t, 200, r.StatusCode)
			require.Equal(t, v+"\n", r.body)
		}
		p := problem(t, s.do("PUT", at, `{"a":}`), 400)
		require.Equal(t, 5, p.Offset)
		problem(t, s.do("PUT", at, ``), 400)
		problem(t, s.do("PUT", at, `"\uFFFC"`), 422)
		problem(t, s.do("PUT", at, `1 2`), 400)
		require.Equal(t, "\"\"\n", s.get(at).body)
	}
	s.ok("PUT", "/api/rooms/r/tables/pets/felix/price", "1")
	require.JSONEq(t, `{"price":""}`, s.get("/api/rooms/r/tables/pets/fido").body)
	require.JSONEq(t, `{"felix":{"price":1},"fido":{"price":""}}`, s.get("/api/rooms/r/tables/pets").body)
	s.ok("DELETE", cell, "")
	problem(t, s.get(cell), 404)
	problem(t, s.get("/api/rooms/r/tables/pets/fido"), 404)
	s.ok("PUT", cell, "1")
	s.ok("DELETE", "/api/rooms/r/tables/pets/felix", "")
	s.holds("r", `{"pets":{"fido":{"price":1}}}`, `{"open":""}`)
	s.ok("DELETE", "/api/rooms/r/tables/pets", "")
	s.ok("DELETE", value, "")
	s.holds("r", `{}`, `{}`)
	for _, at := range []string{"/api/rooms/r/tables/pets", "/api/rooms/r/tables/pets/fido"} {
		r := s.do("PUT", at, "{}")
		problem(t, r, 405)
		require.Equal(t, "GET, DELETE", r.Header.Get("Allow"))
	}
	problem(t, s.do("POST", "/api/rooms/r", "{}"), 405)
	problem(t, s.get("/api/rooms/r/tables"), 404)
	problem(t, s.get("/api/rooms/r/tables/a/b/c/d"), 404)
	problem(t, s.get("/nowhere"), 404)
	require.Empty(t, s.do("HEAD", "/api/rooms/r", "").body)
}

var oddNames = []string{"a/b", "../x", "a/../b", "/", "//", "%2F", "%", "+", " ", "a b", "?", "a?b#c", "#", "&=;", "é", "e\u0301", "A", "a", "日本語", "😀",
	"...", ".a", "..a", "\\", "\n", "\u202e", "'; DROP TABLE room; --", "con", strings.Repeat("x", 200), strings.Repeat("界", 250), strings.Repeat("😀", 256)}

func TestNames_AreOpaque(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	for i, name := range oddNames {
		s.ok("PATCH", "/api/rooms/"+url.PathEscape(name), fmt.Sprintf(`{"values":{"i":%d}}`, i))
		at := fmt.Sprintf("/api/rooms/ids/tables/%[1]s/%[1]s/%[1]s", url.PathEscape(name))
		s.ok("PUT", at, fmt.Sprint(i))
		require.Equal(t, fmt.Sprintln(i), s.get(at).body)
		at = "/api/rooms/ids/values/" + url.PathEscape(name)
		s.ok("PUT", at, fmt.Sprint(i))
		require.Equal(t, fmt.Sprintln(i), s.get(at).body)
	}
	want := append(slices.Clone(oddNames), "ids")
	slices.Sort(want)
	require.Equal(t, want, s.rooms(""))
	s.end()

	s = serve(t, dir, nil)
	require.Equal(t, want, s.rooms(""))
	for i, name := range oddNames {
		s.holds(name, `{}`, fmt.Sprintf(`{"i":%d}`, i))
	}
	require.Equal(t, want[:5], s.rooms("?limit=5"))
	require.Equal(t, want[5:15], s.rooms("?limit=10&after="+url.QueryEscape(want[4])))
	require.Contains(t, s.get("/api/rooms?limit=5").body, `"next":`)
	require.NotContains(t, s.get("/api/rooms").body, `"next":`)
	problem(t, s.get("/api/rooms?limit=-1"), 400)
}

func TestNames_ThatAreNoneAreRefused(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	for _, escaped := range []string{"", "%2e", "%2E%2e", "a%00b", "%00", "%ff", "%c3%28", strings.Repeat("x", 1025), strings.Repeat("%F0%9F%98%80", 300)} {
		problem(t, s.patch("/api/rooms/"+escaped, `{"values":{"v":1}}`), 400)
		problem(t, s.get("/api/rooms/"+escaped+"/events"), 400)
	}
	for _, escaped := range []string{"", "%2e", "%2e%2e", "a%00b", "%ff", strings.Repeat("x", 4097)} {
		p := problem(t, s.do("PUT", "/api/rooms/r/tables/t/"+escaped+"/c", "1"), 400)
		require.Contains(t, p.Detail, "row")
		p = problem(t, s.do("PUT", "/api/rooms/r/values/"+escaped, "1"), 400)
		require.Contains(t, p.Detail, "value")
	}
	require.Empty(t, s.rooms(""))
}

func TestEvents_EndWithTheHubAndBeatMeanwhile(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Heartbeat: 5 * time.Millisecond})
	events := s.follow("/api/rooms/r/events")
	for events.lines.Scan() && events.lines.Text() != ":" {
	}
	require.Equal(t, ":", events.lines.Text())
	s.end()
	id, _ := events.next()
	require.Empty(t, id)
}

func TestEvents_TellASlowReaderEverything(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	events := s.follow("/api/rooms/r/events")
	const n = 300
	for i := range n {
		s.ok("PUT", fmt.Sprintf("/api/rooms/r/tables/t/%d/c", i%10), fmt.Sprint(i))
	}
	last := map[string]string{}
	var upto, first, end int
	for upto < n {
		_, data := events.next()
		require.NotEmpty(t, data)
		_, err := fmt.Sscanf(data, `{"first":%d,"last":%d`, &first, &end)
		require.NoError(t, err)
		require.Equal(t, upto+1, first)
		upto = end
		for _, part := range strings.Split(data, `"row":"`)[1:] {
			var old, now int
			if _, err := fmt.Sscanf(part[1:], `","cell":"c","old":%d,"new":%d`, &old, &now); err != nil {
				_, err = fmt.Sscanf(part[1:], `","cell":"c","new":%d`, &now)
				require.NoError(t, err, part)
			}
			last[part[:1]] = fmt.Sprint(now)
		}
	}
	for i := range 10 {
		require.Equal(t, fmt.Sprint(n-10+i), last[fmt.Sprint(i)])
	}
}

func TestHealth_SaysWhetherRoomsCanBeUsed(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	require.Equal(t, 200, s.get("/healthz").StatusCode)
	require.Equal(t, 200, s.get("/readyz").StatusCode)
	s.ok("PUT", "/api/rooms/r/values/v", "1")
	m := s.get("/metrics")
	require.Equal(t, 200, m.StatusCode)
	for _, line := range []string{"rowloom_rooms 1\n", "rowloom_log_records_total 1\n", `rowloom_http_request_seconds_count{address="value",code="200",method="PUT"} 1`, "go_goroutines", "process_cpu"} {
		require.Contains(t, m.body, line)
	}
}

func TestPage_IsThere(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	r := s.get("/")
	require.Equal(t, 200, r.StatusCode)
	require.Contains(t, r.body, "<title>rowloom</title>")
	require.Contains(t, r.Header.Get("Content-Security-Policy"), "default-src 'self'")
	for name, kind := range map[string]string{"page.js": "text/javascript", "page.css": "text/css"} {
		r := s.get("/page/" + name)
		require.Equal(t, 200, r.StatusCode)
		require.Contains(t, r.Header.Get("Content-Type"), kind)
	}
	problem(t, s.get("/page/other.html"), 404)
	problem(t, s.get("/page/..%2fpage.go"), 404)
}

func TestTokens_DecideWhoMayReadAndWrite(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Auth: hub.Tokens("all+", "look")})
	r := s.get("/api/rooms")
	problem(t, r, 401)
	require.Contains(t, r.Header.Get("WWW-Authenticate"), "Bearer")
	for _, path := range []string{"/api/rooms/r", "/api/rooms/r/events", "/metrics", "/api/rooms/r/values/v"} {
		problem(t, s.get(path), 401)
		problem(t, s.do("GET", path, "", "Authorization", "Bearer wrong"), 401)
	}
	for _, path := range []string{"/", "/healthz", "/readyz", "/page/page.js"} {
		require.Equal(t, 200, s.get(path).StatusCode)
	}
	require.Equal(t, 200, s.do("PUT", "/api/rooms/r/values/v", "1", "Authorization", "Bearer all+").StatusCode)
	require.Equal(t, 200, s.do("GET", "/api/rooms/r/values/v", "", "Authorization", "bearer look").StatusCode)
	require.Equal(t, 200, s.get("/api/rooms/r?token=look").StatusCode)
	require.Equal(t, 200, s.get("/api/rooms/r?token=all%2B").StatusCode)
	problem(t, s.do("PUT", "/api/rooms/r/values/v", "2", "Authorization", "Bearer look"), 403)
	problem(t, s.do("DELETE", "/api/rooms/r/values/v?token=look", ""), 403)
	require.Equal(t, "1\n", s.get("/api/rooms/r/values/v?token=look").body)
}

func TestOrigins_OfOtherHostsAreRefusedUnlessAllowed(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Origins: []string{"https://app.example.com", "*.friend.example"}})
	for origin, ok := range map[string]bool{
		"":                             true,
		"http://hub.example:8484":      true, // the host of the request
		"https://app.example.com":      true,
		"https://a.friend.example":     true,
		"http://app.example.com":       false,
		"http://evil.example":          false,
		"http://localhost:5173":        false, // the request is not for this machine by a loopback name
		"null":                         false,
		"http://hub.example:8484.evil": false,
	} {
		r := s.do("PUT", "/api/rooms/r/values/v", "1", "Host", "hub.example:8484", "Origin", origin)
		if ok {
			require.Equal(t, 200, r.StatusCode, origin)
		} else {
			problem(t, r, 403)
		}
	}
	r := s.do("OPTIONS", "/api/rooms/r/values/v", "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "PUT")
	require.Equal(t, 204, r.StatusCode)
	require.Equal(t, "https://app.example.com", r.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, r.Header.Get("Access-Control-Allow-Methods"), "PUT")
	require.Equal(t, 200, s.do("PUT", "/api/rooms/r/values/v", "1", "Origin", "http://localhost:5173").StatusCode, "both on this machine")
	_, err := hub.Open(ctx, t.TempDir(), &hub.Options{Origins: []string{"["}})
	require.ErrorContains(t, err, "pattern")
}

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
		Compacted: func(_, _ string, n int, _ time.Duration) { compacted <- n },
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
