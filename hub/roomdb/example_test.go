package roomdb_test

import (
	"context"
	"fmt"
	"os"

	"github.com/rowloom/rowloom/hub/roomdb"
)

func Example() {
	dir, err := os.MkdirTemp("", "roomdb")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	db, err := roomdb.Open(ctx, dir, nil)
	if err != nil {
		panic(err)
	}
	defer db.Close()

	room, err := db.Open(ctx, "garden/1")
	if err != nil {
		panic(err)
	}
	defer room.Close()
	seq, err := room.Append(roomdb.Record{Family: "yjs", Data: []byte("an update")})
	if err != nil {
		panic(err)
	}
	if err := room.Wait(ctx, seq); err != nil {
		panic(err)
	}
	err = room.Load(ctx, func(r roomdb.Record) error {
		fmt.Printf("%s: %s\n", r.Family, r.Data)
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output: yjs: an update
}
