package ycrdt_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	codec "github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

func TestPending_WaitsForTheFirstUpdateWithoutQuadraticTime(t *testing.T) {
	a, b := ycrdt.New(&ycrdt.Options{ClientID: 1}), ycrdt.New(&ycrdt.Options{ClientID: 2})
	var updates [][]byte
	a.OnUpdate(func(u ycrdt.UpdateEvent) { updates = append(updates, u.Update) })
	keys := []string{"a", "b", "c"}
	const n = 5000
	for i := range n {
		require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error {
			if i == 0 {
				_, err := tx.Map("m").SetMap("r")
				return err
			}
			return tx.Map("m").GetMap("r").Set(keys[i%3], ycrdt.Number(float64(i)))
		}))
	}
	for _, u := range updates[1:] {
		require.NoError(t, b.Apply(u, nil))
	}
	require.Equal(t, map[uint64]uint32{1: 0}, b.Pending().Missing)
	require.Zero(t, b.Clock(1))
	c := ycrdt.New(nil)
	state, err := b.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	require.NoError(t, c.Apply(state, nil))
	for _, d := range []*ycrdt.Doc{b, c} {
		require.NoError(t, d.Apply(updates[0], nil))
		require.NoError(t, ycrdt.Check(d))
		require.Nil(t, d.Pending().Structs)
		require.Nil(t, d.Pending().Deletes)
		require.Equal(t, a.StateVector(), d.StateVector())
	}
}

// What waits is merged with every update, and not all at once later: that would give another result where a struct is whole
// in one update and garbage in another.
func TestPending_IsMergedAsYjsDoes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		a := ycrdt.New(&ycrdt.Options{ClientID: 1})
		var updates [][]byte
		a.OnUpdate(func(u ycrdt.UpdateEvent) { updates = append(updates, u.Update) })
		key := func() string { return string('a' + rune(rng.IntN(3))) }
		for range 30 {
			update(t, a, nil, func(tx *ycrdt.Txn) {
				m := tx.Map("m")
				if updates == nil {
					require.NoError(t, m.Set("first", ycrdt.Null()))
				}
				switch rng.IntN(4) {
				case 0:
					_, err := m.SetMap(key())
					require.NoError(t, err)
				case 1:
					require.NoError(t, m.Delete(key()))
				default:
					if inner, err := m.GetOrCreateMap(key()); err == nil {
						require.NoError(t, inner.Set(key(), ycrdt.NewText("text")))
					}
				}
			})
			if rng.IntN(4) == 0 {
				state, err := a.EncodeStateAsUpdate([]byte{1, 1, 1}) // without the first struct of client 1
				require.NoError(t, err)
				updates = append(updates, state)
			}
		}
		b := ycrdt.New(nil)
		for range 30 {
			u := updates[1+rng.IntN(len(updates)-1)]
			alone := ycrdt.New(nil)
			require.NoError(t, alone.Apply(u, nil))
			before, want := b.Pending().Structs, alone.Pending().Structs
			require.NoError(t, b.Apply(u, nil))
			if before != nil && want != nil {
				var err error
				want, err = codec.Merge(codec.V2, [][]byte{before, want}, nil)
				require.NoError(t, err)
			} else if want == nil {
				want = before
			}
			require.Equal(t, want, b.Pending().Structs)
		}
	}
}

func TestPending_IsLimited(t *testing.T) {
	a := ycrdt.New(&ycrdt.Options{ClientID: 1})
	b := ycrdt.New(&ycrdt.Options{ClientID: 2, Limits: ycrdt.Limits{PendingBytes: 10_000}})
	var updates [][]byte
	a.OnUpdate(func(u ycrdt.UpdateEvent) { updates = append(updates, u.Update) })
	for range 100 {
		update(t, a, nil, func(tx *ycrdt.Txn) {
			require.NoError(t, tx.Map("m").Set("k", ycrdt.String(string(make([]byte, 1000)))))
		})
	}
	refused := 0
	for _, u := range updates[1:] {
		if err := b.Apply(u, nil); err != nil {
			require.ErrorIs(t, err, ycrdt.ErrLimit)
			refused++
		}
	}
	require.Greater(t, refused, 80)
	require.Less(t, len(b.Pending().Structs), 30_000)
	for _, u := range updates {
		require.NoError(t, b.Apply(u, nil), "in order they are all right")
	}
	require.Equal(t, a.StateVector(), b.StateVector())
	require.Nil(t, b.Pending().Structs)
	require.NoError(t, ycrdt.Check(b))
}

func TestApply_RefusesUpdatesAboveTheLimits(t *testing.T) {
	a := ycrdt.New(&ycrdt.Options{ClientID: 1})
	update(t, a, nil, func(tx *ycrdt.Txn) {
		require.NoError(t, tx.Map("m").Set("a", ycrdt.Bytes(make([]byte, 100))))
		require.NoError(t, tx.Map("m").Set("b", ycrdt.Null()))
	})
	state, err := a.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	for _, l := range []ycrdt.Limits{{UpdateBytes: 50}, {Structs: 1}} {
		b := ycrdt.New(&ycrdt.Options{Limits: l})
		require.ErrorIs(t, b.Apply(state, nil), ycrdt.ErrLimit)
		require.NoError(t, ycrdt.Check(b))
	}
	b := ycrdt.New(nil)
	err = b.Apply(append(state, 0), nil)
	require.ErrorIs(t, err, ycrdt.ErrTrailing)
	var de *ycrdt.DecodeError
	require.ErrorAs(t, err, &de)
	require.Equal(t, len(state), de.Offset)
	// A bomb: 2^31 deleted units, a run of five million structs, an own clock in the future.
	for _, bad := range [][]byte{
		{1, 1, 1, 0, 1, 1, 1, 'm', 255, 255, 255, 255, 15, 0},
		{1, 1, 1, 0, 0x88, 1, 5, 1, 125, 1, 0},
		{1, 1, 1, 0, 11, 1, 1, 'm', 0},
	} {
		require.Error(t, b.Apply(bad, nil))
		require.NoError(t, ycrdt.Check(b))
	}
	bomb := []byte{0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 3, 0x41, 255, 255, 127, 1, 255, 255, 255, 2, 0, 0}
	require.Error(t, b.ApplyV2(bomb, nil))
	require.Equal(t, []byte{0}, b.StateVector())
}
