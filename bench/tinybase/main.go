// Command tinybase compares the mergeable store and its server with TinyBase's in Node: go run ./bench/tinybase
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/bench/internal/duel"
	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 3, "how often each side runs each workload")
	only := flag.String("run", "", "run the workloads whose name contains this")
	each := flag.Duration("benchtime", 300*time.Millisecond, "how long Go repeats a workload in one round")
	server := flag.Bool("serve", false, "only be the server of the fan-out, until standard input ends")
	bare := flag.Bool("bare", false, "with -serve: only write to all what one has written")
	profile := flag.String("cpuprofile", "", "where our server leaves a profile of the last fan-out")
	flag.Parse()
	if *server {
		check(serve(*profile, *bare))
		return
	}
	_, here, _, _ := runtime.Caller(0)
	dir := filepath.Dir(here)
	var chosen []duel.Workload
	for _, w := range workloads {
		if strings.Contains(w.Name, *only) {
			chosen = append(chosen, w)
		}
	}
	results, err := duel.Run(dir, "twin.mjs", chosen, &duel.Options{Rounds: *rounds, BenchTime: *each, Out: io.Discard})
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
	for _, load := range []struct{ readers, perSecond int }{{50, 100}, {200, 100}, {200, 300}, {200, 500}} {
		if !strings.Contains(fmt.Sprintf("%s/readers=%d/changes=%d per s", fanOutName, load.readers, load.perSecond), *only) {
			continue
		}
		r, err := compareFanOut(dir, load.readers, load.perSecond, *rounds, *profile)
		if err != nil {
			log.Print(err)
			os.Exit(1)
		}
		results = append(results, r...)
	}
	duel.Print(os.Stdout, results)
}

var workloads = []duel.Workload{
	{Name: "write/one transaction/cells=10k", Want: 10, Go: func(b *testing.B) { write(b, 10_000) }},
	{Name: "write/one transaction/cells=100k", Want: 10, Go: func(b *testing.B) { write(b, 100_000) }},
	{Name: "write/one cell/cells=10k", Want: 10, Go: func(b *testing.B) {
		m := filled("s1", 10_000)
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			_ = m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r77", "c3", store.Of(i)) })
		}
	}},
	{Name: "apply/into empty/cells=10k", Want: 10, Go: func(b *testing.B) { apply(b, 10_000) }},
	{Name: "apply/into empty/cells=100k", Want: 10, Go: func(b *testing.B) { apply(b, 100_000) }},
	{Name: "apply/one cell/cells=10k", Go: func(b *testing.B) {
		writer, m := filled("s1", 5), filled("s2", 10_000)
		feed := writer.Feed()
		var texts [][]byte
		for i := range 200_000 {
			_ = writer.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r0", "c3", store.Of(i)) })
			d, _ := feed.Next()
			texts = append(texts, d[0].JSON())
		}
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			_, _ = m.Apply("peer", read(texts[i%len(texts)]))
		}
	}},
	{Name: "load/cells=100k", Go: func(b *testing.B) {
		text := filled("s1", 100_000).AppendContent(nil)
		b.ReportAllocs()
		for b.Loop() {
			_, err := empty("s2").Load(nil, text)
			check(err)
		}
	}},
	{Name: "save/cells=100k", Go: func(b *testing.B) {
		m := filled("s1", 100_000)
		b.ReportAllocs()
		for b.Loop() {
			m.AppendContent(nil)
		}
	}},
	{Name: "first sync/cells=10k", Want: 8, Go: func(b *testing.B) { join(b, 10_000, fresh) }},
	{Name: "first sync/cells=100k", Want: 8, Go: func(b *testing.B) { join(b, 100_000, fresh) }},
	{Name: "rejoin, one cell changed/cells=10k", Go: func(b *testing.B) { join(b, 10_000, stale) }},
	{Name: "rejoin, one cell changed/cells=100k", Go: func(b *testing.B) { join(b, 100_000, stale) }},
	{Name: "memory/cells=100k", Unit: "B/cell", Want: 2, Go: func(b *testing.B) {
		before := heap()
		m := filled("s1", 100_000)
		after := heap()
		for b.Loop() {
			m.Hashes()
		}
		b.ReportMetric(float64(after-before)/100_000, "B/cell")
	}},
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func empty(id string) *mergeable.Store {
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id})
	check(err)
	return m
}

// filled returns a store of one table with five numbers in a row.
func filled(id string, cells int) *mergeable.Store {
	m := empty(id)
	check(m.Store().Update(func(tx *store.Tx) error {
		for r := range cells / 5 {
			row := fmt.Sprint("r", r)
			for c := range 5 {
				if err := tx.SetCell("t", row, fmt.Sprint("c", c), store.Of(r*5+c)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	return m
}

func read(text []byte) *mergeable.Changes {
	c, err := mergeable.ReadChanges(jsjson.NewReader(text, nil), mergeable.ChangesShape, mergeable.Encoded)
	check(err)
	return c
}

func write(b *testing.B, cells int) {
	b.ReportAllocs()
	for b.Loop() {
		filled("s1", cells)
	}
}

func apply(b *testing.B, cells int) {
	text := filled("s1", cells).Changes().AppendJSON(nil)
	b.ReportAllocs()
	for b.Loop() {
		_, err := empty("s2").Apply("peer", read(text))
		check(err)
	}
}

func fresh(*mergeable.Store, int) *mergeable.Store { return empty("second") }

// stale returns a copy of a store in which one cell changes afterwards.
func stale(first *mergeable.Store, i int) *mergeable.Store {
	second := empty("second")
	_, err := second.Load(nil, first.AppendContent(nil))
	check(err)
	check(first.Store().Update(func(tx *store.Tx) error { return tx.SetCell("t", "r7", "c3", store.Of(-1-i)) }))
	return second
}

// join times a client that joins a server over a socket, until both have the same.
func join(b *testing.B, cells int, prepare func(first *mergeable.Store, i int) *mergeable.Store) {
	first := filled("first", cells)
	server := tinybase.NewServer(&tinybase.ServerOptions{Open: func(context.Context, string) (*mergeable.Store, error) { return first, nil }})
	h := httptest.NewServer(server)
	defer h.Close()
	defer server.Close()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		second := prepare(first, i)
		wake := second.Feed()
		b.StartTimer()
		ctx, cancel := context.WithCancel(context.Background())
		conn, err := tinybase.WebSocket(h.URL+"/room", nil)(ctx)
		check(err)
		ended := make(chan error, 1)
		go func() { ended <- synchronizer.Run(ctx, tinybase.NewClient(second, nil), conn) }()
		for {
			t, v := first.Hashes()
			if u, w := second.Hashes(); t == u && v == w {
				break
			}
			<-wake.Wake()
		}
		b.StopTimer()
		wake.Close()
		cancel()
		<-ended
		b.StartTimer()
	}
}
