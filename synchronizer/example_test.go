package synchronizer_test

import (
	"fmt"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

func ExamplePipe() {
	cats, dogs := newSet("tom"), newSet("fido")
	p := synchronizer.NewPipe(cats.session(), dogs.session())
	defer p.Close()
	if err := p.Pump(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(cats.all(), dogs.all())
	// Output: [fido tom] [fido tom]
}

func ExampleSim() {
	cats, dogs := newSet("tom"), newSet("fido")
	sim := synchronizer.NewSim(42, &synchronizer.SimOptions{Network: synchronizer.Network{MaxDelay: time.Second, Cut: 0.5}})
	defer sim.Close()
	sim.Link("cats-dogs", func() (a, b synchronizer.Session, err error) { return cats.session(), dogs.session(), nil }, nil)
	if err := sim.Quiesce(0); err != nil {
		fmt.Println(err, sim.Trace())
	}
	fmt.Println(cats.all(), dogs.all())
	// Output: [fido tom] [fido tom]
}
