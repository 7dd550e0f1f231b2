package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// document is a ycrdt document as ysync wants it.
type document struct{ *ycrdt.Doc }

func (d document) OnUpdate(fn func(update []byte, origin any)) (stop func()) {
	return d.Doc.OnUpdate(func(e ycrdt.UpdateEvent) { fn(e.Update, e.Origin) }).Close
}

// client is a Yjs client with a Store bound to its document.
type client struct {
	peer
	doc  *ycrdt.Doc
	room *ysync.Room
	url  string
}

func newClient(s *server, room string) *client {
	c := &client{peer: peer{t: s.t, store: store.New()}, doc: ycrdt.New(nil), url: strings.Replace(s.http.URL, "http", "ws", 1) + "/yjs/" + url.PathEscape(room)}
	p := yjs.Bind(c.store, c.doc, nil)
	require.NoError(s.t, p.StartAutoLoad(ctx))
	require.NoError(s.t, p.StartAutoSave(ctx))
	c.room = ysync.NewRoom(document{c.doc}, nil)
	s.t.Cleanup(func() {
		c.disconnect()
		c.room.Close()
		require.NoError(s.t, p.Close(ctx))
	})
	return c
}

func (c *client) connect(query string) *client {
	c.t.Helper()
	conn, err := ws.Dial(ctx, c.url+query, &ws.Options{ReadLimit: 256 << 20})
	require.NoError(c.t, err)
	c.run(ysync.NewClient(c.room, nil), conn)
	return c
}

// eventually waits until a room holds what it should.
func (s *server) eventually(room, tables, values string) {
	s.t.Helper()
	want := fmt.Sprintf(`{"room":%q,"tables":%s,"values":%s}`, room, tables, values)
	var got string
	require.Eventually(s.t, func() bool {
		var m map[string]any
		got = s.get("/api/rooms/" + url.PathEscape(room)).body
		if json.Unmarshal([]byte(got), &m) != nil {
			return false
		}
		delete(m, "automergeUrl")
		b, _ := json.Marshal(m)
		var w any
		require.NoError(s.t, json.Unmarshal([]byte(want), &w))
		x, _ := json.Marshal(w)
		return string(b) == string(x)
	}, 20*time.Second, 5*time.Millisecond, "wanted %s", want)
}

func TestYjs_ClientsAndRequestsEditOneTable(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	a, b := newClient(s, "garden/1").connect(""), newClient(s, "garden/1").connect("")
	events := s.follow("/api/rooms/garden%2F1/events")
	a.set("pets", "fido", "species", store.Of("dog"))
	b.holds("+ pets/fido/species \"dog\"\n")
	_, data := events.next()
	require.JSONEq(t, `{"first":1,"last":1,"cells":[{"table":"pets","row":"fido","cell":"species","new":"dog"}],"values":[]}`, data)
	s.ok("PATCH", "/api/rooms/garden%2F1", `{"tables":{"pets":{"fido":{"price":{"eur":5}}}},"values":{"open":true}}`)
	b.set("pets", "felix", "species", store.Of("cat"))
	want := "+ pets/felix/species \"cat\"\n+ pets/fido/price {\"eur\":5}\n+ pets/fido/species \"dog\"\n+ :open true\n"
	a.holds(want)
	b.holds(want)
	s.eventually("garden/1", `{"pets":{"felix":{"species":"cat"},"fido":{"price":{"eur":5},"species":"dog"}}}`, `{"open":true}`)
	require.Equal(t, []string{"garden/1"}, s.rooms(""))

	// One is away while the other and the server go on, and the server is started again.
	a.disconnect()
	a.set("pets", "fido", "name", store.Of("Fido"))
	s.ok("DELETE", "/api/rooms/garden%2F1/tables/pets/felix", "")
	b.holds("+ pets/fido/price {\"eur\":5}\n+ pets/fido/species \"dog\"\n+ :open true\n")
	s.end()
	require.NoError(t, <-b.done)
	b.cancel = nil

	s = serve(t, dir, nil)
	s.holds("garden/1", `{"pets":{"fido":{"price":{"eur":5},"species":"dog"}}}`, `{"open":true}`)
	a.url, b.url = newClient(s, "garden/1").url, newClient(s, "garden/1").url
	a.connect("")
	b.connect("")
	want = "+ pets/fido/name \"Fido\"\n+ pets/fido/price {\"eur\":5}\n+ pets/fido/species \"dog\"\n+ :open true\n"
	a.holds(want)
	b.holds(want)
	// Updates to the document continue after the restart under another client id.
	s.ok("PATCH", "/api/rooms/garden%2F1", `{"values":{"open":false}}`)
	a.holds(strings.Replace(want, "true", "false", 1))
	b.holds(strings.Replace(want, "true", "false", 1))
}

// All clients begin with an empty document, so they make the same rows at the same time, and Yjs keeps one of each.
func TestYjs_ManyWritersEndEqualAndLoseNothing(t *testing.T) {
	for range 5 {
		manyWriters(t)
	}
}

func manyWriters(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, &hub.Options{IdleAfter: 20 * time.Millisecond, Limits: hub.Limits{CompactRecords: 50}})
	const clients, each = 4, 100
	var all []*client
	for range clients {
		all = append(all, newClient(s, "r").connect(""))
	}
	var work sync.WaitGroup
	for i, c := range all {
		work.Go(func() {
			for n := range each {
				_ = c.store.Update(func(tx *store.Tx) error {
					_ = tx.SetCell("t", fmt.Sprint(n%7), fmt.Sprint("c", i), store.Of(n))
					return tx.SetCell("t", fmt.Sprint(n%7), "shared", store.Of(i*each+n))
				})
				if n%10 == 0 {
					s.do("PATCH", "/api/rooms/r", fmt.Sprintf(`{"tables":{"h":{"%d":{"c%d":%d}}}}`, i, n, n), "Content-Type", "application/merge-patch+json")
				}
			}
		})
	}
	work.Wait()
	equal := func() bool {
		first := store.Diff(nil, all[0].store.Snapshot()).String()
		for _, c := range all[1:] {
			if store.Diff(nil, c.store.Snapshot()).String() != first {
				return false
			}
		}
		r, err := s.hub.Room(ctx, "r")
		require.NoError(t, err)
		defer r.Release()
		if store.Diff(nil, r.Store().Snapshot()).String() != first || decoded(t, r, "yjs") != first {
			return false
		}
		for i := range clients {
			for n := range 7 {
				if want := store.Of(each - 1 - (each-1-n)%7); all[0].store.Snapshot().Cell("t", fmt.Sprint(n), fmt.Sprint("c", i)) != want {
					return false
				}
			}
			if all[0].store.Snapshot().CellCount("h", fmt.Sprint(i)) != each/10 {
				return false
			}
		}
		return true
	}
	require.Eventually(t, equal, 30*time.Second, 5*time.Millisecond)
	before := s.get("/api/rooms/r").body
	for _, c := range all {
		c.disconnect()
	}
	s.end()
	s = serve(t, dir, nil)
	require.Equal(t, before, s.get("/api/rooms/r").body)
}

// dial opens a bare socket.
func (s *server) dial(path string, o *websocket.DialOptions) (*websocket.Conn, int) {
	s.t.Helper()
	c, res, err := websocket.Dial(ctx, s.http.URL+path, o)
	if err != nil {
		require.NotNil(s.t, res, err)
		return nil, res.StatusCode
	}
	c.SetReadLimit(-1)
	s.t.Cleanup(func() { _ = c.CloseNow() })
	return c, 101
}

// closeOf reads until the socket is closed.
func closeOf(t testing.TB, c *websocket.Conn) websocket.CloseError {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			var ce websocket.CloseError
			require.True(t, errors.As(err, &ce), "%v", err)
			return ce
		}
	}
}

func TestYjs_BadFramesCloseTheirSocketAndNothingElse(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Limits: hub.Limits{Message: 100_000}})
	good := newClient(s, "r").connect("")
	good.set("t", "r", "c", store.Of(1))
	s.eventually("r", `{"t":{"r":{"c":1}}}`, `{}`)
	for name, bad := range map[string]struct {
		kind websocket.MessageType
		data string
		code []websocket.StatusCode
	}{
		"text frame":        {websocket.MessageText, "hello", []websocket.StatusCode{1003}},
		"empty":             {websocket.MessageBinary, "", []websocket.StatusCode{1007}},
		"cut":               {websocket.MessageBinary, "\x00\x02\x05\x01", []websocket.StatusCode{1007}},
		"malformed update":  {websocket.MessageBinary, "\x00\x02\x05\x01\x01\x01\x01\x01", []websocket.StatusCode{1007}},
		"unknown sync step": {websocket.MessageBinary, "\x00\x09\x00", []websocket.StatusCode{1007}},
		"too big":           {websocket.MessageBinary, strings.Repeat("x", 100_001), []websocket.StatusCode{1009}},
	} {
		c, status := s.dial("/yjs/r", nil)
		require.Equal(t, 101, status)
		require.NoError(t, c.Write(ctx, bad.kind, []byte(bad.data)))
		ce := closeOf(t, c)
		require.Contains(t, bad.code, ce.Code, "%s: %v", name, ce)
		require.NotEmpty(t, ce.Reason, name)
	}
	s.holds("r", `{"t":{"r":{"c":1}}}`, `{}`)
	good.set("t", "r", "c", store.Of(2))
	s.eventually("r", `{"t":{"r":{"c":2}}}`, `{}`)
}

func TestYjs_AddressesAndOriginsAreChecked(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Auth: hub.Tokens("rw", "ro"), Limits: hub.Limits{Connections: 3}})
	origin := func(o string) *websocket.DialOptions {
		return &websocket.DialOptions{HTTPHeader: map[string][]string{"Origin": {o}}}
	}
	for path, status := range map[string]int{
		"/yjs/?token=rw": 400, "/yjs?token=rw": 400, "/yjs/%00?token=rw": 400, "/yjs/" + strings.Repeat("x", 1025) + "?token=rw": 400,
		"/yjs/r": 401, "/yjs/r?token=no": 401, "/other/r?token=rw": 404,
	} {
		_, got := s.dial(path, nil)
		require.Equal(t, status, got, path)
	}
	_, got := s.dial("/yjs/r?token=rw", origin("https://evil.example"))
	require.Equal(t, 403, got)
	_, got = s.dial("/yjs/r?token=rw", origin("http://localhost:3000"))
	require.Equal(t, 101, got)
	_, got = s.dial("/yjs/r?token=rw", origin(s.http.URL))
	require.Equal(t, 101, got)
	require.Equal(t, 426, s.get("/yjs/r?token=rw").StatusCode)
	_, got = s.dial("/yjs/a/b%2Fc?token=rw", nil)
	require.Equal(t, 101, got)
	_, got = s.dial("/yjs/r?token=rw", nil)
	require.Equal(t, 503, got, "too many connections")
}

func TestYjs_WhoMayOnlyReadSeesAndChangesNothing(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Auth: hub.Tokens("rw", "ro")})
	writer, reader := newClient(s, "r").connect("?token=rw"), newClient(s, "r")
	writer.set("t", "r", "c", store.Of(1))
	reader.set("t", "mine", "d", store.Of(2))
	reader.connect("?token=ro")
	reader.holds("+ t/mine/d 2\n+ t/r/c 1\n")
	writer.set("t", "r", "c", store.Of(3))
	reader.holds("+ t/mine/d 2\n+ t/r/c 3\n")
	writer.holds("+ t/r/c 3\n")
}

func TestYjs_ARoomAtRestSendsNothing(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	c, _ := s.dial("/yjs/r", nil)
	_, first, err := c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0, 1, 0}, first, "step 1 of an empty document")
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, msg, err := c.Read(ctx)
	require.Error(t, err, "%x", msg)
}
