package hlc_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/rowloom/rowloom/store/hlc"
)

// Two stores write at the same millisecond: the counter orders the stamps of one, the client those of both.
func Example() {
	id := "s1"
	clock, err := hlc.NewClock(&hlc.Options{UniqueID: &id, Now: func() time.Time { return time.UnixMilli(1_700_000_000_000) }})
	if err != nil {
		panic(err)
	}
	first, _ := clock.Next()
	second, _ := clock.Next()
	other := hlc.New(1_700_000_000_000, 1, hlc.ClientOf("s2"))
	fmt.Println(first, second, other)
	fmt.Println(second.After(first), second.After(other))
	fmt.Println(second.Time().Format(time.RFC3339), second.Counter(), second.Client())
	// Output:
	// NjEtLV-----7JQY8 NjEtLV----07JQY8 NjEtLV----04JQFF
	// true true
	// 2023-11-14T22:13:20Z 1 7JQY8
}

// A peer whose clock is an hour ahead is noticed.
func ExampleClock_Seen() {
	now := func() time.Time { return time.UnixMilli(1_700_000_000_000) }
	id := "s1"
	clock, _ := hlc.NewClock(&hlc.Options{UniqueID: &id, Now: now})
	err := clock.Seen(hlc.New(1_700_003_600_000, 0, hlc.ClientOf("bob")))
	var ahead *hlc.AheadError
	fmt.Println(errors.As(err, &ahead))
	fmt.Println(err)
	// Output:
	// true
	// hlc: stamp NjF64P-----5le2J of client 5le2J is 1h0m0s ahead of the local clock, more than the allowed 5m0s: one of the two clocks is wrong
}
