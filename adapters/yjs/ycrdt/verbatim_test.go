package ycrdt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A document that was loaded from a large update in format V1 copies from it what has not changed when it is encoded. One that
// was loaded from format V2 writes everything anew, and must write the same after the same edits.
func TestEncodeState_CopiesTheRightBytesOfWhatWasLoaded(t *testing.T) {
	for seed := range uint64(rounds(40)) {
		w := newWorld(seed, 2, true)
		from := w.docs[0]
		var state []byte
		for len(state) < 3000 {
			require.NoError(t, w.run(20))
			for _, u := range w.updates {
				require.NoError(t, from.Apply(u, nil))
			}
			var err error
			state, err = from.EncodeStateAsUpdate(nil)
			require.NoError(t, err)
		}
		stateV2, err := from.EncodeStateAsUpdateV2(nil)
		require.NoError(t, err)
		var worlds [2]*world
		for i := range worlds {
			d := newDoc(99, seed%4 > 0)
			if i == 0 {
				require.NoError(t, d.Apply(state, nil))
			} else {
				require.NoError(t, d.ApplyV2(stateV2, nil))
			}
			worlds[i] = &world{rng: rand.New(rand.NewPCG(seed, 2)), docs: []*ycrdt.Doc{d}}
		}
		for step := range 40 {
			sv := lib0.AppendVarUint(nil, uint64(len(w.docs)))
			for _, d := range w.docs {
				sv = lib0.AppendVarUint(sv, d.ClientID())
				sv = lib0.AppendVarUint(sv, uint64(w.rng.IntN(int(from.Clock(d.ClientID()))+1)))
			}
			var got [2][2][]byte
			for i, w := range worlds {
				require.NoError(t, w.edit(0))
				if step == 30 {
					w.docs[0].Compact()
				}
				got[i][0], err = w.docs[0].EncodeStateAsUpdate(nil)
				require.NoError(t, err)
				got[i][1], err = w.docs[0].EncodeStateAsUpdate(sv)
				require.NoError(t, err)
			}
			require.Equal(t, got[1], got[0], "seed %d, step %d", seed, step)
		}
	}
}
