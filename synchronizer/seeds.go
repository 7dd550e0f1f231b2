package synchronizer

import (
	"fmt"
	"iter"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// TB is what [Seeds] needs of a *testing.T.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
	Failed() bool
	Cleanup(func())
}

// Seeds returns the seeds 1 to n for a random test to run through, or only the one that the environment variable ROWLOOM_SEED names. If
// the test fails, it logs the seed it was at and the command that repeats it.
func Seeds(tb TB, n uint64) iter.Seq[uint64] {
	tb.Helper()
	first, last := uint64(1), n
	if v := os.Getenv("ROWLOOM_SEED"); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			tb.Fatalf("ROWLOOM_SEED: %v", err)
		}
		first, last = seed, seed
	}
	at := first
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("failed at seed %d; repeat with: %s", at, RepeatCommand(tb.Name(), at))
		}
	})
	return func(yield func(uint64) bool) {
		for at = first; ; at++ {
			if !yield(at) || at == last {
				return
			}
		}
	}
}

// RepeatCommand returns the shell command that runs the named test of the running test binary with one seed.
func RepeatCommand(test string, seed uint64) string {
	pkg := "."
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		pkg = strings.TrimSuffix(info.Path, ".test")
	}
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + p + "$"
	}
	return fmt.Sprintf("ROWLOOM_SEED=%d go test -count=1 -run '%s' %s", seed, strings.Join(parts, "/"), pkg)
}
