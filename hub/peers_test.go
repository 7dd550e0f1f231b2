package hub_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
)

// peers waits until those connected to a room are as wanted: "yjs write, tinybase read".
func (s *server) peers(room, want string) {
	s.t.Helper()
	var got string
	require.Eventually(s.t, func() bool {
		r := s.get("/api/rooms/" + url.PathEscape(room) + "/peers")
		require.Equal(s.t, 200, r.StatusCode, r.body)
		var all struct {
			Peers []struct{ Family, Since, Access string }
		}
		require.NoError(s.t, json.Unmarshal([]byte(r.body), &all))
		require.NotNil(s.t, all.Peers)
		var lines []string
		for _, p := range all.Peers {
			at, err := time.Parse(time.RFC3339, p.Since)
			require.NoError(s.t, err)
			require.Equal(s.t, time.UTC, at.Location())
			lines = append(lines, p.Family+" "+p.Access)
		}
		got = strings.Join(lines, ", ")
		return got == want
	}, 20*time.Second, 5*time.Millisecond, "wanted %q", want)
}

func TestPeers_AreListedInTheOrderInWhichTheyCame(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	s.peers("garden/ü", "")
	s.follow("/api/rooms/garden%2F%C3%BC/events")
	s.peers("garden/ü", "") // an event stream is no peer
	b := newStamped(s, "garden/ü").connect("")
	s.peers("garden/ü", "tinybase write")
	y := newClient(s, "garden/ü").connect("")
	s.peers("garden/ü", "tinybase write, yjs write")
	newClient(s, "garden/ü").connect("")
	newClient(s, "garden/Ü").connect("")
	s.peers("garden/ü", "tinybase write, yjs write, yjs write")
	s.peers("garden/Ü", "yjs write")
	b.disconnect()
	s.peers("garden/ü", "yjs write, yjs write")
	b.connect("")
	s.peers("garden/ü", "yjs write, yjs write, tinybase write")
	y.disconnect()
	s.peers("garden/ü", "yjs write, tinybase write")
	require.Empty(t, s.rooms(""), "to connect and to ask store nothing")
}

func TestPeers_SayNothingButFamilyTimeAndAccess(t *testing.T) {
	now := time.Date(2026, 1, 31, 13, 0, 0, 7_900_000, time.FixedZone("", 3600))
	s := serve(t, t.TempDir(), &hub.Options{Auth: hub.Tokens("all", "look"), Now: func() time.Time { return now }})
	newClient(s, "r").connect("?token=look")
	body := func() string { return s.get("/api/rooms/r/peers?token=look").body }
	one := `{"family":"yjs","since":"2026-01-31T12:00:00.007Z","access":"read"}`
	require.Eventually(t, func() bool { return body() == `{"peers":[`+one+"]}\n" }, 20*time.Second, time.Millisecond)
	newStamped(s, "r").connect("?token=all")
	two := `{"family":"tinybase","since":"2026-01-31T12:00:00.007Z","access":"write"}`
	require.Eventually(t, func() bool { return body() == `{"peers":[`+one+","+two+"]}\n" }, 20*time.Second, time.Millisecond)
}

func TestPeers_CountInEachRoomThatAConnectionHasOpen(t *testing.T) {
	s := serve(t, t.TempDir(), nil)
	one, _ := sharedSocket(s)
	s.peers("one", "tinybase write")
	s.peers("a/two", "tinybase write")
	one.disconnect()
	s.peers("one", "")
	s.peers("a/two", "")
}

func TestPeers_FollowTheRulesOfTheAddressesBesideThem(t *testing.T) {
	s := serve(t, t.TempDir(), &hub.Options{Auth: hub.Tokens("all", "look")})
	for _, what := range []string{"peers", "conflicts"} {
		at := "/api/rooms/r/" + what
		problem(t, s.get(at), 401)
		r := s.do("POST", at+"?token=look", "")
		problem(t, r, 405)
		require.Equal(t, "GET, HEAD, OPTIONS", r.Header.Get("Allow"))
		r = s.get(at + "?token=look")
		require.Equal(t, http.StatusOK, r.StatusCode)
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
		require.Equal(t, `{"`+what+"\":[]}\n", r.body)
		require.Empty(t, s.do("HEAD", at+"?token=look", "").body)
		problem(t, s.get(at+"/x?token=look"), 404)
		for _, room := range []string{"%00", "..", "%2E", strings.Repeat("x", 1025)} {
			problem(t, s.get("/api/rooms/"+room+"/"+what+"?token=look"), 400)
		}
		require.Equal(t, 200, s.get("/api/rooms/"+what+"/"+what+"?token=look").StatusCode, "a room may be called so")
	}
}

// Whoever asks who is there neither loads a room nor keeps it.
func TestPeers_DoNotKeepARoomInMemory(t *testing.T) {
	gone := make(chan string, 10)
	o := &hub.Options{IdleAfter: 20 * time.Millisecond}
	o.Events.RoomUnloaded = func(room string) { gone <- room }
	s := serve(t, t.TempDir(), o)
	c := newClient(s, "r").connect("")
	s.peers("r", "yjs write")
	c.disconnect()
	for left := false; !left; {
		s.get("/api/rooms/r/peers")
		select {
		case room := <-gone:
			require.Equal(t, "r", room)
			left = true
		default:
		}
	}
	s.peers("r", "")
	require.Contains(t, s.get("/metrics").body, "\nrowloom_room_load_seconds_count 1\n")
}
