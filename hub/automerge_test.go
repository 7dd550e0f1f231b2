//go:build cgo

package hub_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/hub/roomdb"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// repo is an Automerge client with one document and a Store bound to it.
type repo struct {
	peer
	id   amrepo.DocumentID
	doc  *automerge.Doc
	name string

	mu      sync.Mutex
	missing bool
	heard   []amrepo.Ephemeral

	r *amrepo.Repo
}

// newRepo makes a client for the document of a URL.
func newRepo(t testing.TB, name, url string) *repo {
	t.Helper()
	u, err := amrepo.ParseURL(url)
	require.NoError(t, err)
	c := &repo{peer: peer{t: t, store: store.New()}, id: u.Document, name: name}
	c.doc, err = automerge.New(nil)
	require.NoError(t, err)
	p := automerge.Bind(c.store, c.doc, nil)
	require.NoError(t, p.StartAutoLoad(ctx))
	require.NoError(t, p.StartAutoSave(ctx))
	t.Cleanup(func() { c.disconnect(); require.NoError(t, p.Close(ctx)) })
	return c
}

func (c *repo) Open(id amrepo.DocumentID) (amrepo.Doc, error) {
	if id != c.id {
		return nil, nil
	}
	return c.doc, nil
}

func (c *repo) Create(amrepo.DocumentID) (amrepo.Doc, error) { return nil, fmt.Errorf("not wanted") }

func (c *repo) connect(s *server, query string) *repo {
	c.t.Helper()
	c.r = amrepo.New(c, &amrepo.Options{ID: amrepo.PeerID(c.name), StorageID: amrepo.StorageID(c.name + "'s"),
		OnUnavailable: func(amrepo.DocumentID) { c.mu.Lock(); c.missing = true; c.mu.Unlock() },
		OnEphemeral:   func(e amrepo.Ephemeral) { c.mu.Lock(); c.heard = append(c.heard, e); c.mu.Unlock() },
	})
	conn, err := ws.Dial(ctx, strings.Replace(s.http.URL, "http", "ws", 1)+"/automerge"+query, &ws.Options{ReadLimit: 64 << 20})
	require.NoError(c.t, err)
	c.run(c.r.Dial(), conn)
	require.Eventually(c.t, func() bool { return len(c.r.Peers()) == 1 }, 20*time.Second, time.Millisecond)
	require.NoError(c.t, c.r.Share(c.id))
	return c
}

func (c *repo) disconnect() {
	if c.cancel != nil {
		c.peer.disconnect()
		c.r.Close()
	}
}

// address is the URL of a room's document.
func (s *server) address(room string) string {
	s.t.Helper()
	r := s.get("/api/rooms/" + url.PathEscape(room))
	require.Equal(s.t, 200, r.StatusCode, r.body)
	var got struct{ AutomergeURL string }
	require.NoError(s.t, json.Unmarshal([]byte(r.body), &got))
	return got.AutomergeURL
}

func TestAutomerge_ClientsOfAllFamiliesAndRequestsEditOneTable(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	s.ok("PATCH", "/api/rooms/garden%2F1", `{"tables":{"pets":{"fido":{"species":"dog"}}}}`)
	address := s.address("garden/1")
	y, b, a := newClient(s, "garden/1").connect(""), newStamped(s, "garden/1").connect(""), newRepo(t, "a", address).connect(s, "")
	for _, holds := range []func(string){y.holds, b.holds, a.holds} {
		holds("+ pets/fido/species \"dog\"\n")
	}
	a.set("pets", "fido", "price", store.Of(5))
	y.holds("+ pets/fido/price 5\n+ pets/fido/species \"dog\"\n")
	y.set("pets", "felix", "species", store.Of("cat"))
	b.holds("+ pets/felix/species \"cat\"\n+ pets/fido/price 5\n+ pets/fido/species \"dog\"\n")
	b.set("pets", "felix", "price", store.Of(2.5))
	s.ok("PATCH", "/api/rooms/garden%2F1", `{"tables":{"pets":{"fido":{"tags":["a",{"b":null}]}}},"values":{"open":true}}`)
	want := "+ pets/felix/price 2.5\n+ pets/felix/species \"cat\"\n+ pets/fido/price 5\n+ pets/fido/species \"dog\"\n+ pets/fido/tags [\"a\",{\"b\":null}]\n+ :open true\n"
	for _, holds := range []func(string){y.holds, b.holds, a.holds} {
		holds(want)
	}
	require.Equal(t, []string{"garden/1"}, s.rooms(""))

	// One is away while others go on and the server is started again.
	a.disconnect()
	a.set("pets", "fido", "name", store.Of("Fido"))
	s.ok("DELETE", "/api/rooms/garden%2F1/tables/pets/felix", "")
	b.disconnect()
	y.disconnect()
	before := s.content("garden/1")
	s.end()
	s = serve(t, dir, nil)
	require.Equal(t, before, s.content("garden/1"))
	require.Equal(t, address, s.address("garden/1"))
	a.connect(s, "")
	s.eventually("garden/1", `{"pets":{"fido":{"name":"Fido","price":5,"species":"dog","tags":["a",{"b":null}]}}}`, `{"open":true}`)
	a.holds("+ pets/fido/name \"Fido\"\n+ pets/fido/price 5\n+ pets/fido/species \"dog\"\n+ pets/fido/tags [\"a\",{\"b\":null}]\n+ :open true\n")
}

func TestAutomerge_AClientMakesTheFirstEditOfARoom(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	address := s.address("новая комната")
	require.Empty(t, s.rooms(""), "asking stores nothing")
	c := newRepo(t, "c", address).connect(s, "")
	require.Eventually(t, func() bool { return len(c.doc.Heads()) == 1 }, 20*time.Second, time.Millisecond)
	s.end()
	c.disconnect()
	c.set("t", "r", "c", store.Of("first"))
	s = serve(t, dir, nil) // knows the room of the document, because it was found
	c.connect(s, "")
	s.eventually("новая комната", `{"t":{"r":{"c":"first"}}}`, `{}`)
	require.Equal(t, []string{"новая комната"}, s.rooms(""))
}

func TestAutomerge_ADocumentOfAClientsOwnBecomesARoom(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	id := amrepo.DocumentIDOf([16]byte{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89})
	address := amrepo.URL{Document: id}.String()
	early := newRepo(t, "early", address).connect(s, "")
	require.Eventually(t, func() bool { early.mu.Lock(); defer early.mu.Unlock(); return early.missing }, 20*time.Second, time.Millisecond)
	early.disconnect()
	require.Empty(t, s.rooms(""))

	c := newRepo(t, "c", address)
	c.set("t", "r", "c", store.Of(1))
	c.connect(s, "")
	s.eventually(address, `{"t":{"r":{"c":1}}}`, `{}`)
	require.Equal(t, address, s.address(address))
	require.Equal(t, []string{address}, s.rooms(""))
	newClient(s, address).connect("").holds("+ t/r/c 1\n")
	c.disconnect()
	s.end()
	s = serve(t, dir, nil)
	newRepo(t, "d", address).connect(s, "").holds("+ t/r/c 1\n")
	s.ok("PUT", "/api/rooms/"+url.PathEscape(address)+"/tables/t/r/c", "2")
	c.connect(s, "").holds("+ t/r/c 2\n")
}

func TestAutomerge_EphemeralMessagesReachOthersOnceAndWithTheirAuthor(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	s.ok("PUT", "/api/rooms/r/values/v", "1")
	s.ok("PUT", "/api/rooms/other/values/v", "1")
	a, b, c := newRepo(t, "a", s.address("r")).connect(s, ""), newRepo(t, "b", s.address("r")).connect(s, ""), newRepo(t, "c", s.address("other")).connect(s, "")
	for _, x := range []*repo{a, b, c} {
		x.holds("+ :v 1\n")
	}
	data, err := cbor.Marshal("hello")
	require.NoError(t, err)
	for range 3 {
		a.r.Broadcast(a.id, data)
	}
	heard := func(x *repo) []amrepo.Ephemeral { x.mu.Lock(); defer x.mu.Unlock(); return x.heard }
	require.Eventually(t, func() bool { return len(heard(b)) == 3 }, 20*time.Second, time.Millisecond)
	s.ok("PUT", "/api/rooms/other/values/v", "2")
	c.holds("+ :v 2\n")
	require.Len(t, heard(b), 3)
	require.Equal(t, amrepo.PeerID("a"), heard(b)[0].Author)
	require.Empty(t, heard(a))
	require.Empty(t, heard(c))
}

func TestAutomerge_WhoMayOnlyReadSeesAndChangesNothing(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Auth: hub.Tokens("rw", "ro")})
	do := func(method, path, body string) {
		r := s.do(method, path, body, "Authorization", "Bearer rw", "Content-Type", "application/json")
		require.Equal(t, 200, r.StatusCode, r.body)
	}
	do("PUT", "/api/rooms/r/tables/t/r/c", "1")
	var room struct{ AutomergeURL string }
	require.NoError(t, json.Unmarshal([]byte(s.do("GET", "/api/rooms/r", "", "Authorization", "Bearer ro").body), &room))
	reader, writer := newRepo(t, "reader", room.AutomergeURL).connect(s, "?token=ro"), newRepo(t, "writer", room.AutomergeURL).connect(s, "?token=rw")
	writer.holds("+ t/r/c 1\n")
	reader.holds("+ t/r/c 1\n")
	reader.set("t", "mine", "d", store.Of(2))
	writer.set("t", "r", "c", store.Of(3))
	reader.holds("+ t/mine/d 2\n+ t/r/c 3\n")
	reader.set("t", "mine", "d", store.Of(4))
	writer.set("t", "r", "c", store.Of(5))
	reader.holds("+ t/mine/d 4\n+ t/r/c 5\n")
	writer.holds("+ t/r/c 5\n")

	// Others find nothing, and readers make nothing.
	_, status := s.dial("/automerge", nil)
	require.Equal(t, 101, status, "the room is checked, not the connection")
	none := newRepo(t, "none", room.AutomergeURL).connect(s, "?token=no")
	require.Eventually(t, func() bool { none.mu.Lock(); defer none.mu.Unlock(); return none.missing }, 20*time.Second, time.Millisecond)
	own := newRepo(t, "own", amrepo.URL{Document: amrepo.DocumentIDOf([16]byte{9, 6: 0x40, 8: 0x80})}.String())
	own.set("t", "r", "c", store.Of(1))
	own.connect(s, "?token=ro")
	reader.set("t", "mine", "d", store.Of(6))
	writer.set("t", "r", "c", store.Of(7))
	reader.holds("+ t/mine/d 6\n+ t/r/c 7\n")
	require.JSONEq(t, `{"rooms":[{"room":"r"}]}`, s.do("GET", "/api/rooms", "", "Authorization", "Bearer rw").body)
}

func TestAutomerge_StoredChangesThatCannotBeReadAreNotOverwritten(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "r", roomdb.Record{Family: "automerge", Data: []byte("no change")})
	s := serve(t, dir, nil)
	problem(t, s.get("/api/rooms/r"), 503)
	problem(t, s.patch("/api/rooms/r", `{"values":{"v":1}}`), 503)
	s.holds("other", `{}`, `{}`)
}

func TestPeers_OfAutomergeAreInTheRoomsWhoseDocumentsTheyHave(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	a := newRepo(t, "a", s.address("r")).connect(s, "")
	s.peers("r", "automerge write")
	s.peers("other", "")
	newClient(s, "r").connect("")
	s.peers("r", "automerge write, yjs write")
	a.disconnect()
	s.peers("r", "yjs write")
}
