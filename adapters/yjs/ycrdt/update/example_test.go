package update_test

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

func Example() {
	// new Y.Doc() with client 7: map "m" gets k = 1, and then k = "two".
	one := []byte{1, 1, 7, 0, 0x28, 1, 1, 'm', 1, 'k', 1, 125, 1, 0}
	two := []byte{1, 1, 7, 1, 0xa8, 7, 0, 1, 119, 3, 't', 'w', 'o', 1, 7, 1, 0, 1}

	whole, err := update.Merge(update.V1, [][]byte{two, one}, nil)
	if err != nil {
		fmt.Println(err)
	}
	text, err := update.Dump(update.V1, whole, nil)
	fmt.Print(text, err)
	// Output:
	// client 7
	//   7:0        Any 1      in m "k"               [1]
	//   7:1        Any 1      after 7:0              ["two"]
	// deleted
	//   7          0-1
	// state
	//   7          2
	// 2 structs, 1 deletion, 27 bytes V1
	// <nil>
}
