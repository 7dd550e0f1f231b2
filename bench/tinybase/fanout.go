package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/bench/internal/duel"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// compareFanOut sends some changes a second through our server and through TinyBase's, each in a process of its own, to readers that are bare
// sockets in this one, and compares how long the slowest hundredth of the deliveries takes. The two take turns.
func compareFanOut(dir, name string, readers, perSecond, rounds int, profile string) (duel.Result, error) {
	r := duel.Result{Workload: duel.Workload{Name: name, Unit: "ms", Want: 10}}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	sides := []struct {
		command []string
		took    []float64
		median  *float64
	}{
		{command: []string{self, "-serve", "-cpuprofile", profile}, median: &r.GoMedian},
		{command: []string{"node", "twin.mjs", "server"}, median: &r.JSMedian},
	}
	for range rounds {
		for i := range sides {
			side := &sides[i]
			took, err := throughServer(dir, side.command, readers, perSecond)
			if err != nil {
				return r, err
			}
			side.took = append(side.took, took)
			slices.Sort(side.took)
			*side.median = side.took[len(side.took)/2]
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %.1f ms against %.1f ms (%.1f, %.1f)\n", name, r.GoMedian, r.JSMedian, sides[0].took, sides[1].took)
	return r, nil
}

// throughServer starts a server, which prints its address and ends when its input does, and measures.
func throughServer(dir string, command []string, readers, perSecond int) (took float64, err error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		took, err = fanOut(strings.TrimSpace(url), readers, perSecond)
	}
	_ = in.Close()
	_ = cmd.Wait()
	return took, err
}

// serve is our server for throughServer.
func serve(profile string) error {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	m, err := mergeable.New(store.New(), nil)
	if err != nil {
		return err
	}
	server := tinybase.NewServer(&tinybase.ServerOptions{Open: func(context.Context, string) (*mergeable.Store, error) { return m, nil }})
	h := httptest.NewServer(server)
	fmt.Println(h.URL)
	_, err = io.Copy(io.Discard, os.Stdin)
	server.Close()
	h.Close()
	return err
}

// fanOut writes for four seconds and returns the 99th percentile of the delivery times, in milliseconds.
func fanOut(url string, readers, perSecond int) (float64, error) {
	messages := 4 * perSecond
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dial := func() (*ws.Conn, error) {
		return ws.Dial(ctx, url+"/room", &ws.Options{Kind: ws.Text, PingEvery: -1})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []float64
	mark := []byte(`"c":[`)
	for range readers {
		c, err := dial()
		if err != nil {
			return 0, err
		}
		wg.Go(func() {
			defer func() { _ = c.Close(synchronizer.CodeAbnormal, "") }()
			times := make([]float64, 0, messages)
			for len(times) < messages {
				frame, err := c.Read(ctx)
				if err != nil {
					break
				}
				now := time.Now().UnixMicro()
				for rest := frame; ; { // a message may carry several changes of the one cell; the last one counts
					i := bytes.Index(rest, mark)
					if i < 0 {
						break
					}
					rest = rest[i+len(mark):]
					sent, err := strconv.ParseInt(string(rest[:bytes.IndexByte(rest, ',')]), 10, 64)
					if err == nil {
						times = append(times, float64(now-sent)/1000)
					}
				}
			}
			mu.Lock()
			took = append(took, times...)
			mu.Unlock()
		})
	}
	writer, err := dial()
	if err != nil {
		return 0, err
	}
	time.Sleep(time.Second)
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for i := range messages {
		<-tick.C
		now := time.Now()
		stamp := hlc.New(uint64(now.UnixMilli()), uint64(i), 7)
		frame := fmt.Appendf(nil, "\n[\"writer00000\",3,[[{\"t\":[{\"r%d\":[{\"c\":[%d,\"%s\"]}]}]}],[{}],1]]", i, now.UnixMicro(), stamp)
		if err := writer.Write(ctx, frame); err != nil {
			return 0, err
		}
	}
	wg.Wait()
	_ = writer.Close(synchronizer.CodeNormal, "")
	if len(took) < readers*messages {
		return 0, fmt.Errorf("%d of %d deliveries", len(took), readers*messages)
	}
	slices.Sort(took)
	return took[len(took)*99/100], nil
}
