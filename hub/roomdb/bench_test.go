package roomdb_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub/roomdb"
)

// BenchmarkAppend measures small records until they are durable: one writer at a time, and many at once.
func BenchmarkAppend(b *testing.B) {
	for _, sync1 := range []struct {
		name string
		mode roomdb.Sync
	}{{"full", roomdb.SyncFull}, {"normal", roomdb.SyncNormal}} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("sync=%s/rooms=%d", sync1.name, writers), func(b *testing.B) {
				db := open(b, b.TempDir(), &roomdb.Options{Sync: sync1.mode})
				var left atomic.Int64
				left.Store(int64(b.N))
				var all sync.WaitGroup
				for i := range writers {
					l := room(b, db, fmt.Sprint(i))
					all.Go(func() {
						data := make([]byte, 40)
						for left.Add(-1) >= 0 {
							seq, err := l.Append(roomdb.Record{Family: "yjs", Data: data})
							if err == nil {
								err = l.Wait(ctx, seq)
							}
							if err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
			})
		}
	}
}

// BenchmarkOpen measures the start with a database of 64 MB, and so the check.
func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	db := open(b, dir, nil)
	for i := range 64 {
		l := room(b, db, fmt.Sprint(i))
		for range 1000 {
			_, err := l.Append(roomdb.Record{Family: "yjs", Data: make([]byte, 1000)})
			require.NoError(b, err)
		}
		require.NoError(b, l.Close())
	}
	require.NoError(b, db.Close())
	for name, check := range map[string]roomdb.Check{"all": roomdb.CheckAll, "structure": roomdb.CheckStructure, "header": roomdb.CheckHeader} {
		b.Run("check="+name, func(b *testing.B) {
			for b.Loop() {
				start := time.Now()
				db, err := roomdb.Open(ctx, dir, &roomdb.Options{Check: check})
				require.NoError(b, err)
				b.ReportMetric(64/time.Since(start).Seconds(), "MB/s")
				require.NoError(b, db.Close())
			}
		})
	}
}
