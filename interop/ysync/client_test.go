package ysync_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/adapters/yjs/ysync/provider"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
)

// fast comes back quickly.
var fast = ws.ClientOptions{MinWait: 10 * time.Millisecond, MaxWait: 100 * time.Millisecond}

func token(s string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return s, nil }
}

// A Go client, a second one and a JavaScript client on a JavaScript server, which is then stopped and started again without its memory.
func TestProvider_WorksWithJavaScriptServers(t *testing.T) {
	for _, family := range []string{"ws", "hocuspocus"} {
		t.Run(family, func(t *testing.T) {
			p := peer(t)
			var port int
			serve := map[string]string{"ws": "serveWs", "hocuspocus": "serveHocuspocus"}[family]
			p.Call(serve, args{"token": "in"}, &port)
			url := fmt.Sprintf("ws://127.0.0.1:%d", port)
			p.Call(family, args{"id": "js", "url": url, "room": "rööm", "name": "rööm", "token": "in", "clientID": 30}, nil)
			var docs []*ycrdt.Doc
			var clients []*provider.Provider
			for i := range 2 {
				doc := ycrdt.New(&ycrdt.Options{ClientID: uint64(20 + i)})
				opts := &provider.Options{
					Awareness: ysync.NewAwareness(&ysync.AwarenessOptions{ClientID: uint64(20 + i)}), Token: token("in"), Client: fast,
				}
				set(t, doc, fmt.Sprint("mine", i), 1)
				var c *provider.Provider
				if family == "ws" {
					c = provider.YWebsocket(ysync.Of(doc), url, "rööm", opts)
				} else {
					c = provider.Hocuspocus(ysync.Of(doc), url, "rööm", opts)
				}
				t.Cleanup(func() { require.NoError(t, c.Close()) })
				waitSynced(t, c)
				docs, clients = append(docs, doc), append(clients, c)
			}
			p.Call("synced", args{"id": "js"}, nil)
			p.Call("until", args{"id": "js", "m": args{"mine0": 1, "mine1": 1}}, nil)
			p.Call("burst", args{"id": "js", "n": 500}, nil)
			for i := range 500 {
				set(t, docs[0], fmt.Sprint("go", i%50), float64(i))
			}
			untilHas(t, docs[1], "js49", 499)
			untilHas(t, docs[1], "go49", 499)
			equalTo(t, p, "js", docs[0])
			equalTo(t, p, "js", docs[1])
			require.Eventually(t, func() bool { return clients[0].Unconfirmed() == 0 }, 20*time.Second, time.Millisecond)

			p.Call("say", args{"id": "js", "state": args{"name": "js"}}, nil)
			aw := clients[0].Room().Awareness()
			require.Eventually(t, func() bool { return string(aw.State(30)) == `{"name":"js"}` }, 20*time.Second, time.Millisecond)
			require.NoError(t, aw.SetLocal([]byte(`{}`)))
			require.NoError(t, aw.SetLocal([]byte(`{"name":"go"}`)))
			p.Call("untilHeard", args{"id": "js", "client": 20, "state": args{"name": "go"}}, nil)

			p.Call("stop", args{"server": family}, nil)
			require.Eventually(t, func() bool { return clients[0].Status().State != ws.Connected }, 20*time.Second, time.Millisecond)
			require.False(t, clients[0].Synced())
			require.Nil(t, aw.State(30), "nobody is heard without a connection")
			set(t, docs[0], "offline", 7)
			p.Call(serve, args{"token": "in", "port": port}, &port)
			for i := range clients {
				clients[i].Reconnect()
				waitSynced(t, clients[i])
			}
			untilHas(t, docs[1], "offline", 7)
			p.Call("until", args{"id": "js", "m": args{"offline": 7, "mine1": 1}}, nil)
			equalTo(t, p, "js", docs[1])
		})
	}
}

func TestProvider_IsDeniedByHocuspocus(t *testing.T) {
	p := peer(t)
	var port int
	p.Call("serveHocuspocus", args{"token": "in"}, &port)
	url := fmt.Sprintf("ws://127.0.0.1:%d", port)
	c := provider.Hocuspocus(ysync.Of(ycrdt.New(nil)), url, "room", &provider.Options{Token: token("bad"), Client: fast})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := c.Wait(ctx)
	var e *synchronizer.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "wrong token", e.Reason)
	require.ErrorAs(t, c.Close(), &e)
}

func TestProvider_LooksOnlyAtHocuspocus(t *testing.T) {
	p := peer(t)
	var port int
	p.Call("serveHocuspocus", args{"token": "in"}, &port)
	url := fmt.Sprintf("ws://127.0.0.1:%d", port)
	p.Call("hocuspocus", args{"id": "js", "url": url, "name": "room", "token": "in"}, nil)
	p.Call("set", args{"id": "js", "values": args{"x": 1}}, nil)
	var mu sync.Mutex
	var access ysync.Access
	var texts []string
	denied := make(chan string, 10)
	doc := ycrdt.New(nil)
	c := provider.Hocuspocus(ysync.Of(doc), url, "room", &provider.Options{
		Token: token("look"), Client: fast, Session: ysync.Options{OnDenied: func(s string) { denied <- s }},
		OnAuthenticated: func(a ysync.Access) { mu.Lock(); defer mu.Unlock(); access = a },
		OnStateless:     func(s string) { mu.Lock(); defer mu.Unlock(); texts = append(texts, s) },
	})
	waitSynced(t, c)
	untilHas(t, doc, "x", 1)
	c.SendStateless("hi")
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(texts) == 2 }, 20*time.Second, time.Millisecond)
	require.ElementsMatch(t, []string{"re: hi", "all: hi"}, texts)
	require.Equal(t, ysync.ReadOnly, access)
	set(t, doc, "y", 2)
	require.NotEmpty(t, <-denied)
	require.NoError(t, c.Close())
}

func TestProvider_TriesAgainWhenTheTokenCannotBeHad(t *testing.T) {
	s := serveGo(t, ysync.Options{})
	tries := 0
	c := provider.Hocuspocus(ysync.Of(ycrdt.New(nil)), s.URL, "room", &provider.Options{Client: fast, Token: func(context.Context) (string, error) {
		if tries++; tries < 3 {
			return "", errors.New("not yet")
		}
		return "in", nil
	}})
	waitSynced(t, c)
	require.NoError(t, c.Close())
	require.Equal(t, 3, tries)
	require.EqualError(t, c.Wait(context.Background()), "provider: closed")
}
