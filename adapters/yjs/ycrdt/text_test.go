package ycrdt_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

func bold(v bool) ycrdt.Field {
	if v {
		return ycrdt.Field{Key: "bold", Value: lib0.BoolOf(true)}
	}
	return ycrdt.Field{Key: "bold", Value: lib0.NullOf()}
}

func TestText_CountsUTF16UnitsAndReplacesHalves(t *testing.T) {
	d := ycrdt.New(nil)
	update(t, d, nil, func(tx *ycrdt.Txn) {
		x := tx.Text("t")
		require.NoError(t, x.Insert(0, "a😀b"))
		require.Equal(t, 4, x.Len())
		require.ErrorIs(t, x.Insert(5, "c"), ycrdt.ErrIndex)
		require.ErrorIs(t, x.Delete(3, 2), ycrdt.ErrIndex)
		require.ErrorIs(t, x.Insert(-1, "c"), ycrdt.ErrIndex)
		require.NoError(t, x.Insert(2, "-"))
		require.Equal(t, "a\ufffd-\ufffdb", x.String())
		require.NoError(t, x.Insert(0, "\xff"))
		require.Equal(t, "\ufffda\ufffd-\ufffdb", x.String())
	})
}

func ExampleText() {
	doc := ycrdt.New(nil)
	_ = doc.Update(nil, func(tx *ycrdt.Txn) error {
		text := tx.Text("t")
		if err := text.Insert(0, "hello world"); err != nil {
			return err
		}
		if err := text.Format(6, 5, bold(true)); err != nil {
			return err
		}
		return text.Insert(11, "!") // bold, like what stands to the left
	})
	doc.View(func(r *ycrdt.Reader) {
		for _, op := range r.Text("t").Delta() {
			fmt.Println(op.Insert, op.Attributes)
		}
	})
	// Output:
	// "hello " []
	// "world!" [{bold true}]
}

func ExampleDoc_ObserveDeep() {
	doc := ycrdt.New(nil)
	var ref ycrdt.Ref
	_ = doc.Update(nil, func(tx *ycrdt.Txn) error {
		m := tx.Map("m")
		ref = m.Ref()
		return m.Set("title", ycrdt.NewText("draft"))
	})
	sub := doc.ObserveDeep(ref, func(events []ycrdt.Event) {
		for _, e := range events {
			for _, k := range e.Keys {
				fmt.Println(e.Path, k.Action, k.Key, k.Old)
			}
			for _, op := range e.Delta {
				fmt.Println(e.Path[0].Key, op.Retain, op.Delete, op.Insert)
			}
		}
	})
	defer sub.Close()
	_ = doc.Update(nil, func(tx *ycrdt.Txn) error {
		title, _ := tx.Map("m").Get("title")
		if err := title.Shared().Text().Insert(5, "!"); err != nil {
			return err
		}
		return tx.Map("m").Set("pages", ycrdt.Number(3))
	})
	_ = doc.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("pages", ycrdt.Number(4)) })
	// Output:
	// [] add pages undefined
	// title 5 0 undefined
	// title 0 0 "!"
	// [] update pages 3
}

func TestObserve_TellsOnlyOfTheTypeItself(t *testing.T) {
	d := ycrdt.New(nil)
	var m, x ycrdt.Ref
	update(t, d, nil, func(tx *ycrdt.Txn) {
		row, err := tx.Map("m").SetMap("row")
		require.NoError(t, err)
		require.NoError(t, row.Set("c", ycrdt.Number(1)))
		m, x = tx.Map("m").Ref(), tx.Text("t").Ref()
	})
	var got []string
	d.Observe(m, func(e ycrdt.Event) { got = append(got, fmt.Sprint(e.Origin, e.Local, e.Keys[0].Action, e.Keys[0].Key)) })
	sub := d.Observe(x, func(e ycrdt.Event) { got = append(got, fmt.Sprint("text", len(e.Delta))) })
	update(t, d, "o", func(tx *ycrdt.Txn) {
		require.NoError(t, tx.Map("m").GetMap("row").Set("c", ycrdt.Number(2)))
	})
	require.Empty(t, got)
	update(t, d, "o", func(tx *ycrdt.Txn) {
		require.NoError(t, tx.Text("t").InsertWith(0, "ab", bold(true)))
		require.NoError(t, tx.Map("m").Delete("row"))
	})
	sub.Close()
	update(t, d, "o", func(tx *ycrdt.Txn) { require.NoError(t, tx.Text("t").Delete(0, 1)) })
	require.Equal(t, []string{"text1", "otrue deleterow"}, got)
}

func TestSubdocs_AreReported(t *testing.T) {
	a, b := ycrdt.New(nil), ycrdt.New(nil)
	var got []string
	b.OnSubdocs(func(e ycrdt.SubdocEvent) {
		got = append(got, fmt.Sprint(len(e.Added), len(e.Loaded), len(e.Removed), e.Local))
	})
	step := func(fn func(m ycrdt.Map) error) {
		require.NoError(t, a.Update(nil, func(tx *ycrdt.Txn) error { return fn(tx.Map("m")) }))
		state, err := a.EncodeStateAsUpdate(b.StateVector())
		require.NoError(t, err)
		require.NoError(t, b.Apply(state, nil))
	}
	step(func(m ycrdt.Map) error {
		if err := m.Set("x", ycrdt.Subdoc("g1")); err != nil {
			return err
		}
		return m.Set("y", ycrdt.Subdoc("g2", ycrdt.Field{Key: "autoLoad", Value: lib0.BoolOf(true)}))
	})
	b.View(func(r *ycrdt.Reader) {
		require.Equal(t, "g1", r.Subdocs()[0].GUID)
		v, ok := r.Map("m").Get("y")
		require.True(t, ok)
		require.Equal(t, ycrdt.KindSubdoc, v.Kind())
	})
	step(func(m ycrdt.Map) error { return m.Delete("x") })
	require.Equal(t, []string{"2 1 0 false", "0 0 1 false"}, got)
}

func TestXML_BecomesMarkup(t *testing.T) {
	d := ycrdt.New(nil)
	update(t, d, nil, func(tx *ycrdt.Txn) {
		x := tx.XMLFragment("x")
		require.NoError(t, x.Insert(0, ycrdt.NewXMLElement("P", []ycrdt.Member{{Key: "id", Value: ycrdt.String("1")}},
			ycrdt.NewXMLText("hi"), ycrdt.NewXMLElement("br", nil))))
		p, ok := x.Get(0)
		require.True(t, ok)
		require.NoError(t, p.Shared().XML().SetAttribute("class", ycrdt.String("c")))
		text, ok := p.Shared().XML().Get(0)
		require.True(t, ok)
		require.NoError(t, text.Shared().Text().Format(0, 1, bold(true)))
		require.Equal(t, `<p class="c" id="1"><bold>h</bold>i<br></br></p>`, x.String())
		var kinds []string
		for s := range x.Walk() {
			kinds = append(kinds, s.Kind().String()+" "+s.Name())
		}
		require.Equal(t, []string{"xml element P", "xml text ", "xml element br"}, kinds)
		require.NoError(t, x.Insert(1, ycrdt.NewXMLHook("hook", ycrdt.Member{Key: "k", Value: ycrdt.Null()})))
		require.NoError(t, x.Delete(0, 1))
		require.Equal(t, 1, x.Len())
	})
}
