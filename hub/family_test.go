package hub_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/store"
)

// second is another family with documents like those of Yjs, to have two in one room.
type second struct{ hub.Family }

func (second) Name() string { return "second" }

// two are the options of a hub with two families.
func two() *hub.Options { return &hub.Options{Families: []hub.Family{hub.Yjs(), second{hub.Yjs()}}} }

// one are the options of a hub with one family.
func one() *hub.Options { return &hub.Options{Families: []hub.Family{hub.Yjs()}} }

// decoded says what a document of a room decodes to.
func decoded(t testing.TB, r *hub.Room, family string) string {
	t.Helper()
	state, err := r.Document(family).Snapshot()
	require.NoError(t, err)
	doc := ycrdt.New(nil)
	require.NoError(t, doc.Apply(state, nil))
	content, _, err := yjs.NewTarget(doc, nil).Read(ctx, []store.Path{{}})
	require.NoError(t, err)
	return store.Diff(nil, content).String()
}

func agree(t testing.TB, s *server, room, want string) {
	t.Helper()
	r, err := s.hub.Room(ctx, room)
	require.NoError(t, err)
	defer r.Release()
	require.Equal(t, want, store.Diff(nil, r.Store().Snapshot()).String())
	require.Equal(t, want, decoded(t, r, "yjs"))
	require.Equal(t, want, decoded(t, r, "second"))
}

func TestFamilies_OfARoomAgree(t *testing.T) {
	dir := t.TempDir()
	o := two()
	o.Limits.CompactRecords = 20
	s := serve(t, dir, o)
	c := newClient(s, "r").connect("")
	c.set("t", "r", "c", store.Of(1))
	s.eventually("r", `{"t":{"r":{"c":1}}}`, `{}`)
	s.ok("PATCH", "/api/rooms/r", `{"values":{"v":2}}`)
	agree(t, s, "r", "+ t/r/c 1\n+ :v 2\n")

	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 50 {
				c.set("t", fmt.Sprint("c", i), "n", store.Of(n))
				s.do("PUT", fmt.Sprintf("/api/rooms/r/tables/t/h%d/n", i), fmt.Sprint(n))
			}
		})
	}
	all.Wait()
	want := "+ t/c0/n 49\n+ t/c1/n 49\n+ t/c2/n 49\n+ t/c3/n 49\n+ t/h0/n 49\n+ t/h1/n 49\n+ t/h2/n 49\n+ t/h3/n 49\n+ t/r/c 1\n+ :v 2\n"
	c.holds(want)
	agree(t, s, "r", want)
	c.disconnect()
	s.end()
	agree(t, serve(t, dir, two()), "r", want)
}

// slow is a family that waits before it saves, once, when it has been armed.
type slow struct {
	second
	armed  *atomic.Bool
	saving chan struct{} // gets an element when it would save
	goOn   chan struct{} // and waits for one
}

func (f slow) Open(host hub.Host) (hub.Document, error) {
	save := host.Save
	host.Save = func(update []byte, own bool) {
		if f.armed.Swap(false) {
			f.saving <- struct{}{}
			<-f.goOn
		}
		save(update, own)
	}
	return f.second.Open(host)
}

// stored counts the records of each family that have been committed.
func stored(t testing.TB, dir string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "rooms.db")+"?mode=ro")
	require.NoError(t, err)
	defer db.Close()
	rows, err := db.Query("SELECT family, count(*) FROM entry GROUP BY family")
	require.NoError(t, err)
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var family string
		var n int
		require.NoError(t, rows.Scan(&family, &n))
		out[family] = n
	}
	require.NoError(t, rows.Err())
	return out
}

func TestFamilies_AreStoredTogetherWhoeverElseComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	f := slow{second{hub.Yjs()}, new(atomic.Bool), make(chan struct{}), make(chan struct{})}
	s := serve(t, dir, &hub.Options{Families: []hub.Family{hub.Yjs(), f}})
	s.ok("PATCH", "/api/rooms/r", `{"values":{"v":1}}`)
	require.Equal(t, map[string]int{"yjs": 1, "second": 1}, stored(t, dir))
	client := newClient(s, "r").connect("")
	client.holds("+ :v 1\n")

	f.armed.Store(true)
	patched := make(chan response)
	go func() { patched <- s.patch("/api/rooms/r", `{"values":{"v":2}}`) }()
	<-f.saving // the one document has saved the change, and the other one has not
	other := newClient(s, "r").connect("")
	time.Sleep(20 * time.Millisecond)
	require.Equal(t, map[string]int{"yjs": 1, "second": 1}, stored(t, dir))
	client.holds("+ :v 1\n")

	f.goOn <- struct{}{}
	require.Equal(t, 200, (<-patched).StatusCode)
	require.Equal(t, map[string]int{"yjs": 2, "second": 2}, stored(t, dir))
	client.holds("+ :v 2\n")
	other.holds("+ :v 2\n")
}

func TestFamilies_AreToldWhatTheServerHasWrittenOnlyWhenItIsStored(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, nil)
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":0}}}}`)
	y, y2, b := newClient(s, "r").connect(""), newClient(s, "r").connect(""), newStamped(s, "r").connect("")
	y.holds("+ t/r/c 0\n")
	y2.holds("+ t/r/c 0\n")
	b.holds("+ t/r/c 0\n")
	before := stored(t, dir)

	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "rooms.db")+"?_txlock=immediate")
	require.NoError(t, err)
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil) // nobody else can write
	require.NoError(t, err)
	y.set("t", "r", "c", store.Of(1))
	y2.holds("+ t/r/c 1\n") // a client's own words, which it would repeat
	s.eventually("r", `{"t":{"r":{"c":1}}}`, `{}`)
	time.Sleep(50 * time.Millisecond)
	require.Equal(t, "+ t/r/c 0\n", store.Diff(nil, b.store.Snapshot()).String(), "a copy that nobody else could repeat")
	require.Equal(t, before, stored(t, dir))
	require.NoError(t, tx.Rollback())
	b.holds("+ t/r/c 1\n")
	for family, n := range stored(t, dir) {
		require.Equal(t, before[family]+1, n)
	}
}

func TestFamilies_ThatAreNewGetWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, one())
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1}}}}`)
	s.end()
	s = serve(t, dir, two())
	agree(t, s, "r", "+ t/r/c 1\n")
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":2}}}}`)
	s.end()
	agree(t, serve(t, dir, two()), "r", "+ t/r/c 2\n")
}

func TestFamilies_ThatAreMissingMakeARoomUnusableAndLoseNothing(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, two())
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1}}}}`)
	s.end()
	failed := make(chan error, 10)
	o := one()
	o.Events.RoomFailed = func(_ string, err error) { failed <- err }
	s = serve(t, dir, o)
	require.Contains(t, problem(t, s.get("/api/rooms/r"), 503).Detail, `family "second"`)
	require.ErrorContains(t, <-failed, `family "second"`)
	s.holds("other", `{}`, `{}`)
	s.end()
	agree(t, serve(t, dir, two()), "r", "+ t/r/c 1\n")
}

func TestPlain_KeepsATableWithoutDocuments(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plain")
	o := &hub.Options{Families: []hub.Family{hub.Plain()}, Limits: hub.Limits{CompactRecords: 5}, IdleAfter: time.Millisecond}
	s := serve(t, dir, o)
	for i := range 30 {
		s.ok("PATCH", "/api/rooms/r", fmt.Sprintf(`{"tables":{"t":{"%d":{"c":%d},"%d":null}},"values":{"v":{"n":%d}}}`, i, i, i-2, i))
		s.ok("PUT", "/api/rooms/r/values/null", "null")
	}
	s.end()
	s = serve(t, dir, o)
	s.holds("r", `{"t":{"28":{"c":28},"29":{"c":29}}}`, `{"null":null,"v":{"n":29}}`)
	_, status := s.dial("/yjs/r", nil)
	require.Equal(t, 404, status)
}
