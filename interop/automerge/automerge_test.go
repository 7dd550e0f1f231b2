//go:build cgo

// Package automerge_test holds the tests against living automerge-repo peers, as clients of our server and as a server of our
// client, and TinyBase on top of them; and the exchange of folders with the file system storage.
package automerge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo/nodefs"
	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

type args map[string]any

func peers(t *testing.T) *node.Process {
	t.Helper()
	node.Install(t, ".")
	return node.Start(t, "peers.mjs")
}

// party is a repository of ours, with documents in memory.
type party struct {
	*amrepo.Repo
	t *testing.T

	mu        sync.Mutex
	docs      map[amrepo.DocumentID]*automerge.Doc
	ephemeral []amrepo.Ephemeral
	problems  []string
	missing   []amrepo.DocumentID
}

func newParty(t *testing.T, name string) *party {
	p := &party{t: t, docs: map[amrepo.DocumentID]*automerge.Doc{}}
	note := func(what string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.problems = append(p.problems, what)
	}
	p.Repo = amrepo.New(p, &amrepo.Options{ID: amrepo.PeerID(name), StorageID: amrepo.StorageID(name + "-storage"),
		OnEphemeral: func(e amrepo.Ephemeral) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.ephemeral = append(p.ephemeral, e)
		},
		OnUnavailable: func(id amrepo.DocumentID) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.missing = append(p.missing, id)
		},
		OnRefused: func(_ amrepo.Peer, id amrepo.DocumentID, err error) { note(fmt.Sprint(id, ": ", err)) },
		OnError:   func(err error) { note(err.Error()) },
	})
	t.Cleanup(func() {
		p.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		require.Empty(t, p.problems)
	})
	return p
}

func (p *party) Open(id amrepo.DocumentID) (amrepo.Doc, error) {
	if d := p.doc(id); d != nil {
		return d, nil
	}
	return nil, nil
}

func (p *party) Create(id amrepo.DocumentID) (amrepo.Doc, error) { return p.make(id), nil }

func (p *party) doc(id amrepo.DocumentID) *automerge.Doc {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.docs[id]
}

func (p *party) make(id amrepo.DocumentID) *automerge.Doc {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.docs[id] == nil {
		d, err := automerge.New(nil)
		if err != nil {
			p.t.Error(err)
		}
		p.docs[id] = d
	}
	return p.docs[id]
}

// listen serves the repository until the test ends, and returns its address.
func (p *party) listen() string {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, &ws.Options{ReadLimit: 64 << 20})
		if err != nil {
			return
		}
		_ = synchronizer.Run(r.Context(), p.Accept(), c)
	}))
	p.t.Cleanup(func() {
		h.CloseClientConnections()
		p.Close()
		h.Close()
	})
	return "ws" + strings.TrimPrefix(h.URL, "http")
}

// dial connects the repository to a server, again and again, until the test ends or stop is called.
func (p *party) dial(url string) (stop func()) {
	run, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	client := ws.NewClient(url, func(context.Context) (synchronizer.Session, error) { return p.Dial(), nil },
		&ws.ClientOptions{Conn: ws.Options{ReadLimit: 64 << 20}, MinWait: 10 * time.Millisecond, MaxWait: 50 * time.Millisecond})
	wg.Go(func() { _ = client.Run(run) })
	stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	p.t.Cleanup(stop)
	return stop
}

func idOf(t *testing.T, url string) amrepo.DocumentID {
	t.Helper()
	u, err := amrepo.ParseURL(url)
	require.NoError(t, err)
	return u.Document
}

func headsOf(d *automerge.Doc) []string {
	out := []string{}
	for _, h := range d.Heads() {
		out = append(out, h.String())
	}
	return out
}

// meet waits until our document and a peer's have the same heads.
func meet(t *testing.T, js *node.Process, repo, url string, p *party) {
	t.Helper()
	var theirs []string
	id := idOf(t, url)
	require.Eventually(t, func() bool {
		d := p.doc(id)
		if d == nil {
			return false
		}
		js.Call("heads", args{"repo": repo, "url": url}, &theirs)
		return len(theirs) > 0 && strings.Join(theirs, " ") == strings.Join(headsOf(d), " ")
	}, 30*time.Second, 20*time.Millisecond, "%s has %v", repo, &theirs)
}

func get(d *automerge.Doc, path ...string) (s string) {
	d.View(func(ix *amchange.Index) {
		if text, ok := ix.Text(path...); ok {
			s = text
		} else if l, ok := ix.Get(path...); ok {
			s = l.Value.String()
		}
	})
	return s
}

func set(t *testing.T, d *automerge.Doc, key string, n int64) {
	t.Helper()
	require.NoError(t, d.Update("test", func(tx *automerge.Tx) error {
		return tx.Edit().Set(amchange.OpID{}, key, amchange.IntValue(n))
	}))
}

func TestServer_ClientsCreateFindAndEdit(t *testing.T) {
	js, p := peers(t), newParty(t, "server")
	addr := p.listen()
	js.Call("repo", args{"repo": "a", "url": addr}, nil)
	js.Call("repo", args{"repo": "b", "url": addr}, nil)
	var url string
	js.Call("create", args{"repo": "a", "content": args{"hello": "world", "n": 1}}, &url)
	meet(t, js, "a", url, p)
	d := p.doc(idOf(t, url))
	require.Equal(t, "world", get(d, "hello"))

	var ok bool
	js.Call("find", args{"repo": "b", "url": url}, &ok)
	require.True(t, ok)
	js.Call("set", args{"repo": "b", "url": url, "path": []string{"from", "b"}, "value": "here"}, nil)
	set(t, d, "server", 7)
	js.Call("set", args{"repo": "a", "url": url, "path": []string{"n"}, "value": 2}, nil)
	meet(t, js, "a", url, p)
	meet(t, js, "b", url, p)
	meet(t, js, "a", url, p)
	var s struct{ Doc map[string]any }
	js.Call("state", args{"repo": "a", "url": url}, &s)
	require.Equal(t, map[string]any{"hello": "world", "n": 2.0, "from": map[string]any{"b": "here"}, "server": 7.0}, s.Doc)

	// What nobody has is unavailable, and that is said at once.
	missing := amrepo.URL{Document: amrepo.DocumentIDOf([16]byte{1, 2, 3})}.String()
	begin := time.Now()
	js.Call("find", args{"repo": "b", "url": missing}, &ok)
	require.False(t, ok)
	require.Less(t, time.Since(begin), 9*time.Second)
}

func TestServer_EditsOfBothSidesWhileApartMeetAgain(t *testing.T) {
	js, p := peers(t), newParty(t, "server")
	addr := p.listen()
	js.Call("repo", args{"repo": "a", "url": addr}, nil)
	var url string
	js.Call("create", args{"repo": "a", "content": args{"n": 1}}, &url)
	meet(t, js, "a", url, p)
	js.Call("offline", args{"repo": "a"}, nil)
	require.Eventually(t, func() bool { return len(p.Peers()) == 0 }, 10*time.Second, 5*time.Millisecond)
	d := p.doc(idOf(t, url))
	set(t, d, "server", 1)
	js.Call("set", args{"repo": "a", "url": url, "path": []string{"client"}, "value": 2}, nil)
	js.Call("online", args{"repo": "a"}, nil)
	meet(t, js, "a", url, p)
	require.Equal(t, "2", get(d, "client"))
}

func TestServer_PassesEphemeralMessagesOnOnce(t *testing.T) {
	js, p := peers(t), newParty(t, "server")
	addr := p.listen()
	var url string
	for i, name := range []string{"a", "b", "c"} {
		js.Call("repo", args{"repo": name, "url": addr}, nil)
		if i == 0 {
			js.Call("create", args{"repo": "a", "content": args{"n": 1}}, &url)
		} else {
			js.Call("find", args{"repo": name, "url": url}, nil)
		}
		meet(t, js, name, url, p)
	}
	for i := range 5 {
		js.Call("say", args{"repo": "a", "url": url, "message": args{"cursor": i}}, nil)
	}
	own, err := cbor.Marshal("from the server")
	require.NoError(t, err)
	p.Broadcast(idOf(t, url), own)
	type said struct {
		SenderID string
		Message  any
	}
	for _, name := range []string{"b", "c"} {
		var got []said
		require.Eventually(t, func() bool {
			js.Call("messages", args{"repo": name}, &got)
			return len(got) >= 6
		}, 10*time.Second, 10*time.Millisecond)
		require.Len(t, got, 6)
	}
	var got []said
	js.Call("messages", args{"repo": "a"}, &got)
	require.Len(t, got, 1, "the author hears the server only")
	require.Equal(t, "from the server", got[0].Message)
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Len(t, p.ephemeral, 5)
}

func TestServer_TakesALargeDocument(t *testing.T) {
	js, p := peers(t), newParty(t, "server")
	addr := p.listen()
	js.Call("repo", args{"repo": "a", "url": addr}, nil)
	js.Call("repo", args{"repo": "b", "url": addr}, nil)
	var url string
	js.Call("create", args{"repo": "a", "content": args{}}, &url)
	js.Call("fill", args{"repo": "a", "url": url, "rows": 10_000}, nil)
	meet(t, js, "a", url, p)
	content, _, err := automerge.NewTarget(p.doc(idOf(t, url)), nil).Read(ctx, []store.Path{{}})
	require.NoError(t, err)
	require.Equal(t, 10_000, content.RowCount("table"))
	require.Equal(t, store.Of("row 77"), content.Cell("table", "r77", "s"))
	var ok bool
	js.Call("find", args{"repo": "b", "url": url}, &ok)
	require.True(t, ok)
	meet(t, js, "b", url, p)
}

func TestClient_OfAJavaScriptServer(t *testing.T) {
	js, p := peers(t), newParty(t, "client")
	var addr string
	js.Call("server", args{"repo": "server"}, &addr)
	js.Call("repo", args{"repo": "a", "url": addr}, nil)
	var url string
	js.Call("create", args{"repo": "a", "content": args{"n": 1}}, &url)
	id := idOf(t, url)
	stop := p.dial(addr)
	require.NoError(t, p.Share(id))
	meet(t, js, "a", url, p)
	set(t, p.doc(id), "go", 5)
	meet(t, js, "a", url, p)

	// Apart and together again.
	stop()
	set(t, p.doc(id), "offline", 6)
	js.Call("set", args{"repo": "a", "url": url, "path": []string{"n"}, "value": 2}, nil)
	p.dial(addr)
	meet(t, js, "a", url, p)
	require.Equal(t, "2", get(p.doc(id), "n"))

	// A document of ours is found by others.
	mine := amrepo.DocumentIDOf([16]byte{9})
	set(t, p.make(mine), "x", 1)
	require.NoError(t, p.Share(mine))
	var ok bool
	mineURL := amrepo.URL{Document: mine}.String()
	require.Eventually(t, func() bool {
		js.Call("find", args{"repo": "a", "url": mineURL}, &ok)
		return ok
	}, 20*time.Second, 50*time.Millisecond)
	meet(t, js, "a", mineURL, p)

	missing := amrepo.DocumentIDOf([16]byte{1, 2, 3})
	require.NoError(t, p.Share(missing))
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return slices.Contains(p.missing, missing)
	}, 10*time.Second, 10*time.Millisecond)
}

// A Store of ours and two of TinyBase share a document. Nothing is lost, whoever writes.
func TestTinyBase_StoresShareADocumentWithOurs(t *testing.T) {
	js, p := peers(t), newParty(t, "server")
	addr := p.listen()
	id := amrepo.DocumentIDOf([16]byte{42})
	url := amrepo.URL{Document: id}.String()
	d := p.make(id)
	require.NoError(t, automerge.NewTarget(d, nil).Seed("test"))
	s := store.New()
	persister := automerge.Bind(s, d, nil)
	require.NoError(t, persister.StartAutoLoad(ctx))
	require.NoError(t, persister.StartAutoSave(ctx))
	defer func() { require.NoError(t, persister.Close(ctx)) }()
	for _, name := range []string{"a", "b"} {
		js.Call("repo", args{"repo": name, "url": addr}, nil)
		var ok bool
		js.Call("find", args{"repo": name, "url": url}, &ok)
		require.True(t, ok, "a document without content is there, for it has been seeded")
		js.Call("bind", args{"repo": name, "url": url}, nil)
	}
	tables := func(name string) (out map[string]map[string]map[string]any) {
		js.Call("store", args{"repo": name, "url": url, "op": "getTables"}, &out)
		return out
	}
	same := func() {
		t.Helper()
		require.Eventually(t, func() bool {
			want := map[string]map[string]map[string]any{}
			snap := s.Snapshot()
			for table := range snap.Tables() {
				want[table] = map[string]map[string]any{}
				for row := range snap.Rows(table) {
					want[table][row] = map[string]any{}
					for cell, v := range snap.Cells(table, row) {
						var x any
						text, _ := v.MarshalJSON()
						_ = json.Unmarshal(text, &x)
						want[table][row][cell] = x
					}
				}
			}
			for _, name := range []string{"a", "b"} {
				got := tables(name)
				a, _ := json.Marshal(want)
				b, _ := json.Marshal(got)
				if string(a) != string(b) {
					return false
				}
			}
			return true
		}, 20*time.Second, 20*time.Millisecond, "the Stores stay different; ours has %v", s.Snapshot())
	}
	js.Call("store", args{"repo": "a", "url": url, "op": "setCell", "args": []any{"pets", "fido", "species", "dog"}}, nil)
	same()
	require.Equal(t, store.Of("dog"), s.Snapshot().Cell("pets", "fido", "species"))
	object, err := store.ParseJSON(`{"a":[1,null]}`)
	require.NoError(t, err)
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		for cell, v := range map[string]store.Value{"price": store.Of(5), "big": store.Of(1e300), "ok": store.Of(true), "none": store.NullValue(),
			"object": object, "constructor": store.Of("odd"), "text": store.Of("é<&> 😀"), "half": store.Of(0.5)} {
			if err := tx.SetCell("pets", "fido", cell, v); err != nil {
				return err
			}
		}
		return tx.SetCell("__proto__x", "toString", "prototype", store.Of(1))
	}))
	same()
	js.Call("store", args{"repo": "b", "url": url, "op": "setRow", "args": []any{"pets", "felix", args{"species": "cat", "n": 1}}}, nil)
	same()
	js.Call("store", args{"repo": "a", "url": url, "op": "delRow", "args": []any{"pets", "fido"}}, nil)
	same()
	for i := range 20 {
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("burst", fmt.Sprint(i), "n", store.Of(i)) }))
	}
	same()
	require.Equal(t, 20, s.Snapshot().RowCount("burst"))
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.DelTables() }))
	same()
	require.Empty(t, tables("a"))
}

func TestFolders_AreExchangedWithJavaScript(t *testing.T) {
	js := peers(t)
	dir := t.TempDir()
	js.Call("repo", args{"repo": "writer", "dir": dir}, nil)
	var url string
	js.Call("create", args{"repo": "writer", "content": args{"n": 0}}, &url)
	for i := range 30 {
		js.Call("set", args{"repo": "writer", "url": url, "path": []string{fmt.Sprint("key", i)}, "value": strings.Repeat("x", i)}, nil)
		js.Call("flush", args{"repo": "writer"}, nil)
	}
	var want []string
	js.Call("heads", args{"repo": "writer", "url": url}, &want)
	js.Call("close", args{"repo": "writer"}, nil)

	folder, err := nodefs.Open(dir)
	require.NoError(t, err)
	ids, err := folder.Documents()
	require.NoError(t, err)
	require.Equal(t, []amrepo.DocumentID{idOf(t, url)}, ids)
	data, err := folder.Load(ids[0])
	require.NoError(t, err)
	d, err := automerge.Load(data, nil)
	require.NoError(t, err)
	require.Equal(t, want, headsOf(d))
	folder.Loaded(ids[0], d.Heads())
	before, err := folder.StorageID(nil)
	require.NoError(t, err)
	for i := range 30 {
		set(t, d, fmt.Sprint("go", i), int64(i))
		require.NoError(t, folder.Save(ids[0], d))
	}

	js.Call("repo", args{"repo": "reader", "dir": dir}, nil)
	var ok bool
	js.Call("find", args{"repo": "reader", "url": url}, &ok)
	require.True(t, ok)
	var got []string
	js.Call("heads", args{"repo": "reader", "url": url}, &got)
	require.Equal(t, headsOf(d), got)
	after, err := folder.StorageID(nil)
	require.NoError(t, err)
	require.Equal(t, before, after)
	js.Call("close", args{"repo": "reader"}, nil)
}
