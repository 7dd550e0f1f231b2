package yjs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

func TestShowForeign_ShowsWhatItIsAndWritesNothing(t *testing.T) {
	inBothLayouts(t, func(t *testing.T, o *yjs.Options) {
		doc := newDoc(1)
		set(t, bind(t, doc, o), "t/r/n", store.Of(1))
		values := map[string]ycrdt.Value{
			"array": ycrdt.NewArray(), "big": ycrdt.BigInt(10), "bytes": ycrdt.Bytes([]byte{1, 2}), "map": ycrdt.NewMap(),
			"text": ycrdt.NewText("rich"), "undef": ycrdt.Undefined(),
		}
		require.NoError(t, doc.Update("js", func(tx *ycrdt.Txn) error {
			for cell, v := range values {
				m, key := cellIn(tx, o.Layout, "t", "r", cell)
				require.NoError(t, m.Set(key, v))
			}
			return nil
		}))
		state := doc.StateVector()
		show := &yjs.Options{Layout: o.Layout, Foreign: yjs.ShowForeign}
		s := bind(t, doc, show)
		require.Equal(t, `+ t/r/array {"$":"array"}
+ t/r/big {"$":"bigint","v":"10"}
+ t/r/bytes {"$":"bytes","v":"AQI="}
+ t/r/map {"$":"map"}
+ t/r/n 1
+ t/r/text {"$":"text","v":"rich"}
+ t/r/undef {"$":"undefined"}
`, store.Diff(nil, s.Snapshot()).String())
		require.Equal(t, state, doc.StateVector(), "showing writes nothing")

		// Writing what is shown, and writing other cells, leaves them.
		update(t, s, func(tx *store.Tx) error { return tx.ReplaceIn(store.Row("t", "r"), s.Snapshot()) })
		require.Equal(t, state, doc.StateVector())
		set(t, s, "t/r/n", store.Of(2))
		kind := func(cell string) (k ycrdt.Kind) {
			doc.View(func(r *ycrdt.Reader) {
				m, key := cellIn(r, o.Layout, "t", "r", cell)
				v, _ := m.Get(key)
				k = v.Kind()
			})
			return k
		}
		require.Equal(t, ycrdt.KindText, kind("text"))

		// An edit inside of one shows at once.
		require.NoError(t, doc.Update("js", func(tx *ycrdt.Txn) error {
			m, key := cellIn(tx, o.Layout, "t", "r", "text")
			v, _ := m.Get(key)
			return v.Shared().Text().Insert(0, "very ")
		}))
		require.Contains(t, store.Diff(nil, s.Snapshot()).String(), `{"$":"text","v":"very rich"}`)

		update(t, s, func(tx *store.Tx) error { return tx.SetCell("t", "r", "text", store.Of("mine")) })
		require.Equal(t, ycrdt.KindString, kind("text"))
		require.Equal(t, ycrdt.KindBytes, kind("bytes"))
	})
}

// textOptions bind the cells called "body" as Y.Text.
func textOptions(l yjs.Layout) *yjs.Options {
	return &yjs.Options{Layout: l, Text: func(_, cell string) bool { return cell == "body" }}
}

func TestTextCells_ConcurrentEditsOfOneStringMerge(t *testing.T) {
	for _, l := range []yjs.Layout{yjs.Nested, yjs.Flat} {
		t.Run(l.String(), func(t *testing.T) {
			p := newPair(t, textOptions(l))
			write := func(s *store.Store, text string) {
				update(t, s, func(tx *store.Tx) error { return tx.SetCell("t", "r", "body", store.Of(text)) })
			}
			write(p.s1, "the brown fox 🦊 jumps")
			p.requireBoth(`t/r/body "the brown fox 🦊 jumps"`)
			write(p.s1, "the quick brown fox 🦊 jumps")
			write(p.s2, "the brown fox 🦝 jumps high")
			p.requireBoth(`t/r/body "the quick brown fox 🦝 jumps high"`)

			// Formatting that somebody else gives at the same time stays on what is not edited.
			text := func(doc *ycrdt.Doc, fn func(ycrdt.Text)) {
				require.NoError(t, doc.Update("editor", func(tx *ycrdt.Txn) error {
					m, key := cellIn(tx, l, "t", "r", "body")
					v, _ := m.Get(key)
					require.Equal(t, ycrdt.KindText, v.Kind())
					fn(v.Shared().Text())
					return nil
				}))
			}
			text(p.doc2, func(x ycrdt.Text) {
				require.NoError(t, x.Format(4, 5, ycrdt.Field{Key: "bold", Value: ycrdt.Bool(true).Any()}))
			})
			write(p.s1, "the quick red fox 🦝 jumps high")
			p.requireBoth(`t/r/body "the quick red fox 🦝 jumps high"`)
			text(p.doc1, func(x ycrdt.Text) {
				d := x.Delta()
				require.Len(t, d, 3)
				require.Equal(t, "quick", d[1].Insert.Str())
				require.Len(t, d[1].Attributes, 1)
			})

			// What is no string replaces the text, and a string makes a text again.
			update(t, p.s2, func(tx *store.Tx) error { return tx.SetCell("t", "r", "body", store.Of(7)) })
			p.requireBoth("t/r/body 7")
			write(p.s1, "again")
			p.requireBoth(`t/r/body "again"`)
			text(p.doc2, func(x ycrdt.Text) { require.Equal(t, "again", x.String()) })
		})
	}
}
