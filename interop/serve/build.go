package serve

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// Binary builds cmd/rowloom and returns its path. The binary stays in the folder of temporary files, so that the next test
// finds it built.
func Binary(t testing.TB) string {
	t.Helper()
	noteSources()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	root := moduleRoot()
	race := os.Getenv("ROWLOOM_RACE") == "1"
	sum := sha256.Sum256(fmt.Append(nil, root, race, os.Getenv("CGO_ENABLED")))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("rowloom-interop-%d-%x", os.Getuid(), sum[:6]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	lock := flock.New(filepath.Join(dir, "lock"))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return "", fmt.Errorf("waiting for another build of cmd/rowloom: %w", err)
	}
	defer lock.Unlock()

	path := filepath.Join(dir, "rowloom")
	args := []string{"build", "-buildvcs=false", "-o", path}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/rowloom")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, strings.TrimSpace(string(out)))
	}
	return path, nil
})

func moduleRoot() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..")
}

// noteSources opens every folder of the module, so that the go command does not take an old test result for the present one
// after the server has changed.
func noteSources() {
	_ = filepath.WalkDir(moduleRoot(), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		return nil
	})
}
