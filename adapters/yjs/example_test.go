package yjs_test

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

func Example() {
	ctx := context.Background()
	s, doc := store.New(), ycrdt.New(nil)
	binding := yjs.Bind(s, doc, nil)
	defer binding.Close(ctx)
	if err := binding.StartAutoLoad(ctx); err != nil {
		fmt.Println(err)
	}
	if err := binding.StartAutoSave(ctx); err != nil {
		fmt.Println(err)
	}

	// A write to the Store is in the document when Update returns.
	_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "species", store.Of("dog")) })
	doc.View(func(r *ycrdt.Reader) {
		v, _ := r.Map("tinybase").GetMap("t").GetMap("pets").GetMap("fido").Get("species")
		fmt.Println(v)
	})

	// A write to the document, by whomever, is in the Store when it returns.
	_ = doc.Update("somebody", func(tx *ycrdt.Txn) error {
		return tx.Map("tinybase").GetMap("t").GetMap("pets").GetMap("fido").Set("legs", ycrdt.Number(4))
	})
	fmt.Println(s.Snapshot().Cell("pets", "fido", "legs"))
	// Output:
	// "dog"
	// 4
}
