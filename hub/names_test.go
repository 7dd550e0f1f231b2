package hub_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
