package main

import (
	"bytes"
	"fmt"

	"github.com/rowloom/rowloom/conflict"
)

// labCmd is `rowloom lab`.
type labCmd struct {
	Engine []string `placeholder:"NAME" help:"Engine to play on: yjs, tinybase or automerge; may be repeated. All of them by default."`
	Swap   bool     `help:"Exchange the ids of the replicas."`
	Seed   uint64   `default:"1" help:"Seed of the orders of delivery, where there are too many to play all (${default})."`
	File   string   `arg:"" help:"File with a scenario; - is the standard input."`
}

// Help explains what a scenario is.
func (labCmd) Help() string {
	return `A scenario is text:

    replicas 1 2
    base     pets/fido/species = "dog"
    1        pets/fido/price = 4
    2        pets/fido/price = 5
    2        delete pets/felix
    1        :open = true

A place is TABLE/ROW/CELL or :VALUE, and TABLE or TABLE/ROW can be deleted too. Ids with other characters stand in double quotes.
The base is known to all; the rest happens at the same time. Each engine plays it with the deliveries in every order.`
}

// Run plays the scenario.
func (c *labCmd) Run(env *environment) error {
	b, err := readFile(c.File)
	if err != nil {
		return err
	}
	s, err := conflict.Parse(bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("%s: %w", called(c.File), misread(b, "scenario", err))
	}
	if c.Swap {
		s = s.Swapped()
	}
	engines := conflict.Engines()
	if len(c.Engine) > 0 {
		engines = nil
		for _, name := range c.Engine {
			e, err := conflict.EngineNamed(name)
			if err != nil {
				return usageError{err}
			}
			engines = append(engines, e)
		}
	}
	var all []*conflict.Exploration
	for _, e := range engines {
		x, err := conflict.Explore(e, s, c.Seed)
		if err != nil {
			return err
		}
		all = append(all, x)
	}
	out := conflict.Table(all) + "\n"
	contested := false
	for _, x := range all {
		for _, v := range x.First.Verdicts {
			out += fmt.Sprintf("%s: %v\n", x.First.Engine, v)
			contested = true
		}
	}
	if !contested {
		env.note("no place was set by more than one replica, so there was nothing to decide")
	}
	return env.writeFile("-", []byte(out))
}
