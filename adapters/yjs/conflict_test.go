package yjs_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// contest lets two peers, of client ids 1 and 2, act without knowing of each other, and exchanges what they did. It returns
// what each has heard of conflicts, and the documents.
func contest(t *testing.T, o *yjs.Options, keep bool, base func(*store.Tx) error, act func(peer int, s *store.Store)) (heard [2][]string, docs [2]*ycrdt.Doc) {
	var stores [2]*store.Store
	for i := range docs {
		docs[i] = ycrdt.New(&ycrdt.Options{ClientID: uint64(i + 1), DisableGC: keep})
		options := *o
		options.OnConflict = func(c yjs.Conflict) { heard[i] = append(heard[i], c.String()) }
		stores[i] = bind(t, docs[i], &options)
	}
	if base != nil {
		update(t, stores[0], base)
	}
	exchange(t, docs[:]...)
	for i, s := range stores {
		act(i+1, s)
	}
	exchange(t, docs[:]...)
	require.Equal(t, holds(t, docs[0], o), holds(t, docs[1], o))
	return heard, docs
}

func TestConflict_InACellAndAValueNamesWinnerAndLoser(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprintf("keep=%t", keep), func(t *testing.T) {
				heard, docs := contest(t, o, keep,
					func(tx *store.Tx) error { return tx.SetCell("t", "r", "n", store.Of(0)) },
					func(peer int, s *store.Store) {
						set(t, s, "t/r/n", store.Of(peer*10))
						update(t, s, func(tx *store.Tx) error { return tx.SetValue("v", store.Of(peer)) })
					})
				for i := range heard {
					require.Equal(t, []string{"t/r/n: 2 20 beats 1 10", ":v: 2 2 beats 1 1"}, heard[i], "peer %d", i+1)
				}
				for at, want := range map[store.Path][2]string{
					store.Cell("t", "r", "n"): {"t/r/n: 2 20 beats 1 10", "t/r/n: 2 20 beats 1 (gone)"},
					store.ValueOf("v"):        {":v: 2 2 beats 1 1", ":v: 2 2 beats 1 (gone)"},
				} {
					for _, doc := range docs {
						c, ok := yjs.NewTarget(doc, o).Conflicts(at)
						require.True(t, ok)
						if keep {
							require.Equal(t, want[0], c.String())
						} else {
							require.Equal(t, want[1], c.String())
						}
					}
				}
				_, ok := yjs.NewTarget(docs[0], o).Conflicts(store.Cell("t", "r", "nowhere"))
				require.False(t, ok)

				// An edit that knows both ends it.
				s := bind(t, docs[0], o)
				set(t, s, "t/r/n", store.Of(30))
				_, ok = yjs.NewTarget(docs[0], o).Conflicts(store.Cell("t", "r", "n"))
				require.False(t, ok)
			})
		}
	})
}

func TestConflict_OfContainersTellsWhatTheLoserHeld(t *testing.T) {
	// What JavaScript clients do: a table, or a row, that is made on both sides is two maps.
	js := func(doc *ycrdt.Doc, keys []string, cell string, n float64) {
		require.NoError(t, doc.Update("js", func(tx *ycrdt.Txn) (err error) {
			m := tx.Map("tinybase")
			for _, k := range keys {
				if m, err = m.GetOrCreateMap(k); err != nil {
					return err
				}
			}
			return m.Set(cell, ycrdt.Number(n))
		}))
	}
	for _, c := range []struct {
		name, want, content string
		base, keys          []string
	}{
		{"all tables", "tables: 2 (0 cells) beats 1 (1 cells)", "+ t/r/c1 1\n+ t/r/c2 2\n", nil, []string{"t", "t", "r"}},
		{"all values", "values: 2 (0 cells) beats 1 (1 cells)", "+ :c1 1\n+ :c2 2\n", nil, []string{"v"}},
		{"table", "t: 2 (0 cells) beats 1 (1 cells)", "+ t/r/c1 1\n+ t/r/c2 2\n+ u/r/c 0\n", []string{"t", "u", "r"}, []string{"t", "t", "r"}},
		{"row", "t/r: 2 (0 cells) beats 1 (1 cells)", "+ t/r/c1 1\n+ t/r/c2 2\n+ t/s/c 0\n", []string{"t", "t", "s"}, []string{"t", "t", "r"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc1, doc2 := newDoc(1), newDoc(2)
			var heard []yjs.Conflict
			s := bind(t, doc1, &yjs.Options{OnConflict: func(c yjs.Conflict) { heard = append(heard, c) }})
			if c.base != nil {
				js(doc2, c.base, "c", 0)
				exchange(t, doc1, doc2)
			}
			js(doc1, c.keys, "c1", 1)
			js(doc2, c.keys, "c2", 2)
			state, err := doc2.EncodeStateAsUpdate(nil)
			require.NoError(t, err)
			require.NoError(t, doc1.Apply(state, "network"))
			require.Len(t, heard, 1)
			require.Equal(t, uint64(2), heard[0].Winner.Client)
			require.Len(t, heard[0].Losers, 1)
			require.Equal(t, uint64(1), heard[0].Losers[0].Client)
			require.Equal(t, 1, heard[0].Losers[0].Content.CountCells()+heard[0].Losers[0].Content.ValueCount())
			require.Equal(t, c.content, store.Diff(nil, s.Snapshot()).String(), "what was lost is restored")
			require.Equal(t, c.content, holds(t, doc1, nil))

			x, ok := yjs.NewTarget(doc1, nil).Conflicts(heard[0].At)
			require.True(t, ok, "%v", heard[0].At)
			require.Equal(t, uint64(2), x.Winner.Client)
			require.Equal(t, uint64(1), x.Losers[0].Client)
			require.True(t, x.Losers[0].Gone)
			_ = c.want
		})
	}
}
