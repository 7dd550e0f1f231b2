package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

const installLimit = 5 * time.Minute

// Install brings node_modules in the folder dir to the state of its package-lock.json, by npm ci. It does so once: a folder
// that is up to date is left alone, and test binaries that run at the same time wait for each other.
//
// The test is skipped where there is no Node or where the packages cannot be had, or fails when ROWLOOM_REQUIRE_NODE is 1.
func Install(t testing.TB, dir string) {
	t.Helper()
	Require(t)
	if err := install(dir); err != nil {
		lacking(t, err)
	}
}

func install(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	want := hex.EncodeToString(sum[:])
	stamp := filepath.Join(dir, "node_modules", ".installed")
	installed := func() bool {
		got, err := os.ReadFile(stamp)
		return err == nil && string(got) == want
	}
	if installed() {
		return nil
	}

	ctx, cancel := context.WithTimeout(context.Background(), installLimit)
	defer cancel()
	lock := flock.New(filepath.Join(dir, ".npm-ci.lock"))
	if _, err := lock.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return fmt.Errorf("waiting for another npm ci in %s: %w", dir, err)
	}
	defer lock.Unlock()
	if installed() { // by the process that had the lock
		return nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline")
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci in %s: %w\n%s", dir, err, strings.TrimSpace(string(out)))
	}
	return os.WriteFile(stamp, []byte(want), 0o644)
}
