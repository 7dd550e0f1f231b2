package tinybase_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
)

// kept is a Target in memory, whose writes wait for the test, or fail.
type kept struct {
	mu      sync.Mutex
	content *store.Store
	broken  error // of Read
	writes  int
	gate    chan error // each Write takes one from here, unless it is closed
}

func newKept() *kept { return &kept{content: store.New(), gate: make(chan error, 100)} }

func (k *kept) Read(context.Context, []store.Path) (*store.Snapshot, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.content.Snapshot(), !k.content.Snapshot().IsEmpty(), k.broken
}

func (k *kept) Write(ctx context.Context, by store.Origin, c store.Changes, _ store.Reader) error {
	k.mu.Lock()
	k.writes++
	k.mu.Unlock()
	select {
	case err := <-k.gate:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	return k.content.UpdateAs(by, func(tx *store.Tx) error { return tx.Apply(c) })
}

// persisted is a server whose paths are kept by a persister of any Target.
func persisted(t *testing.T, k *kept, onError func(error)) (s *tinybase.Server, url string) {
	var mu sync.Mutex
	persisters := map[*mergeable.Store]*persist.Persister{}
	s = tinybase.NewServer(&tinybase.ServerOptions{
		Open: func(ctx context.Context, _ string) (*mergeable.Store, error) {
			content := store.New()
			p := persist.Queued(content, k, &persist.Options{RetryAfter: func(int) time.Duration { return time.Millisecond }})
			err := errors.Join(p.StartAutoLoad(ctx), p.StartAutoSave(ctx))
			if err != nil {
				return nil, errors.Join(err, p.Close(ctx))
			}
			m, err := mergeable.New(content, nil)
			mu.Lock()
			defer mu.Unlock()
			persisters[m] = p
			return m, err
		},
		Shut: func(_ string, m *mergeable.Store) error {
			mu.Lock()
			p := persisters[m]
			mu.Unlock()
			if err := p.Flush(context.Background()); err != nil {
				return err
			}
			m.Close()
			return p.Close(context.Background())
		},
		OnError: func(_, _ string, err error) { onError(err) },
	})
	h := httptest.NewServer(s)
	t.Cleanup(func() { s.Close(); h.Close() })
	return s, h.URL
}

func TestServer_WithAPersisterTheFirstClientGetsTheDataAtOnceAndTheLastOneLosesNothing(t *testing.T) {
	k := newKept()
	require.NoError(t, k.content.Update(func(tx *store.Tx) error { return tx.SetCell("t", "r", "c", store.Of("stored")) }))
	s, url := persisted(t, k, func(err error) { t.Errorf("%v", err) })
	c := dial(t, url+"/room")
	require.Contains(t, ask(t, c, "S\n[\"x\",4,{}]"), `"c":["stored",`)
	for i := range 5 { // nothing of it can be written yet
		require.NoError(t, c.Write(context.Background(), []byte(diff(fmt.Sprintf(`"n":[%d,"%s"]`, i, stampOf(i))))))
	}
	ask(t, c, "\n[\"x\",1,\"\"]")
	require.NoError(t, c.Close(synchronizer.CodeNormal, ""))
	require.Eventually(t, func() bool { return len(s.Paths()) == 0 }, 10*time.Second, time.Millisecond)

	// Somebody who comes meanwhile waits until it has been written.
	next := dial(t, url+"/room")
	require.NoError(t, next.Write(context.Background(), []byte("S\n[\"x\",4,{}]")))
	close(k.gate)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	answer, err := next.Read(ctx)
	require.NoError(t, err)
	require.Contains(t, string(answer), `"n":[4,`)
	require.Equal(t, store.Of(4), k.content.Snapshot().Cell("t", "r", "n"))
}

// stampOf returns the i-th of a series of stamps.
func stampOf(i int) string {
	m, _ := mergeable.New(store.New(), &mergeable.Options{Now: (&clock{epoch + int64(i)}).now})
	_ = m.Store().Update(func(tx *store.Tx) error { return tx.SetValue("v", store.Of(1)) })
	return m.ValueStamp("v").String()
}

func TestServer_WithAPersisterThatCannotReadNothingIsWritten(t *testing.T) {
	k := newKept()
	k.broken = errors.New("damaged")
	close(k.gate)
	ends := make(chan error, 10)
	_, url := persisted(t, k, func(err error) { ends <- err })
	for range 3 {
		c := dial(t, url+"/room")
		_ = c.Write(context.Background(), []byte(diff(`"n":[1,"`+stampS1+`"]`)))
		_, err := c.Read(context.Background())
		require.Error(t, err)
		require.ErrorContains(t, <-ends, "damaged")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	require.Zero(t, k.writes)
}

func TestServer_KeepsInMemoryWhatCannotBeSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	require.NoError(t, os.Mkdir(dir, 0o755))
	ends := make(chan error, 10)
	opened := 0
	s, url := hosting(t, dir, &clock{epoch}, &tinybase.ServerOptions{
		Open:    func(context.Context, string) (*mergeable.Store, error) { opened++; return nil, nil },
		OnError: func(_, _ string, err error) { ends <- err },
	})
	changes := make(chan int, 10)
	defer s.Listen(func(_ string, change int) { changes <- change })()
	for i := range 3 {
		c := dial(t, url+"/room")
		require.NoError(t, c.Write(context.Background(), []byte(diff(fmt.Sprintf(`"n%d":[1,"%s"]`, i, stampS1)))))
		all := ask(t, c, "S\n[\"x\",4,{}]")
		for j := range i + 1 {
			require.Contains(t, all, fmt.Sprintf(`"n%d":[1,`, j))
		}
		require.Equal(t, []string{"room"}, s.Paths())
		if i == 0 {
			require.NoError(t, os.RemoveAll(dir)) // nothing can be written
		}
		require.NoError(t, c.Close(synchronizer.CodeNormal, ""))
		require.ErrorIs(t, <-ends, os.ErrNotExist)
		require.Equal(t, []int{+1, -1}, []int{<-changes, <-changes})
		require.Empty(t, s.Paths())
		require.Nil(t, s.Room("room"))
	}
	require.Equal(t, 1, opened)
	require.NoError(t, os.Mkdir(dir, 0o755))
	s.Close()
	text, err := os.ReadFile(filepath.Join(dir, "room"))
	require.NoError(t, err)
	for i := range 3 {
		require.Contains(t, string(text), fmt.Sprintf(`"n%d":[1,`, i))
	}
}

func TestServer_HasABoundOnClientsAndPaths(t *testing.T) {
	s := tinybase.NewServer(&tinybase.ServerOptions{MaxClients: 3, MaxPaths: 2})
	h := serving(t, s)
	a, b := dial(t, h.URL+"/a"), dial(t, h.URL+"/b")
	require.Eventually(t, func() bool { return len(s.Paths()) == 2 }, 10*time.Second, time.Millisecond)
	_, err := dial(t, h.URL+"/c").Read(context.Background())
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err))
	require.Equal(t, "tinybase:15:server", synchronizer.ReasonOf(err))
	var third *ws.Conn
	require.Eventually(t, func() bool { // until the one that was refused has gone
		third, err = ws.Dial(context.Background(), h.URL+"/b", &ws.Options{Kind: ws.Text})
		return err == nil
	}, 10*time.Second, time.Millisecond)
	defer func() { _ = third.Close(synchronizer.CodeNormal, "") }()
	_, err = ws.Dial(context.Background(), h.URL+"/b", nil)
	var handshake *ws.HandshakeError
	require.ErrorAs(t, err, &handshake)
	require.Equal(t, 503, handshake.Status)
	require.NoError(t, a.Write(context.Background(), []byte("\nbad")))
	_, err = a.Read(context.Background())
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err)) // and who goes makes room
	require.Eventually(t, func() bool { return len(s.Paths()) == 1 }, 10*time.Second, time.Millisecond)
	_ = dial(t, h.URL+"/c")
	require.Eventually(t, func() bool { return len(s.Paths()) == 2 }, 10*time.Second, time.Millisecond)
	require.NoError(t, b.Close(synchronizer.CodeNormal, ""))
}

// A bad frame ends the connection of who sent it, with the code and reason of TinyBase, and nobody else's: of a plain connection, of a channel, of another path.
func TestServer_OneBadFrameClosesOneSocket(t *testing.T) {
	for name, open := range map[string]func(context.Context, string) (*mergeable.Store, error){
		"relay": nil,
		"rooms": func(context.Context, string) (*mergeable.Store, error) { return mergeable.New(store.New(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s := tinybase.NewServer(&tinybase.ServerOptions{Open: open})
			h := serving(t, s)
			good := dial(t, h.URL+"/base/room")
			shared, err := ws.Dial(context.Background(), h.URL+"/base", &ws.Options{Kind: ws.Text, Subprotocols: []string{tinybase.Subprotocol}})
			require.NoError(t, err)
			defer func() { _ = shared.Close(synchronizer.CodeNormal, "") }()
			ask(t, shared, string(tinybase.Control{ID: "h", Op: tinybase.Hello}.Append(nil)))
			ask(t, shared, string(tinybase.Control{ID: "s", Op: tinybase.Subscribe, Channel: "room"}.Append(nil)))
			for i, bad := range []string{"", "x", "\n[", "\n[1,2]", "\n[null,8,0]", "\n[null,2,[-1,0]]", "\n[null,3,[[{}],[{\"v\":[1,\"no stamp\"]}],1]]", "\n0123456789abcdef\n1\n1\nx"} {
				c := dial(t, h.URL+"/base/room")
				require.NoError(t, c.Write(context.Background(), []byte(bad)))
				_, err := c.Read(context.Background())
				require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err), "%q: %v", bad, err)
				require.Equal(t, "tinybase:14", synchronizer.ReasonOf(err))
				// The others go on, and have heard nothing of it.
				require.NoError(t, good.Write(context.Background(), []byte(diff(fmt.Sprintf(`"c%d":[%d,"%s"]`, i, i, stampS1)))))
				for {
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
					got, err := shared.Read(ctx)
					cancel()
					require.NoError(t, err)
					require.NotContains(t, string(got), "no stamp")
					if strings.Contains(string(got), fmt.Sprintf(`"c%d":[%d,`, i, i)) {
						break
					}
				}
			}
		})
	}
}
