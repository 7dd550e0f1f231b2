package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// namesTable refuses the empty name, which a variable that somebody forgot to set gives.
func namesTable(name string) error {
	if name == "" {
		return usageError{errors.New("--map is empty: leave it out for tinybase")}
	}
	return nil
}

// source is a document, in which tables lie under names.
type source struct {
	names []string                                   // of everything at the root
	read  func(name string) (*store.Snapshot, error) // nothing where no table is
	empty func(name string) bool                     // whether what is at the root under a name can be a table without content
}

// table returns the content of the table under a name. Where there is no such table the error says which names there are. A document without
// anything is an empty table.
func (s *source) table(name string) (*store.Snapshot, error) {
	content, err := s.read(name)
	if err != nil || !content.IsEmpty() || len(s.names) == 0 || s.flat(name) || slices.Contains(s.names, name) && s.empty(name) {
		return content, err
	}
	var tables []string
	for _, other := range s.candidates() {
		if c, err := s.read(other); err == nil && !c.IsEmpty() {
			tables = append(tables, other)
		}
	}
	if len(tables) > 0 {
		return nil, fmt.Errorf("there is no table under the name %q: --map can be %s", name, listed(tables))
	}
	return nil, fmt.Errorf("there is no table under the name %q, nor under another one: the document has %s, and none is a map with the keys t and v", name, listed(s.names))
}

// flat says whether there is a table in the layout flat under a name.
func (s *source) flat(name string) bool {
	return slices.ContainsFunc(s.names, func(n string) bool { return strings.HasPrefix(n, name+"/t/") || n == name+"/v" })
}

// candidates returns the names under which tables may lie, at most a hundred. In the layout flat, NAME/t/TABLE and NAME/v are parts of one.
func (s *source) candidates() (out []string) {
	for _, n := range s.names {
		if root, _, ok := strings.Cut(n, "/t/"); ok {
			n = root
		} else if root, ok := strings.CutSuffix(n, "/v"); ok {
			n = root
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
		if len(out) == 100 {
			break
		}
	}
	return out
}

// listed joins names, of very many the first twenty.
func listed(names []string) string {
	more := ""
	if len(names) > 20 {
		more = fmt.Sprintf(" and %d more", len(names)-20)
		names = names[:20]
	}
	var quoted []string
	for _, n := range names {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	return strings.Join(quoted, ", ") + more
}

func yjsSource(doc *ycrdt.Doc) *source {
	s := &source{
		read: func(name string) (*store.Snapshot, error) {
			return yjs.Content(doc, &yjs.Options{Map: name, Layout: yjs.Auto})
		},
		empty: func(name string) (ok bool) {
			doc.View(func(r *ycrdt.Reader) {
				m := r.Map(name)
				ok = m.WasSet()
				for key := range m.Keys() {
					ok = ok && isHalf(key)
				}
			})
			return ok
		},
	}
	doc.View(func(r *ycrdt.Reader) { s.names, _ = r.Roots() })
	slices.Sort(s.names)
	return s
}

func automergeSource(ctx context.Context, doc *automerge.Doc) *source {
	s := &source{
		read: func(name string) (content *store.Snapshot, err error) {
			for _, layout := range []automerge.Layout{automerge.Nested, automerge.Flat} {
				target := automerge.NewTarget(doc, &automerge.Options{Root: name, Layout: layout})
				if content, _, err = target.Read(ctx, []store.Path{{}}); err != nil || !content.IsEmpty() {
					break
				}
			}
			return content, err
		},
		empty: func(name string) (ok bool) {
			doc.View(func(ix *amchange.Index) {
				v, _ := ix.Get(name)
				ok = v.Value.Kind() == amchange.Map
				for key := range ix.Entries(name) {
					ok = ok && isHalf(key)
				}
			})
			return ok
		},
	}
	doc.View(func(ix *amchange.Index) {
		for key := range ix.Entries() {
			s.names = append(s.names, key)
		}
	})
	slices.Sort(s.names)
	return s
}

// isHalf says whether a key is one of those that a table has: for its rows and for its values.
func isHalf(key string) bool { return key == "t" || key == "v" }

// yjsLeftOut returns the places of a Yjs document that hold what no table can.
func yjsLeftOut(doc *ycrdt.Doc, name string, content *store.Snapshot) (places []string, err error) {
	all, err := yjs.Content(doc, &yjs.Options{Map: name, Layout: yjs.Auto, Foreign: yjs.ShowForeign})
	if err != nil {
		return nil, err
	}
	d := store.Diff(content, all)
	for _, x := range d.Cells {
		places = append(places, x.Path().String())
	}
	for _, x := range d.Values {
		places = append(places, store.ValueOf(x.ID).String())
	}
	return places, nil
}

// automergeLeftOut returns the places of an Automerge document that hold what no table can.
func automergeLeftOut(doc *automerge.Doc, name string, content *store.Snapshot) (places []string) {
	id := func(key string) string { return strings.TrimPrefix(key, "\x00") } // see the package automerge
	doc.View(func(ix *amchange.Index) {
		for table, t := range ix.Entries(name, "t") {
			for row, r := range ix.EntriesOf(t.ID) {
				for cell := range ix.EntriesOf(r.ID) {
					if at := store.Cell(id(table), id(row), id(cell)); !content.Cell(at.IDs()).Exists() {
						places = append(places, at.String())
					}
				}
			}
		}
		for value := range ix.Entries(name, "v") {
			if !content.Value(id(value)).Exists() {
				places = append(places, store.ValueOf(id(value)).String())
			}
		}
	})
	slices.Sort(places)
	return places
}

// leftOut tells of places that hold what no table can.
func (env *environment) leftOut(places []string) {
	if len(places) > 0 {
		env.note("left out what a table cannot hold: %s", listed(places))
	}
}
