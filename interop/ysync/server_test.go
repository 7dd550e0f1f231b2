package ysync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/adapters/yjs/ysync/provider"
	"github.com/stretchr/testify/require"
)

func TestServer_WebsocketProvidersEditTogether(t *testing.T) {
	p, s := peer(t), serveGo(t, ysync.Options{})
	set(t, s.doc("room"), "before", 1)
	for i, id := range []string{"a", "b"} {
		p.Call("ws", args{"id": id, "url": s.URL + "/ws", "room": "room", "clientID": 10 + i}, nil)
	}
	p.Call("synced", args{"id": "a"}, nil)
	p.Call("synced", args{"id": "b"}, nil)
	p.Call("until", args{"id": "a", "m": args{"before": 1}}, nil)

	p.Call("set", args{"id": "a", "values": args{"x": 1, "y": "two"}}, nil)
	p.Call("until", args{"id": "b", "m": args{"x": 1, "y": "two"}}, nil)
	set(t, s.doc("room"), "go", 3)
	p.Call("until", args{"id": "a", "m": args{"go": 3}}, nil)
	p.Call("until", args{"id": "b", "m": args{"go": 3}}, nil)
	for _, id := range []string{"a", "b"} {
		p.Call("write", args{"id": id, "text": "héllo " + id}, nil)
		p.Call("burst", args{"id": id, "n": 1000}, nil)
	}
	untilHas(t, s.doc("room"), "a49", 999)
	untilHas(t, s.doc("room"), "b49", 999)
	equalTo(t, p, "a", s.doc("room"))
	equalTo(t, p, "b", s.doc("room"))
	require.Empty(t, s.failures())
}

func TestServer_WebsocketProviderWasOffline(t *testing.T) {
	p, s := peer(t), serveGo(t, ysync.Options{})
	p.Call("ws", args{"id": "a", "url": s.URL + "/ws", "room": "room"}, nil)
	p.Call("synced", args{"id": "a"}, nil)
	p.Call("disconnect", args{"id": "a"}, nil)
	p.Call("set", args{"id": "a", "values": args{"offline": 1}}, nil)
	set(t, s.doc("room"), "meanwhile", 2)
	p.Call("connect", args{"id": "a"}, nil)
	p.Call("until", args{"id": "a", "m": args{"meanwhile": 2}}, nil)
	untilHas(t, s.doc("room"), "offline", 1)
	equalTo(t, p, "a", s.doc("room"))
}

func TestServer_AwarenessReachesEveryFamilyOfClients(t *testing.T) {
	p, s := peer(t), serveGo(t, ysync.Options{})
	p.Call("ws", args{"id": "a", "url": s.URL + "/ws", "room": "room", "clientID": 10}, nil)
	p.Call("hocuspocus", args{"id": "b", "url": s.URL + "/hocuspocus", "name": "room", "token": "in", "clientID": 11}, nil)
	doc := ycrdt.New(&ycrdt.Options{ClientID: 12})
	aw := ysync.NewAwareness(&ysync.AwarenessOptions{ClientID: 12})
	c := provider.YWebsocket(ysync.Of(doc), s.URL+"/ws", "room", &provider.Options{Awareness: aw})
	waitSynced(t, c)
	p.Call("synced", args{"id": "a"}, nil)
	p.Call("synced", args{"id": "b"}, nil)

	p.Call("say", args{"id": "a", "state": args{"name": "Zoë 😀"}}, nil)
	p.Call("say", args{"id": "b", "state": args{"name": "b"}}, nil)
	require.NoError(t, aw.SetLocal([]byte(`{"name":"x"}`)))
	require.NoError(t, aw.SetLocal([]byte(`{"name":"go"}`)))
	for _, id := range []string{"a", "b"} {
		p.Call("untilHeard", args{"id": id, "client": 10, "state": args{"name": "Zoë 😀"}}, nil)
		p.Call("untilHeard", args{"id": id, "client": 11, "state": args{"name": "b"}}, nil)
		p.Call("untilHeard", args{"id": id, "client": 12, "state": args{"name": "go"}}, nil)
	}
	require.Eventually(t, func() bool {
		return string(aw.State(10)) == `{"name":"Zoë 😀"}` && string(aw.State(11)) == `{"name":"b"}`
	}, 20*time.Second, time.Millisecond)

	p.Call("disconnect", args{"id": "a"}, nil)
	require.Eventually(t, func() bool { return aw.State(10) == nil }, 20*time.Second, time.Millisecond)
	p.Call("untilHeard", args{"id": "b", "client": 10}, nil)
	require.NoError(t, c.Close())
	p.Call("untilHeard", args{"id": "b", "client": 12}, nil)
	require.Empty(t, s.failures())
}

// A WebsocketProvider drops a connection on which nothing came for 30 s. Here its clock runs 30 times as fast, and the server's heartbeat comes after a thirtieth of its 20 s.
func TestServer_KeepsQuietClientsConnected(t *testing.T) {
	const speed = 30
	for _, c := range []struct {
		heartbeat time.Duration
		drops     bool
	}{{20 * time.Second / speed, false}, {time.Hour, true}} {
		p, s := peer(t, fmt.Sprint(speed)), serveGo(t, ysync.Options{Heartbeat: c.heartbeat})
		p.Call("ws", args{"id": "quiet", "url": s.URL + "/ws", "room": "room", "quiet": true}, nil)
		p.Call("synced", args{"id": "quiet"}, nil)
		p.Call("sleep", args{"ms": 90_000}, nil)
		var info struct{ Connects, Disconnects int }
		p.Call("info", args{"id": "quiet"}, &info)
		require.Equal(t, c.drops, info.Disconnects > 0, "%+v", info)
	}
}

func TestServer_HocuspocusProvidersEditTogether(t *testing.T) {
	p, s := peer(t), serveGo(t, ysync.Options{})
	set(t, s.doc("übung"), "before", 1)
	url := s.URL + "/hocuspocus"
	// Two documents and two sessions of one document share a socket; another client has its own; a WebsocketProvider is in the same room.
	p.Call("hocuspocus", args{"id": "a", "url": url, "name": "übung", "token": "in", "socket": "one", "sessionAwareness": true}, nil)
	p.Call("hocuspocus", args{"id": "a2", "url": url, "name": "übung", "token": "in", "socket": "one", "sessionAwareness": true}, nil)
	p.Call("hocuspocus", args{"id": "other", "url": url, "name": "other", "token": "in", "socket": "one"}, nil)
	p.Call("hocuspocus", args{"id": "b", "url": url, "name": "übung", "token": "in"}, nil)
	p.Call("ws", args{"id": "w", "url": s.URL + "/ws", "room": "übung"}, nil)
	for _, id := range []string{"a", "a2", "other", "b", "w"} {
		p.Call("synced", args{"id": id}, nil)
	}
	p.Call("until", args{"id": "a", "m": args{"before": 1}}, nil)
	p.Call("set", args{"id": "a", "values": args{"x": 1}}, nil)
	for _, id := range []string{"a2", "b", "w"} {
		p.Call("until", args{"id": id, "m": args{"x": 1}}, nil)
		p.Call("burst", args{"id": id, "n": 300}, nil)
		p.Call("write", args{"id": id, "text": id}, nil)
		untilHas(t, s.doc("übung"), id+"49", 299)
	}
	for _, id := range []string{"a", "a2", "b", "w"} {
		p.Call("synced", args{"id": id}, nil) // all confirmed
		equalTo(t, p, id, s.doc("übung"))
	}
	require.Empty(t, get(s.doc("other")))

	p.Call("stateless", args{"id": "a", "text": "hi"}, nil)
	p.Call("untilStateless", args{"id": "a", "text": "re: hi"}, nil)
	p.Call("untilStateless", args{"id": "b", "text": "all: hi"}, nil)

	p.Call("disconnect", args{"id": "b"}, nil)
	p.Call("set", args{"id": "b", "values": args{"offline": 5}}, nil)
	set(t, s.doc("übung"), "meanwhile", 6)
	p.Call("connect", args{"id": "b"}, nil)
	p.Call("until", args{"id": "b", "m": args{"meanwhile": 6}}, nil)
	untilHas(t, s.doc("übung"), "offline", 5)
	p.Call("destroy", args{"id": "a2"}, nil)
	p.Call("set", args{"id": "a", "values": args{"still": 7}}, nil)
	untilHas(t, s.doc("übung"), "still", 7)
	require.Empty(t, s.failures())
}

func TestServer_HocuspocusProvidersAreDeniedOrLookOnly(t *testing.T) {
	p, s := peer(t), serveGo(t, ysync.Options{})
	set(t, s.doc("room"), "x", 1)
	url := s.URL + "/hocuspocus"
	p.Call("hocuspocus", args{"id": "bad", "url": url, "name": "room", "token": "?"}, nil)
	reason := ""
	p.Call("untilDenied", args{"id": "bad"}, &reason)
	require.Equal(t, "wrong token", reason)

	p.Call("hocuspocus", args{"id": "look", "url": url, "name": "room", "token": "look"}, nil)
	p.Call("synced", args{"id": "look"}, nil)
	p.Call("until", args{"id": "look", "m": args{"x": 1}}, nil)
	var info struct{ Scope string }
	p.Call("info", args{"id": "look"}, &info)
	require.Equal(t, "readonly", info.Scope)
	p.Call("set", args{"id": "look", "values": args{"y": 1}}, nil)
	set(t, s.doc("room"), "z", 2)
	p.Call("until", args{"id": "look", "m": args{"z": 2}}, nil)
	unsynced := false
	p.Call("unsynced", args{"id": "look"}, &unsynced)
	require.True(t, unsynced, "what was refused stays marked")
	require.NotContains(t, get(s.doc("room")), "y")
}
