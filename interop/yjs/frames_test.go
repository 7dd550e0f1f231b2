package yjs_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

// dial connects a raw client to a room.
func dial(t *testing.T, server *serve.Server, room string) (context.Context, *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), serve.Patience)
	t.Cleanup(cancel)
	conn, _, err := websocket.Dial(ctx, server.Socket("/yjs/"+room), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.CloseNow() })
	conn.SetReadLimit(-1)
	return ctx, conn
}

// drain reads until the server closes, and returns how.
func drain(t *testing.T, ctx context.Context, conn *websocket.Conn) websocket.CloseError {
	t.Helper()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			var closed websocket.CloseError
			require.True(t, errors.As(err, &closed), "the socket ends with a close frame, not with: %v", err)
			return closed
		}
	}
}

// malformed frames of the y-websocket protocol: varuint 0 and a sync message (0 step 1, 1 step 2, 2 update, each with a
// length-prefixed body), or varuint 1 and a length-prefixed awareness update.
var malformed = map[string][]byte{
	"nothing":                         {},
	"a kind without an end":           {0x80},
	"a number too long":               bytes.Repeat([]byte{0xff}, 20),
	"sync without a kind":             {0},
	"sync of an unknown kind":         {0, 9, 0},
	"an update without a body":        {0, 2},
	"a body shorter than it says":     {0, 2, 9, 0, 0},
	"an empty update":                 {0, 2, 0},
	"an update cut short":             {0, 2, 3, 1, 1, 1},
	"a struct of an unknown kind":     {0, 2, 6, 1, 1, 1, 0, 0x1f, 0},
	"a promise of many clients":       {0, 2, 6, 0xff, 0xff, 0xff, 0xff, 0x0f, 0},
	"step 2 that is no update":        {0, 1, 4, 7, 7, 7, 7},
	"step 1 that is no state vector":  {0, 0, 2, 5, 1},
	"awareness cut short":             {1, 3, 1, 1, 0},
	"awareness that is not JSON":      {1, 5, 1, 1, 0, 1, '{'},
	"awareness longer than its frame": {1, 0x7f, 1},
}

func TestServe_MalformedFramesCloseThatSocketOnly(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	server.Patch("r", base)
	c := gather(t, server)
	c.join("bare", bare, "r")
	c.join("bound", tinybase, "r")
	before := settle(t, server, "r", c)
	snapshot := c.look("bare").Snapshot

	for _, name := range slices.Sorted(maps.Keys(malformed)) {
		t.Run(name, func(t *testing.T) {
			ctx, conn := dial(t, server, "r")
			require.NoError(t, conn.Write(ctx, websocket.MessageBinary, malformed[name]))
			closed := drain(t, ctx, conn)
			require.NotEmpty(t, closed.Reason, "code %d", closed.Code)
		})
	}
	require.Equal(t, before, settle(t, server, "r", c))
	require.Equal(t, snapshot, c.look("bare").Snapshot, "the document is as it was")
	for _, peer := range c.names {
		var closes []any
		c.Call("closes", named(peer), &closes)
		require.Empty(t, closes, "%s stays connected", peer)
	}
	c.edit("bare", set("pets", "fido", "n", 1))
	c.edit("bound", set("pets", "felix", "n", 2))
	got := settle(t, server, "r", c)
	require.Equal(t, 1.0, got.Tables["pets"]["fido"]["n"])
	require.Equal(t, 2.0, got.Tables["pets"]["felix"]["n"])
}

func TestServe_RefusesTextFrames(t *testing.T) {
	server := serve.Start(t, nil)
	for _, text := range []string{"", "hello", "\x00\x00\x01\x00"} {
		ctx, conn := dial(t, server, "r")
		require.NoError(t, conn.Write(ctx, websocket.MessageText, []byte(text)))
		closed := drain(t, ctx, conn)
		require.NotEmpty(t, closed.Reason, "%q: code %d", text, closed.Code)
	}
	require.Empty(t, server.Room("r").Tables)
}

func TestServe_RefusesFramesOverTheLimit(t *testing.T) {
	server := serve.Start(t, nil)
	server.PutCell("r", "t", "r", "c", 1)
	ctx, conn := dial(t, server, "r")
	go func() { // the server may close before it has read all
		_ = conn.Write(ctx, websocket.MessageBinary, append([]byte{0, 2, 0xff, 0xff, 0xff, 0x7f}, make([]byte, 256<<20)...))
	}()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			require.NoError(t, ctx.Err(), "the server closes by itself")
			break
		}
	}
	require.Equal(t, 1.0, server.Room("r").Tables["t"]["r"]["c"])
}

// y-websocket renews its presence every 15 s and reconnects when it has heard nothing for 30 s, so a server must answer.
func TestServe_AnswersTheHeartbeat(t *testing.T) {
	server := serve.Start(t, nil)
	ctx, conn := dial(t, server, "r")
	const state = `{"a":1}`
	heartbeat := append([]byte{1, byte(4 + len(state)), 1, 42, 5, byte(len(state))}, state...) // one client, 42, at clock 5
	require.NoError(t, conn.Write(ctx, websocket.MessageBinary, heartbeat))
	for {
		kind, msg, err := conn.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, websocket.MessageBinary, kind)
		if len(msg) > 0 && msg[0] == 1 && bytes.Contains(msg, []byte(state)) {
			return
		}
	}
}

func TestServe_RelaysPresence(t *testing.T) {
	node.Require(t)
	server := serve.Start(t, nil)
	one, two := gather(t, server), gather(t, server)
	one.join("a", bare, "r")
	two.join("b", tinybase, "r")
	two.Call("presence", map[string]any{"peer": "b", "state": map[string]any{"name": "b"}}, nil)

	others := func(c *crowd, peer string) (names []any) {
		var states map[string]map[string]any
		c.Call("presences", named(peer), &states)
		for _, s := range states {
			if s["name"] != nil {
				names = append(names, s["name"])
			}
		}
		return names
	}
	require.Eventually(t, func() bool { return slices.Contains(others(one, "a"), any("b")) }, serve.Patience, 10*time.Millisecond)

	late := gather(t, server)
	late.join("c", bare, "r")
	require.Eventually(t, func() bool { return slices.Contains(others(late, "c"), any("b")) }, serve.Patience, 10*time.Millisecond,
		"who comes later is told who is there")

	two.Kill()
	require.Eventually(t, func() bool { return !slices.Contains(others(one, "a"), any("b")) }, serve.Patience, 10*time.Millisecond,
		"who is gone is reported")
}

func TestSoak_IdleClientsStayConnected(t *testing.T) {
	if os.Getenv("ROWLOOM_SOAK") != "1" {
		t.Skip("takes 75 s: set ROWLOOM_SOAK=1")
	}
	node.Require(t)
	server := serve.Start(t, nil)
	c := gather(t, server)
	c.join("bare", bare, "r")
	c.join("bound", tinybase, "r")
	time.Sleep(75 * time.Second)
	for _, peer := range c.names {
		var closes []any
		c.Call("closes", named(peer), &closes)
		require.Empty(t, closes, peer)
	}
	c.edit("bare", set("t", "r", "c", 1))
	settle(t, server, "r", c)
}
