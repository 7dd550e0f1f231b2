package tinybase_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
)

const epoch = 1_700_000_000_000

// clock is a time that tests move.
type clock struct{ millis int64 }

func (c *clock) now() time.Time { return time.UnixMilli(c.millis) }

func newStore(t testing.TB, id string, c *clock) *mergeable.Store {
	t.Helper()
	if c == nil {
		c = &clock{epoch}
	}
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, Now: c.now})
	require.NoError(t, err)
	return m
}

func set(t testing.TB, m *mergeable.Store, path string, v store.Value) {
	t.Helper()
	ids := strings.Split(path, "/")
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
		if len(ids) == 1 {
			return tx.SetValue(ids[0], v)
		}
		return tx.SetCell(ids[0], ids[1], ids[2], v)
	}))
}

func fill(t testing.TB, m *mergeable.Store, table string, rows int, text string) {
	t.Helper()
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
		for i := range rows {
			for j := range 5 {
				if err := tx.SetCell(table, fmt.Sprint("r", i), fmt.Sprint("c", j), store.Of(text+fmt.Sprint(i*5+j))); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

func equal(t testing.TB, a, b *mergeable.Store) {
	t.Helper()
	at, av := a.Hashes()
	bt, bv := b.Hashes()
	require.Equal(t, [2]uint32{at, av}, [2]uint32{bt, bv})
	require.Empty(t, store.Diff(a.Store().Snapshot(), b.Store().Snapshot()).String())
}

func TestClientAndRoom_ExchangeWhatTheyHave(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	set(t, server, "pets/fido/species", store.Of("dog"))
	set(t, server, "both/r/server", store.Of(1))
	set(t, server, "open", store.Of(true))
	set(t, client, "pets/felix/species", store.Of("cat"))
	set(t, client, "both/r/client", store.NullValue())
	set(t, client, "only client", store.Of("x"))
	room := tinybase.NewRoom(server, &tinybase.Options{Now: c.now})
	s, id := room.Session(nil)
	require.Equal(t, []string{id}, room.Clients())
	p := synchronizer.NewPipe(tinybase.NewClient(client, &tinybase.Options{Now: c.now}), s)
	require.NoError(t, p.Pump())
	equal(t, server, client)
	require.Equal(t, store.Of("cat"), server.Store().Snapshot().Cell("pets", "felix", "species"))

	set(t, server, "pets/fido/price", store.Of(3))
	set(t, client, "pets/felix/price", store.Of(4))
	require.NoError(t, client.Store().Update(func(tx *store.Tx) error { return tx.DelTable("both") }))
	require.NoError(t, p.Pump())
	equal(t, server, client)
	require.False(t, server.Store().Snapshot().HasTable("both"))
	p.Close()
	require.Empty(t, room.Clients())
}

func TestRoom_PassesChangesOnToEveryoneElse(t *testing.T) {
	server := newStore(t, "server", nil)
	room := tinybase.NewRoom(server, nil)
	var pipes []*synchronizer.Pipe
	var stores []*mergeable.Store
	sent := make([]int, 3)
	for i := range 3 {
		m := newStore(t, fmt.Sprint("client", i), nil)
		s, _ := room.Session(nil)
		p := synchronizer.NewPipe(tinybase.NewClient(m, nil), s)
		p.Tap = func(from int, _ []byte) {
			if from == 1 {
				sent[i]++
			}
		}
		require.NoError(t, p.Pump())
		pipes, stores = append(pipes, p), append(stores, m)
	}
	clear(sent)
	set(t, stores[0], "t/r/c", store.Of(1))
	for _, p := range pipes {
		require.NoError(t, p.Pump())
	}
	require.Equal(t, []int{0, 1, 1}, sent, "one message each, and none back")
	for _, m := range stores {
		equal(t, server, m)
	}
	for _, p := range pipes {
		p.Close()
	}
}

func TestRoom_SendsAFirstSyncTooLargeForOneFrameInPieces(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	fill(t, server, "t", 2000, strings.Repeat("x", 100))
	fill(t, server, "both", 10, "x")
	fill(t, client, "both", 5, "y")
	room := tinybase.NewRoom(server, &tinybase.Options{MaxAnswer: 100_000, Piece: 50_000, Now: c.now})
	s, _ := room.Session(nil)
	p := synchronizer.NewPipe(tinybase.NewClient(client, &tinybase.Options{Now: c.now}), s)
	longest, pieces := 0, 0
	p.Tap = func(from int, msg []byte) {
		longest = max(longest, len(msg))
		if from == 1 {
			pieces++
		}
	}
	require.NoError(t, p.Pump())
	equal(t, server, client)
	require.Less(t, longest, 150_000)
	require.Greater(t, pieces, 20)
	p.Close()
}

func TestShared_HasARoomForEachChannel(t *testing.T) {
	rooms := map[string]*tinybase.Room{}
	open := func(channel string, wake chan struct{}, budget *tinybase.Budget) (synchronizer.Session, error) {
		if channel == "closed" {
			return nil, synchronizer.Errorf(4403, "not yours")
		}
		if rooms[channel] == nil {
			rooms[channel] = tinybase.NewRoom(newStore(t, "server "+channel, nil), nil)
		}
		s, _ := rooms[channel].Channel(wake, &tinybase.Options{Budget: budget})
		return s, nil
	}
	a, b := newStore(t, "a", nil), newStore(t, "b", nil)
	set(t, a, "t/r/c", store.Of("a"))
	set(t, b, "t/r/c", store.Of("b"))
	client, err := tinybase.NewSharedClient(map[string]*mergeable.Store{"one/a": a, "b": b}, nil)
	require.NoError(t, err)
	server := tinybase.NewShared(open, nil)
	p := synchronizer.NewPipe(client, server)
	require.NoError(t, p.Pump())
	require.Equal(t, 2, server.Channels())
	equal(t, a, rooms["one/a"].Store())
	equal(t, b, rooms["b"].Store())
	set(t, rooms["b"].Store(), "t/r/d", store.Of(1))
	require.NoError(t, p.Pump())
	equal(t, b, rooms["b"].Store())
	require.Len(t, rooms["b"].Clients(), 1)
	p.Close()
	require.Empty(t, rooms["b"].Clients())

	refused, err := tinybase.NewSharedClient(map[string]*mergeable.Store{"closed": a}, nil)
	require.NoError(t, err)
	p = synchronizer.NewPipe(refused, tinybase.NewShared(open, nil))
	err = p.Pump()
	require.Equal(t, synchronizer.Code(4403), synchronizer.CodeOf(err))
	p.Close()
	_, err = tinybase.NewSharedClient(map[string]*mergeable.Store{"a//b": a}, nil)
	require.Error(t, err)
	_, err = tinybase.NewSharedClient(nil, nil)
	require.ErrorIs(t, err, tinybase.ErrNoChannels)
}

// hub carries frames between the clients of a relay.
func pump(t *testing.T, pipes []*synchronizer.Pipe) {
	t.Helper()
	for range 50 {
		for _, p := range pipes {
			require.NoError(t, p.Pump())
		}
	}
}

func TestRelay_ConnectsClientsWithoutDataOfItsOwn(t *testing.T) {
	c := &clock{epoch}
	relay := tinybase.NewRelay(&tinybase.Options{Now: c.now})
	var pipes []*synchronizer.Pipe
	var stores []*mergeable.Store
	for i := range 4 {
		m := newStore(t, fmt.Sprint("client", i), c)
		fill(t, m, fmt.Sprint("t", i%2), 3, fmt.Sprint(i))
		s, _ := relay.Session()
		pipes = append(pipes, synchronizer.NewPipe(tinybase.NewClient(m, &tinybase.Options{Now: c.now, FragmentSize: 100 * i}), s))
		stores = append(stores, m)
		pump(t, pipes)
		c.millis += 2000
		for _, p := range pipes {
			require.NoError(t, p.Tick(c.now()))
		}
		pump(t, pipes)
	}
	for _, m := range stores {
		equal(t, stores[0], m)
	}
	set(t, stores[3], "t/r/c", store.Of(1))
	pump(t, pipes)
	equal(t, stores[0], stores[3])
	require.Len(t, relay.Clients(), 4)
	for _, p := range pipes {
		p.Close()
	}
	require.Empty(t, relay.Clients())
}

func TestRelay_ClosesAClientThatReadsTooSlowly(t *testing.T) {
	relay := tinybase.NewRelay(nil)
	writer, _ := relay.Session()
	slow, _ := relay.Session()
	defer writer.Close()
	defer slow.Close()
	frame := []byte("\n[\"x\",3,[[{}],[{\"v\":[\"" + strings.Repeat("x", 5<<20) + "\"]}],1]]")
	for range 4 {
		_, err := writer.Receive(frame)
		require.NoError(t, err)
	}
	_, err := slow.Poll()
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err))
	require.Equal(t, "tinybase:15:socket", synchronizer.ReasonOf(err))
}

// TinyBase 5.0 to 5.3 have announcements without an id, and longer ids otherwise.
func TestSession_TakesMessagesWithoutAnID(t *testing.T) {
	m := newStore(t, "server", nil)
	s := enter(t, tinybase.NewRoom(m, nil), nil)
	require.Equal(t, []string{"S\n[null,0,[0,0]]"}, say(t, s, "\n[null,1,\"\"]"))
	asked := say(t, s, "\n[null,2,[1,0]]")
	require.Len(t, asked, 1)
	require.Regexp(t, `^S\n\["[-0-9A-Z_a-z]{11}\.[-0-9A-Z_a-z]{4}",4,\{\}\]$`, asked[0])
	require.Empty(t, say(t, s, "\n[null,3,[[{}],[{\"v\":[1,\"NjEtLV-----7JQY8\"]}],1]]"))
	require.Equal(t, store.Of(1), m.Store().Snapshot().Value("v"))
	require.Empty(t, say(t, s, "\n[null,0,[1,2]]"), "an answer to nothing")
	require.Empty(t, say(t, s, "somebody else\n[\"x\",1,\"\"]"))
}

func TestSession_AsksAgainWhenThereIsNoAnswer(t *testing.T) {
	c := &clock{epoch}
	var errs []error
	m := newStore(t, "server", c)
	s := enter(t, tinybase.NewRoom(m, &tinybase.Options{Now: c.now, Timeout: time.Second, OnError: func(err error) { errs = append(errs, err) }}), nil)
	require.Len(t, say(t, s, "\n[\"x\",2,[1,0]]"), 1)
	for range 5 {
		c.millis += 1000
		poll(t, s)
	}
	require.Len(t, errs, 3, "three times, and no more")
	var timeout *tinybase.TimeoutError
	require.ErrorAs(t, errs[0], &timeout)
	require.Equal(t, tinybase.GetTableDiff, timeout.Kind)
}

func TestSession_AsksForAWholeTableWhenTheQuestionWouldBeTooLong(t *testing.T) {
	c := &clock{epoch}
	server, client := newStore(t, "server", c), newStore(t, "client", c)
	fill(t, server, "t", 1000, "x")
	_, err := client.Apply("test", server.Changes())
	require.NoError(t, err)
	set(t, server, "t/r7/c3", store.Of("changed"))
	o := &tinybase.Options{Now: c.now, MaxAnswer: 5000, Piece: 2000}
	s, _ := tinybase.NewRoom(server, o).Session(nil)
	p := synchronizer.NewPipe(tinybase.NewClient(client, o), s)
	longest := 0
	p.Tap = func(_ int, msg []byte) { longest = max(longest, len(msg)) }
	require.NoError(t, p.Pump())
	c.millis += 5000 // the patience of the server with a client that does not say it is ready
	require.NoError(t, p.Tick(c.now()))
	equal(t, server, client)
	require.Less(t, longest, 10_000)
	p.Close()
}

func TestServer_TellsOfPathsAndClients(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	s, url := hosting(t, t.TempDir(), &clock{epoch}, nil)
	stop := s.Listen(func(path string, change int) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprintf("%s%+d", path, change))
	})
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	one, two := newStore(t, "one", nil), newStore(t, "two", nil)
	set(t, one, "v", store.Of(1))
	conn, err := ws.Dial(ctx, url+"/base", &ws.Options{Kind: ws.Text, Subprotocols: []string{tinybase.Subprotocol}})
	require.NoError(t, err)
	shared, err := tinybase.NewSharedClient(map[string]*mergeable.Store{"one": one, "two": two}, nil)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- synchronizer.Run(ctx, shared, conn) }()
	require.Eventually(t, func() bool { paths, clients := s.Stats(); return paths == 2 && clients == 2 }, 10*time.Second, time.Millisecond)
	require.Eventually(t, func() bool {
		return s.Room("base/one") != nil && s.Room("base/one").Store().Store().Snapshot().Value("v").Exists()
	}, 10*time.Second, time.Millisecond)
	room := s.Room("base/one")
	var clients []int
	stopClients := room.Listen(func(_ string, change int) {
		mu.Lock()
		defer mu.Unlock()
		clients = append(clients, change)
	})
	defer stopClients()
	plain := dial(t, url+"/base/one")
	ask(t, plain, "\n[\"x\",1,\"\"]")
	set(t, one, "live", store.Of(2))
	frame, err := plain.Read(context.Background())
	require.NoError(t, err)
	require.Contains(t, string(frame), `"live"`)
	set(t, room.Store(), "from the server", store.Of(3))
	require.Eventually(t, func() bool { return one.Store().Snapshot().Value("from the server").Exists() }, 10*time.Second, time.Millisecond)
	require.NoError(t, plain.Close(synchronizer.CodeNormal, ""))
	cancel()
	<-ended
	require.Eventually(t, func() bool { return len(s.Paths()) == 0 }, 10*time.Second, time.Millisecond)
	require.Nil(t, s.Room("base/one"))
	require.Nil(t, s.Clients("base/one"))
	s.Close()
	mu.Lock()
	defer mu.Unlock()
	require.ElementsMatch(t, []string{"base/one+1", "base/two+1", "base/one-1", "base/two-1"}, heard)
	require.ElementsMatch(t, []int{1, -1, -1}, clients)
}

// A client tells what it has, even when the one that answered first falls silent.
func TestClient_TellsWhatItHasWhateverThePeersDo(t *testing.T) {
	c := &clock{epoch}
	for _, answers := range []bool{false, true} {
		m := newStore(t, "client", c)
		set(t, m, "v", store.Of(1))
		s := tinybase.NewClient(m, &tinybase.Options{Now: c.now, Timeout: time.Second, Beacon: -1})
		out, err := s.Start()
		first := frames(t, out, err)
		require.Len(t, first, 1)
		var said []string
		if answers {
			_, rest, err := tinybase.SplitFrame([]byte(first[0]))
			require.NoError(t, err)
			q, err := tinybase.ParseMessage(rest)
			require.NoError(t, err)
			said = say(t, s, "peer\n"+string(tinybase.Message{ID: q.ID, Kind: tinybase.Response, Body: []byte("[7,7]")}.Append(nil)))
			require.Len(t, said, 2, "two questions, for tables and for values")
		}
		said = nil
		for range 5 {
			c.millis += 1000
			said = append(said, poll(t, s)...)
		}
		require.NotEmpty(t, said)
		require.Regexp(t, `^\n\["[^"]+",2,\[0,\d+\]\]$`, said[len(said)-1])
		s.Close()
	}
}

// A peer that says what it has under one id again and again is asked under a new id each time, so that no answer is taken for another one.
func TestPull_NoTwoQuestionsHaveOneID(t *testing.T) {
	s, _ := tinybase.NewRoom(newStore(t, "server", nil), nil).Session(nil)
	_, err := s.Start()
	require.NoError(t, err)
	seen := map[string]bool{}
	receive := func(m tinybase.Message) (questions []tinybase.Message) {
		out, err := s.Receive(tinybase.AppendFrame(nil, "", m.Append(nil)))
		require.NoError(t, err)
		for _, frame := range out {
			_, text, _ := strings.Cut(string(frame), "\n")
			q, err := tinybase.ParseMessage([]byte(text))
			require.NoError(t, err)
			if q.Kind >= tinybase.GetTableDiff {
				require.False(t, seen[q.ID], "%v after %d questions", q, len(seen))
				seen[q.ID] = true
				questions = append(questions, q)
			}
		}
		return questions
	}
	answers := map[tinybase.Kind]string{tinybase.GetTableDiff: `[[{}],{}]`, tinybase.GetValueDiff: `[{}]`}
	for range 20_000 {
		questions := receive(tinybase.Message{ID: "always this", Kind: tinybase.ContentHashes, Body: []byte("[1,2]")})
		require.Len(t, questions, 2)
		for _, q := range questions {
			require.Empty(t, receive(tinybase.Message{ID: q.ID, Body: []byte(answers[q.Kind])}))
		}
	}
}
