package file_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rowloom/rowloom/adapters/file"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

func Example() {
	dir, err := os.MkdirTemp("", "pets")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	target, err := file.Open(filepath.Join(dir, "pets.json"), nil)
	if err != nil {
		panic(err)
	}
	s := store.New()
	p := persist.Queued(s, target, nil)
	defer p.Close(context.Background())
	if err := p.StartAutoSave(context.Background()); err != nil {
		panic(err)
	}
	_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(3)) })
	_ = p.Flush(context.Background())
	text, _ := os.ReadFile(target.Path())
	fmt.Println(string(text))
	// Output: [{"pets":{"fido":{"price":3}}},{}]
}
