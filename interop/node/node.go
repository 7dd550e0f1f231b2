package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// oldest is the first major version of Node that the scripts run on.
const oldest = 18

// Required reports whether a missing Node is a failure and not a reason to skip.
func Required() bool { return os.Getenv("ROWLOOM_REQUIRE_NODE") == "1" }

// Require skips the test where there is no Node, or fails it when ROWLOOM_REQUIRE_NODE is 1.
func Require(t testing.TB) {
	t.Helper()
	if _, err := find(); err != nil {
		lacking(t, err)
	}
}

func lacking(t testing.TB, err error) {
	t.Helper()
	if Required() {
		t.Fatalf("this test needs Node, and ROWLOOM_REQUIRE_NODE=1 forbids to skip it: %v", err)
	}
	t.Skipf("skipped, as it needs Node: %v (set ROWLOOM_REQUIRE_NODE=1 to fail instead)", err)
}

// find returns the path of a Node that is new enough.
var find = sync.OnceValues(func() (string, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", path, err)
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		return "", fmt.Errorf("%s is version %s, and v%d is the oldest that will do", path, version, oldest)
	}
	return path, nil
})
