//go:build unix

// Package page_test holds the tests of the page that the server shows, in a real browser.
package page_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

// chromium finds a Chromium that runs: the one that ROWLOOM_CHROMIUM names, or else the first of the usual names.
var chromium = sync.OnceValues(func() (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if name := os.Getenv("ROWLOOM_CHROMIUM"); name != "" {
		names = []string{name}
	}
	err := fmt.Errorf("there is no %s", strings.Join(names, " or "))
	for _, name := range names {
		path, e := exec.LookPath(name)
		if e != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		out, e := exec.CommandContext(ctx, path, "--version").CombinedOutput()
		cancel()
		if e == nil {
			return path, nil
		}
		err = fmt.Errorf("%s --version: %w: %s", path, e, strings.TrimSpace(string(out)))
	}
	return "", err
})

type args map[string]any

// browser is a running Chromium, used by one test after the other.
type browser struct{ *node.Process }

// browse starts a browser, which ends with the test. Without Chromium the test is skipped, also where a missing Node is a failure.
func browse(t *testing.T) browser {
	t.Helper()
	path, err := chromium()
	if err != nil {
		t.Skipf("skipped, as it needs Chromium: %v (set ROWLOOM_CHROMIUM to its path)", err)
	}
	node.Install(t, ".")
	dir := t.TempDir() // removed after the browser has ended
	b := browser{node.Start(t, "browser.mjs")}
	var pid int
	b.Call("launch", args{"chromium": path, "dir": dir}, &pid)
	require.Greater(t, pid, 1)
	t.Cleanup(func() {
		_ = b.DoWithin(5*time.Second, "end", nil, nil)
		for end := time.Now().Add(serve.Patience); syscall.Kill(-pid, syscall.SIGKILL) != syscall.ESRCH; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) { // all of its process group has to go
				t.Errorf("Chromium (process %d) does not end", pid)
				return
			}
		}
	})
	return b
}

// cell is what a page shows at a place: [table, row, cell] or [value].
type cell struct {
	Place []string
	Text  string
	Note  string // beside it: why it is not stored, or what others have stored meanwhile
	Lost  string // what has lost there
}

// look is what a page shows.
type look struct {
	State, Notice, Title, Peers        string
	Rooms, Focus, Conflicts, Log, Form []string
	Caret                              int
	Cells                              []cell
	Errors                             []string // of its program
	Dialogs                            []string // that it has opened
}

func (l look) cell(place ...string) cell {
	i := slices.IndexFunc(l.Cells, func(c cell) bool { return slices.Equal(c.Place, place) })
	if i < 0 {
		return cell{}
	}
	return l.Cells[i]
}

func (l look) text(place ...string) string { return l.cell(place...).Text }

// page is one page of a browser.
type page struct {
	b browser
	t *testing.T
	n int64
}

var pages atomic.Int64

// open opens a page on a room, in a window of its own and with a query perhaps, and waits until it follows the room. It is closed when the test ends.
func (b browser) open(t *testing.T, s *serve.Server, room, query string) *page {
	t.Helper()
	p := &page{b, t, pages.Add(1)}
	p.do("open", args{"url": s.URL() + "/" + query + "#" + url.PathEscape(room)}, nil)
	t.Cleanup(func() { p.do("close", nil, nil) })
	p.until("it is live", func(l look) bool { return l.State == "live" && l.Title == room })
	return p
}

// do calls a command for the page.
func (p *page) do(command string, a args, result any) {
	p.t.Helper()
	if a == nil {
		a = args{}
	}
	a["page"] = p.n
	require.NoError(p.t, p.b.Do(command, a, result))
}

func (p *page) click(place ...string) { p.t.Helper(); p.do("click", args{"place": place}, nil) }

// key is the name of a key, beside texts that are typed.
type key struct {
	Key string `json:"key"`
}

var (
	enter     = key{"Enter"}
	escape    = key{"Escape"}
	tab       = key{"Tab"}
	end       = key{"End"}
	left      = key{"ArrowLeft"}
	backspace = key{"Backspace"}
)

func (p *page) keys(keys ...any) { p.t.Helper(); p.do("keys", args{"keys": keys}, nil) }

// until waits until the page shows what ok wants.
func (p *page) until(what string, ok func(look) bool) look {
	p.t.Helper()
	for end := time.Now().Add(serve.Patience); ; time.Sleep(5 * time.Millisecond) {
		var l look
		p.do("look", nil, &l)
		require.Empty(p.t, l.Errors, "errors of the page")
		if ok(l) {
			return l
		}
		if time.Now().After(end) {
			p.t.Fatalf("not within %v: %s; page %d shows %.5000s", serve.Patience, what, p.n, serve.Show(l))
		}
	}
}

// shows waits until the page shows a text at a place.
func (p *page) shows(text string, place ...string) look {
	p.t.Helper()
	return p.until(fmt.Sprintf("%q shows %q", place, text), func(l look) bool { c := l.cell(place...); return c.Place != nil && c.Text == text })
}
