package yjs_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// Ranks come from other peers, who may write what they like.
func FuzzRank(f *testing.F) {
	for _, b := range [][]byte{{}, {2, 1, 0, 1}, {2, 1, 0, 1, 3, 9, 5, 3, 2, 2, 0, 1}, {3, 1, 0}, {2, 1, 0, 0}, {0}, {254, 1}, {2, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 1}} {
		f.Add(base64.RawStdEncoding.EncodeToString(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		again, levels, ok := yjs.ReadRank(text)
		if !ok {
			return
		}
		require.LessOrEqual(t, levels, 4)
		same, _, ok := yjs.ReadRank(again)
		require.True(t, ok)
		require.Equal(t, again, same)
	})
}

// A peer that writes nonsense in place of ranks cannot do more than keep its own value.
func TestRank_OfAnotherIsIgnoredIfItIsNone(t *testing.T) {
	js := newScript(t, 10)
	js.set(1)
	doc, s := keeper(t, 1)
	set(t, s, "t/r/y", store.Of(0))
	send(t, js.Doc, doc)
	require.NoError(t, doc.Update("js", func(tx *ycrdt.Txn) error {
		ranks := tx.Map("tinybase/restored")
		for key := range ranks.Keys() {
			if err := ranks.Set(key, ycrdt.String("????")); err != nil {
				return err
			}
		}
		return nil
	}))
	js.set(2)
	send(t, js.Doc, doc)
	require.Equal(t, "+ t/r/x 1\n+ t/r/y 0\n", store.Diff(nil, s.Snapshot()).String())
}
