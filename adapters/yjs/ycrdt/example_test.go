package ycrdt_test

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

func Example() {
	here := ycrdt.New(&ycrdt.Options{ClientID: 1})
	there := ycrdt.New(&ycrdt.Options{ClientID: 2})

	// What is changed here is sent there.
	sub := here.OnUpdate(func(u ycrdt.UpdateEvent) { _ = there.Apply(u.Update, "network") })
	defer sub.Close()

	err := here.Update(nil, func(tx *ycrdt.Txn) error {
		row, err := tx.Map("pets").SetMap("fido")
		if err != nil {
			return err
		}
		return row.Set("species", ycrdt.String("dog"))
	})
	if err != nil {
		fmt.Println(err)
	}
	there.View(func(r *ycrdt.Reader) {
		for key, value := range r.Map("pets").GetMap("fido").All() {
			fmt.Println(key, value)
		}
	})
	// Output: species "dog"
}

// Two copies set the same key. After they have exchanged their states both have the value of the higher client ID.
func Example_conflict() {
	one := ycrdt.New(&ycrdt.Options{ClientID: 1})
	two := ycrdt.New(&ycrdt.Options{ClientID: 2})
	set := func(d *ycrdt.Doc, price float64) {
		_ = d.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("fido").Set("price", ycrdt.Number(price)) })
	}
	set(one, 4)
	set(two, 5)
	for _, way := range [][2]*ycrdt.Doc{{one, two}, {two, one}} {
		update, _ := way[0].EncodeStateAsUpdate(way[1].StateVector())
		_ = way[1].Apply(update, nil)
	}
	for _, d := range []*ycrdt.Doc{one, two} {
		d.View(func(r *ycrdt.Reader) {
			v, _ := r.Map("fido").Get("price")
			fmt.Println(v)
		})
	}
	// Output:
	// 5
	// 5
}

func ExampleDoc_OnCommit() {
	doc := ycrdt.New(nil)
	sub := doc.OnCommit(func(c *ycrdt.Commit) {
		for _, change := range c.Changes {
			for _, step := range change.Path {
				fmt.Print(step.Key, "/")
			}
			fmt.Println(change.Key, c.Origin)
		}
	})
	defer sub.Close()
	_ = doc.Update("me", func(tx *ycrdt.Txn) error {
		row, _ := tx.Map("pets").SetMap("fido")
		return row.Set("species", ycrdt.String("dog"))
	})
	_ = doc.Update("you", func(tx *ycrdt.Txn) error {
		return tx.Map("pets").GetMap("fido").Set("price", ycrdt.Number(4))
	})
	// Output:
	// pets/fido me
	// pets/fido/price you
}
