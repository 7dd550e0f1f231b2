package main

import (
	"bytes"
	"context"
	"errors"
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

// Run converts the file.
func (c *convertCmd) Run(env *environment) error {
	b, err := readFile(c.In)
	if err != nil {
		return err
	}
	content, err := c.read(env, b)
	if err != nil {
		return fmt.Errorf("%s: %w", c.In, err)
	}
	if b, err = c.write(env, content); err != nil {
		return err
	}
	return env.writeFile(c.Out, b)
}

// read returns the content of a file. Values that a Store cannot hold are left out.
func (c *convertCmd) read(ctx context.Context, b []byte) (*store.Snapshot, error) {
	switch c.From {
	case "json":
		return store.ReadContent(bytes.NewReader(b), store.NativeForm, nil)
	case "tinybase":
		return store.ReadContent(bytes.NewReader(b), store.TinyBaseForm, nil)
	case "yjs":
		doc := ycrdt.New(nil)
		if err := doc.Apply(b, nil); err != nil {
			return nil, err
		}
		return yjs.Content(doc, &yjs.Options{Map: c.Map, Layout: yjs.Auto})
	}
	doc, err := automerge.Load(b, nil)
	if err != nil {
		return nil, err
	}
	s := store.New()
	p := automerge.Bind(s, doc, &automerge.Options{Root: c.Map})
	err = p.Load(ctx)
	return s.Snapshot(), errors.Join(err, p.Close(ctx))
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
