package store_test

import (
	"fmt"

	"github.com/rowloom/rowloom/store"
)

func Example() {
	s := store.New()
	s.Listen(store.Table("pets"), func(c *store.Commit) {
		fmt.Print(c.Changes())
	})
	err := s.Update(func(tx *store.Tx) error {
		if err := tx.SetCell("pets", "fido", "species", store.Of("dog")); err != nil {
			return err
		}
		return tx.SetCell("pets", "fido", "price", store.Of(4.5))
	})
	if err != nil {
		fmt.Println(err)
	}
	price, ok := store.As[float64](s.Snapshot().Cell("pets", "fido", "price"))
	fmt.Println(price, ok)
	// Output:
	// + pets/fido/price 4.5
	// + pets/fido/species "dog"
	// 4.5 true
}
