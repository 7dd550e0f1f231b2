package amchange_test

import (
	"fmt"
	"os"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// Two peers who know nothing of each other set the same key. The index tells which places changed, and keeps both values.
func Example() {
	ix := amchange.NewIndex(nil)
	for _, actor := range []amchange.Actor{"\xaa", "\xbb"} {
		draft := amchange.Draft{Actor: actor, Seq: 1, StartOp: 1, Ops: []amchange.Op{
			{Key: "price", Action: amchange.Set, Value: amchange.IntValue(int64(len(ix.Heads()) + 3))},
		}}
		change, err := draft.Encode()
		if err != nil {
			fmt.Println(err)
			return
		}
		amchange.DumpChange(os.Stdout, change)
		delta, err := ix.Add(change)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("touched:", delta)
	}
	for _, c := range ix.Conflicts() {
		fmt.Println(c)
	}
	// Output:
	// change 66598b91db21 by aa seq 1, ops 1-1
	//   after nothing
	//    1@aa set _root/"price" = 3
	// touched: price
	// change eca77da84d31 by bb seq 1, ops 1-1
	//   after nothing
	//    1@bb set _root/"price" = 4
	// touched: price
	// price: 3 (1@aa) < 4 (1@bb)
}
