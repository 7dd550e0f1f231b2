package hub_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
)

func TestETag_IsOfTheRoomAndOfEverythingInIt(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	r := s.do("PUT", "/api/rooms/r/tables/t/r/c", "1")
	require.Equal(t, 200, r.StatusCode)
	tag := r.Header.Get("ETag")
	require.Regexp(t, `^"1\.\d{12}"$`, tag)
	s.ok("PUT", "/api/rooms/r/tables/t/r/c", "1")
	for _, path := range []string{"", "/tables/t", "/tables/t/r", "/tables/t/r/c"} {
		for _, method := range []string{"GET", "HEAD"} {
			r := s.do(method, "/api/rooms/r"+path, "")
			require.Equal(t, 200, r.StatusCode)
			require.Equal(t, tag, r.Header.Get("ETag"), path)
		}
	}
	r = s.do("PUT", "/api/rooms/r/values/v", "1")
	require.Regexp(t, `^"2\.`, r.Header.Get("ETag"))
	require.Equal(t, r.Header.Get("ETag"), s.get("/api/rooms/r/values/v").Header.Get("ETag"))
}

func TestETag_IsAnotherOneWhenTheRoomHasBeenLoadedAgain(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	s.ok("PUT", "/api/rooms/r/values/v", "1")
	tag := s.get("/api/rooms/r").Header.Get("ETag")
	s.end()
	s = serve(t, dir, nil)
	r := s.do("GET", "/api/rooms/r", "", "If-None-Match", tag)
	require.Equal(t, 200, r.StatusCode, "versions count from the loading, so an equal one may be of another content")
	require.NotEqual(t, tag, r.Header.Get("ETag"))
}

func TestGet_WithIfNoneMatchSendsOnlyWhatIsNew(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Origins: []string{"https://app.example.com"}})
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1}}},"values":{"v":1}}`)
	tag := s.get("/api/rooms/r").Header.Get("ETag")
	for _, path := range []string{"", "/tables/t", "/tables/t/r", "/tables/t/r/c", "/values/v"} {
		at := "/api/rooms/r" + path
		for _, same := range []string{tag, "W/" + tag, "*", ` "a,b" , ` + tag, `"x",,W/"y",` + tag + `,"z"`, tag + ", nonsense"} {
			for _, method := range []string{"GET", "HEAD"} {
				r := s.do(method, at, "", "If-None-Match", same, "Origin", "https://app.example.com")
				require.Equal(t, 304, r.StatusCode, same)
				require.Empty(t, r.body)
				require.Equal(t, tag, r.Header.Get("ETag"))
				require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
				require.Equal(t, "Origin", r.Header.Get("Vary"))
				require.Empty(t, r.Header.Get("Content-Type"))
			}
		}
		for _, other := range []string{`"1"`, `W/"1"`, `"*"`, strings.Trim(tag, `"`), `w/` + tag, tag[:len(tag)-1], `"x" ` + tag, "nonsense, " + tag, ``, `"x", "y"`, `*, *`} {
			require.Equal(t, 200, s.do("GET", at, "", "If-None-Match", other).StatusCode, other)
		}
	}
	problem(t, s.do("GET", "/api/rooms/r/values/none", "", "If-None-Match", "*"), 404)
	s.ok("PUT", "/api/rooms/r/values/v", "2")
	require.Equal(t, "2\n", s.do("GET", "/api/rooms/r/values/v", "", "If-None-Match", tag).body)
	require.Equal(t, 304, s.do("GET", "/api/rooms/unwritten", "", "If-None-Match", s.get("/api/rooms/unwritten").Header.Get("ETag")).StatusCode)
}

func TestChange_IsMadeOnlyIfItsConditionsHold(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	cell, value := "/api/rooms/r/tables/t/r/c", "/api/rooms/r/values/v"
	status := func(status int, method, at, body, header, condition string) string {
		t.Helper()
		r := s.do(method, at, body, header, condition, "Content-Type", "application/merge-patch+json")
		require.Equal(t, status, r.StatusCode, r.body)
		if status == 412 {
			p := problem(t, r, 412)
			require.Contains(t, p.Detail, header+" does not hold")
		}
		return r.Header.Get("ETag")
	}
	// What is not there matches nothing, so that If-None-Match: * creates only.
	status(412, "PUT", cell, "1", "If-Match", "*")
	status(412, "DELETE", cell, "", "If-Match", "*")
	one := status(200, "PUT", cell, "1", "If-None-Match", "*")
	status(412, "PUT", cell, "2", "If-None-Match", "*")
	status(412, "PUT", value, "2", "If-Match", one)

	two := status(200, "PUT", cell, "2", "If-Match", `"x", `+one)
	status(412, "PUT", cell, "3", "If-Match", one)
	status(412, "PUT", cell, "3", "If-Match", "W/"+two) // the comparison is strong
	status(412, "PUT", cell, "3", "If-None-Match", "W/"+two)
	status(412, "PATCH", "/api/rooms/r", `{"values":{"v":1}}`, "If-Match", one)
	status(412, "DELETE", "/api/rooms/r/tables/t", "", "If-Match", one)
	status(412, "DELETE", "/api/rooms/r/tables/t/r", "", "If-Match", "nonsense")
	status(412, "GET", cell, "", "If-Match", one)
	s.holds("r", `{"t":{"r":{"c":2}}}`, `{}`)

	status(200, "GET", cell, "", "If-Match", two)
	three := status(200, "PATCH", "/api/rooms/r", `{"values":{"v":1}}`, "If-Match", two)
	require.Equal(t, three, status(200, "PUT", value, "1", "If-Match", three), "what changes nothing has no new version")
	status(200, "DELETE", "/api/rooms/r/tables/t/r", "", "If-Match", "*")
	s.holds("r", `{}`, `{"v":1}`)
	status(200, "PATCH", "/api/rooms/new", `{"values":{"v":1}}`, "If-Match", "*") // a room is always there
}

// Four count at the same place, each from what it has read or written last. None of them can lose what another one has counted.
func TestChange_WithIfMatchOverwritesNothingUnseen(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	at := "/api/rooms/r/values/n"
	s.ok("PUT", at, "0")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			n, tag := 0, ""
			for made := 0; made < 25; {
				var r response
				if tag == "" {
					r = s.get(at)
					if _, err := fmt.Sscan(r.body, &n); !assert.NoError(t, err) {
						return
					}
				} else if r = s.do("PUT", at, fmt.Sprint(n+1), "If-Match", tag); r.StatusCode == 200 {
					n++
					made++
				} else if tag = ""; !assert.Equal(t, 412, r.StatusCode) {
					return
				} else {
					continue
				}
				tag = r.Header.Get("ETag")
			}
		})
	}
	all.Wait()
	s.holds("r", `{}`, `{"n":100}`)
}
