package hub_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
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
		require.Equal(t, "GET, HEAD, DELETE, OPTIONS", r.Header.Get("Allow"))
	}
	problem(t, s.do("POST", "/api/rooms/r", "{}"), 405)
	problem(t, s.get("/api/rooms/r/tables"), 404)
	problem(t, s.get("/api/rooms/r/tables/a/b/c/d"), 404)
	problem(t, s.get("/nowhere"), 404)
	require.Empty(t, s.do("HEAD", "/api/rooms/r", "").body)
}
