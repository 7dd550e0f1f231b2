package tinybase_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each test here is named after a weakness that was demonstrated in TinyBase 10.0.1, and asserts our outcome.

// frames collects what a session says.
func frames(t *testing.T, out [][]byte, err error) []string {
	t.Helper()
	require.NoError(t, err)
	texts := []string{}
	for _, f := range out {
		texts = append(texts, string(f))
	}
	return texts
}

// enter makes a session in a room for a client that tests play by hand.
func enter(t *testing.T, room *tinybase.Room, o *tinybase.Options) *tinybase.Session {
	t.Helper()
	s, _ := room.Session(o)
	t.Cleanup(s.Close)
	first, err := s.Start()
	require.Empty(t, frames(t, first, err))
	return s
}

func say(t *testing.T, s *tinybase.Session, frame string) []string {
	t.Helper()
	out, err := s.Receive([]byte(frame))
	return frames(t, out, err)
}

func poll(t *testing.T, s *tinybase.Session) []string {
	t.Helper()
	out, err := s.Poll()
	return frames(t, out, err)
}

const stampS1 = "NjEtLV-----7JQY8" // of epoch

func diff(cells string) string {
	return "\n[\"x\",3,[[{\"t\":[{\"r\":[{" + cells + "}]}]}],[{}],1]]"
}

// hosting is a server that keeps its paths in files.
func hosting(t *testing.T, dir string, c *clock, o *tinybase.ServerOptions) (s *tinybase.Server, url string) {
	var files sync.Map // of a path's File: paths open and shut beside each other
	if o == nil {
		o = &tinybase.ServerOptions{}
	}
	open := o.Open
	o.Open = func(ctx context.Context, path string) (*mergeable.Store, error) {
		if open != nil {
			if _, err := open(ctx, path); err != nil {
				return nil, err
			}
		}
		m, err := mergeable.New(store.New(), &mergeable.Options{Now: c.now})
		if err != nil {
			return nil, err
		}
		f, _, err := mergeable.OpenFile(m, filepath.Join(dir, mergeable.FileName(path)), &mergeable.FileOptions{Every: time.Hour})
		if err != nil {
			return nil, err
		}
		files.Store(m, f)
		return m, nil
	}
	o.Shut = func(_ string, m *mergeable.Store) error {
		f, _ := files.Load(m)
		return f.(*mergeable.File).Close()
	}
	s = tinybase.NewServer(o)
	h := serving(t, s)
	return s, "ws" + strings.TrimPrefix(h.URL, "http")
}

// serving has a server answer until the test is over, and after its clients have left.
func serving(t *testing.T, s *tinybase.Server) *httptest.Server {
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		h.Close()
	})
	return h
}

func dial(t *testing.T, url string) *ws.Conn {
	t.Helper()
	c, err := ws.Dial(context.Background(), url, &ws.Options{Kind: ws.Text})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(synchronizer.CodeNormal, "") })
	return c
}

func ask(t *testing.T, c *ws.Conn, frame string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, c.Write(ctx, []byte(frame)))
	answer, err := c.Read(ctx)
	require.NoError(t, err)
	return string(answer)
}

func TestWeakness_FileWipedIfServerClockIsBehind(t *testing.T) {
	dir := t.TempDir()
	m := newStore(t, "s1", &clock{epoch})
	set(t, m, "t/r/c", store.Of("kept"))
	text := m.AppendContent(nil)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "room"), text, 0o644))
	s, url := hosting(t, dir, &clock{epoch - 3_600_000}, nil)
	c := dial(t, url+"/room")
	require.Contains(t, ask(t, c, "S\n[\"x\",4,{}]"), `"kept"`)
	require.NoError(t, c.Close(synchronizer.CodeNormal, ""))
	s.Close()
	after, err := os.ReadFile(filepath.Join(dir, "room"))
	require.NoError(t, err)
	require.Equal(t, string(text), string(after))
}

func TestWeakness_TruncatedFileWiped(t *testing.T) {
	dir := t.TempDir()
	m := newStore(t, "s1", nil)
	set(t, m, "t/r/c", store.Of("kept"))
	text := m.AppendContent(nil)
	text = text[:len(text)-3]
	require.NoError(t, os.WriteFile(filepath.Join(dir, "room"), text, 0o644))
	failed := make(chan error, 1)
	s, url := hosting(t, dir, &clock{epoch}, &tinybase.ServerOptions{OnError: func(_, _ string, err error) { failed <- err }})
	c := dial(t, url+"/room")
	_, err := c.Read(context.Background())
	require.Error(t, err, "the client is sent away")
	var corrupt *mergeable.CorruptError
	require.ErrorAs(t, <-failed, &corrupt)
	s.Close()
	after, err := os.ReadFile(filepath.Join(dir, "room"))
	require.NoError(t, err)
	require.Equal(t, string(text), string(after))
}

func TestWeakness_DeliveredWritesLostOnLastDisconnect(t *testing.T) {
	dir := t.TempDir()
	_, url := hosting(t, dir, &clock{epoch}, nil) // its files are written by the hour
	for round := range 3 {
		c := dial(t, url+"/room")
		for i := range 5 {
			stamp := hlc.New(epoch, uint64(round*10+i), 7)
			require.NoError(t, c.Write(context.Background(), []byte(diff(fmt.Sprintf(`"n":[%d,"%s"]`, round*5+i, stamp)))))
		}
		ask(t, c, "\n[\"x\",1,\"\"]")
		require.NoError(t, c.Close(synchronizer.CodeNormal, ""))
		again := dial(t, url+"/room")
		require.Contains(t, ask(t, again, "S\n[\"x\",4,{}]"), fmt.Sprintf(`"n":[%d,`, round*5+4))
		require.NoError(t, again.Close(synchronizer.CodeNormal, ""))
	}
}

func TestWeakness_FirstClientGetsDefaults(t *testing.T) {
	m := newStore(t, "server", nil)
	set(t, m, "t/r/c", store.Of("stored"))
	s := enter(t, tinybase.NewRoom(m, nil), nil)
	a, b := m.Hashes()
	require.Equal(t, []string{fmt.Sprintf("S\n[\"x\",0,[%d,%d]]", a, b)}, say(t, s, "\n[\"x\",1,\"\"]"), "the answer comes at once")
}

func TestWeakness_FirstClientDownloadsTwice(t *testing.T) {
	server, client := newStore(t, "server", nil), newStore(t, "client", nil)
	fill(t, server, "t", 10, "x")
	s, _ := tinybase.NewRoom(server, nil).Session(nil)
	p := synchronizer.NewPipe(tinybase.NewClient(client, nil), s)
	downloads := 0
	p.Tap = func(from int, msg []byte) {
		if from == 1 && strings.Contains(string(msg), `"r9"`) {
			downloads++
		}
	}
	require.NoError(t, p.Pump())
	require.Equal(t, 1, downloads)
	p.Close()
}

func TestWeakness_ClientIDHijack(t *testing.T) {
	s := tinybase.NewServer(nil)
	h := serving(t, s)
	for range 2 { // the same key twice; TinyBase takes it for the client's id
		c, _, err := websocket.Dial(context.Background(), h.URL+"/room", &websocket.DialOptions{HTTPHeader: http.Header{"Sec-Websocket-Key": []string{"Y2xpZW50LTAwMDAwMDAwMQ=="}}})
		require.NoError(t, err)
		defer func() { _ = c.CloseNow() }()
	}
	require.Eventually(t, func() bool { return len(s.Clients("room")) == 2 }, 10*time.Second, time.Millisecond)
	ids := s.Clients("room")
	require.NotEqual(t, ids[0], ids[1])
	require.NotContains(t, ids, "Y2xpZW50LTAwMDAwMDAwMQ==")
}

func TestWeakness_NoAuthAnyPath(t *testing.T) {
	s := tinybase.NewServer(&tinybase.ServerOptions{
		Path: func(r *http.Request) (string, error) {
			if r.URL.Query().Get("token") != "secret" {
				return "", errors.New("a token is needed")
			}
			return strings.TrimPrefix(r.URL.Path, "/"), nil
		},
		Open: func(_ context.Context, path string) (*mergeable.Store, error) {
			if path != "mine" {
				return nil, synchronizer.Errorf(4403, "not yours")
			}
			return mergeable.New(store.New(), nil)
		},
		Session: tinybase.Options{ReadOnly: true},
	})
	h := serving(t, s)
	_, err := ws.Dial(context.Background(), h.URL+"/mine", nil)
	var handshake *ws.HandshakeError
	require.ErrorAs(t, err, &handshake)
	require.Equal(t, 400, handshake.Status)
	_, err = dial(t, h.URL+"/theirs?token=secret").Read(context.Background())
	require.Equal(t, synchronizer.Code(4403), synchronizer.CodeOf(err))
	c := dial(t, h.URL+"/mine?token=secret")
	require.NoError(t, c.Write(context.Background(), []byte(diff(`"c":["owned","`+stampS1+`"]`))))
	require.Contains(t, ask(t, c, "\n[\"x\",1,\"\"]"), "[0,0]", "who may only read changes nothing")
	require.Equal(t, []string{"mine"}, s.Paths())
	require.NoError(t, c.Close(synchronizer.CodeNormal, ""))
}

func TestWeakness_PathHandling(t *testing.T) {
	dir := t.TempDir()
	s, url := hosting(t, dir, &clock{epoch}, nil)
	paths := []string{"a/b", "a-b", "a%2fb", "%2e%2e/x", strings.Repeat("x", 500)}
	for i, path := range paths {
		c := dial(t, url+"/"+path)
		require.NoError(t, c.Write(context.Background(), []byte(diff(fmt.Sprintf(`"c":[%d,"%s"]`, i, stampS1)))))
		ask(t, c, "\n[\"x\",1,\"\"]")
		require.NoError(t, c.Close(synchronizer.CodeNormal, ""))
	}
	s.Close()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, len(paths), "each path has a file of its own, and all are here")
}

func TestWeakness_OldPeersCrashOnGarbage(t *testing.T) {
	relay := tinybase.NewRelay(nil)
	bad, _ := relay.Session()
	other, _ := relay.Session()
	defer bad.Close()
	defer other.Close()
	_, err := bad.Receive([]byte("\nnot json"))
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err))
	require.Equal(t, "tinybase:14", synchronizer.ReasonOf(err))
	out, err := other.Poll()
	require.Empty(t, frames(t, out, err), "one bad frame closes one socket")
}

func TestWeakness_ReconnectIsDeaf(t *testing.T) {
	server, client := newStore(t, "server", nil), newStore(t, "client", nil)
	room := tinybase.NewRoom(server, nil)
	for i := range 3 {
		s, _ := room.Session(nil)
		p := synchronizer.NewPipe(tinybase.NewClient(client, nil), s)
		require.NoError(t, p.Pump())
		equal(t, server, client)
		set(t, server, fmt.Sprintf("t/r/live%d", i), store.Of(i))
		require.NoError(t, p.Pump())
		equal(t, server, client)
		p.Close() // the connection is lost
		set(t, server, fmt.Sprintf("t/r/missed%d", i), store.Of(i))
		set(t, client, fmt.Sprintf("t/r/offline%d", i), store.Of(i))
	}
}

func TestWeakness_ReconnectByTheSocketItselfForgetsWhatWasOnTheWay(t *testing.T) {
	for _, access := range []string{"may write", "may only read"} {
		t.Run(access, func(t *testing.T) {
			c := &clock{epoch}
			server, client := newStore(t, "server", c), newStore(t, "client", c)
			room := tinybase.NewRoom(server, &tinybase.Options{Now: c.now})
			s, _ := room.Session(nil)
			peer := tinybase.NewClient(client, &tinybase.Options{Now: c.now})
			defer peer.Close()
			p := synchronizer.NewPipe(peer, s)
			require.NoError(t, p.Pump())
			s.Close() // the connection is lost, and with it what is sent now
			set(t, client, "t/r/sent", store.Of(1))
			set(t, server, "t/r/missed", store.Of(2))
			require.Len(t, spoken(t, peer), 1)

			o := &tinybase.Options{Now: c.now, ReadOnly: access == "may only read"}
			again := enter(t, room, o) // the client does not notice: it does not start anew
			require.Empty(t, poll(t, again))
			require.Equal(t, c.now().Add(2*time.Second), again.Next())
			c.millis += 2000
			talk(t, peer, again, spoken(t, again))
			require.Equal(t, store.Of(2), client.Store().Snapshot().Cell("t", "r", "missed"))
			if o.ReadOnly {
				require.False(t, store.Exists(server.Store().Snapshot(), store.Cell("t", "r", "sent")))
			} else {
				equal(t, server, client)
			}
			c.millis += 3_600_000
			_ = poll(t, again)
			require.Empty(t, poll(t, again), "at rest nothing is sent")
			require.True(t, again.Next().IsZero())
		})
	}
}

// spoken returns what a session has to say, as it is sent.
func spoken(t *testing.T, s *tinybase.Session) [][]byte {
	t.Helper()
	out, err := s.Poll()
	require.NoError(t, err)
	return out
}

// talk hands what a server says to a client, and what that says back, until nobody has anything to say.
func talk(t *testing.T, client, server *tinybase.Session, said [][]byte) {
	t.Helper()
	for to, other := client, server; len(said) > 0; to, other = other, to {
		var back [][]byte
		for _, m := range said {
			out, err := to.Receive(m)
			require.NoError(t, err)
			back = append(back, out...)
		}
		said = append(back, spoken(t, to)...)
	}
}

func TestRoom_AsksNobodyWhoSaysWhatHeHas(t *testing.T) {
	c := &clock{epoch}
	room := tinybase.NewRoom(newStore(t, "server", c), &tinybase.Options{Now: c.now, Beacon: -1})
	for frame, answers := range map[string]int{"\n[\"x\",2,[0,0]]": 0, "\n[\"x\",1,\"\"]": 1} {
		s := enter(t, room, nil)
		require.Len(t, say(t, s, frame), answers)
		require.True(t, s.Next().IsZero(), "who asks has started, and will say")
		c.millis += 3_600_000
		require.Empty(t, poll(t, s))
	}
}

func TestRoom_AsksASilentClientOnce(t *testing.T) {
	c := &clock{epoch}
	var errs []error
	room := tinybase.NewRoom(newStore(t, "server", c), &tinybase.Options{Now: c.now, OnError: func(err error) { errs = append(errs, err) }})
	s := enter(t, room, nil)
	c.millis += 2000
	said := poll(t, s)
	require.Len(t, said, 1)
	require.Contains(t, said[0], `,1,""]`)
	c.millis += 3_600_000
	require.Empty(t, poll(t, s))
	require.True(t, s.Next().IsZero())
	require.Empty(t, errs, "who has not started to synchronize does not answer")
}

func TestWeakness_ReconnectOfASharedSocketMissesChanges(t *testing.T) {
	m := newStore(t, "server", nil)
	set(t, m, "t/r/c", store.Of("missed"))
	s := tinybase.NewShared(func(_ string, wake chan struct{}, budget *tinybase.Budget) (synchronizer.Session, error) {
		c, _ := tinybase.NewRoom(m, nil).Channel(wake, &tinybase.Options{Budget: budget})
		return c, nil
	}, nil)
	defer s.Close()
	_, err := s.Receive(tinybase.Control{ID: "hello", Op: tinybase.Hello}.Append(nil))
	require.NoError(t, err)
	out, err := s.Receive(tinybase.Control{ID: "again", Op: tinybase.Subscribe, Channel: "room"}.Append(nil))
	said := frames(t, out, err)
	require.Len(t, said, 2)
	a, b := m.Hashes()
	require.Contains(t, said[1], fmt.Sprintf(",2,[%d,%d]]", a, b), "the client learns what is here, and asks for it")
}

func TestWeakness_FirstSyncLargerThan16MiB(t *testing.T) {
	for _, serverHas := range []bool{true, false} {
		full, empty := newStore(t, "full", nil), newStore(t, "empty", nil)
		fill(t, full, "t", 40, strings.Repeat("x", 100_000))
		require.Greater(t, len(full.Changes().AppendJSON(nil)), tinybase.MaxFrame)
		server, client := empty, full
		if serverHas {
			server, client = full, empty
		}
		s, _ := tinybase.NewRoom(server, nil).Session(nil)
		p := synchronizer.NewPipe(tinybase.NewClient(client, nil), s)
		longest := 0
		total := 0
		p.Tap = func(_ int, msg []byte) { longest, total = max(longest, len(msg)), total+len(msg) }
		require.NoError(t, p.Pump())
		equal(t, server, client)
		require.Less(t, longest, 2<<20, "a piece is about 1 MiB")
		require.Less(t, total, 22<<20, "and nothing comes twice")
		p.Close()
	}
}

// While one client's huge message is being checked, others are served.
func TestWeakness_OneLargeMessageStallsEverybody(t *testing.T) {
	s := tinybase.NewServer(nil)
	h := serving(t, s)
	large, reader := dial(t, h.URL+"/room"), dial(t, h.URL+"/room")
	a, b := dial(t, h.URL+"/other"), dial(t, h.URL+"/other")
	ask := func(n int) { // from a to b, through the relay
		require.NoError(t, a.Write(context.Background(), []byte(fmt.Sprintf("\n[\"%d\",1,\"\"]", n))))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_, err := b.Read(ctx)
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { _, clients := s.Stats(); return clients == 4 }, 10*time.Second, time.Millisecond)
	ask(0)
	var rows strings.Builder
	for i := range 150_000 {
		fmt.Fprintf(&rows, `,"row %d":[{"c":["some text, and a number: %d","%s"]}]`, i, i, stampS1)
	}
	frame := []byte("\n[\"x\",3,[[{\"t\":[{" + rows.String()[1:] + "}]}],[{}],1]]")
	require.Greater(t, len(frame), 10<<20)
	const frames = 3
	passed := make(chan error, frames)
	go func() {
		for range frames {
			_, err := reader.Read(context.Background())
			passed <- err
		}
	}()
	go func() {
		for range frames {
			_ = large.Write(context.Background(), frame)
		}
	}()
	answers := 0
	for done := 0; done < frames; {
		select {
		case err := <-passed:
			require.NoError(t, err)
			done++
		default:
			answers++
			ask(answers)
		}
	}
	require.Greater(t, answers, 5*frames)
}

func TestWeakness_SlowConsumer(t *testing.T) {
	m := newStore(t, "server", nil)
	s := enter(t, tinybase.NewRoom(m, &tinybase.Options{Greeting: -1}), nil)
	for i := range 10_000 {
		set(t, m, "t/r/c", store.Of(i))
	}
	said := poll(t, s)
	require.Len(t, said, 1, "what waits is one message")
	require.Less(t, len(said[0]), 200)
	for range 2 {
		fill(t, m, "t", 20_000, "x")
		fill(t, m, "t", 20_000, "y")
	}
	said = poll(t, s)
	require.Len(t, said, 1)
	require.Contains(t, said[0], ",2,[", "too much: the client compares")
}

func TestWeakness_FragmentMemory(t *testing.T) {
	total := tinybase.NewBudget(1000, 20<<20, nil)
	s := tinybase.NewServer(&tinybase.ServerOptions{Fragments: total})
	h := serving(t, s)
	piece := []byte("\n0123456789abcdef\n0\n2\n" + strings.Repeat("x", 15<<20))
	first := dial(t, h.URL+"/room")
	require.NoError(t, first.Write(context.Background(), piece))
	require.Eventually(t, func() bool { _, held := total.Used(); return held > 0 }, 10*time.Second, time.Millisecond)
	second := dial(t, h.URL+"/room")
	require.NoError(t, second.Write(context.Background(), piece))
	_, err := second.Read(context.Background())
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err))
	require.Equal(t, "tinybase:15:fragments", synchronizer.ReasonOf(err))
	require.NoError(t, first.Close(synchronizer.CodeNormal, ""))
	require.Eventually(t, func() bool { _, held := total.Used(); return held == 0 }, 10*time.Second, time.Millisecond)
}

func TestWeakness_JoinHerd(t *testing.T) {
	server := newStore(t, "server", nil)
	room := tinybase.NewRoom(server, nil)
	var pipes []*synchronizer.Pipe
	sent := 0
	join := func(m *mergeable.Store) {
		s, _ := room.Session(nil)
		p := synchronizer.NewPipe(tinybase.NewClient(m, nil), s)
		p.Tap = func(int, []byte) { sent++ }
		pipes = append(pipes, p)
		pump(t, pipes)
	}
	for i := range 20 {
		join(newStore(t, fmt.Sprint("client ", i), nil))
	}
	joiner := newStore(t, "joiner", nil)
	set(t, joiner, "t/r/c", store.Of(1))
	sent = 0
	join(joiner)
	equal(t, server, joiner)
	require.LessOrEqual(t, sent, 30, "twenty hear of the row, and only the server answers")
	for _, p := range pipes {
		p.Close()
	}
}

func TestWeakness_HalfMegabyteOfDeepJSON(t *testing.T) {
	s := enter(t, tinybase.NewRoom(newStore(t, "server", nil), nil), nil)
	_, err := s.Receive([]byte("\n[\"x\",3,[[{\"t\":[{\"r\":[{\"c\":[" + strings.Repeat("[", 500_000) + "]}]}]}],[{}],1]]"))
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err))
}
