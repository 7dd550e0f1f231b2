package file_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/rowloom/rowloom/adapters/file"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/store/persist/persisttest"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	if at := os.Getenv("ROWLOOM_FILE_DIES_AT"); at != "" {
		dieAt(os.Getenv("ROWLOOM_FILE"), at)
		os.Exit(3) // it should not have come here
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string) *file.Target {
	t.Helper()
	f, err := file.Open(path, &file.Options{Poll: 20 * time.Millisecond})
	require.NoError(t, err)
	return f
}

func cell(row string, v store.Value) store.Changes {
	return store.Changes{Cells: []store.CellChange{{Table: "pets", Row: row, Cell: "price", New: v}}}
}

func TestTarget_ObeysTheLaws(t *testing.T) {
	persisttest.Run(t, func(t testing.TB) persisttest.Subject {
		path := filepath.Join(t.TempDir(), "pets.json")
		other := open(t, path)
		return persisttest.Subject{
			Target:    open(t, path),
			Persister: persist.Queued,
			Edit:      func(c store.Changes) error { return other.Write(ctx, "somebody else", c, nil) },
		}
	})
}

func TestWrite_GivesTinyBasesFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.json")
	object, err := store.ParseJSON(`{"a":1}`)
	require.NoError(t, err)
	require.NoError(t, open(t, path).Write(ctx, nil, store.Changes{
		Cells: []store.CellChange{
			{Table: "t", Row: "r", Cell: "c", New: store.Of(1)},
			{Table: "t", Row: "r", Cell: "n", New: store.NullValue()},
			{Table: "t", Row: "r", Cell: "o", New: object},
		},
		Values: []store.ValueChange{{ID: "v", New: store.Of("x")}},
	}, nil))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "[{\"t\":{\"r\":{\"c\":1,\"n\":null,\"o\":\"\uFFFD{\\\"a\\\":1}\"}}},{\"v\":\"x\"}]", string(text))
}

func TestWrite_NeverReplacesABrokenFile(t *testing.T) {
	for _, text := range []string{"{", "[{\"t\":{\"r\":{\"c\":1}}}", "hello", "[{\"t\":1},{}]", "[{},{}]x", " ", "[{\"t\":{\"r\":{\"c\":\"\uFFFDx\"}}},{}]"} {
		path := filepath.Join(t.TempDir(), "pets.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		f := open(t, path)
		_, _, err := f.Read(ctx, []store.Path{{}})
		require.ErrorContains(t, err, path)
		require.Error(t, f.Write(ctx, nil, cell("fido", store.Of(1)), nil))
		s := store.New()
		p := persist.Queued(s, f, &persist.Options{RetryAfter: func(int) time.Duration { return time.Hour }})
		require.Error(t, p.StartAutoLoad(ctx))
		require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetValue("v", store.Of(1)) }))
		require.Error(t, p.StartAutoSave(ctx))
		require.Error(t, p.Close(ctx))
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(after))
	}
}

func TestWrite_KeepsModeAndFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "real.json"), []byte("[{},{}]"), 0o640))
	require.NoError(t, os.Symlink("real.json", filepath.Join(dir, "link.json")))
	f := open(t, filepath.Join(dir, "link.json"))
	require.NoError(t, f.Write(ctx, nil, cell("fido", store.Of(1)), nil))
	info, err := os.Lstat(filepath.Join(dir, "real.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	info, err = os.Lstat(filepath.Join(dir, "link.json"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
}

func TestWrite_KeepsWhatOthersHaveWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.json")
	f := open(t, path)
	require.NoError(t, f.Write(ctx, nil, cell("fido", store.Of(1)), nil))
	require.NoError(t, os.WriteFile(path, []byte(`[{"pets":{"rex":{"price":7}}},{"open":true}]`), 0o600))
	var told atomic.Int32
	stop, err := f.Watch(func(store.Origin, []store.Path) { told.Add(1) })
	require.NoError(t, err)
	defer stop()
	require.NoError(t, f.Write(ctx, nil, cell("felix", store.Of(2)), nil))
	content, _, err := f.Read(ctx, nil)
	require.NoError(t, err)
	require.Equal(t, "+ pets/felix/price 2\n+ pets/rex/price 7\n+ :open true\n", store.Diff(nil, content).String())
	require.Eventually(t, func() bool { return told.Load() > 0 }, 20*time.Second, time.Millisecond, "what a write has met is news")
}

func TestWatch_HearsOthersAndNotItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pets.json")
	f := open(t, path)
	var told atomic.Int32
	stop, err := f.Watch(func(store.Origin, []store.Path) { told.Add(1) })
	require.NoError(t, err)
	require.NoError(t, f.Write(ctx, nil, cell("fido", store.Of(1)), nil))
	news := told.Load()
	require.NoError(t, os.WriteFile(path, []byte(`[{},{"x":1}]`), 0o600))
	require.Eventually(t, func() bool { return told.Load() > news }, 20*time.Second, time.Millisecond)
	stop()
	stop()
}

// steps are those of a write, in order.
var steps = []string{"create", "write", "half", "sync", "rename", "sync directory", "end"}

func dieAt(path, at string) {
	f, err := file.Open(path, nil)
	if err != nil {
		panic(err)
	}
	f.OnStep(func(step string) {
		if step == at {
			p, _ := os.FindProcess(os.Getpid())
			_ = p.Kill()
			select {}
		}
	})
	if err := f.Write(ctx, nil, many(2), nil); err != nil {
		panic(err)
	}
}

// many is content of some size, each cell holding n.
func many(n int) (c store.Changes) {
	for i := range 5000 {
		c.Cells = append(c.Cells, store.CellChange{Table: "t", Row: fmt.Sprint("row ", i), Cell: "n", New: store.Of(n)})
	}
	return c.Normalize()
}

func TestWrite_ThatIsKilledLeavesTheOldOrTheNewFile(t *testing.T) {
	for i, step := range steps {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "data.json")
			require.NoError(t, open(t, path).Write(ctx, nil, many(1), nil))
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "ROWLOOM_FILE_DIES_AT="+step, "ROWLOOM_FILE="+path)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "the process should have been killed: %s", out)
			require.NotEqual(t, 3, cmd.ProcessState.ExitCode(), "the write has not come to the step")
			content, exists, err := open(t, path).Read(ctx, nil)
			require.NoError(t, err)
			require.True(t, exists)
			want := 1.0
			if i > 4 { // the rename was before
				want = 2
			}
			require.Equal(t, 5000, content.RowCount("t"))
			for row := range content.Rows("t") {
				require.Equal(t, want, content.Cell("t", row, "n").Number())
			}
			// What is left over goes away with time, and the next write works.
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range entries {
				old := time.Now().Add(-time.Hour)
				require.NoError(t, os.Chtimes(filepath.Join(dir, e.Name()), old, old))
			}
			require.NoError(t, open(t, path).Write(ctx, nil, many(3), nil))
			entries, err = os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 1)
			require.False(t, strings.HasPrefix(entries[0].Name(), "."))
		})
	}
}
