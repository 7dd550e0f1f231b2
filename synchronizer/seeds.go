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

// Seeds returns n seeds for a random test to run through: 1 to n, or n from the one that the environment variable ROWLOOM_FIRST names, or only
// the one that ROWLOOM_SEED names. If the test fails, it logs the seed it was at and the command that repeats it.
func Seeds(tb TB, n uint64) iter.Seq[uint64] {
	tb.Helper()
	first := number(tb, "ROWLOOM_FIRST", 1)
	last := first + n - 1
	if os.Getenv("ROWLOOM_SEED") != "" {
		first = number(tb, "ROWLOOM_SEED", 0)
		last = first
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

// number returns the number that an environment variable holds.
func number(tb TB, name string, otherwise uint64) uint64 {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return n
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
