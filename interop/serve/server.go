package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long the server may take to start, to stop or to answer.
const Patience = 30 * time.Second

// Options of Start; nil means defaults.
type Options struct {
	Data string   // the folder of its data; a new one when empty
	Args []string // further flags of `rowloom serve`
	Env  []string // further environment variables, as NAME=value
}

// Server is one `rowloom serve` and, after Restart, its successors on the same address and data. Its methods belong to the
// test's own goroutine, but for the HTTP calls whose names begin with Try.
type Server struct {
	t    testing.TB
	path string
	opts Options
	addr string // host and port

	cmd  *exec.Cmd
	log  *log
	done chan struct{} // closed when the process has ended
	err  error         // how it ended, once done is closed
}

// Start builds and starts a server and waits until it is ready. It is stopped when the test ends, and the test fails when it
// does not stop cleanly.
func Start(t testing.TB, opts *Options) *Server {
	t.Helper()
	s := &Server{t: t, path: Binary(t), addr: "127.0.0.1:0"}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Data == "" {
		s.opts.Data = t.TempDir()
	}
	s.start()
	t.Cleanup(func() {
		if s.running() {
			s.Stop()
		}
		if t.Failed() {
			t.Logf("the server's log ends with:\n%s", s.log.tail())
		}
	})
	return s
}

// Command returns the command line of a server on addr, for tests of servers that do not start.
func Command(t testing.TB, addr, data string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(Binary(t), append([]string{"serve", "--listen", addr, "--data", data}, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

func (s *Server) start() {
	s.t.Helper()
	s.cmd = Command(s.t, s.addr, s.opts.Data, s.opts.Args...)
	s.cmd.Env = append(append(os.Environ(), "GORACE=halt_on_error=1"), s.opts.Env...)
	s.done = make(chan struct{})
	s.log = &log{listening: make(chan string, 1)}
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Fatalf("start %s: %v", s.cmd, err)
	}
	go func() {
		s.log.read(stderr)
		s.err = s.cmd.Wait()
		close(s.done)
	}()

	select {
	case addr := <-s.log.listening:
		s.addr = addr
	case <-s.done:
		s.t.Fatalf("%s ended before it listened: %v\n%s", s.cmd, s.err, s.log.tail())
	case <-time.After(Patience):
		_ = s.cmd.Process.Kill()
		s.t.Fatalf("%s did not listen within %v\n%s", s.cmd, Patience, s.log.tail())
	}
	s.waitReady()
}

func (s *Server) waitReady() {
	s.t.Helper()
	deadline := time.Now().Add(Patience)
	for {
		code, body, err := s.TryDo("GET", "/readyz", "", nil)
		if err == nil && code == 200 {
			return
		}
		if !s.running() || time.Now().After(deadline) {
			s.t.Fatalf("the server is not ready: %d %s %v\n%s", code, body, err, s.log.tail())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *Server) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// URL is http://HOST:PORT; Socket the same for WebSockets, with a path such as "/yjs".
func (s *Server) URL() string               { return "http://" + s.addr }
func (s *Server) Socket(path string) string { return "ws://" + s.addr + path }

// Data is the folder of the server's data.
func (s *Server) Data() string { return s.opts.Data }

// Log returns the last part of what the server wrote to its standard error.
func (s *Server) Log() string { return s.log.tail() }

// Kill ends the server as kill -9 does. It fails the test when the server had ended before.
func (s *Server) Kill() {
	s.t.Helper()
	if !s.running() {
		s.t.Fatalf("the server had ended by itself: %v\n%s", s.err, s.log.tail())
	}
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Stop asks the server to end (SIGTERM) and fails the test when it does not end with 0.
func (s *Server) Stop() {
	s.t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		if s.err != nil {
			s.t.Errorf("the server ended with %v\n%s", s.err, s.log.tail())
		}
	case <-time.After(Patience):
		s.Kill()
		s.t.Errorf("the server did not stop within %v of SIGTERM\n%s", Patience, s.log.tail())
	}
}

// Restart starts the server again on the same address and data, after Kill or Stop.
func (s *Server) Restart() {
	s.t.Helper()
	if s.running() {
		s.t.Fatal("Restart of a server that runs")
	}
	s.start()
}

// Run runs a command line that is expected to end by itself, and returns its exit code and output.
func Run(t testing.TB, cmd *exec.Cmd) (code int, output string) {
	t.Helper()
	timer := time.AfterFunc(Patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// log reads the server's standard error: it finds the address and keeps the last lines.
type log struct {
	listening chan string
	mu        sync.Mutex
	lines     []string
}

const logLines = 100

func (l *log) read(r io.Reader) {
	for sc := bufio.NewScanner(r); sc.Scan(); {
		line := sc.Text()
		if _, addr, ok := strings.Cut(line, "listening on http://"); ok {
			addr, _, _ = strings.Cut(addr, " ")
			select {
			case l.listening <- strings.Trim(addr, "/\" "):
			default:
			}
		}
		l.mu.Lock()
		l.lines = append(l.lines, line)
		if len(l.lines) > 2*logLines {
			l.lines = append(l.lines[:0], l.lines[len(l.lines)-logLines:]...)
		}
		l.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r) // a line too long must not block the server
}

func (l *log) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// String names the server's process and address.
func (s *Server) String() string {
	return fmt.Sprintf("rowloom serve (process %d) on %s", s.cmd.Process.Pid, s.addr)
}
