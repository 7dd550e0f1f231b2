package store_test

import (
	"encoding/json"
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

func ExampleEnforce() {
	s := store.New()
	var schema store.Schema
	text := `{"pets": {"species": {"type": "string", "required": true}, "price": {"type": "number", "default": 1}}}`
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		panic(err)
	}
	if _, _, err := store.Enforce(s, schema, nil); err != nil {
		panic(err)
	}
	fmt.Println(s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of("cheap")) }))
	fmt.Println(s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "species", store.Of("dog")) }))
	fmt.Print(store.Diff(nil, s.Snapshot()))
	// Output:
	// store: pets/fido/price: "cheap" where number was wanted, and 1 more
	// <nil>
	// + pets/fido/price 1
	// + pets/fido/species "dog"
}

func ExampleRowAs() {
	type Pet struct {
		Species string
		Price   float64 `store:"price"`
	}
	s := store.New()
	err := s.Update(func(tx *store.Tx) error {
		return store.SetRowAs(tx, "pets", "fido", Pet{"dog", 4.5})
	})
	if err != nil {
		panic(err)
	}
	pet, ok, err := store.RowAs[Pet](s.Snapshot(), "pets", "fido")
	fmt.Println(pet, ok, err)
	// Output: {dog 4.5} true <nil>
}

func ExampleStore_Sort() {
	s := store.New()
	cheapest := s.Sort("pets", &store.SortOptions{Cell: "price"})
	defer cheapest.Close()
	cheapest.Listen(0, 2, func(_ *store.Commit, rows []string) { fmt.Println("now", rows) })
	_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(5)) })
	_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "felix", "price", store.Of(3)) })
	_ = s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "rex", "price", store.Of(9)) })
	fmt.Println(cheapest.Page(1, 10))
	// Output:
	// now [fido]
	// now [felix fido]
	// [fido rex]
}
