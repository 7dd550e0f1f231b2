//go:build cgo

package automerge

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

const serveEnv = "ROWLOOM_TEST_SERVE_ENGINE"

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		if err := ServeEngine(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child() *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"=1")
	return cmd
}

func setRoot(t *testing.T, d *Doc, key string, n int64) {
	t.Helper()
	require.NoError(t, d.Update("test", func(tx *Tx) error { return tx.Edit().Set(amchange.OpID{}, key, amchange.IntValue(n)) }))
}

func TestIsolation_ADocumentWorksAsInTheSameProcess(t *testing.T) {
	far, err := New(&DocOptions{Isolation: &Isolation{Command: child}})
	require.NoError(t, err)
	near, err := New(nil)
	require.NoError(t, err)
	setRoot(t, far, "a", 1)
	setRoot(t, near, "b", 2)
	fs, err := far.NewSync(nil)
	require.NoError(t, err)
	ns, err := near.NewSync(nil)
	require.NoError(t, err)
	for range 20 {
		m, err := fs.Generate()
		require.NoError(t, err)
		if m != nil {
			_, err = ns.Receive(m)
			require.NoError(t, err)
		}
		if m, err = ns.Generate(); m != nil {
			_, err = fs.Receive(m)
		}
		require.NoError(t, err)
	}
	require.Equal(t, near.Heads(), far.Heads())
	require.NotEmpty(t, fs.Save())
	_, err = far.NewSync(fs.Save())
	require.NoError(t, err)

	saved, err := far.Save()
	require.NoError(t, err)
	again, err := Load(saved, &DocOptions{Isolation: &Isolation{Command: child}})
	require.NoError(t, err)
	require.Equal(t, near.Heads(), again.Heads())
	changes, err := again.SaveSince()
	require.NoError(t, err)
	all, err := amchange.ParseAll(changes, nil)
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, d := range []*Doc{far, again, near} {
		require.NoError(t, d.Close())
		require.Error(t, d.Apply("peer", nil))
	}
}

// Given to the engine directly, past the guard, the ten bytes end its process and not this one.
func TestIsolation_AnAbortEndsOnlyTheDocument(t *testing.T) {
	var input []byte
	d, err := New(&DocOptions{Isolation: &Isolation{Command: child, OnAbort: func(b []byte, err error) {
		require.ErrorIs(t, err, ErrEngineAborted)
		input = b
	}}})
	require.NoError(t, err)
	setRoot(t, d, "a", 1)
	saved, err := d.Save()
	require.NoError(t, err)
	s, err := d.NewSync(nil)
	require.NoError(t, err)
	state := s.(*Sync).state
	ten := []byte{0x42, 0, 0, 1, 0, 3, 1, 0, 7, 0}
	err = state.receive(ten)
	if err == nil {
		_, err = state.generate() // where the filter is asked
	}
	require.ErrorIs(t, err, ErrEngineAborted)
	require.NotNil(t, input)
	err = d.Update("test", func(tx *Tx) error { return tx.Edit().Set(amchange.OpID{}, "a", amchange.IntValue(2)) })
	require.ErrorIs(t, err, ErrEngineAborted)
	_, err = d.Save()
	require.ErrorIs(t, err, ErrEngineAborted)
	require.Nil(t, s.Save())
	d.View(func(ix *amchange.Index) {
		l, _ := ix.Get("a")
		require.EqualValues(t, 1, l.Value.Int(), "what the engine did not take is taken back")
	})
	require.NoError(t, d.Close())

	again, err := Load(saved, &DocOptions{Isolation: &Isolation{Command: child}})
	require.NoError(t, err)
	setRoot(t, again, "a", 3)
	require.NoError(t, again.Close())
}

func TestIsolation_AnEngineThatDoesNotAnswerIsGivenUp(t *testing.T) {
	_, err := New(&DocOptions{Isolation: &Isolation{Command: func() *exec.Cmd { return exec.Command("/nonexistent/program") }}})
	require.Error(t, err)
	d, err := New(&DocOptions{Isolation: &Isolation{Command: func() *exec.Cmd { return exec.Command("sleep", "60") }, Timeout: 50 * time.Millisecond}})
	require.NoError(t, err)
	_, err = d.Save()
	require.ErrorIs(t, err, ErrEngineAborted)
	require.NoError(t, d.Close())
}

func TestServeEngine_RefusesNonsense(t *testing.T) {
	e, err := newProcessEngine(&Isolation{Command: child})
	require.NoError(t, err)
	_, err = e.call(99, nil)
	require.ErrorContains(t, err, "unknown")
	_, err = e.call(callGenerate, []byte{77})
	require.ErrorContains(t, err, "unknown conversation")
	require.Error(t, e.load([]byte("nonsense")))
	require.NoError(t, e.close())
	_, err = e.heads()
	require.ErrorIs(t, err, ErrEngineAborted)
}
