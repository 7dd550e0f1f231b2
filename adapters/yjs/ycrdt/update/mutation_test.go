package update_test

import (
	"math/rand/v2"
	"os"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// Damaged updates never panic, hang or make much of little. By default a few thousand of them are tried; with ROWLOOM_SOAK=1 ten
// million, which takes some minutes.
func TestUpdate_SurvivesDamagedBytes(t *testing.T) {
	rounds := 20_000
	if os.Getenv("ROWLOOM_SOAK") == "1" {
		rounds = 10_000_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	all := pairs(t)
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	accepted := 0
	for range rounds {
		p := all[rnd.IntN(len(all))]
		v := versions[rnd.IntN(2)]
		b := mutate(rnd, p[v-1])
		metrics.Read(allocated)
		before, start := allocated[0].Value.Uint64(), time.Now()
		_, err := update.NewReader(v, b, nil).DeleteSet()
		if err == nil {
			accepted++
			_, _ = update.Convert(b, v, 3-v, nil)
			sv, _ := update.StateVectorOf(v, p[v-1], nil)
			_, _ = update.Diff(v, b, sv, nil)
			_, _ = update.Merge(v, [][]byte{b, p[v-1]}, nil)
		}
		metrics.Read(allocated)
		if n := allocated[0].Value.Uint64() - before; n > 16<<20+uint64(len(b))*4096 {
			t.Fatalf("%s %x: %d bytes allocated", v, b, n)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Fatalf("%s %x: %v", v, b, d)
		}
	}
	t.Logf("%d damaged updates, %d of them accepted", rounds, accepted)
}

// mutate makes one to four random changes.
func mutate(rnd *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	for range 1 + rnd.IntN(4) {
		if len(b) == 0 {
			return b
		}
		i := rnd.IntN(len(b))
		switch rnd.IntN(6) {
		case 0:
			b[i] ^= 1 << rnd.IntN(8)
		case 1:
			b[i] = byte(rnd.IntN(256))
		case 2:
			b = b[:i]
		case 3:
			b = slices.Insert(b, i, byte(rnd.IntN(256)))
		case 4:
			b = slices.Delete(b, i, min(len(b), i+1+rnd.IntN(4)))
		default:
			b = slices.Insert(b, i, 0xff, 0xff, 0xff, 0xff, 0x7f)
		}
	}
	return b
}
