package ws_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upper is a session that greets and answers in capitals; "refuse CODE"-like commands end it.
type upper struct {
	greeting string
	heard    chan string
}

func (u *upper) Start() ([][]byte, error) {
	if u.greeting == "" {
		return nil, nil
	}
	return [][]byte{[]byte(u.greeting)}, nil
}
func (u *upper) Poll() ([][]byte, error) { return nil, nil }
func (u *upper) Wake() <-chan struct{}   { return nil }
func (u *upper) Receive(m []byte) ([][]byte, error) {
	if u.heard != nil {
		u.heard <- string(m)
		return nil, nil
	}
	switch string(m) {
	case "gone":
		return nil, synchronizer.Errorf(4404, "no such room")
	case "bad":
		return nil, synchronizer.Errorf(synchronizer.CodeMalformed, "%s", strings.Repeat("ä", 100))
	}
	return [][]byte{[]byte(strings.ToUpper(string(m)))}, nil
}

// serve starts a server that runs an upper session on every socket; stop ends it and waits for its sessions.
func serve(t *testing.T, opts *ws.Options) (url string, ended chan error, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended = make(chan error, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		c, err := ws.Accept(w, r, opts)
		if err != nil {
			ended <- err
			return
		}
		ended <- synchronizer.Run(ctx, &upper{}, c)
	}))
	stop = func() { cancel(); srv.Close() }
	t.Cleanup(stop)
	return srv.URL, ended, stop
}

func dial(t *testing.T, url string, opts *ws.Options) *ws.Conn {
	t.Helper()
	c, err := ws.Dial(context.Background(), url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(synchronizer.CodeNormal, "") })
	return c
}

func TestConn_CarriesMessages(t *testing.T) {
	for _, kind := range []ws.Kind{ws.Binary, ws.Text} {
		opts := &ws.Options{Kind: kind, PingEvery: 5 * time.Millisecond, Subprotocols: []string{"rowloom"}}
		url, ended, _ := serve(t, opts)
		c := dial(t, url, opts)
		require.Equal(t, "rowloom", c.Subprotocol())
		for range 20 {
			require.NoError(t, c.Write(context.Background(), []byte("hi")))
			m, err := c.Read(context.Background())
			require.NoError(t, err)
			require.Equal(t, "HI", string(m))
		}
		require.NoError(t, c.Close(synchronizer.CodeNormal, ""))
		require.NoError(t, <-ended)
	}
}

func TestConn_RefusesFramesOfTheOtherKind(t *testing.T) {
	url, ended, _ := serve(t, nil)
	c := dial(t, url, &ws.Options{Kind: ws.Text})
	require.NoError(t, c.Write(context.Background(), []byte("hi")))
	_, err := c.Read(context.Background())
	require.EqualError(t, err, "closed by the other end: 1003 (unsupported data): text frame on a binary protocol")
	require.Equal(t, synchronizer.CodeUnsupported, synchronizer.CodeOf(<-ended))
}

func TestConn_RefusesMessagesOverTheLimit(t *testing.T) {
	url, ended, _ := serve(t, &ws.Options{ReadLimit: 1000})
	c := dial(t, url, nil)
	require.NoError(t, c.Write(context.Background(), make([]byte, 1000)))
	_, err := c.Read(context.Background())
	require.NoError(t, err)
	require.NoError(t, c.Write(context.Background(), make([]byte, 1001)))
	_, err = c.Read(context.Background())
	require.Equal(t, synchronizer.CodeTooBig, synchronizer.CodeOf(err))
	require.Equal(t, synchronizer.CodeTooBig, synchronizer.CodeOf(<-ended))
}

func TestConn_CutsALongReason(t *testing.T) {
	url, _, _ := serve(t, nil)
	c := dial(t, url, nil)
	require.NoError(t, c.Write(context.Background(), []byte("bad")))
	_, err := c.Read(context.Background())
	var e *synchronizer.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, synchronizer.CodeMalformed, e.Code)
	require.Equal(t, strings.Repeat("ä", 61), e.Reason)
}

func TestConn_SaysGoingAwayAtShutdown(t *testing.T) {
	url, ended, stop := serve(t, nil)
	c := dial(t, url, nil)
	require.NoError(t, c.Write(context.Background(), []byte("hi")))
	_, err := c.Read(context.Background())
	require.NoError(t, err)
	go stop()
	_, err = c.Read(context.Background())
	require.Equal(t, synchronizer.CodeGoingAway, synchronizer.CodeOf(err))
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestConn_TellsWhyItClosesAlsoWhileItPings(t *testing.T) {
	url, ended, _ := serve(t, nil)
	for range 300 {
		c, err := ws.Dial(context.Background(), url, &ws.Options{PingEvery: 20 * time.Microsecond})
		require.NoError(t, err)
		require.NoError(t, c.Write(context.Background(), []byte("hi")))
		_, err = c.Read(context.Background())
		require.NoError(t, err)
		require.NoError(t, c.Close(4001, "why"))
		require.Equal(t, synchronizer.Code(4001), synchronizer.CodeOf(<-ended))
	}
}

func TestConn_DropsAPeerThatDoesNotAnswerPings(t *testing.T) {
	url, ended, _ := serve(t, &ws.Options{PingEvery: time.Millisecond, PingTimeout: 20 * time.Millisecond})
	c, _, err := websocket.Dial(context.Background(), url, nil) // nobody reads: no pong
	require.NoError(t, err)
	defer func() { _ = c.CloseNow() }()
	require.Equal(t, synchronizer.CodeAbnormal, synchronizer.CodeOf(<-ended))
}

func TestDial_TellsTheStatus(t *testing.T) {
	url, _, _ := serve(t, nil)
	_, err := ws.Dial(context.Background(), url+"/nowhere", nil)
	var he *ws.HandshakeError
	require.ErrorAs(t, err, &he)
	require.Equal(t, 404, he.Status)
	require.True(t, ws.Permanent(err))
	_, err = ws.Dial(context.Background(), "http://127.0.0.1:1", nil)
	require.ErrorAs(t, err, &he)
	require.Zero(t, he.Status)
	require.False(t, ws.Permanent(err))
}

// run starts a client and returns its states as they come.
func run(t *testing.T, url string, opts ws.ClientOptions, session func(context.Context) (synchronizer.Session, error)) (c *ws.Client, states chan ws.Status, done chan error, cancel func()) {
	t.Helper()
	states, done = make(chan ws.Status, 1000), make(chan error, 1)
	opts.OnStatus = func(s ws.Status) { states <- s }
	c = ws.NewClient(url, session, &opts)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(cancel)
	return c, states, done, cancel
}

func until(t *testing.T, states chan ws.Status, want ws.State) ws.Status {
	t.Helper()
	for s := range states {
		if s.State == want {
			return s
		}
	}
	return ws.Status{}
}

func TestClient_ComesBackWithANewSession(t *testing.T) {
	url, ended, _ := serve(t, nil)
	heard, made := make(chan string, 10), 0
	_, states, done, cancel := run(t, url, ws.ClientOptions{MinWait: time.Millisecond}, func(context.Context) (synchronizer.Session, error) {
		made++
		if made <= 2 {
			return &upper{greeting: "bad", heard: heard}, nil
		}
		return &upper{greeting: "hello", heard: heard}, nil
	})
	require.Equal(t, "HELLO", <-heard)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	require.Equal(t, 3, made)
	var codes []synchronizer.Code // the third can end before the server has got the answer to its closing of the second
	for range 3 {
		codes = append(codes, synchronizer.CodeOf(<-ended))
	}
	require.ElementsMatch(t, []synchronizer.Code{synchronizer.CodeMalformed, synchronizer.CodeMalformed, synchronizer.CodeNormal}, codes)
	require.Equal(t, 1, until(t, states, ws.Waiting).Attempts)
	w := until(t, states, ws.Waiting)
	require.Equal(t, 2, w.Attempts)
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(w.Err))
	until(t, states, ws.Stopped)
}

func TestClient_WaitsLongerEachTimeUpToALimit(t *testing.T) {
	waits := make(chan time.Duration, 100)
	tick := make(chan time.Time)
	_, _, done, cancel := run(t, "http://127.0.0.1:1", ws.ClientOptions{
		MinWait: 100 * time.Millisecond, MaxWait: time.Second,
		Rand:  func() float64 { return 0.5 },
		After: func(d time.Duration) <-chan time.Time { waits <- d; return tick },
	}, nil)
	for _, want := range []time.Duration{75, 150, 300, 600, 750, 750} {
		require.Equal(t, want*time.Millisecond, <-waits)
		tick <- time.Time{}
	}
	<-waits
	cancel()
	<-done
}

func TestClient_HurriesWhenTold(t *testing.T) {
	waits := make(chan time.Duration, 100)
	c, states, done, cancel := run(t, "http://127.0.0.1:1", ws.ClientOptions{
		After: func(d time.Duration) <-chan time.Time { waits <- d; return nil },
	}, nil)
	for range 3 {
		until(t, states, ws.Waiting)
		<-waits
		c.Hurry()
	}
	until(t, states, ws.Waiting)
	cancel()
	<-done
	require.Equal(t, ws.Stopped, c.Status().State)
}

func TestClient_StopsAtAPermanentError(t *testing.T) {
	url, _, _ := serve(t, nil)
	_, states, done, _ := run(t, url, ws.ClientOptions{}, func(context.Context) (synchronizer.Session, error) {
		return &upper{greeting: "gone", heard: make(chan string, 1)}, nil
	})
	err := <-done
	require.Equal(t, synchronizer.Code(4404), synchronizer.CodeOf(err))
	require.ErrorContains(t, err, "no such room")
	require.Error(t, until(t, states, ws.Stopped).Err)
}

func TestClient_CountsASessionThatCannotBeMadeAsAFailure(t *testing.T) {
	url, _, _ := serve(t, nil)
	no := errors.New("no document")
	_, states, done, cancel := run(t, url, ws.ClientOptions{MinWait: time.Millisecond}, func(context.Context) (synchronizer.Session, error) {
		return nil, no
	})
	require.ErrorIs(t, until(t, states, ws.Waiting).Err, no)
	cancel()
	<-done
}

func TestConn_ReadsLongMessagesOutOfABudget(t *testing.T) {
	budget := synchronizer.NewBudget(400_000)
	url, ended, _ := serve(t, &ws.Options{Incoming: budget})
	ctx := context.Background()
	slow, _, err := websocket.Dial(ctx, url, nil)
	require.NoError(t, err)
	defer func() { _ = slow.CloseNow() }()
	w, err := slow.Writer(ctx, websocket.MessageBinary) // a message that does not end
	require.NoError(t, err)
	_, err = w.Write(make([]byte, 200_000))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return budget.Used() > 150_000 }, 10*time.Second, time.Millisecond)

	c := dial(t, url, &ws.Options{})
	for range 3 {
		require.NoError(t, c.Write(ctx, []byte(strings.Repeat("x", 60_000))))
		got, err := c.Read(ctx)
		require.NoError(t, err, "short ones always come through")
		require.Equal(t, strings.Repeat("X", 60_000), string(got))
	}
	require.NoError(t, c.Write(ctx, make([]byte, 300_000)))
	_, err = c.Read(ctx)
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err), "%v", err)
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(<-ended))
	require.NoError(t, slow.CloseNow())
	<-ended
	require.Zero(t, budget.Used())

	again := dial(t, url, &ws.Options{ReadLimit: 1 << 20})
	for range 3 {
		require.NoError(t, again.Write(ctx, []byte(strings.Repeat("y", 300_000))))
		got, err := again.Read(ctx)
		require.NoError(t, err)
		require.Len(t, got, 300_000)
	}
	require.NoError(t, again.Close(synchronizer.CodeNormal, ""))
	<-ended
	require.Zero(t, budget.Used())
}
