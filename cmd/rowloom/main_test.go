package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/hub"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// TestMain makes the test binary the program itself when a test starts it so.
func TestMain(m *testing.M) {
	if os.Getenv("ROWLOOM_TEST_MAIN") == "1" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "ROWLOOM_TEST_MAIN=1")
	return cmd
}

// process is a server that runs.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	url  string
	mu   sync.Mutex
	said strings.Builder // on standard error
	done chan error
	read chan struct{} // closed when standard error has been read to its end
}

func start(t testing.TB, data string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: command(append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, args...)...), done: make(chan error, 1), read: make(chan struct{})}
	out, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.mu.Lock()
			fmt.Fprintln(&p.said, lines.Text())
			p.mu.Unlock()
			if addr, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
				ready <- addr
			}
		}
		close(p.read)
		p.done <- p.cmd.Wait()
	}()
	select {
	case p.url = <-ready:
	case err := <-p.done:
		t.Fatalf("the server ended: %v\n%s", err, p.output())
	case <-time.After(time.Minute):
		t.Fatalf("the server does not start\n%s", p.output())
	}
	return p
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// end sends a signal and returns the exit code.
func (p *process) end(s os.Signal) int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.t.Fatalf("the server does not end\n%s", p.output())
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) do(method, path, body string) (status int, answer string, err error) {
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/merge-patch+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func (p *process) get(path string) string {
	p.t.Helper()
	status, body, err := p.do("GET", path, "")
	require.NoError(p.t, err)
	require.Equal(p.t, 200, status, body)
	return body
}

func TestServe_StartsSaysWhereAndEndsOnASignal(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p := start(t, filepath.Join(t.TempDir(), "new", "data"))
		require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, p.url)
		require.Contains(t, p.get("/"), "rowloom")
		require.Equal(t, "ok\n", p.get("/healthz"))
		require.Eventually(t, func() bool {
			host := "ws://" + strings.TrimPrefix(p.url, "http://")
			automerge := host + "/automerge\n"
			if _, why := hub.Lacking(); why != "" {
				automerge = "  automerge is missing: " + why + "\n"
			}
			return strings.Contains(p.output(), host+"/yjs/ROOM\n") && strings.Contains(p.output(), host+"/tinybase/ROOM\n") && strings.Contains(p.output(), automerge)
		}, 20*time.Second, time.Millisecond)

		// A reader who does not go by itself does not keep the server.
		res, err := http.Get(p.url + "/api/rooms/r/events")
		require.NoError(t, err)
		require.Equal(t, 200, res.StatusCode)
		require.Equal(t, 0, p.end(s), p.output())
		res.Body.Close()
	}
}

func TestServe_NamesAnAddressThatOneCanOpenWhenItListensOnAllInterfaces(t *testing.T) {
	p := start(t, t.TempDir(), "--listen", ":0", "--token", "secret")
	require.Regexp(t, `^http://(localhost|127\.0\.0\.1):\d+$`, p.url)
	require.Equal(t, "ok\n", p.get("/healthz"))
	require.Equal(t, 0, p.end(syscall.SIGTERM))
	<-p.read
	require.Contains(t, p.output(), "  network   all interfaces of this machine")
	require.Contains(t, p.output(), "ws://"+strings.TrimPrefix(p.url, "http://")+"/yjs/ROOM\n")
	require.NotContains(t, p.output(), "[::]")
}

func TestServe_BoundsMessagesOnAllSockets(t *testing.T) {
	p := start(t, t.TempDir(), "--max-message", "745472", "--max-incoming", "2236416", "--max-outgoing", "745472")
	ctx := t.Context()
	dial := func() *ws.Conn {
		c, err := ws.Dial(ctx, p.url+"/yjs/r", &ws.Options{PingEvery: -1})
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close(synchronizer.CodeAbnormal, "") })
		return c
	}
	// The largest message fits, though it needs a buffer of nearly two and a half times its size; that it is no message of Yjs is another thing.
	c := dial()
	require.NoError(t, c.Write(ctx, bytes.Repeat([]byte{0xff}, 745_472)))
	for {
		if _, err := c.Read(ctx); err != nil {
			require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err), err)
			break
		}
	}
	require.Equal(t, 0, p.end(syscall.SIGTERM))
}

func TestServe_KeepsWhatItAcknowledgedWhenItIsKilled(t *testing.T) {
	data := t.TempDir()
	acknowledged := map[string]int{}
	for round := range 4 {
		p := start(t, data)
		for key, n := range acknowledged {
			require.Equal(t, fmt.Sprintln(n), p.get("/api/rooms/"+key), "round %d", round)
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		count := 0
		for w := range 4 {
			all.Go(func() {
				for n := round*100_000 + 1; ; n++ {
					key := fmt.Sprintf("room%d/tables/t/%d/c", w%2, w)
					status, _, err := p.do("PATCH", fmt.Sprintf("/api/rooms/room%d", w%2), fmt.Sprintf(`{"tables":{"t":{"%d":{"c":%d}}}}`, w, n))
					if err != nil {
						return // killed: this one may or may not have been stored
					}
					mu.Lock()
					if status == 200 {
						acknowledged[key] = n
					}
					count++
					enough := count == 60*(round+1)
					mu.Unlock()
					if enough {
						_ = p.cmd.Process.Kill()
					}
				}
			})
		}
		all.Wait()
		<-p.done
		p = start(t, data)
		for w := range 4 {
			var n int
			_, err := fmt.Sscan(p.get(fmt.Sprintf("/api/rooms/room%d/tables/t/%d/c", w%2, w)), &n)
			require.NoError(t, err)
			key := fmt.Sprintf("room%d/tables/t/%d/c", w%2, w)
			require.GreaterOrEqual(t, n, acknowledged[key])
			acknowledged[key] = n
		}
		require.Equal(t, 0, p.end(syscall.SIGTERM))
	}
}

func TestServe_AcknowledgesOnlyWhatSurvivesAKill(t *testing.T) {
	data := t.TempDir()
	for round := range 5 {
		p := start(t, data)
		for n := range 20 {
			status, body, err := p.do("PUT", fmt.Sprintf("/api/rooms/r/values/%d-%d", round, n), "true")
			require.NoError(t, err)
			require.Equal(t, 200, status, body)
		}
		require.NotZero(t, p.end(os.Kill))
		p = start(t, data)
		body := p.get("/api/rooms/r")
		for r := range round + 1 {
			for n := range 20 {
				require.Contains(t, body, fmt.Sprintf(`"%d-%d":true`, r, n))
			}
		}
		require.NotZero(t, p.end(os.Kill))
	}
}

func TestServe_RefusesAFolderThatIsInUse(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	out, err := command("serve", "--listen", "127.0.0.1:0", "--data", data).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "in use by process "+fmt.Sprint(p.cmd.Process.Pid))
	require.NotContains(t, string(out), "listening on")
	require.Equal(t, 1, err.(*exec.ExitError).ExitCode())
	require.Equal(t, "ok\n", p.get("/healthz"))
	require.NotZero(t, p.end(os.Kill)) // the lock goes with the process
	require.Equal(t, 0, start(t, data).end(syscall.SIGTERM))
}

func TestServe_RefusesADamagedDatabaseAndLeavesIt(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	status, _, err := p.do("PUT", "/api/rooms/r/values/v", `"`+strings.Repeat("x", 20_000)+`"`)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, 0, p.end(syscall.SIGTERM))
	file := filepath.Join(data, "rooms.db")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	for i := len(b) / 2; i < len(b); i += 512 {
		b[i] ^= 0xFF
	}
	require.NoError(t, os.WriteFile(file, b, 0o600))
	out, err := command("serve", "--listen", "127.0.0.1:0", "--data", data).CombinedOutput()
	require.Error(t, err)
	require.Equal(t, 1, err.(*exec.ExitError).ExitCode())
	require.Contains(t, string(out), file+" is damaged")
	left, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, b, left)
}

func TestServe_TakesItsFlagsFromTheEnvironment(t *testing.T) {
	t.Setenv("ROWLOOM_TOKEN", "secret")
	t.Setenv("ROWLOOM_LOG_FORMAT", "json")
	t.Setenv("ROWLOOM_LOG_LEVEL", "debug")
	t.Setenv("ROWLOOM_MAX_BODY", "1KiB")
	p := start(t, t.TempDir())
	status, _, err := p.do("GET", "/api/rooms", "")
	require.NoError(t, err)
	require.Equal(t, 401, status)
	require.JSONEq(t, `{"rooms":[]}`, p.get("/api/rooms?token=secret"))
	status, _, err = p.do("PUT", "/api/rooms/r/values/v?token=secret", `"`+strings.Repeat("x", 2000)+`"`)
	require.NoError(t, err)
	require.Equal(t, 413, status)
	require.Equal(t, 0, p.end(syscall.SIGTERM))
	<-p.read
	require.NotContains(t, p.output(), "secret")
	require.Contains(t, p.output(), `"msg":"served"`)
}

func TestCommandLine_SaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		args string
		code int
		out  string
	}{
		{"help", 0, "serve"},
		{"help serve", 0, "--listen"},
		{"--help", 0, "serve"},
		{"serve --help", 0, "ROWLOOM_LISTEN"},
		{"version", 0, "rowloom "},
		{"--version", 0, "rowloom "},
		{"", 2, "serve"},
		{"nonsense", 2, "nonsense"},
		{"help nonsense", 2, "Try: rowloom help"},
		{"lab", 2, "Try: rowloom help lab"},
		{"yjs dump", 2, "Try: rowloom help yjs dump"},
		{"serve --token=", 2, "--token is empty"},
		{"serve --token=x --read-token=", 2, "--read-token is empty"},
		{"serve --allow-host=example.com:80", 2, "without scheme and port"},
		{"serve --listen=", 2, "--listen is empty: write HOST:PORT"},
		{"serve --data=", 2, "--data is empty"},
		{"serve --max-incoming=191MiB", 2, "--max-incoming=191MiB has to be at least three times --max-message=64MiB"},
		{"serve --max-message=512MiB", 2, "--max-incoming=1GiB has to be at least three times --max-message=512MiB"},
		{"serve --max-message=1000000 --max-outgoing=999999", 2, "--max-outgoing=999999 has to be at least --max-message=1000000"},
		{"serve --max-incoming=0", 2, "--max-incoming has to be more than 0"},
		{"serve --max-rooms=99999999999999999999", 2, "--max-rooms"},
		{"lab --seed=99999999999999999999 x", 2, "--seed"},
		{"serve x", 2, "unexpected argument x"},
		{"yjs", 2, "expected one of \"dump\""},
		{"serve --nonsense", 2, "--nonsense"},
		{"serve --max-body=many", 2, "KiB"},
		{"serve --max-rooms=0", 2, "--max-rooms has to be more than 0\nTry: rowloom help serve"},
		{"serve --read-token=x", 2, "--token"},
		{"serve --log-level=loud", 2, "loud"},
		{"serve --listen=nowhere --data=" + t.TempDir(), 1, "--listen"},
		{"serve --listen=127.0.0.1:0 --data=" + file, 1, "data folder"},
		{"serve --listen=127.0.0.1:0 --allow-origin=[ --data=" + t.TempDir(), 1, "origin"},
	} {
		out, err := command(strings.Fields(c.args)...).CombinedOutput()
		code := 0
		if err != nil {
			code = err.(*exec.ExitError).ExitCode()
		}
		require.Equal(t, c.code, code, "%s\n%s", c.args, out)
		require.Contains(t, string(out), c.out, c.args)
		require.NotContains(t, string(out), "goroutine ")
	}
}
