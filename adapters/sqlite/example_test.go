package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rowloom/rowloom/adapters/sqlite"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "pets")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	target, err := sqlite.Open(ctx, filepath.Join(dir, "pets.db"), &sqlite.Options{Tabular: &sqlite.Tabular{All: true}})
	if err != nil {
		panic(err)
	}
	defer target.Close()
	s := store.New()
	p := persist.Queued(s, target, nil)
	defer p.Close(ctx)
	if err := p.StartAutoSave(ctx); err != nil {
		panic(err)
	}
	_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(3)) })
	_ = p.Flush(ctx)
	content, _, _ := target.Read(ctx, []store.Path{{}})
	fmt.Print(store.Diff(nil, content))
	// Output: + pets/fido/price 3
}
