package ycrdt_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// mutate changes a copy of an update in one to four places.
func mutate(rng *rand.Rand, update []byte) []byte {
	b := append([]byte(nil), update...)
	for n := 1 + rng.IntN(4); n > 0 && len(b) > 0; n-- {
		i := rng.IntN(len(b))
		switch rng.IntN(6) {
		case 0:
			b[i] ^= 1 << rng.IntN(8)
		case 1:
			b[i] = byte(rng.Uint32())
		case 2:
			b = b[:i]
		case 3:
			b = append(b[:i], append([]byte{byte(rng.Uint32())}, b[i:]...)...)
		case 4:
			b = append(b[:i], b[i+1:]...)
		case 5:
			b = append(b[:i], append([]byte{255, 255, 255, 255, byte(rng.IntN(128))}, b[i:]...)...)
		}
	}
	return b
}

// TestApply_SurvivesMutatedUpdates applies updates made by yjs that were damaged at random. None may panic, and one that is
// refused may change nothing. With ROWLOOM_SOAK=N there are N hundred times as many.
func TestApply_SurvivesMutatedUpdates(t *testing.T) {
	for _, format := range []string{"v1", "v2"} {
		seeds := seedUpdates(t, format)
		rng := rand.New(rand.NewPCG(7, uint64(len(format))))
		var d *ycrdt.Doc
		apply := func(b []byte) error {
			if format == "v1" {
				return d.Apply(b, nil)
			}
			return d.ApplyV2(b, nil)
		}
		accepted, total := 0, rounds(4000)
		for i := range total {
			if i%64 == 0 {
				d = newDoc(4000000000, true)
				for n := 10; n > 0; n-- {
					require.NoError(t, apply(seeds[rng.IntN(len(seeds))]))
				}
			}
			before := d.StateVector()
			err := apply(mutate(rng, seeds[rng.IntN(len(seeds))]))
			if err == nil {
				accepted++
			} else {
				var de *ycrdt.DecodeError
				require.True(t, errors.As(err, &de), "%T", err)
				require.Equal(t, before, d.StateVector())
			}
			if i%16 == 0 {
				require.NoError(t, ycrdt.Check(d), "update %d", i)
			}
			if i%64 == 63 {
				state, err := d.EncodeStateAsUpdate(nil)
				require.NoError(t, err)
				require.NoError(t, newDoc(1, true).Apply(state, nil))
			}
		}
		t.Logf("%s: %d of %d mutated updates accepted", format, accepted, total)
	}
}
