package node

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long Call waits for an answer.
const Patience = 30 * time.Second

// Process is one running script. Its methods may be called by several goroutines at once; Call, as every method that can
// fail a test, only by the test's own.
type Process struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr tail
	lines  chan []byte // to standard input, in order

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	dead    error // why no more answers will come

	done chan struct{} // closed when the process is gone
}

type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *string         `json:"error"`
	lost   error
}

// Start runs a script with arguments. Its folder must have been installed. The process is killed when the test ends.
func Start(t testing.TB, script string, args ...string) *Process {
	t.Helper()
	Require(t)
	path, _ := find()
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	noteSources(filepath.Dir(script))

	p := &Process{t: t, name: filepath.Base(script), waiting: map[int]chan reply{}, lines: make(chan []byte, 64), done: make(chan struct{})}
	p.cmd = exec.Command(path, append([]string{script}, args...)...)
	p.cmd.Dir = filepath.Dir(script)
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = time.Second
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		p.stdin, err = p.cmd.StdinPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	go p.read(stdout)
	go p.write()
	t.Cleanup(p.Kill)
	return p
}

// noteSources opens the script's folder and this package's, so that the go command does not take an old test result for the
// present one after a script has changed.
func noteSources(dir string) {
	for _, d := range []string{dir, filepath.Join(filepath.Dir(dir), "node")} {
		_, _ = os.ReadDir(d)
	}
}

// write passes the commands on, so that a script that does not read blocks no caller.
func (p *Process) write() {
	for {
		select {
		case line := <-p.lines:
			if _, err := p.stdin.Write(line); err != nil {
				return // the process is gone, and read says so
			}
		case <-p.done:
			return
		}
	}
}

// read takes the answers until the process ends.
func (p *Process) read(stdout io.Reader) {
	defer close(p.done)
	r := bufio.NewReaderSize(stdout, 1<<16)
	var bad error
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			break
		}
		var a reply
		if err := json.Unmarshal(line, &a); err != nil {
			bad = fmt.Errorf("not a line of the protocol: %.200q", line)
			break
		}
		p.mu.Lock()
		ch := p.waiting[a.ID]
		delete(p.waiting, a.ID)
		p.mu.Unlock()
		if ch != nil {
			ch <- a
		}
	}
	if bad != nil {
		_ = p.cmd.Process.Kill()
	}
	err := p.cmd.Wait()
	if bad != nil {
		err = bad
	} else if err == nil {
		err = errors.New("the script ended")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = err
	for _, ch := range p.waiting {
		ch <- reply{lost: err}
	}
	p.waiting = nil
}

// Call sends one command with its arguments (anything that JSON can hold) and stores the answer in result, unless that is
// nil. It fails the test when the script reports an error, ends, or does not answer within Patience.
func (p *Process) Call(do string, args, result any) {
	p.t.Helper()
	if err := p.Do(do, args, result); err != nil {
		p.t.Fatal(err)
	}
}

// Do is Call for other goroutines: it returns what went wrong.
func (p *Process) Do(do string, args, result any) error {
	return p.DoWithin(Patience, do, args, result)
}

// DoWithin is Do with a patience of its own.
func (p *Process) DoWithin(patience time.Duration, do string, args, result any) error {
	p.mu.Lock()
	if p.dead != nil {
		p.mu.Unlock()
		return p.failed(do, p.dead)
	}
	p.next++
	id, ch := p.next, make(chan reply, 1)
	p.waiting[id] = ch
	line, err := json.Marshal(struct {
		ID   int    `json:"id"`
		Do   string `json:"do"`
		Args any    `json:"args,omitempty"`
	}{id, do, args})
	p.mu.Unlock()
	if err != nil {
		return p.failed(do, err)
	}

	timer := time.NewTimer(patience)
	defer timer.Stop()
	line = append(line, '\n')
	for queue := p.lines; ; {
		select {
		case queue <- line:
			queue = nil // passed on
		case a := <-ch:
			return p.take(do, a, result)
		case <-timer.C:
			p.mu.Lock()
			delete(p.waiting, id)
			p.mu.Unlock()
			return p.failed(do, fmt.Errorf("no answer within %v", patience))
		}
	}
}

// take stores the result of an answer, or returns its error.
func (p *Process) take(do string, a reply, result any) error {
	switch {
	case a.lost != nil:
		return p.failed(do, a.lost)
	case a.Error != nil:
		return p.failed(do, errors.New(*a.Error))
	case result == nil || len(a.Result) == 0:
		return nil
	}
	if err := json.Unmarshal(a.Result, result); err != nil {
		return p.failed(do, fmt.Errorf("answer %.200q: %w", a.Result, err))
	}
	return nil
}

// Kill ends the process at once, as kill -9 does, and waits for its end. It is safe to call again.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.stdin.Close()
}

// Stderr returns the last part of what the script wrote to its standard error, console.log included, as far as it has arrived: the last answer may have
// been faster.
func (p *Process) Stderr() string { return p.stderr.String() }

// String names the script and its process.
func (p *Process) String() string { return fmt.Sprintf("%s (process %d)", p.name, p.cmd.Process.Pid) }

func (p *Process) failed(do string, err error) error {
	if out := strings.TrimSpace(p.Stderr()); out != "" {
		return fmt.Errorf("%v: %s: %w\nits standard error ends with:\n%s", p, do, err, out)
	}
	return fmt.Errorf("%v: %s: %w", p, do, err)
}

// tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 16 << 10

func (w *tail) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, b...)
	if extra := len(w.text) - tailSize; extra > 0 {
		w.text = append(w.text[:0], w.text[extra:]...)
	}
	return len(b), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}
