package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/adapters/yjs/ysync/provider"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server has one document, and closes every connection when it is told to.
type server struct {
	*httptest.Server
	doc   *ycrdt.Doc
	path  atomic.Value // of the last request, as it came
	hang  chan struct{}
	ended chan error
}

func serve(t *testing.T) *server {
	s := &server{doc: ycrdt.New(nil), hang: make(chan struct{}), ended: make(chan error, 100)}
	room := ysync.NewRoom(ysync.Of(s.doc), nil)
	ctx, cancel := context.WithCancel(context.Background())
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.path.Store(r.RequestURI)
		if r.URL.Query().Has("forbidden") {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		c, err := ws.Accept(w, r, nil)
		if err != nil {
			return
		}
		ctx, cut := context.WithCancel(ctx)
		go func() {
			select {
			case <-s.hang:
				cut()
			case <-ctx.Done():
			}
		}()
		s.ended <- synchronizer.Run(ctx, ysync.NewServer(room, nil), c)
		cut()
	}))
	t.Cleanup(func() { cancel(); s.Close(); room.Close() })
	return s
}

func set(t *testing.T, d *ycrdt.Doc, key string) {
	t.Helper()
	require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set(key, ycrdt.Bool(true)) }))
}

func untilHas(t *testing.T, d *ycrdt.Doc, key string) {
	t.Helper()
	require.Eventually(t, func() (ok bool) {
		d.View(func(r *ycrdt.Reader) { ok = r.Map("m").Has(key) })
		return ok
	}, 20*time.Second, time.Millisecond)
}

func wait(p *provider.Provider) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return p.Wait(ctx)
}

func TestProvider_FetchesAndSendsWhatWasMissed(t *testing.T) {
	s := serve(t)
	doc := ycrdt.New(nil)
	set(t, doc, "mine")
	set(t, s.doc, "theirs")
	var synced atomic.Int32
	p := provider.YWebsocket(ysync.Of(doc), s.URL+"/yjs//", "a b/ü?😀%#", &provider.Options{
		Params: "auth=x", Client: ws.ClientOptions{MinWait: time.Millisecond}, Session: ysync.Options{OnSynced: func() { synced.Add(1) }},
	})
	require.NoError(t, wait(p))
	require.True(t, p.Synced())
	require.Equal(t, "/yjs/a%20b%2F%C3%BC%3F%F0%9F%98%80%25%23?auth=x", s.path.Load())
	untilHas(t, doc, "theirs")
	untilHas(t, s.doc, "mine")
	for i := range 3 {
		s.hang <- struct{}{}
		<-s.ended
		mine, theirs := fmt.Sprint("mine", i), fmt.Sprint("theirs", i)
		set(t, doc, mine)
		set(t, s.doc, theirs)
		p.Reconnect()
		untilHas(t, doc, theirs)
		untilHas(t, s.doc, mine)
		require.NoError(t, wait(p))
	}
	require.EqualValues(t, 4, synced.Load(), "once a connection")
	require.Equal(t, ws.Connected, p.Status().State)
	require.Zero(t, p.Unconfirmed())
	require.NoError(t, p.Close())
	require.NoError(t, <-s.ended, "left in good order")
	require.NoError(t, p.Close(), "again")
}

func TestProvider_StopsWhenTheServerForbids(t *testing.T) {
	s := serve(t)
	p := provider.YWebsocket(ysync.Of(ycrdt.New(nil)), s.URL, "room", &provider.Options{Params: "forbidden"})
	var he *ws.HandshakeError
	require.ErrorAs(t, wait(p), &he)
	require.Equal(t, 403, he.Status)
	require.ErrorAs(t, p.Close(), &he)
}

func TestProvider_ClosesWhileThereIsNoServer(t *testing.T) {
	p := provider.Hocuspocus(ysync.Of(ycrdt.New(nil)), "ws://127.0.0.1:1", "room", nil)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Wait(ctx), context.DeadlineExceeded)
	p.SendStateless("nobody hears it")
	require.NoError(t, p.Close())
	require.ErrorContains(t, p.Wait(context.Background()), "closed")
}
