package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
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

// compareFanOut sends some changes a second through our server, through TinyBase's, and through one that does nothing but write, each in a process
// of its own, to readers that are bare sockets in this one, and compares how long the slowest hundredth of the deliveries takes. The three take turns.
// The second result is how the server that only writes compares: the best that could be reached on this machine.
func compareFanOut(dir string, readers, perSecond, rounds int, profile string) ([]duel.Result, error) {
	load := fmt.Sprintf("/readers=%d/changes=%d per s", readers, perSecond)
	ours := duel.Result{Workload: duel.Workload{Name: fanOutName + load, Unit: "ms"}}
	if readers == 200 {
		ours.Want = 10
	}
	bare := duel.Result{Workload: duel.Workload{Name: fanOutName + ", writing only" + load, Unit: "ms"}}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	sides := []struct {
		command []string
		took    []float64
		medians []*float64
	}{
		{command: []string{self, "-serve", "-cpuprofile", profile}, medians: []*float64{&ours.GoMedian}},
		{command: []string{"node", "twin.mjs", "server"}, medians: []*float64{&ours.JSMedian, &bare.JSMedian}},
		{command: []string{self, "-serve", "-bare"}, medians: []*float64{&bare.GoMedian}},
	}
	for range rounds {
		for i := range sides {
			side := &sides[i]
			took, err := throughServer(dir, side.command, readers, perSecond)
			if err != nil {
				return nil, err
			}
			side.took = append(side.took, took)
			slices.Sort(side.took)
			for _, m := range side.medians {
				*m = side.took[len(side.took)/2]
			}
		}
	}
	fmt.Fprintf(os.Stderr, "%s%s: ours %.1f, TinyBase's %.1f, writing only %.1f\n", fanOutName, load, sides[0].took, sides[1].took, sides[2].took)
	return []duel.Result{ours, bare}, nil
}

const fanOutName = "fan-out p99"

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
	address, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		took, err = fanOut(strings.TrimSpace(address), readers, perSecond)
	}
	_ = in.Close()
	_ = cmd.Wait()
	return took, err
}

// serve is our server for throughServer.
func serve(profile string, bare bool) error {
	if bare {
		return passOn()
	}
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
func fanOut(address string, readers, perSecond int) (float64, error) {
	messages := 4 * perSecond
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dial := func() (*ws.Conn, error) {
		return ws.Dial(ctx, address+"/room", &ws.Options{Kind: ws.Text, PingEvery: -1})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []float64
	for range readers {
		c, err := bareSocket(address + "/room")
		if err != nil {
			return 0, err
		}
		wg.Go(func() {
			defer func() { _ = c.Close() }()
			times := timeDeliveries(c, messages)
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

// bareSocket makes a WebSocket of which only the bytes are read, so that readers take little of the processors that the server needs.
func bareSocket(address string) (net.Conn, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	key := make([]byte, 16) // TinyBase's server knows a client by it
	_, _ = rand.Read(key)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
		u.Path, u.Host, base64.StdEncoding.EncodeToString(key))
	return c, c.SetReadDeadline(time.Now().Add(time.Minute))
}

// timeDeliveries reads what a server sends, and returns how many milliseconds ago each change says it was made. The frames of a server are
// not masked, so the changes stand in the stream as they are; one frame may carry several.
func timeDeliveries(c net.Conn, changes int) (took []float64) {
	mark := []byte(`"c":[`)
	took = make([]float64, 0, changes)
	buf, held := make([]byte, 64<<10), 0
	for len(took) < changes {
		n, err := c.Read(buf[held:])
		now := time.Now().UnixMicro()
		rest := buf[:held+n]
		for {
			i := bytes.Index(rest, mark)
			if i < 0 {
				rest = rest[max(len(rest)-len(mark)+1, 0):]
				break
			}
			digits, _, whole := bytes.Cut(rest[i+len(mark):], []byte(","))
			if !whole {
				rest = rest[i:]
				break
			}
			rest = rest[i+len(mark):]
			if sent, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
				took = append(took, float64(now-sent)/1000)
			}
		}
		held = copy(buf, rest)
		if err != nil {
			break
		}
	}
	return took
}
