package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
	"github.com/rowloom/rowloom/store"
)

// yjsCmd is `rowloom yjs`: tools for files that hold Yjs updates. Where a file is named, "-" is the standard input or output.
type yjsCmd struct {
	Dump    yjsDumpCmd    `cmd:"" help:"Show what an update holds: structs, deletions, state vector."`
	Merge   yjsMergeCmd   `cmd:"" help:"Merge updates into one."`
	Diff    yjsDiffCmd    `cmd:"" help:"Show or write what one update has and another one lacks."`
	Convert yjsConvertCmd `cmd:"" help:"Convert an update from format V1 to V2 or back."`
	Layout  yjsLayoutCmd  `cmd:"" help:"Move a table between the layouts nested and flat."`
}

// version is the flag that says which format files have.
type version string

func (v version) format() update.Version {
	if v == "2" {
		return update.V2
	}
	return update.V1
}

// misread is the error for a file that should be an update of the format.
func (v version) misread(name string, b []byte, err error) error {
	wanted := "yjs"
	if v == "2" {
		wanted = "yjs2"
	}
	return fmt.Errorf("%s: %w", called(name), misread(b, wanted, err))
}

type yjsDumpCmd struct {
	Format version `name:"format" default:"1" enum:"1,2" help:"Update format: ${enum} (${default})."`
	File   string  `arg:"" help:"File with an update, such as a document's whole state."`
}

// Run prints the update.
func (c *yjsDumpCmd) Run(env *environment) error {
	b, err := readFile(c.File)
	if err != nil {
		return err
	}
	if err := update.WriteDump(env.stdout, c.Format.format(), b, nil); err != nil {
		return c.Format.misread(c.File, b, err)
	}
	return nil
}

type yjsMergeCmd struct {
	Format version  `name:"format" default:"1" enum:"1,2" help:"Update format: ${enum} (${default})."`
	Out    string   `short:"o" default:"-" placeholder:"FILE" help:"Where to write (standard output)."`
	Files  []string `arg:"" help:"Files with updates."`
}

// Run merges the updates.
func (c *yjsMergeCmd) Run(env *environment) error {
	if err := cmp.Or(env.binaryTo(c.Out), once(c.Files...)); err != nil {
		return err
	}
	var all [][]byte
	for _, f := range c.Files {
		b, err := readFile(f)
		if err != nil {
			return err
		}
		all = append(all, b)
	}
	b, err := update.Merge(c.Format.format(), all, nil)
	if err != nil {
		var in *update.InputError
		if errors.As(err, &in) {
			return c.Format.misread(c.Files[in.Index], all[in.Index], in.Err)
		}
		return err
	}
	return env.writeFile(c.Out, b)
}

type yjsDiffCmd struct {
	Format version `name:"format" default:"1" enum:"1,2" help:"Update format: ${enum} (${default})."`
	Out    string  `short:"o" placeholder:"FILE" help:"Write the difference as an update instead of showing it."`
	Old    string  `arg:"" help:"File with an update."`
	New    string  `arg:"" help:"File with another one."`
}

// Run shows or writes what New has beyond Old.
func (c *yjsDiffCmd) Run(env *environment) error {
	if err := cmp.Or(env.binaryTo(c.Out), once(c.Old, c.New)); err != nil {
		return err
	}
	old, err := readFile(c.Old)
	if err != nil {
		return err
	}
	b, err := readFile(c.New)
	if err != nil {
		return err
	}
	v := c.Format.format()
	known, err := update.StateVectorOf(v, old, nil)
	if err != nil {
		return c.Format.misread(c.Old, old, err)
	}
	d, err := update.Diff(v, b, known, nil)
	if err != nil {
		return c.Format.misread(c.New, b, err)
	}
	if c.Out != "" {
		return env.writeFile(c.Out, d)
	}
	return update.WriteDump(env.stdout, v, d, nil)
}

type yjsConvertCmd struct {
	To  version `name:"to" required:"" placeholder:"1|2" enum:"1,2" help:"Format to convert to: ${enum}."`
	Out string  `short:"o" default:"-" placeholder:"FILE" help:"Where to write (standard output)."`
	In  string  `arg:"" help:"File with an update in the other format."`
}

// Run converts the update.
func (c *yjsConvertCmd) Run(env *environment) error {
	if err := env.binaryTo(c.Out); err != nil {
		return err
	}
	b, err := readFile(c.In)
	if err != nil {
		return err
	}
	from := version("1")
	if c.To == "1" {
		from = "2"
	}
	converted, err := update.Convert(b, from.format(), c.To.format(), nil)
	if err != nil {
		return from.misread(c.In, b, err)
	}
	return env.writeFile(c.Out, converted)
}

type yjsLayoutCmd struct {
	Map string `default:"tinybase" placeholder:"NAME" help:"Name of the root map (${default})."`
	To  string `required:"" placeholder:"LAYOUT" enum:"nested,flat" help:"Layout to move to: ${enum}."`
	Out string `short:"o" default:"-" placeholder:"FILE" help:"Where to write the document's new state (standard output)."`
	In  string `arg:"" help:"File with a document's whole state, format V1."`
}

// Run moves the table.
func (c *yjsLayoutCmd) Run(env *environment) error {
	if err := namesTable(c.Map); err != nil {
		return err
	}
	if err := env.binaryTo(c.Out); err != nil {
		return err
	}
	b, err := readFile(c.In)
	if err != nil {
		return err
	}
	doc, err := env.yjsDoc(b)
	if err == nil {
		_, err = yjsSource(doc).table(c.Map)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", called(c.In), err)
	}
	from, to := yjs.Nested, yjs.Flat
	if c.To == "nested" {
		from, to = to, from
	}
	moved, err := yjs.Convert(doc, c.Map, from, to, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", called(c.In), err)
	}
	if b, err = doc.EncodeStateAsUpdate(nil); err != nil {
		return err
	}
	if moved == 0 {
		env.note("there was nothing to move to the layout %s", c.To)
	} else {
		fmt.Fprintf(env.stderr, "moved %d cells and values to the layout %s\n", moved, c.To)
	}
	return env.writeFile(c.Out, b)
}

// yjsDoc makes a document of an update, and tells of what is missing in it.
func (env *environment) yjsDoc(b []byte) (*ycrdt.Doc, error) {
	doc := ycrdt.New(nil)
	if err := doc.Apply(b, nil); err != nil {
		return nil, misread(b, "yjs", err)
	}
	if p := doc.Pending(); p.Structs != nil || p.Deletes != nil {
		from := ""
		for _, client := range slices.Sorted(maps.Keys(p.Missing)) {
			from = fmt.Sprintf(", such as those of client %d from clock %d on", client, p.Missing[client])
			break
		}
		env.note("a part of the update needs others that are not there%s, and does not count: join them first with rowloom yjs merge", from)
	}
	return doc, nil
}

// yjsTable returns the content of the table under a name, and tells of what cannot be in it.
func (env *environment) yjsTable(doc *ycrdt.Doc, name string) (*store.Snapshot, error) {
	content, err := yjsSource(doc).table(name)
	if err != nil {
		return nil, err
	}
	places, err := yjsLeftOut(doc, name, content)
	env.leftOut(places)
	return content, err
}
