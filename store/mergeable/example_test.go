package mergeable_test

import (
	"fmt"
	"time"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
)

// Two replicas change one row apart, and are merged: both keep all cells, and of the cell that both wrote the later one.
func Example() {
	clock := time.UnixMilli(1_700_000_000_000)
	replica := func(id string) *mergeable.Store {
		m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &id, Now: func() time.Time { return clock }})
		if err != nil {
			panic(err)
		}
		return m
	}
	write := func(m *mergeable.Store, cell string, v store.Value) {
		if err := m.Store().Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", cell, v) }); err != nil {
			panic(err)
		}
	}
	a, b := replica("s1"), replica("s2")
	write(a, "species", store.Of("dog"))
	write(a, "color", store.Of("brown"))
	clock = clock.Add(time.Millisecond)
	write(b, "price", store.Of(3))
	write(b, "color", store.Of("black"))

	if _, _, err := a.Merge("example", b); err != nil {
		panic(err)
	}
	for cell, v := range a.Store().Snapshot().Cells("pets", "fido") {
		fmt.Println(cell, v, a.CellStamp("pets", "fido", cell))
	}
	ha, _ := a.Hashes()
	hb, _ := b.Hashes()
	fmt.Println(ha == hb)
	// Output:
	// color "black" NjEtLV0---04JQFF
	// price 3 NjEtLV0----4JQFF
	// species "dog" NjEtLV-----7JQY8
	// true
}
