package hub_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
)

func TestMethods_ThatAnAddressDoesNotHaveAreRefusedWithThoseThatItHas(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Auth: hub.Tokens("secret", "")})
	for path, allow := range map[string]string{
		"/":                                 "GET, HEAD, OPTIONS",
		"/page/page.js":                     "GET, HEAD, OPTIONS",
		"/healthz":                          "GET, HEAD, OPTIONS",
		"/readyz":                           "GET, HEAD, OPTIONS",
		"/metrics":                          "GET, HEAD, OPTIONS",
		"/api/rooms":                        "GET, HEAD, OPTIONS",
		"/api/rooms/r":                      "GET, HEAD, PATCH, OPTIONS",
		"/api/rooms/r/events":               "GET, HEAD, OPTIONS",
		"/api/rooms/r/peers":                "GET, HEAD, OPTIONS",
		"/api/rooms/r/conflicts":            "GET, HEAD, OPTIONS",
		"/api/rooms/r/tables/t":             "GET, HEAD, DELETE, OPTIONS",
		"/api/rooms/r/tables/t/r":           "GET, HEAD, DELETE, OPTIONS",
		"/api/rooms/r/tables/t/r/c":         "GET, HEAD, PUT, DELETE, OPTIONS",
		"/api/rooms/r/values/v":             "GET, HEAD, PUT, DELETE, OPTIONS",
		"/api/rooms/" + url.PathEscape("/"): "GET, HEAD, PATCH, OPTIONS",
		"/yjs/r":                            "GET, HEAD, OPTIONS",
	} {
		for _, method := range []string{"POST", "TRACE", "get", "BREW"} {
			r := s.do(method, path, "")
			p := problem(t, r, 405)
			require.Equal(t, allow, r.Header.Get("Allow"), path)
			require.Contains(t, p.Detail, method)
		}
		r := s.do("OPTIONS", path, "")
		require.Equal(t, 204, r.StatusCode, path)
		require.Equal(t, allow, r.Header.Get("Allow"), path)
		require.Empty(t, r.body)
	}
	problem(t, s.do("OPTIONS", "/nowhere", ""), 404)
}

func TestAddresses_ThatAreNoneAreNotFound(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	for _, path := range []string{"/nowhere", "/api", "/api/", "/api/room", "/api/rooms/r/", "/api/rooms/r/tables", "/api/rooms/r/values", "/api/rooms/r/other",
		"/api/rooms/r/other/%2e", "/api/rooms/r/tables/a/b/c/d", "/api/rooms/r/values/a/b", "/api/rooms/r/events/x", "/healthz/", "//api/rooms", "/page", "/page/", "/page/x", "/favicon.ico"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
			r := s.do(method, path, "1")
			if method == "HEAD" {
				require.Equal(t, 404, r.StatusCode, path)
				require.Empty(t, r.body)
				continue
			}
			if strings.HasPrefix(path, "/page/") && method != "GET" {
				continue // whether there is a file is looked up by GET only
			}
			require.Contains(t, problem(t, r, 404).Detail, "there is nothing at this address")
		}
	}
	require.Empty(t, s.rooms(""))
	m := s.get("/metrics").body
	require.Contains(t, m, `address="other"`)
	require.NotContains(t, m, `address="nowhere"`, "the number of series must not be in the hands of others")
}

func TestMetrics_DoNotHoldWhatAddressesAreMadeUp(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	for _, path := range []string{"/made-up", "/api/rooms/r/made-up", "/api/rooms/r/made-up/%2e", "/api/rooms/r/made-up/%2e/x", "/made-up/%2e"} {
		problem(t, s.get(path), 404)
	}
	require.NotContains(t, s.get("/metrics").body, "made-up")
}

func TestErrors_CanBeReadByPagesOfAllowedOrigins(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Origins: []string{"https://app.example.com"}, Auth: hub.Tokens("secret", "")})
	for path, status := range map[string]int{"/nowhere": 404, "/api/rooms/%2e": 400, "/api/rooms/r": 401, "/api/rooms/r/values/v?token=secret": 404} {
		r := s.do("GET", path, "", "Origin", "https://app.example.com")
		problem(t, r, status)
		require.Equal(t, "https://app.example.com", r.Header.Get("Access-Control-Allow-Origin"), path)
		require.Equal(t, "Origin", r.Header.Get("Vary"), path)
		require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
		r = s.do("GET", path, "", "Origin", "https://evil.example")
		problem(t, r, 403)
		require.Empty(t, r.Header.Get("Access-Control-Allow-Origin"), path)

		r = s.do("OPTIONS", path, "", "Origin", "https://app.example.com", "Access-Control-Request-Method", "PATCH")
		require.Equal(t, 204, r.StatusCode, "what is wrong is for the request itself to say")
		for _, header := range []string{"Authorization", "Content-Type", "If-Match", "If-None-Match"} {
			require.Contains(t, r.Header.Get("Access-Control-Allow-Headers"), header)
		}
	}
}

func TestBodies_InACodingAreRefused(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	r := s.do("PUT", "/api/rooms/r/values/v", "1", "Content-Encoding", "gzip")
	require.Contains(t, problem(t, r, 415).Detail, "gzip")
	require.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
	r = s.do("PATCH", "/api/rooms/r", "{}", "Content-Encoding", "br", "Content-Type", "application/merge-patch+json")
	problem(t, r, 415)
	require.Equal(t, 200, s.do("PUT", "/api/rooms/r/values/v", "1", "Content-Encoding", "Identity").StatusCode)
}

func TestPatch_ThatIsHalfWrongChangesNothing(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	for _, body := range []string{
		`{"values":{"a":1},"tables":{"t":{"r":3}}}`,
		`{"values":{"a":1,"b":1e999}}`,
		`{"tables":{"t":{"r":{"c":1}}},"values":{"v":"\ufffc"}}`,
		`{"tables":{"t":{"r":{"c":1}}},"values":{"v":1}`,
		`{"tables":{"t":{"r":{"c":1}}},"values":{"v":1}}}`,
	} {
		r := s.patch("/api/rooms/r", body)
		require.Contains(t, []int{400, 422}, r.StatusCode, "%s\n%s", body, r.body)
		problem(t, r, r.StatusCode)
		s.holds("r", `{}`, `{}`)
	}
	require.Empty(t, s.rooms(""))
}

func TestNames_OfTenThousandCharactersAreRefusedInAddressesAndTakenInPatches(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	long := strings.Repeat("x", 10_000)
	for _, path := range []string{"/api/rooms/" + long, "/api/rooms/r/values/" + long, "/api/rooms/r/tables/t/" + long + "/c", "/yjs/" + long} {
		require.Contains(t, problem(t, s.get(path), 400).Detail, "has 10000 bytes, the limit is ")
	}
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"`+long+`":{"..":{"":1}}}}`)
	s.holds("r", `{"`+long+`":{"..":{"":1}}}`, `{}`)
}
