package ysync_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
)

type args map[string]any

func peer(t *testing.T, arg ...string) *node.Process {
	t.Helper()
	node.Install(t, ".")
	return node.Start(t, "peer.mjs", arg...)
}

// goServer has one document per name, for y-websocket's clients at /ws/NAME and for Hocuspocus' at /hocuspocus.
type goServer struct {
	*httptest.Server
	opts ysync.Options

	mu    sync.Mutex
	docs  map[string]*ycrdt.Doc
	rooms map[string]*ysync.Room
	ended []error
}

func serveGo(t *testing.T, opts ysync.Options) *goServer {
	s := &goServer{opts: opts, docs: map[string]*ycrdt.Doc{}, rooms: map[string]*ysync.Room{}}
	ctx, cancel := context.WithCancel(context.Background())
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			return
		}
		var session synchronizer.Session
		if name, ok := strings.CutPrefix(r.URL.Path, "/ws/"); ok {
			session = ysync.NewServer(s.room(name), &s.opts)
		} else {
			session = ysync.NewHocuspocusServer(s.hocuspocus())
		}
		err = synchronizer.Run(ctx, session, c)
		s.mu.Lock()
		s.ended = append(s.ended, err)
		s.mu.Unlock()
	}))
	t.Cleanup(func() { cancel(); s.Close() })
	return s
}

func (s *goServer) room(name string) *ysync.Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms[name] == nil {
		s.docs[name] = ycrdt.New(nil)
		s.rooms[name] = ysync.NewRoom(ysync.Of(s.docs[name]), nil)
	}
	return s.rooms[name]
}

func (s *goServer) doc(name string) *ycrdt.Doc {
	s.room(name)
	return s.docs[name]
}

func (s *goServer) hocuspocus() ysync.HocuspocusOptions {
	return ysync.HocuspocusOptions{
		Options: s.opts,
		Open: func(req ysync.OpenRequest) (*ysync.Room, ysync.Access, error) {
			switch req.Token {
			case "in":
				return s.room(req.Name), ysync.ReadWrite, nil
			case "look":
				return s.room(req.Name), ysync.ReadOnly, nil
			}
			return nil, 0, synchronizer.Errorf(synchronizer.CodePolicy, "wrong token")
		},
		Stateless: func(req ysync.OpenRequest, text string, reply func(string)) {
			reply("re: " + text)
			s.room(req.Name).BroadcastStateless("all: " + text)
		},
	}
}

// failures returns why sessions ended that did not end in good order. A socket that a client drops without a word is in good order here.
func (s *goServer) failures() (list []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.ended {
		if err != nil && synchronizer.CodeOf(err) != synchronizer.CodeAbnormal && !errors.Is(err, context.Canceled) {
			list = append(list, err)
		}
	}
	return list
}

func set(t *testing.T, d *ycrdt.Doc, key string, v float64) {
	t.Helper()
	require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set(key, ycrdt.Number(v)) }))
}

// untilHas waits until a key of the map "m" has a value.
func untilHas(t *testing.T, d *ycrdt.Doc, key string, want float64) {
	t.Helper()
	require.Eventually(t, func() bool { return get(d)[key] == fmt.Sprint(want) }, 20*time.Second, 2*time.Millisecond, "%s = %v in %v", key, want, d)
}

func get(d *ycrdt.Doc) map[string]string {
	m := map[string]string{}
	d.View(func(r *ycrdt.Reader) {
		for k, v := range r.Map("m").All() {
			m[k] = v.String()
		}
	})
	return m
}

// equalTo waits until a JavaScript client has the same document, byte for byte.
func equalTo(t *testing.T, p *node.Process, id string, d *ycrdt.Doc) {
	t.Helper()
	require.Eventually(t, func() bool {
		var state string
		p.Call("state", args{"id": id}, &state)
		got, err := base64.StdEncoding.DecodeString(state)
		require.NoError(t, err)
		want, err := d.EncodeStateAsUpdate(nil)
		require.NoError(t, err)
		return string(got) == string(want)
	}, 20*time.Second, 20*time.Millisecond, "%s and the Go document stay different", id)
}

func waitSynced(t *testing.T, p interface{ Wait(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, p.Wait(ctx))
}
