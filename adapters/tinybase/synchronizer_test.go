package tinybase_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

func realStore(t testing.TB, id string) *mergeable.Store {
	t.Helper()
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id})
	require.NoError(t, err)
	return m
}

// together waits until all stores are equal.
func together(t *testing.T, stores ...*mergeable.Store) {
	t.Helper()
	require.Eventually(t, func() bool {
		a, b := stores[0].Hashes()
		for _, m := range stores {
			if c, d := m.Hashes(); a != c || b != d {
				return false
			}
		}
		return true
	}, 20*time.Second, time.Millisecond)
}

func TestLocal_KeepsTwoStoresEqual(t *testing.T) {
	a, b := realStore(t, "a"), realStore(t, "b")
	set(t, a, "t/r/a", store.Of(1))
	set(t, b, "t/r/b", store.Of(2))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- tinybase.Local(ctx, a, b, nil) }()
	together(t, a, b)
	set(t, b, "t/r/live", store.Of(3))
	require.Eventually(t, func() bool { return a.Store().Snapshot().Cell("t", "r", "live").Exists() }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestBeside_KeepsTwoStoresEqualBetweenStartAndStop(t *testing.T) {
	a, b := realStore(t, "a"), realStore(t, "b")
	s := tinybase.New(a, tinybase.Beside(b, nil), nil)
	for i := range 5 {
		set(t, a, fmt.Sprintf("t/r/a%d", i), store.Of(i))
		set(t, b, fmt.Sprintf("t/r/b%d", i), store.Of(i))
		before := s.Status().Stats
		s.Start()
		together(t, a, b)
		require.Equal(t, 2*(i+1)+2*i, a.Store().Snapshot().CellCount("t", "r"))
		set(t, b, fmt.Sprintf("t/r/live a%d", i), store.Of(3))
		set(t, a, fmt.Sprintf("t/r/live b%d", i), store.Of(3))
		require.Eventually(t, func() bool {
			return a.Store().Snapshot().CellCount("t", "r") == 4*(i+1) && b.Store().Snapshot().CellCount("t", "r") == 4*(i+1)
		}, 20*time.Second, time.Millisecond)
		require.Equal(t, tinybase.Connected, s.Status().State)
		require.Greater(t, s.Status().Stats.Sends, before.Sends)
		require.Greater(t, s.Status().Stats.Receives, before.Receives)
		s.Stop()
		require.Equal(t, tinybase.Stopped, s.Status().State)
		set(t, a, "v", store.Of(i))
		require.NotEqual(t, store.Of(i), b.Store().Snapshot().Value("v"), "it has been stopped")
	}
}

func TestBroadcast_ConnectsStoresOfOneProcess(t *testing.T) {
	b := tinybase.NewBroadcast("")
	defer b.Close()
	var stores []*mergeable.Store
	for i := range 5 {
		m := realStore(t, fmt.Sprint(i))
		set(t, m, fmt.Sprintf("t/r%d/c", i), store.Of(i))
		s := tinybase.New(m, b.Dial, nil)
		s.Start()
		defer s.Stop()
		stores = append(stores, m)
		together(t, stores...)
		require.Equal(t, i+1, m.Store().Snapshot().RowCount("t"))
	}
	set(t, stores[3], "live", store.Of(true))
	require.Eventually(t, func() bool { return stores[0].Store().Snapshot().Value("live").Exists() }, 10*time.Second, time.Millisecond)
	together(t, stores...)
}

func TestBroadcast_ConnectsProcessesOverASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	var all []*tinybase.Broadcast // each stands for a process
	var syncs []*tinybase.Synchronizer
	var stores []*mergeable.Store
	for i := range 3 {
		b := tinybase.NewBroadcast(path)
		m := realStore(t, fmt.Sprint(i))
		set(t, m, fmt.Sprintf("t/r%d/c", i), store.Of(i))
		s := tinybase.New(m, b.Dial, &tinybase.SynchronizerOptions{MinWait: time.Millisecond, MaxWait: 20 * time.Millisecond})
		s.Start()
		all, syncs, stores = append(all, b), append(syncs, s), append(stores, m)
		together(t, stores...)
		require.Eventually(t, func() bool { return s.Status().State == tinybase.Connected }, 20*time.Second, time.Millisecond)
	}
	if runtime.GOOS != "windows" {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "others may not connect")
	}
	require.Eventually(t, all[0].Hosting, 20*time.Second, time.Millisecond)
	// The process that passes messages on ends; another one takes its place, and what was missed is made up for.
	syncs[0].Stop()
	all[0].Close()
	set(t, stores[1], "t/r1/later", store.Of(true))
	require.Eventually(t, func() bool { return all[1].Hosting() != all[2].Hosting() }, 20*time.Second, time.Millisecond)
	together(t, stores[1], stores[2])
	require.Eventually(t, func() bool { return stores[2].Store().Snapshot().Cell("t", "r1", "later").Exists() }, 20*time.Second, time.Millisecond)
	for i := 1; i < 3; i++ {
		syncs[i].Stop()
		all[i].Close()
	}
	_, err := all[1].Dial(context.Background())
	require.ErrorIs(t, err, tinybase.ErrClosed)
}

func TestSynchronizer_SaysWhatItIsDoing(t *testing.T) {
	a, b := realStore(t, "a"), realStore(t, "b")
	set(t, b, "v", store.Of(1))
	room := tinybase.NewRoom(b, nil)
	refused := errors.New("nobody there")
	var mu sync.Mutex
	var states []tinybase.State
	fail := true
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	s := tinybase.New(a, func(context.Context) (synchronizer.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if fail {
			fail = false
			return nil, refused
		}
		near, far := synchronizer.ConnPair(1)
		session, _ := room.Session(nil)
		served.Go(func() { _ = synchronizer.Run(ctx, session, far) })
		return near, nil
	}, &tinybase.SynchronizerOptions{MinWait: time.Millisecond, OnStatus: func(st tinybase.Status) {
		mu.Lock()
		defer mu.Unlock()
		states = append(states, st.State)
		if st.State == tinybase.Waiting && st.Err != refused {
			t.Errorf("%v", st.Err)
		}
	}})
	require.Equal(t, "stopped", s.Status().State.String())
	s.Start()
	s.Start()
	together(t, a, b)
	require.Eventually(t, func() bool { st := s.Status(); return st.Stats.Receives >= 2 && st.Stats.Sends >= 3 }, 10*time.Second, time.Millisecond)
	s.Stop()
	s.Stop()
	cancel()
	served.Wait()
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []tinybase.State{tinybase.Connecting, tinybase.Waiting, tinybase.Connecting, tinybase.Connected, tinybase.Stopped}, states)
}

// mailbox is a transport of a test's own: functions that send and receive.
type mailbox struct {
	mu    sync.Mutex
	conns map[string]*tinybase.CustomConn
}

func (b *mailbox) dial(name string) tinybase.Dialer {
	return func(context.Context) (synchronizer.Conn, error) {
		c := tinybase.Custom(func(to string, message []byte) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			for peer, c := range b.conns {
				if peer != name && (to == "" || to == peer) {
					go func() { _ = c.Deliver(context.Background(), name, message) }() // in any order
				}
			}
			return nil
		})
		b.mu.Lock()
		b.conns[name] = c
		b.mu.Unlock()
		return c, nil
	}
}

func TestCustom_CarriesMessagesOverFunctions(t *testing.T) {
	b := &mailbox{conns: map[string]*tinybase.CustomConn{}}
	var stores []*mergeable.Store
	for i := range 3 {
		m := realStore(t, fmt.Sprint(i))
		set(t, m, fmt.Sprintf("t/r%d/c", i), store.Of(i))
		s := tinybase.New(m, b.dial(fmt.Sprint("peer ", i)), nil)
		s.Start()
		defer s.Stop()
		stores = append(stores, m)
		together(t, stores...)
	}
	set(t, stores[0], "v", store.Of("live"))
	require.Eventually(t, func() bool { return stores[2].Store().Snapshot().Value("v").Exists() }, 10*time.Second, time.Millisecond)
}

func TestServer_TellsAReaderThatStallsWhy_AndItCatchesUpOnReturn(t *testing.T) {
	m := realStore(t, "server")
	var ends sync.Map
	s := tinybase.NewServer(&tinybase.ServerOptions{
		Open:    func(context.Context, string) (*mergeable.Store, error) { return m, nil },
		Run:     synchronizer.RunOptions{WriteTimeout: 10 * time.Millisecond, FlushTimeout: time.Minute},
		OnError: func(_, client string, err error) { ends.Store(client, err) },
	})
	h := serving(t, s)
	slow := dial(t, h.URL+"/room")
	require.Eventually(t, func() bool { return len(s.Clients("room")) == 1 }, 10*time.Second, time.Millisecond)
	client := s.Clients("room")[0]
	for round := 0; ; round++ {
		set(t, m, "t/r/c", store.Of(strings.Repeat(fmt.Sprint(round%10), 14<<20))) // more than a socket holds
		time.Sleep(50 * time.Millisecond)                                          // if that was not too slow, it will be the next time
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		_, err := slow.Read(ctx)
		if err == nil && round > 0 {
			_, err = slow.Read(ctx)
		}
		cancel()
		if err == nil {
			continue
		}
		require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err), "%v", err)
		require.Equal(t, "reader too slow", synchronizer.ReasonOf(err))
		break
	}
	require.Eventually(t, func() bool { _, ended := ends.Load(client); return ended }, 10*time.Second, time.Millisecond)
	back := realStore(t, "client")
	c := tinybase.New(back, tinybase.WebSocket(h.URL+"/room", nil), nil)
	c.Start()
	defer c.Stop()
	together(t, m, back)
}
