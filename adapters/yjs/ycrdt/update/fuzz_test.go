package update_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

func seeds(f *testing.F) (out [][2][]byte) {
	f.Helper()
	all := pairs(f)
	for i := 0; i < len(all); i += 1 + len(all)/60 {
		if len(all[i][0]) < 2000 {
			out = append(out, all[i])
		}
	}
	return out
}

// Whatever the bytes: no panic, and an update that is accepted survives being written: it is then the same in either
// format, through either format, and its state vector and spans stay.
func FuzzRoundTrip(f *testing.F) {
	for _, p := range seeds(f) {
		f.Add(false, p[0])
		f.Add(true, p[1])
	}
	f.Fuzz(func(t *testing.T, second bool, b []byte) {
		v := update.V1
		if second {
			v = update.V2
		}
		clean, err := update.Convert(b, v, v, nil)
		_, dumpErr := update.Dump(v, b, nil)
		_, svErr := update.StateVectorOf(v, b, nil)
		_, metaErr := update.MetaOf(v, b, nil)
		require.Equal(t, dumpErr, svErr)
		require.Equal(t, dumpErr, metaErr)
		if err != nil {
			return
		}
		require.NoError(t, dumpErr)
		again, err := update.Convert(clean, v, v, nil)
		require.NoError(t, err)
		require.Equal(t, clean, again)
		same, err := update.Diff(v, clean, nil, nil)
		require.NoError(t, err)
		m, err := update.MetaOf(v, same, nil)
		require.NoError(t, err)
		whole, err := update.MetaOf(v, clean, nil)
		require.NoError(t, err)
		for client, to := range m.To {
			require.Equal(t, whole.To[client], to)
		}
		other, err := update.Convert(clean, v, 3-v, nil)
		if err != nil {
			return // a value that only V2 can hold, or a length that only V1 accepts
		}
		back, err := update.Convert(other, 3-v, v, nil)
		require.NoError(t, err)
		third, err := update.Convert(back, v, 3-v, nil)
		require.NoError(t, err)
		require.Equal(t, other, third)
	})
}

// Merging does not depend on the order of the updates as far as spans and deletions go, is idempotent, and a diff followed
// by a merge with what was there loses nothing.
func FuzzMergeDiff(f *testing.F) {
	all := seeds(f)
	for i := range all {
		f.Add(false, all[i][0], all[(i+7)%len(all)][0], uint32(i))
		f.Add(true, all[i][1], all[(i+7)%len(all)][1], uint32(i))
	}
	f.Fuzz(func(t *testing.T, second bool, a, b []byte, have uint32) {
		v := update.V1
		if second {
			v = update.V2
		}
		ab, err := update.Merge(v, [][]byte{a, b}, nil)
		if err != nil {
			return
		}
		ba, err := update.Merge(v, [][]byte{b, a}, nil)
		if err != nil {
			return // updates whose clients are out of order
		}
		if !ordered(t, v, a) || !ordered(t, v, b) {
			return
		}
		m1, err := update.MetaOf(v, ab, nil)
		require.NoError(t, err)
		m2, err := update.MetaOf(v, ba, nil)
		require.NoError(t, err)
		require.Equal(t, m1, m2)
		d1, err := update.NewReader(v, ab, nil).DeleteSet()
		require.NoError(t, err)
		d2, err := update.NewReader(v, ba, nil).DeleteSet()
		require.NoError(t, err)
		require.Equal(t, d1, d2)

		sv, err := update.StateVectorOf(v, ab, nil)
		require.NoError(t, err)
		for client, clock := range sv {
			sv[client] = min(clock, have)
		}
		news, err := update.Diff(v, ab, sv, nil)
		require.NoError(t, err)
		m3, err := update.MetaOf(v, news, nil)
		require.NoError(t, err)
		for client, from := range m3.From {
			require.GreaterOrEqual(t, from, sv[client])
			require.Equal(t, m1.To[client], m3.To[client])
		}
		again, err := update.Merge(v, [][]byte{ab, news}, nil)
		require.NoError(t, err)
		m4, err := update.MetaOf(v, again, nil)
		require.NoError(t, err)
		require.Equal(t, m1, m4)
	})
}

// ordered reports whether clients descend and nothing is empty, as in what Yjs writes.
func ordered(t *testing.T, v update.Version, b []byte) bool {
	r := update.NewReader(v, b, nil)
	for last, first := uint64(0), true; r.Next(); first = false {
		s := r.Struct()
		if s.Len == 0 || !first && s.ID.Client > last {
			return false
		}
		last = s.ID.Client
	}
	return r.Err() == nil
}
