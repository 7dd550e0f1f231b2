// Package boundtest is what the tests of the bindings to mergeable documents have in common: scenarios of two peers, the player of
// what was recorded of the original, and a random simulation. A binding's tests say how its documents are made, compared and
// told of each other, and what may be lost when two peers write at the same time; everything else is here.
package boundtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/store/persist/persisttest"
)

var ctx = context.Background()

// Document is a replica of a document, with the options that Stores are bound to it with.
type Document interface {
	Target() persist.Target
	Bind(*store.Store) *persist.Persister
	Merge(from Document) error // takes all that from has
}

// Bind binds a new Store to a document, with loading and saving on until the test ends.
func Bind(t testing.TB, doc Document) *store.Store {
	s, p := load(t, doc)
	require.NoError(t, p.StartAutoSave(ctx))
	return s
}

// Follow is Bind with loading only.
func Follow(t testing.TB, doc Document) *store.Store {
	s, _ := load(t, doc)
	return s
}

func load(t testing.TB, doc Document) (*store.Store, *persist.Persister) {
	s := store.New()
	p := doc.Bind(s)
	require.NoError(t, p.StartAutoLoad(ctx))
	t.Cleanup(func() { require.NoError(t, p.Close(ctx)) })
	return s, p
}

// Content returns what a document decodes to.
func Content(t require.TestingT, doc Document) *store.Snapshot {
	content, err := read(doc)
	require.NoError(t, err)
	return content
}

// Holds is Content in the form of the changes that make it.
func Holds(t require.TestingT, doc Document) string { return show(Content(t, doc)) }

// RequireContent compares two contents.
func RequireContent(t testing.TB, want, got *store.Snapshot, msg ...any) {
	t.Helper()
	require.Equal(t, show(want), show(got), msg...)
}

// Subject is what the laws need of a document; somebody else edits other, a replica of it.
func Subject(doc, other Document) persisttest.Subject {
	return persisttest.Subject{
		Target:    doc.Target(),
		Persister: persist.Inline,
		Edit: func(c store.Changes) error {
			if err := other.Merge(doc); err != nil {
				return err
			}
			if err := other.Target().Write(ctx, "other", c, nil); err != nil {
				return err
			}
			return doc.Merge(other)
		},
	}
}

// At returns what a Snapshot holds in a cell or value.
func At(content *store.Snapshot, at store.Path) store.Value {
	table, row, cell := at.IDs()
	if at.Level() == store.AtValue {
		return content.Value(cell)
	}
	return content.Cell(table, row, cell)
}

// Put writes a cell or value, or deletes what is below at if v is absent.
func Put(s *store.Store, at store.Path, v store.Value) error {
	return s.Update(func(tx *store.Tx) error {
		table, row, cell := at.IDs()
		switch {
		case !v.Exists():
			return tx.ReplaceIn(at, nil)
		case at.Level() == store.AtValue:
			return tx.SetValue(cell, v)
		}
		return tx.SetCell(table, row, cell, v)
	})
}

func read(doc Document) (*store.Snapshot, error) {
	content, _, err := doc.Target().Read(ctx, []store.Path{{}})
	return content, err
}

func show(content *store.Snapshot) string { return store.Diff(nil, content).String() }
