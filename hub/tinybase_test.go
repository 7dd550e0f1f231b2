package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/hub/roomdb"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// stamped is a TinyBase client.
type stamped struct {
	peer
	m   *mergeable.Store
	url string
}

func newStamped(s *server, room string) *stamped {
	c := &stamped{peer: peer{t: s.t, store: store.New()}, url: strings.Replace(s.http.URL, "http", "ws", 1) + "/tinybase/" + url.PathEscape(room)}
	var err error
	c.m, err = mergeable.New(c.store, nil)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.disconnect(); c.m.Close() })
	return c
}

func (c *stamped) connect(query string) *stamped {
	c.t.Helper()
	c.dial(c.url+query, nil, tinybase.NewClient(c.m, nil))
	return c
}

func (c *stamped) dial(url string, subprotocols []string, session synchronizer.Session) {
	conn, err := ws.Dial(ctx, url, &ws.Options{Kind: ws.Text, ReadLimit: 256 << 20, Subprotocols: subprotocols})
	require.NoError(c.t, err)
	c.run(session, conn)
}

// content is what a room's store of stamps holds, with stamps and hashes.
func (s *server) content(room string) string {
	s.t.Helper()
	r, err := s.hub.Room(ctx, room)
	require.NoError(s.t, err)
	defer r.Release()
	require.NoError(s.t, r.Update(nil, func(*store.Tx) error { return nil })) // what is visible has been told to all documents
	b, err := r.Document("tinybase").Snapshot()
	require.NoError(s.t, err)
	var sorted any
	require.NoError(s.t, json.Unmarshal(b, &sorted))
	b, err = json.Marshal(sorted)
	require.NoError(s.t, err)
	return string(b)
}

func TestTinyBase_ClientsOfBothFamiliesAndRequestsEditOneTable(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	y, a, b := newClient(s, "garden/1").connect(""), newStamped(s, "garden/1").connect(""), newStamped(s, "garden/1").connect("")
	a.set("pets", "fido", "species", store.Of("dog"))
	for _, holds := range []func(string){b.holds, y.holds} {
		holds("+ pets/fido/species \"dog\"\n")
	}
	y.set("pets", "felix", "species", store.Of("cat"))
	s.ok("PATCH", "/api/rooms/garden%2F1", `{"tables":{"pets":{"fido":{"price":{"eur":5}}}},"values":{"open":true}}`)
	s.ok("PUT", "/api/rooms/garden%2F1/values/null", "null")
	want := "+ pets/felix/species \"cat\"\n+ pets/fido/price {\"eur\":5}\n+ pets/fido/species \"dog\"\n+ :null null\n+ :open true\n"
	for _, holds := range []func(string){a.holds, b.holds, y.holds} {
		holds(want)
	}
	s.ok("DELETE", "/api/rooms/garden%2F1/tables/pets/felix", "")
	a.holds(strings.Replace(want, "+ pets/felix/species \"cat\"\n", "", 1))

	// A restart keeps stamps and tombstones, and a client that was away is told what happened.
	a.disconnect()
	a.set("pets", "fido", "name", store.Of("Fido"))
	b.set("pets", "fido", "price", store.Of(7))
	s.eventually("garden/1", `{"pets":{"fido":{"price":7,"species":"dog"}}}`, `{"null":null,"open":true}`)
	before := s.content("garden/1")
	s.end()
	s = serve(t, dir, nil)
	require.Equal(t, before, s.content("garden/1"))
	a.url = newStamped(s, "garden/1").url
	a.connect("")
	s.eventually("garden/1", `{"pets":{"fido":{"name":"Fido","price":7,"species":"dog"}}}`, `{"null":null,"open":true}`)
	a.holds("+ pets/fido/name \"Fido\"\n+ pets/fido/price 7\n+ pets/fido/species \"dog\"\n+ :null null\n+ :open true\n")
}

// sharedSocket connects the rooms "one" and "a/two" over one socket, which one of the two owns, and writes into both.
func sharedSocket(s *server) (one, two *stamped) {
	one, two = newStamped(s, "one"), newStamped(s, "a/two")
	c, err := tinybase.NewSharedClient(map[string]*mergeable.Store{"one": one.m, "a/two": two.m}, nil)
	require.NoError(s.t, err)
	one.dial(strings.TrimSuffix(one.url, "/one"), []string{tinybase.Subprotocol}, c)
	one.set("t", "r", "c", store.Of(1))
	two.set("t", "r", "c", store.Of(2))
	return one, two
}

func TestTinyBase_RoomsShareASocketAsChannels(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{IdleAfter: time.Millisecond})
	_, two := sharedSocket(s)
	s.eventually("one", `{"t":{"r":{"c":1}}}`, `{}`)
	s.eventually("a/two", `{"t":{"r":{"c":2}}}`, `{}`)

	below := newStamped(s, "a/two")
	c, err := tinybase.NewSharedClient(map[string]*mergeable.Store{"two": below.m}, nil)
	require.NoError(t, err)
	below.dial(strings.TrimSuffix(below.url, "%2Ftwo"), []string{tinybase.Subprotocol}, c)
	below.holds("+ t/r/c 2\n")
	s.ok("PUT", "/api/rooms/a%2Ftwo/tables/t/r/c", "3")
	two.holds("+ t/r/c 3\n")
	below.holds("+ t/r/c 3\n")
}

func TestTinyBase_WithoutARoomThereIsNothing(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	c, status := s.dial("/tinybase", nil)
	require.Equal(t, 101, status)
	ce := closeOf(t, c)
	require.Equal(t, websocket.StatusPolicyViolation, ce.Code)
	require.Contains(t, ce.Reason, "no room")
	_, status = s.dial("/tinybase/", nil)
	require.Equal(t, 400, status)
	require.Empty(t, s.rooms(""))
}

func TestTinyBase_AnEmptyRoomAnswersAtOnceAndAtRestSendsNothing(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	c, _ := s.dial("/tinybase/r", nil)
	require.NoError(t, c.Write(ctx, websocket.MessageText, []byte("\n"+`["1",1,""]`)))
	_, msg, err := c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, "S\n"+`["1",0,[0,0]]`, string(msg))
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, msg, err = c.Read(ctx)
	require.Error(t, err, "%s", msg)
	require.Empty(t, s.rooms(""), "nobody has written it")
}

func TestTinyBase_WhoMayOnlyReadSeesAndChangesNothing(t *testing.T) {
	auth := func(token string) hub.Auth { return hub.Tokens(token, "ro") }
	s := serve(t, t.TempDir(), &hub.Options{Auth: auth("rw")})
	writer, reader := newStamped(s, "r").connect("?token=rw"), newStamped(s, "r")
	writer.set("t", "r", "c", store.Of(1))
	reader.set("t", "mine", "d", store.Of(2))
	reader.connect("?token=ro")
	reader.holds("+ t/mine/d 2\n+ t/r/c 1\n")
	writer.set("t", "r", "c", store.Of(3))
	reader.holds("+ t/mine/d 2\n+ t/r/c 3\n")
	writer.holds("+ t/r/c 3\n")
}

func TestTinyBase_BadFramesCloseTheirSocketAndNothingElse(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	good := newStamped(s, "r").connect("")
	good.set("t", "r", "c", store.Of(1))
	s.eventually("r", `{"t":{"r":{"c":1}}}`, `{}`)
	for _, bad := range []string{"", "x", "\n[", "\n[1,2]", "\n" + `["1",3,[[{"t":[{"r":[{"c":[2,"no stamp"]}]}]}],[{}],1]]`} {
		c, _ := s.dial("/tinybase/r", nil)
		require.NoError(t, c.Write(ctx, websocket.MessageText, []byte(bad)))
		ce := closeOf(t, c)
		require.Equal(t, websocket.StatusCode(1007), ce.Code, "%q: %v", bad, ce)
	}
	good.set("t", "r", "c", store.Of(2))
	s.eventually("r", `{"t":{"r":{"c":2}}}`, `{}`)
}

// ahead is a stamp of the year 2100.
func ahead(t testing.TB) *mergeable.Store {
	m, err := mergeable.New(store.New(), &mergeable.Options{Now: func() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }})
	require.NoError(t, err)
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of("future")) }))
	return m
}

// put writes a record into the log of a room while nobody has the folder open.
func put(t testing.TB, dir, room string, records ...roomdb.Record) {
	t.Helper()
	withLog(t, dir, room, func(log *roomdb.Log) {
		_, err := log.Append(records...)
		require.NoError(t, err)
	})
}

// withLog opens the log of a room of which no server is serving the folder.
func withLog(t testing.TB, dir, room string, fn func(*roomdb.Log)) {
	t.Helper()
	db, err := roomdb.Open(ctx, dir, nil)
	require.NoError(t, err)
	log, err := db.Open(ctx, room)
	require.NoError(t, err)
	fn(log)
	require.NoError(t, log.Close())
	require.NoError(t, db.Close())
}

func TestTinyBase_StoredStampsFromTheFutureAreKept(t *testing.T) {
	dir := t.TempDir()
	m := ahead(t)
	put(t, dir, "r", roomdb.Record{Family: "tinybase", Data: m.Changes().AppendJSON(nil)})
	s := serve(t, dir, nil)
	s.holds("r", `{"t":{"r":{"c":"future"}}}`, `{}`)
	y := newClient(s, "r").connect("")
	y.holds("+ t/r/c \"future\"\n")
	y.set("t", "r", "c", store.Of("now"))
	s.eventually("r", `{"t":{"r":{"c":"now"}}}`, `{}`)
	y.disconnect()
	s.end()
	serve(t, dir, nil).holds("r", `{"t":{"r":{"c":"now"}}}`, `{}`)
}

func TestTinyBase_StoredStampsThatCannotBeReadAreNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "r", roomdb.Record{Family: "tinybase", Data: []byte(`[[{"t":[{"r":[{"c":["x`)})
	s := serve(t, dir, nil)
	for range 2 {
		problem(t, s.get("/api/rooms/r"), 503)
		problem(t, s.patch("/api/rooms/r", `{"values":{"v":1}}`), 503)
	}
	s.end()
	withLog(t, dir, "r", func(log *roomdb.Log) { require.EqualValues(t, 1, log.Last()) })
}

func TestTinyBase_TheLastClientThatLeavesLosesNothing(t *testing.T) {
	dir := t.TempDir()
	o := &hub.Options{IdleAfter: time.Millisecond}
	s := serve(t, dir, o)
	for i := range 20 {
		c := newStamped(s, "r").connect("")
		c.set("t", fmt.Sprint(i), "c", store.Of(i))
		require.Eventually(t, func() bool {
			return c.store.Snapshot().RowCount("t") == i+1 && strings.Contains(s.get("/api/rooms/r").body, fmt.Sprintf(`"%d":`, i))
		}, 20*time.Second, time.Millisecond)
		c.disconnect()
	}
	before := s.content("r")
	s.end()
	require.Equal(t, before, serve(t, dir, o).content("r"))
}

func TestTinyBase_ManyWriteAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	o := &hub.Options{Limits: hub.Limits{CompactRecords: 50}}
	s := serve(t, dir, o)
	const each = 40
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"0":{"x":0},"1":{"x":0},"2":{"x":0}}}}`)
	y := newClient(s, "r").connect("")
	y.holds("+ t/0/x 0\n+ t/1/x 0\n+ t/2/x 0\n")
	clients := []*stamped{newStamped(s, "r").connect(""), newStamped(s, "r").connect(""), newStamped(s, "r").connect("")}
	var work sync.WaitGroup
	for i, c := range clients {
		work.Go(func() {
			for n := range each {
				c.set("t", fmt.Sprint(n%3), fmt.Sprint("c", i), store.Of(n))
				c.set("t", fmt.Sprint(n%3), "shared", store.Of(i*each+n))
			}
		})
	}
	work.Go(func() {
		for n := range each {
			y.set("t", fmt.Sprint(n%3), "y", store.Of(n))
			y.set("t", fmt.Sprint(n%3), "shared", store.Of(-n))
		}
	})
	work.Wait()
	print := func(s *store.Store) string { return store.Diff(nil, s.Snapshot()).String() }
	require.Eventually(t, func() bool {
		want := print(y.store)
		for _, c := range clients {
			if print(c.store) != want {
				return false
			}
		}
		for n := range 3 {
			for _, cell := range []string{"c0", "c1", "c2", "y"} {
				if v, _ := store.As[int](y.store.Snapshot().Cell("t", fmt.Sprint(n), cell)); v < each-3 {
					return false
				}
			}
		}
		return true
	}, 30*time.Second, 5*time.Millisecond)
	for _, c := range clients {
		c.disconnect()
	}
	y.disconnect()
	room, before := s.get("/api/rooms/r").body, s.content("r")
	s.end()
	s = serve(t, dir, o)
	require.Equal(t, room, s.get("/api/rooms/r").body)
	require.Equal(t, before, s.content("r"))
}

func TestTinyBase_SaysWhoseClockOrIDIsWrong(t *testing.T) {
	faults := make(chan error, 10)
	o := &hub.Options{Events: hub.Events{Fault: func(_ string, err error) { faults <- err }}}
	s := serve(t, t.TempDir(), o)
	frame := func(cell string, v int, stamp string) []byte {
		return fmt.Appendf(nil, "\n"+`["x",3,[[{"t":[{"r":[{"%s":[%d,"%s"]}]}]}],[{}],1]]`, cell, v, stamp)
	}
	send := func(frames ...[]byte) {
		c, _ := s.dial("/tinybase/r", nil)
		for _, f := range frames {
			require.NoError(t, c.Write(ctx, websocket.MessageText, f))
		}
	}
	future := ahead(t).CellStamp("t", "r", "c").String()
	send(frame("a", 1, future), frame("b", 1, future), frame("c", 1, "NjEtLV-----7JQY8"))
	var wrong *hlc.AheadError
	require.ErrorAs(t, <-faults, &wrong)
	s.eventually("r", `{"t":{"r":{"c":1}}}`, `{}`)
	send(frame("c", 2, "NjEtLV-----7JQY8"), frame("a", 2, future))
	var clash mergeable.Clash
	require.ErrorAs(t, <-faults, &clash)
	require.Equal(t, store.Cell("t", "r", "c"), clash.At)
	require.ErrorAs(t, <-faults, &wrong)
	s.eventually("r", `{"t":{"r":{"c":2}}}`, `{}`)
	require.Empty(t, faults, "each client is named once")
}

func TestTinyBase_AllSocketsTogetherHaveABudget(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Limits: hub.Limits{Incoming: 200_000, Outgoing: 200_000}})
	s.ok("PUT", "/api/rooms/r/values/v", `"`+strings.Repeat("x", 150_000)+`"`)
	s.ok("PUT", "/api/rooms/r/values/w", `"`+strings.Repeat("x", 150_000)+`"`)
	good := newStamped(s, "other").connect("")
	for _, frame := range []string{
		"\n" + `["x",7,{}]`, // the answer is too long
		"\n" + strings.Repeat("x", 300_000),
	} {
		c, _ := s.dial("/tinybase/r", nil)
		c.SetReadLimit(1 << 20)
		require.NoError(t, c.Write(ctx, websocket.MessageText, []byte(frame)))
		require.Equal(t, websocket.StatusTryAgainLater, closeOf(t, c).Code)
	}
	good.set("t", "r", "c", store.Of(1))
	s.eventually("other", `{"t":{"r":{"c":1}}}`, `{}`)
}
