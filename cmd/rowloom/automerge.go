package main

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/automerge"
)

// automergeCmd is `rowloom automerge`: tools for files that hold Automerge documents and changes.
type automergeCmd struct {
	Dump   automergeDumpCmd   `cmd:"" help:"Show what a document, changes or a sync message hold: changes, operations, conflicts."`
	Verify automergeVerifyCmd `cmd:"" help:"Check that a document or changes are sound, without the engine seeing what is not."`
}

type automergeDumpCmd struct {
	File string `arg:"" help:"File with a saved document, changes or a sync message."`
}

// Run prints the file.
func (c *automergeDumpCmd) Run(env *environment) error {
	b, err := readFile(c.File)
	if err != nil {
		return err
	}
	if err := automerge.Dump(env.stdout, b, nil); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return nil
}

type automergeVerifyCmd struct {
	File string `arg:"" help:"File with a saved document, or changes."`
}

// Run checks the file.
func (c *automergeVerifyCmd) Run(env *environment) error {
	b, err := readFile(c.File)
	if err != nil {
		return err
	}
	doc, err := automerge.Load(b, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Fprintf(env.stdout, "%s is sound: heads %v, %d places with more than one value\n", c.File, doc.Heads(), len(doc.Conflicts()))
	return nil
}
