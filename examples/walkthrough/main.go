// Walkthrough binds two Stores to two Yjs documents and lets them synchronise by exchanging their full state, first one
// change at a time and then with conflicts.
//
//	go run ./examples/walkthrough
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// peer is one side: a Store, bound to a document that has a client id of its own.
type peer struct {
	store *store.Store
	doc   *ycrdt.Doc
}

func newPeer(clientID uint64) (*peer, error) {
	ctx := context.Background()
	p := &peer{store.New(), ycrdt.New(&ycrdt.Options{ClientID: clientID})}
	binding := yjs.Bind(p.store, p.doc, nil)
	if err := binding.StartAutoLoad(ctx); err != nil {
		return nil, err
	}
	return p, binding.StartAutoSave(ctx)
}

func (p *peer) setCell(table, row, cell string, v store.Value) error {
	return p.store.Update(func(tx *store.Tx) error { return tx.SetCell(table, row, cell, v) })
}

func (p *peer) setValue(id string, v store.Value) error {
	return p.store.Update(func(tx *store.Tx) error { return tx.SetValue(id, v) })
}

// exchange gives each document the full state of the other.
func exchange(a, b *peer) error {
	fromA, err := a.doc.EncodeStateAsUpdate(nil)
	if err != nil {
		return err
	}
	fromB, err := b.doc.EncodeStateAsUpdate(nil)
	if err != nil {
		return err
	}
	if err := b.doc.Apply(fromA, "exchange"); err != nil {
		return err
	}
	return a.doc.Apply(fromB, "exchange")
}

func run(out io.Writer) error {
	one, err := newPeer(1)
	if err != nil {
		return err
	}
	two, err := newPeer(2)
	if err != nil {
		return err
	}
	steps := []struct {
		title string
		edit  func() error
	}{
		{"A first exchange, as a baseline", func() error { return nil }},
		{"Store 1 sets a table", func() error { return one.setCell("pets", "fido", "species", store.Of("dog")) }},
		{"Store 2 sets a value", func() error { return two.setValue("open", store.Of(true)) }},
		{"Both set cells of one row at the same time", func() error {
			if err := one.setCell("pets", "fido", "color", store.Of("brown")); err != nil {
				return err
			}
			return two.setCell("pets", "fido", "legs", store.Of(4))
		}},
		{"Both set one cell at the same time: the higher client id wins", func() error {
			if err := one.setCell("pets", "fido", "price", store.Of(4)); err != nil {
				return err
			}
			return two.setCell("pets", "fido", "price", store.Of(5))
		}},
	}
	for _, step := range steps {
		if err := step.edit(); err != nil {
			return err
		}
		if err := exchange(one, two); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", step.title)
		for i, p := range []*peer{one, two} {
			fmt.Fprintf(out, "  Store %d:\n", i+1)
			for _, c := range store.Diff(nil, p.store.Snapshot()).Cells {
				fmt.Fprintf(out, "    %v = %v\n", c.Path(), c.New)
			}
			for _, v := range store.Diff(nil, p.store.Snapshot()).Values {
				fmt.Fprintf(out, "    %v = %v\n", v.Path(), v.New)
			}
		}
	}
	return nil
}
