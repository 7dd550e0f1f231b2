package lib0_test

import (
	"errors"
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

func Example() {
	b := lib0.AppendString(nil, "price")
	b = lib0.AppendAny(b, lib0.NumberOf(1.5))

	r := lib0.NewReader(b)
	key, value := r.Str(), r.Any()
	if err := r.End(); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s = %v\n", key, value)

	short := lib0.NewReader(b[:8])
	short.Str()
	short.Any()
	fmt.Println(short.Err())
	fmt.Println(errors.Is(short.Err(), lib0.ErrEnd))
	// Output:
	// price = 1.5
	// bytes: unexpected end of input at byte 7
	// true
}

func ExampleAppendJSON() {
	v := lib0.ObjectOf(
		lib0.Field{Key: "b", Value: lib0.StringOf("<a & b>")},
		lib0.Field{Key: "1", Value: lib0.NumberOf(1e21)},
	)
	text, err := lib0.AppendJSON(nil, v)
	fmt.Println(string(text), err)
	// Output: {"1":1e+21,"b":"<a & b>"} <nil>
}
