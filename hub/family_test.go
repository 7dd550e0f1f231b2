package hub_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/hub/roomdb"
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

func TestFamilies_AgreeAfterACrashBetweenTheirRecords(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, dir, two())
	s.ok("PATCH", "/api/rooms/r", `{"tables":{"t":{"r":{"c":1,"gone":true}}}}`)
	r, err := s.hub.Room(ctx, "r")
	require.NoError(t, err)
	var states []*ycrdt.Doc
	for _, family := range []string{"yjs", "second"} {
		state, err := r.Document(family).Snapshot()
		require.NoError(t, err)
		doc := ycrdt.New(nil)
		require.NoError(t, doc.Apply(state, nil))
		states = append(states, doc)
	}
	r.Release()
	s.end()

	// Each document has got a change that the other has not.
	db, err := roomdb.Open(ctx, dir, nil)
	require.NoError(t, err)
	log, err := db.Open(ctx, "r")
	require.NoError(t, err)
	for i, family := range []string{"yjs", "second"} {
		var update []byte
		states[i].OnUpdate(func(e ycrdt.UpdateEvent) { update = e.Update })
		c := store.Changes{Cells: []store.CellChange{{Table: "t", Row: "r", Cell: []string{"c", "gone"}[i], New: []store.Value{store.Of(2), {}}[i]}}}
		require.NoError(t, yjs.NewTarget(states[i], nil).Write(ctx, "test", c, nil))
		_, err := log.Append(roomdb.Record{Family: family, Data: update})
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	require.NoError(t, db.Close())

	s = serve(t, dir, two())
	agree(t, s, "r", "+ t/r/c 2\n")
	s.end()
	agree(t, serve(t, dir, two()), "r", "+ t/r/c 2\n")
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
