package ycrdt_test

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

func ExampleUndoManager() {
	d := ycrdt.New(nil)
	var notes ycrdt.Ref
	_ = d.Update(nil, func(tx *ycrdt.Txn) error {
		notes = tx.Text("notes").Ref()
		return nil
	})
	undo := ycrdt.NewUndoManager(d, &ycrdt.UndoOptions{Origins: []any{"user"}}, notes)
	defer undo.Close()

	_ = d.Update("user", func(tx *ycrdt.Txn) error { return tx.Text("notes").Insert(0, "mine") })
	_ = d.Update("somebody else", func(tx *ycrdt.Txn) error { return tx.Text("notes").Insert(4, ", theirs") })
	show := func() { d.View(func(r *ycrdt.Reader) { fmt.Printf("%q\n", r.Text("notes")) }) }
	show()
	_, _ = undo.Undo()
	show()
	_, _ = undo.Redo()
	show()
	// Output:
	// "mine, theirs"
	// ", theirs"
	// "mine, theirs"
}

func ExampleDoc_Restore() {
	d := ycrdt.New(&ycrdt.Options{DisableGC: true})
	set := func(v string) {
		_ = d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Set("title", ycrdt.String(v)) })
	}
	set("draft")
	before := d.Snapshot()
	set("final")

	old, err := d.Restore(before, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	old.View(func(r *ycrdt.Reader) {
		v, _ := r.Map("m").Get("title")
		fmt.Println(v)
	})
	// Output: "draft"
}

func ExampleRelativePosition() {
	d := ycrdt.New(nil)
	var cursor ycrdt.RelativePosition
	_ = d.Update(nil, func(tx *ycrdt.Txn) (err error) {
		text := tx.Text("t")
		if err = text.Insert(0, "Hello world"); err != nil {
			return err
		}
		cursor, err = text.PositionAt(6, 0) // before "world"
		return err
	})
	_ = d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Text("t").Insert(0, ">> ") })
	d.View(func(r *ycrdt.Reader) {
		_, index, _ := r.Resolve(cursor)
		fmt.Println(index)
	})
	// Output: 9
}
