package persist_test

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// Two Stores are bound to one Target. What one of them writes is in the other when Update returns.
func Example() {
	ctx := context.Background()
	target := newMemory()
	a, b := store.New(), store.New()
	for _, s := range []*store.Store{a, b} {
		p := persist.Inline(s, target, nil)
		defer p.Close(ctx)
		if err := p.StartAutoLoad(ctx); err != nil {
			fmt.Println(err)
		}
		if err := p.StartAutoSave(ctx); err != nil {
			fmt.Println(err)
		}
	}
	err := a.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "species", store.Of("dog")) })
	fmt.Println(b.Snapshot().Cell("pets", "fido", "species"), err)
	// Output: "dog" <nil>
}
