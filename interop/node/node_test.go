package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
)

const counter = "testdata/counter.mjs"

// said waits until a script has said something: answers and standard error come through two pipes, either of which may be read first.
func said(t *testing.T, p *node.Process, what string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.Stderr(), what) }, node.Patience, time.Millisecond, "wanted %q", what)
}

func TestCall_AnswersInOrder(t *testing.T) {
	p := node.Start(t, counter)
	for want := 2; want <= 20; want += 2 {
		var sum int
		p.Call("add", map[string]int{"by": 2}, &sum)
		require.Equal(t, want, sum)
	}
	said(t, p, "adding 2") // console.log goes to standard error
}

func TestCall_CarriesLongAndStrangeText(t *testing.T) {
	p := node.Start(t, counter)
	for _, text := range []string{"", "a\nb\r\n\u2028", "\u00e9\U0001F600", strings.Repeat("0123456789\U0001F600", 100_000)} {
		var got string
		p.Call("echo", map[string]string{"text": text}, &got)
		require.Equal(t, text, got)
	}
}

func TestDo_DoesNotHoldUpOthers(t *testing.T) {
	p := node.Start(t, counter)
	var got string
	var group sync.WaitGroup
	group.Go(func() { require.NoError(t, p.Do("wait", nil, &got)) })
	for range 3 {
		p.Call("add", map[string]int{"by": 1}, nil)
	}
	p.Call("open", nil, nil)
	group.Wait()
	require.Equal(t, "waited", got)
}

func TestDo_ReportsTheScriptsErrorWithItsStderr(t *testing.T) {
	p := node.Start(t, counter)
	require.Error(t, p.Do("fail", nil, nil))
	said(t, p, "a word of explanation")
	err := p.Do("fail", nil, nil)
	require.ErrorContains(t, err, "counter.mjs (process ")
	require.ErrorContains(t, err, "as asked")
	require.ErrorContains(t, err, "a word of explanation")
	require.ErrorContains(t, p.Do("fly", nil, nil), "no command fly")
	require.NoError(t, p.Do("add", map[string]int{"by": 1}, nil), "an error does not end the script")
}

func TestDo_ReportsTheEndOfTheScript(t *testing.T) {
	p := node.Start(t, counter)
	require.ErrorContains(t, p.Do("exit", nil, nil), "exit status 3")
	require.ErrorContains(t, p.Do("add", nil, nil), "exit status 3")

	p = node.Start(t, counter)
	p.Kill()
	p.Kill()
	require.ErrorContains(t, p.Do("add", nil, nil), "killed")
}

func TestDo_GivesUpOnAScriptThatDoesNotAnswer(t *testing.T) {
	p := node.Start(t, counter)
	require.ErrorContains(t, p.DoWithin(10*time.Millisecond, "wait", nil, nil), "no answer within 10ms")
}

func TestStart_FailsOnAnythingButTheProtocol(t *testing.T) {
	p := node.Start(t, counter)
	require.ErrorContains(t, p.Do("babble", nil, nil), "not a line of the protocol")

	p = node.Start(t, filepath.Join(t.TempDir(), "no-such-script.mjs"))
	require.ErrorContains(t, p.Do("add", nil, nil), "Cannot find module")
}

func TestInstall_BringsTheFolderToItsLockFileOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	node.Install(t, dir)
	module := filepath.Join(dir, "node_modules", "isomorphic.js", "package.json")
	require.FileExists(t, module)

	require.NoError(t, os.Remove(module))
	node.Install(t, dir)
	require.NoFileExists(t, module, "a folder that is up to date is left alone")

	lock := filepath.Join(dir, "package-lock.json")
	text, err := os.ReadFile(lock)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(lock, append(text, '\n'), 0o644))
	node.Install(t, dir)
	require.FileExists(t, module, "another lock file is another install")
}
