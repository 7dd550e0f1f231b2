package hub_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
)

var ctx = context.Background()

// server is a hub behind a real HTTP server.
type server struct {
	t    testing.TB
	hub  *hub.Hub
	http *httptest.Server
	end  func()
}

func serve(t testing.TB, dir string, o *hub.Options) *server {
	t.Helper()
	h, err := hub.Open(ctx, dir, o)
	require.NoError(t, err)
	s := &server{t: t, hub: h, http: httptest.NewServer(h)}
	done := false
	s.end = func() {
		if done {
			return
		}
		done = true
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		require.NoError(t, h.Close(ctx))
		s.http.Client().CloseIdleConnections()
		s.http.Close()
	}
	t.Cleanup(s.end)
	return s
}

// response is an answer that has been read to its end.
type response struct {
	*http.Response
	body string
}

// do sends a request. headers come in pairs.
func (s *server) do(method, path, body string, headers ...string) response {
	s.t.Helper()
	req, err := http.NewRequest(method, s.http.URL+path, strings.NewReader(body))
	require.NoError(s.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	res, err := s.http.Client().Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return response{res, string(b)}
}

func (s *server) get(path string) response { return s.do("GET", path, "") }

func (s *server) patch(path, body string) response {
	return s.do("PATCH", path, body, "Content-Type", "application/merge-patch+json")
}

// ok sends a request that has to succeed.
func (s *server) ok(method, path, body string) {
	s.t.Helper()
	r := s.do(method, path, body, "Content-Type", "application/merge-patch+json")
	require.Equal(s.t, 200, r.StatusCode, r.body)
}

// holds checks what a room holds: a JSON object of tables, and one of values.
func (s *server) holds(room, tables, values string) {
	s.t.Helper()
	r := s.get("/api/rooms/" + url.PathEscape(room))
	require.Equal(s.t, 200, r.StatusCode, r.body)
	var got struct {
		Room           string
		Tables, Values json.RawMessage
	}
	require.NoError(s.t, json.Unmarshal([]byte(r.body), &got))
	require.Equal(s.t, room, got.Room)
	require.Equal(s.t, tables, string(got.Tables))
	require.Equal(s.t, values, string(got.Values))
}

// rooms returns the names in the list of rooms.
func (s *server) rooms(query string) (names []string) {
	s.t.Helper()
	r := s.get("/api/rooms" + query)
	require.Equal(s.t, 200, r.StatusCode, r.body)
	var got struct{ Rooms []struct{ Room string } }
	require.NoError(s.t, json.Unmarshal([]byte(r.body), &got))
	require.NotNil(s.t, got.Rooms)
	for _, x := range got.Rooms {
		names = append(names, x.Room)
	}
	return names
}

// stream is an open event stream.
type stream struct {
	res    *http.Response
	lines  *bufio.Scanner
	cancel func()
}

// follow opens an event stream and reads its first lines, so that everything changed afterwards comes as an event.
func (s *server) follow(path string) *stream {
	s.t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, "GET", s.http.URL+path, nil)
	require.NoError(s.t, err)
	res, err := s.http.Client().Do(req)
	require.NoError(s.t, err)
	require.Equal(s.t, 200, res.StatusCode)
	require.Equal(s.t, "text/event-stream", res.Header.Get("Content-Type"))
	st := &stream{res: res, lines: bufio.NewScanner(res.Body), cancel: func() { cancel(); res.Body.Close() }}
	s.t.Cleanup(st.cancel)
	for st.lines.Scan() && st.lines.Text() != "" {
	}
	return st
}

// next returns the id and the data of the next event, or nothing at the end.
func (st *stream) next() (id, data string) {
	for st.lines.Scan() {
		line := st.lines.Text()
		if v, ok := strings.CutPrefix(line, "id: "); ok {
			id = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			data = v
		}
		if line == "" && data != "" {
			return id, data
		}
	}
	return "", ""
}

// problem checks an error document and returns it.
func problem(t testing.TB, r response, status int) (p struct {
	Title, Detail, Path string
	Status, Offset      int
}) {
	t.Helper()
	require.Equal(t, status, r.StatusCode, r.body)
	require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
	d := json.NewDecoder(bytes.NewReader([]byte(r.body)))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&p))
	require.Equal(t, status, p.Status)
	require.NotEmpty(t, p.Detail)
	return p
}
