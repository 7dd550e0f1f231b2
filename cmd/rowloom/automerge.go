package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rowloom/rowloom/adapters/automerge"
)

// automergeCmd is `rowloom automerge`: tools for files that hold Automerge documents and changes.
type automergeCmd struct {
	Dump    automergeDumpCmd    `cmd:"" help:"Show what a document, changes or a sync message hold: changes, operations, conflicts."`
	Verify  automergeVerifyCmd  `cmd:"" help:"Check that a document or changes are sound, without the engine seeing what is not."`
	Convert automergeConvertCmd `cmd:"" help:"Carry a table between an Automerge document and JSON, Yjs or TinyBase files."`
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
		return fmt.Errorf("%s: %w", called(c.File), misread(b, "automerge", err))
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
	doc, err := env.automergeDoc(b)
	if err != nil {
		return fmt.Errorf("%s: %w", called(c.File), err)
	}
	defer doc.Close()
	_, err = fmt.Fprintf(env.stdout, "%s is sound: heads %v, %d places with more than one value\n", called(c.File), doc.Heads(), len(doc.Conflicts()))
	return err
}

// automergeConvertCmd is `rowloom convert` with an Automerge document at one end.
type automergeConvertCmd struct {
	From string `xor:"end" required:"" placeholder:"KIND" help:"What IN is: json, yjs or tinybase; an Automerge document is written."`
	To   string `xor:"end" required:"" placeholder:"KIND" help:"What to write: json, yjs or tinybase; IN is an Automerge document."`
	Map  string `default:"tinybase" placeholder:"NAME" help:"Root map of the table in Yjs and Automerge documents (${default})."`
	Out  string `short:"o" default:"-" placeholder:"FILE" help:"Where to write (standard output)."`
	In   string `arg:"" help:"File to read; - is the standard input."`
}

// Run converts the file.
func (c *automergeConvertCmd) Run(env *environment) error {
	for _, kind := range []string{c.From, c.To} {
		if kind != "" && !slices.Contains([]string{"json", "yjs", "tinybase"}, kind) {
			return usageError{fmt.Errorf("%q is none of json, yjs, tinybase", kind)}
		}
	}
	return (&convertCmd{
		From: cmp.Or(c.From, "automerge"), To: cmp.Or(c.To, "automerge"), Map: c.Map, Out: c.Out, In: c.In,
	}).Run(env)
}

// automergeDoc reads a document, which the caller closes, and tells of what is missing in it.
func (env *environment) automergeDoc(b []byte) (*automerge.Doc, error) {
	doc, err := automerge.Load(b, nil)
	if err != nil {
		return nil, misread(b, "automerge", err)
	}
	if n := doc.Waiting(); n > 0 {
		env.note("%d changes in it depend on others that are not there, and do not count", n)
	}
	return doc, nil
}
