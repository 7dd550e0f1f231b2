package ycrdt_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// A world is some copies of a document that are edited at random, and all updates that were made.
type world struct {
	rng     *rand.Rand
	docs    []*ycrdt.Doc
	updates [][]byte
	by      []int // who made each update
	seen    []map[int]bool
}

func newWorld(seed uint64, n int, gc bool) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 1))}
	for i := range n {
		id := uint64(i + 1)
		if w.rng.IntN(3) == 0 {
			id = w.rng.Uint64() >> 11
		}
		d := newDoc(id|1<<20, gc)
		w.docs = append(w.docs, d)
		w.seen = append(w.seen, map[int]bool{})
		d.OnUpdate(func(u ycrdt.UpdateEvent) {
			if u.Local {
				w.seen[i][len(w.updates)] = true
				w.updates = append(w.updates, u.Update)
				w.by = append(w.by, i)
			}
		})
	}
	return w
}

var randomKeys = []string{"", "a", "b", "c", "row", "ключ"}

// containers lists the maps, arrays and texts below a type.
func containers(s ycrdt.Shared, out []ycrdt.Shared) []ycrdt.Shared {
	out = append(out, s)
	switch s.Kind() {
	case ycrdt.KindMap:
		for _, v := range s.Map().All() {
			if v.IsShared() {
				out = containers(v.Shared(), out)
			}
		}
	case ycrdt.KindArray:
		for _, v := range s.Array().All() {
			if v.IsShared() {
				out = containers(v.Shared(), out)
			}
		}
	}
	return out
}

func (w *world) value(types bool) ycrdt.Value {
	switch n := w.rng.IntN(12); {
	case n == 0:
		return ycrdt.Null()
	case n == 1:
		return ycrdt.Bytes([]byte{1, 2, 3})
	case n == 2:
		return ycrdt.Bool(true)
	case n == 3 && types:
		return ycrdt.NewMap(ycrdt.Member{Key: "a", Value: w.value(false)}, ycrdt.Member{Key: "", Value: w.value(true)})
	case n == 4 && types:
		return ycrdt.NewArray(w.value(false), w.value(true))
	case n == 5 && types:
		return ycrdt.NewText("x😀y")
	case n < 9:
		return ycrdt.Number(float64(w.rng.IntN(1000)))
	}
	return ycrdt.String([]string{"", "text", "日本", "😀"}[w.rng.IntN(4)])
}

// edit runs a transaction of some random operations without formatting.
func (w *world) edit(i int) error {
	return w.docs[i].Update(i, func(tx *ycrdt.Txn) error {
		for n := 1 + w.rng.IntN(3); n > 0; n-- {
			all := containers(tx.Root("m"), nil)
			all = containers(tx.Root("a"), all)
			all = append(all, tx.Root("t"))
			s := all[w.rng.IntN(len(all))]
			var err error
			switch s.Kind() {
			case ycrdt.KindMap:
				key := randomKeys[w.rng.IntN(len(randomKeys))]
				switch r := w.rng.IntN(10); {
				case r < 7:
					err = s.Map().Set(key, w.value(true))
				case r < 9:
					err = s.Map().Delete(key)
				default:
					err = s.Map().Clear()
				}
			case ycrdt.KindArray:
				size := s.Array().Len()
				if at := w.rng.IntN(size + 1); w.rng.IntN(3) > 0 || at == size {
					err = s.Array().Insert(at, w.value(true), w.value(false))
				} else {
					err = s.Array().Delete(at, 1+w.rng.IntN(min(3, size-at)))
				}
			case ycrdt.KindText:
				size := s.Text().Len()
				if at := w.rng.IntN(size + 1); w.rng.IntN(3) > 0 || at == size {
					err = s.Text().Insert(at, []string{"a", "bc", "日", "😀", "long text"}[w.rng.IntN(5)])
				} else {
					err = s.Text().Delete(at, 1+w.rng.IntN(min(4, size-at)))
				}
			}
			if err != nil {
				return err
			}
			if err := w.checkIndexes(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkIndexes compares access by index with iteration.
func (w *world) checkIndexes(s ycrdt.Shared) error {
	if s.Kind() != ycrdt.KindArray {
		return nil
	}
	n := 0
	for i, want := range s.Array().All() {
		if got, ok := s.Array().Get(i); !ok || !got.Equal(want) {
			return fmt.Errorf("element %d is %v, not %v", i, got, want)
		}
		n++
	}
	if _, ok := s.Array().Get(n); ok || n != s.Array().Len() {
		return fmt.Errorf("%d elements, not %d", n, s.Array().Len())
	}
	return nil
}

// share gives a copy some of the updates that it has not seen.
func (w *world) share(i int) error {
	order := w.rng.Perm(len(w.updates))
	for _, u := range order {
		if !w.seen[i][u] && w.rng.IntN(3) > 0 || w.rng.IntN(20) == 0 {
			w.seen[i][u] = true
			if err := w.docs[i].Apply(w.updates[u], nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *world) run(steps int) error {
	for range steps {
		i := w.rng.IntN(len(w.docs))
		do := w.edit
		if w.rng.IntN(4) == 0 {
			do = w.share
		}
		if err := do(i); err != nil {
			return err
		}
		if err := ycrdt.Check(w.docs[i]); err != nil {
			return err
		}
	}
	return nil
}

// rounds is how many random worlds a test tries: more with ROWLOOM_SOAK.
func rounds(n int) int {
	if k, err := strconv.Atoi(os.Getenv("ROWLOOM_SOAK")); err == nil {
		return n * max(1, 100*k)
	}
	return n
}

func TestDocs_BecomeEqualInWhateverOrderUpdatesCome(t *testing.T) {
	for seed := range uint64(rounds(60)) {
		w := newWorld(seed, 3, seed%4 > 0)
		require.NoError(t, w.run(30), "seed %d", seed)
		var want string
		for i, d := range w.docs {
			for _, u := range w.rng.Perm(len(w.updates)) {
				require.NoError(t, d.Apply(w.updates[u], nil))
			}
			require.NoError(t, ycrdt.Check(d), "seed %d", seed)
			require.Nil(t, d.Pending().Structs, "seed %d", seed)
			require.Nil(t, d.Pending().Deletes, "seed %d", seed)
			got := fmt.Sprint(sortedJSON(d), d.StateVector())
			if i > 0 {
				require.Equal(t, want, got, "seed %d", seed)
			}
			want = got
		}
	}
}

func TestDoc_AgreesWithThePlainModel(t *testing.T) {
	for seed := range uint64(rounds(100)) {
		if only, err := strconv.Atoi(os.Getenv("ROWLOOM_SEED")); err == nil && uint64(only) != seed {
			continue
		}
		gc := seed%4 > 0
		w := newWorld(seed, 3, gc)
		require.NoError(t, w.run(25), "seed %d", seed)
		d, m := newDoc(99, gc), newModel(gc)
		wait := w.rng.Perm(len(w.updates))
		for len(wait) > 0 {
			var later []int
			for _, u := range wait {
				if !m.apply(w.updates[u]) {
					later = append(later, u)
					continue
				}
				require.NoError(t, d.Apply(w.updates[u], nil))
				got, err := d.EncodeStateAsUpdate(nil)
				require.NoError(t, err)
				if want := m.encode(); !bytes.Equal(want, got) {
					t.Fatalf("seed %d, update %d:\nwant %x\ngot  %x", seed, u, want, got)
				}
			}
			require.Less(t, len(later), len(wait), "seed %d", seed)
			wait = later
		}
	}
}
