package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// convertCmd is `rowloom convert`: it carries the content of a table, not its history, from one kind of file to another.
type convertCmd struct {
	From string `required:"" placeholder:"KIND" enum:"json,tinybase,yjs,automerge" help:"What IN is: ${enum}. json is {tables,values} with nested JSON, tinybase is TinyBase's file of a Store."`
	To   string `required:"" placeholder:"KIND" enum:"json,tinybase,yjs,automerge" help:"What to write: ${enum}."`
	Map  string `default:"tinybase" placeholder:"NAME" help:"Root map of the table in Yjs and Automerge documents (${default})."`
	Out  string `short:"o" default:"-" placeholder:"FILE" help:"Where to write (standard output)."`
	In   string `arg:"" help:"File to read; - is the standard input."`
}

// Help says what does not go along.
func (convertCmd) Help() string {
	return `The table goes along as it is now, without its history. What a table cannot hold (texts, bytes, nested shared types) is left out. Binary results are not
written to a terminal.`
}

// Run converts the file.
func (c *convertCmd) Run(env *environment) error {
	if err := namesTable(c.Map); err != nil {
		return err
	}
	if c.To == "yjs" || c.To == "automerge" {
		if err := env.binaryTo(c.Out); err != nil {
			return err
		}
	}
	b, err := readFile(c.In)
	if err != nil {
		return err
	}
	content, err := c.read(env, b)
	if err != nil {
		return fmt.Errorf("%s: %w", called(c.In), err)
	}
	if content.IsEmpty() {
		env.note("%s holds no rows and no values", called(c.In))
	}
	if b, err = c.write(env, content); err != nil {
		return err
	}
	return env.writeFile(c.Out, b)
}

// read returns the content of a file. Values that a Store cannot hold are left out.
func (c *convertCmd) read(env *environment, b []byte) (*store.Snapshot, error) {
	switch c.From {
	case "json", "tinybase":
		form := store.NativeForm
		if c.From == "tinybase" {
			form = store.TinyBaseForm
		}
		content, err := store.ReadContent(bytes.NewReader(b), form, nil)
		if err != nil {
			return nil, misread(b, c.From, err)
		}
		return content, nil
	case "yjs":
		doc, err := env.yjsDoc(b)
		if err != nil {
			return nil, err
		}
		return env.yjsTable(doc, c.Map)
	}
	doc, err := env.automergeDoc(b)
	if err != nil {
		return nil, err
	}
	defer doc.Close()
	content, err := automergeSource(env, doc).table(c.Map)
	if err != nil {
		return nil, err
	}
	env.leftOut(automergeLeftOut(doc, c.Map, content))
	return content, nil
}

// write returns a new file with the content.
func (c *convertCmd) write(ctx context.Context, content *store.Snapshot) ([]byte, error) {
	switch c.To {
	case "json":
		return append(store.AppendContent(nil, content, store.NativeForm), '\n'), nil
	case "tinybase":
		return store.AppendContent(nil, content, store.TinyBaseForm), nil
	case "yjs":
		doc := ycrdt.New(nil)
		if err := save(ctx, content, yjs.NewTarget(doc, &yjs.Options{Map: c.Map})); err != nil {
			return nil, err
		}
		return doc.EncodeStateAsUpdate(nil)
	}
	doc, err := automerge.New(nil)
	if err != nil {
		return nil, err
	}
	if err := save(ctx, content, automerge.NewTarget(doc, &automerge.Options{Root: c.Map})); err != nil {
		return nil, err
	}
	return doc.Save()
}

func save(ctx context.Context, content *store.Snapshot, target persist.Target) error {
	return target.Write(ctx, "convert", store.Diff(nil, content), content)
}
