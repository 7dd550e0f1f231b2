package mergeable_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFile_KeepsTheStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.json")
	m := newStore(t, "s1", now)
	f, _, err := mergeable.OpenFile(m, path, &mergeable.FileOptions{Every: time.Millisecond})
	require.NoError(t, err)
	_, err = os.Stat(path)
	require.ErrorIs(t, err, os.ErrNotExist, "an empty store is not written before it changes")
	set(t, m, "t", "r", "c", store.Of(1))
	require.Eventually(t, func() bool { _, err := os.Stat(path); return err == nil }, 5*time.Second, time.Millisecond)
	set(t, m, "t", "r", "c", store.Of(2))
	require.NoError(t, f.Close(), "what was not written yet is written")
	again := newStore(t, "s1", now)
	f, _, err = mergeable.OpenFile(again, path, nil)
	require.NoError(t, err)
	require.Equal(t, hashes(m), hashes(again))
	require.NoError(t, f.Close())
	files, err := filepath.Glob(path + "*")
	require.NoError(t, err)
	require.Equal(t, []string{path}, files)
}

func TestFile_NeverOverwritesWhatItCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.json")
	broken := []byte(`[[{"t":[{"r":[{"c":[1,"NjEtLV-----7JQY8",4049291061]},"",1]},"",1]},"",1],[{},"",`)
	require.NoError(t, os.WriteFile(path, broken, 0o600))
	m := newStore(t, "s1", now)
	_, _, err := mergeable.OpenFile(m, path, nil)
	var corrupt *mergeable.CorruptError
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, path, corrupt.Kept)

	f, _, err := mergeable.OpenFile(m, path, &mergeable.FileOptions{Quarantine: true})
	require.ErrorAs(t, err, &corrupt)
	set(t, m, "t", "r", "c", store.Of(2))
	require.NoError(t, f.Close())
	kept, err := os.ReadFile(corrupt.Kept)
	require.NoError(t, err)
	require.Equal(t, broken, kept)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(m.AppendContent(nil)), string(text))
}

func TestFile_TriesAgainWhenItCannotWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	m := newStore(t, "s1", now)
	failed := make(chan error, 100)
	f, _, err := mergeable.OpenFile(m, filepath.Join(dir, "store.json"), &mergeable.FileOptions{Every: time.Millisecond, OnError: func(err error) {
		select {
		case failed <- err:
		default:
		}
	}})
	require.NoError(t, err)
	set(t, m, "t", "r", "c", store.Of(1))
	require.ErrorIs(t, <-failed, os.ErrNotExist)
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "store.json")); return err == nil }, 5*time.Second, time.Millisecond)
	require.NoError(t, f.Close())
}

func TestFileName_IsInjective(t *testing.T) {
	texts := []string{"", "a/b", "a-b", "a%2Fb", "../../etc/passwd", "%2e%2e/x", ".", "..", "A", "a", "é", strings.Repeat("x", 500), strings.Repeat("x", 501), "%"}
	seen := map[string]string{}
	for _, s := range texts {
		name := mergeable.FileName(s)
		require.NotContains(t, name, "/")
		require.NotContains(t, name, ".")
		require.LessOrEqual(t, len(name), 200)
		require.Empty(t, seen[name], "%q and %q", s, seen[name])
		seen[name] = s + "!"
	}
}

func TestCompact_ForgetsOldTombstonesOnly(t *testing.T) {
	clock := int64(now)
	id := "s1"
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, Horizon: time.Hour, Now: func() time.Time { return time.UnixMilli(clock) }})
	require.NoError(t, err)
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
		return errors.Join(tx.SetCell("gone", "r", "c", store.Of(1)), tx.SetCell("t", "r", "old", store.Of(1)), tx.SetCell("t", "r", "kept", store.Of(1)),
			tx.SetCell("t", "r", "new", store.Of(1)), tx.SetValue("v", store.Of(1)))
	}))
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error {
		return errors.Join(tx.DelTable("gone"), tx.DelCell("t", "r", "old"), tx.DelValue("v"))
	}))
	old := m.Changes()
	clock += 2 * 3_600_000
	require.NoError(t, m.Store().Update(func(tx *store.Tx) error { return tx.DelCell("t", "r", "new") }))
	n, err := m.Compact()
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Empty(t, m.Check())
	text := string(m.AppendContent(nil))
	require.NotContains(t, text, "gone")
	require.NotContains(t, text, "old")
	require.Contains(t, text, "\"new\":[\"\uFFFC\"")
	before := hashes(m)
	_, err = m.Apply("a peer that keeps them", old)
	require.NoError(t, err)
	require.Equal(t, before, hashes(m), "what was forgotten does not come back")
	n, err = m.Compact()
	require.NoError(t, err)
	require.Zero(t, n)
	forever := newStore(t, "s2", now)
	n, err = forever.Compact()
	require.NoError(t, err)
	require.Zero(t, n)
}
