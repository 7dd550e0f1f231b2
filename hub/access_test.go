package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
)

func TestHealth_SaysWhetherRoomsCanBeUsed(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	require.Equal(t, 200, s.get("/healthz").StatusCode)
	require.Equal(t, 200, s.get("/readyz").StatusCode)
	s.ok("PUT", "/api/rooms/r/values/v", "1")
	m := s.get("/metrics")
	require.Equal(t, 200, m.StatusCode)
	for _, line := range []string{"rowloom_rooms 1\n", "\nrowloom_log_records_total ", `rowloom_http_request_seconds_count{address="value",code="200",method="PUT"} 1`, "go_goroutines", "process_cpu"} {
		require.Contains(t, m.body, line)
	}
}

func TestPage_IsThere(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	r := s.get("/")
	require.Equal(t, 200, r.StatusCode)
	require.Contains(t, r.body, "<title>rowloom</title>")
	require.Contains(t, r.Header.Get("Content-Security-Policy"), "default-src 'self'")
	for name, kind := range map[string]string{"page.js": "text/javascript", "api.js": "text/javascript", "cells.js": "text/javascript", "drafts.js": "text/javascript",
		"page.css": "text/css", "icon.svg": "image/svg+xml"} {
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
	for _, never := range []string{"", "https://", "https://app.example.com/app", "app.example.com/app"} {
		_, err := hub.Open(ctx, t.TempDir(), &hub.Options{Origins: []string{never}})
		require.ErrorContains(t, err, "is not a pattern of an origin", "%q would never match", never)
	}
	_, err := hub.Open(ctx, t.TempDir(), &hub.Options{Origins: []string{"["}})
	require.ErrorContains(t, err, "pattern")
}

func TestHosts_ThatAreNotKnownAreRefused(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Hosts: []string{"hub.example"}})
	for host, status := range map[string]int{
		"hub.example": 200, "HUB.example:8484": 200, "localhost:1": 200, "127.0.0.1": 200, "[::1]:80": 200,
		"evil.example": 421, "127.0.0.1.evil.example": 421, "hub.example.evil.example": 421, "192.168.0.1": 421,
	} {
		require.Equal(t, status, s.do("GET", "/api/rooms/r", "", "Host", host).StatusCode, host)
	}
}
