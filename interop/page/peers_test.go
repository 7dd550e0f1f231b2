//go:build unix

package page_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/serve"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// connect opens a WebSocket, and returns how to close it.
func connect(t *testing.T, s *serve.Server, path string) (leave func()) {
	t.Helper()
	conn, err := ws.Dial(context.Background(), s.Socket(path), nil)
	require.NoError(t, err)
	return func() { _ = conn.Close(synchronizer.CodeNormal, "") }
}

func whoIsConnected(w *world) {
	leave := connect(w.T, w.server, "/yjs/"+url.PathEscape(w.room))
	defer leave()
	defer connect(w.T, w.server, "/yjs/"+url.PathEscape(w.room))()
	defer connect(w.T, w.server, "/tinybase/"+url.PathEscape(w.room))()
	p := w.enter()
	p.until("three are connected", func(l look) bool { return l.Peers == "connected: 1 TinyBase, 2 Yjs" })
	leave()
	w.patch(object{"values": object{"open": false}}) // who is there is asked after a change, and else every few seconds
	p.until("one has gone", func(l look) bool { return l.Peers == "connected: 1 TinyBase, 1 Yjs" })
}
