package hub_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/store"
)

// BenchmarkPatch measures PATCH requests of one cell until they are durable, by many clients at once.
func BenchmarkPatch(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := serve(b, b.TempDir(), nil)
			transport := &http.Transport{MaxIdleConnsPerHost: clients}
			defer transport.CloseIdleConnections()
			web := &http.Client{Transport: transport}
			var next atomic.Int64
			var all sync.WaitGroup
			b.ResetTimer()
			for c := range clients {
				all.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						req, _ := http.NewRequest("PATCH", fmt.Sprintf("%s/api/rooms/r%d", s.http.URL, c%8), strings.NewReader(fmt.Sprintf(`{"tables":{"t":{"r%d":{"c":%d}}}}`, n%1000, n)))
						req.Header.Set("Content-Type", "application/merge-patch+json")
						res, err := web.Do(req)
						if err != nil {
							b.Error(err)
							return
						}
						_, _ = io.Copy(io.Discard, res.Body)
						res.Body.Close()
					}
				})
			}
			all.Wait()
		})
	}
}

// BenchmarkFanOut measures one change of one Yjs client until all others have it.
func BenchmarkFanOut(b *testing.B) {
	for _, clients := range []int{2, 50} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := serve(b, b.TempDir(), &hub.Options{})
			var seen atomic.Int64
			var all []*client
			for range clients {
				c := newClient(s, "r").connect("")
				c.doc.OnUpdate(func(ycrdt.UpdateEvent) { seen.Add(1) })
				all = append(all, c)
			}
			all[0].set("t", "r", "c", store.Of(-1))
			for _, c := range all {
				require.Eventually(b, func() bool { return c.store.Snapshot().HasRow("t", "r") }, 10*time.Second, time.Millisecond)
			}
			seen.Store(0)
			i := 0
			for b.Loop() {
				i++
				all[0].set("t", "r", "c", store.Of(i))
				for seen.Load() < int64(i*clients) {
					time.Sleep(10 * time.Microsecond)
				}
			}
		})
	}
}

// BenchmarkLoad measures the opening of a room of 100,000 cells.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	s := serve(b, dir, nil)
	r, err := s.hub.Room(ctx, "r")
	require.NoError(b, err)
	for row := range 10_000 {
		require.NoError(b, r.Update(nil, func(tx *store.Tx) error {
			for c := range 10 {
				if err := tx.SetCell("t", fmt.Sprint(row), fmt.Sprint(c), store.Of(c)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	r.Release()
	s.end()
	b.Run("cells=100k", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			s := serve(b, dir, nil)
			b.StartTimer()
			r, err := s.hub.Room(ctx, "r")
			require.NoError(b, err)
			b.StopTimer()
			r.Release()
			s.end()
			b.StartTimer()
		}
	})
}
