package hub

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/hub/roomdb"
	"github.com/rowloom/rowloom/store"
)

// The tail of a log is what came after the last moment at which all documents agreed. If the process was killed, some changes in it were
// on their way from one document to the others, so the documents differ:
//
//	1 yjs       price = 5      a client's
//	2 tinybase  price = 5      told
//	3 tinybase  price = 7      a client's; Yjs was not told any more
//	4 yjs       name = "Fido"  another client's
//
// Each place holds what was said of it last, 7 and "Fido" here, whoever said it. For that the tail is rehearsed: a second document of each
// family, with a Store of its own, is given what they agreed on and then one record after the other.

// replay brings in the tail when the documents are bound to what they agreed on. The Store is held until each document has its own records
// and the Store what has been said last: so nothing comes to a document a second time from another one, as a change of its own, and it is
// only told what it lacks.
func (r *Room) replay(ctx context.Context, tail []roomdb.Record) error {
	if len(tail) == 0 {
		return nil
	}
	said, err := r.rehearse(ctx, tail)
	if err != nil {
		return err
	}
	updates := map[string][][]byte{}
	for _, rec := range tail {
		updates[rec.Family] = append(updates[rec.Family], rec.Data)
	}
	return r.store.UpdateAs(stored{}, func(tx *store.Tx) error {
		for _, d := range r.docs {
			if err := d.doc.Replay(tx, updates[d.family]); err != nil {
				return fmt.Errorf("load the %s document: %w", d.family, err)
			}
		}
		return said.write(tx)
	})
}

// stored signs what comes from the log, and need not be stored again.
type stored struct{}

func (stored) String() string { return "stored" }

// rehearse finds out what the records of the tail say of each place.
func (r *Room) rehearse(ctx context.Context, tail []roomdb.Record) (sayings, error) {
	type actor struct {
		doc   Document
		store *store.Store
	}
	actors := map[string]actor{}
	defer func() {
		for _, a := range actors {
			_ = a.doc.Close()
		}
	}()
	for _, f := range r.hub.opts.Families {
		doc, err := f.Open(Host{Room: r.name, Save: func([]byte) {}, Fault: func(error) {}})
		if err != nil {
			return nil, fmt.Errorf("open the %s document: %w", f.Name(), err)
		}
		actors[f.Name()] = actor{doc, store.New()}
	}
	err := r.log.Load(ctx, func(rec roomdb.Record, unsettled bool) error {
		if unsettled {
			return nil
		}
		return actors[rec.Family].doc.Load(rec.Data)
	})
	if err != nil {
		return nil, err
	}
	for family, a := range actors {
		if err := a.doc.Bind(ctx, a.store); err != nil {
			return nil, fmt.Errorf("bind the %s document: %w", family, err)
		}
	}
	said := sayings{}
	for _, rec := range tail {
		a := actors[rec.Family]
		before := a.store.Snapshot()
		if err := a.store.Update(func(tx *store.Tx) error { return a.doc.Replay(tx, [][]byte{rec.Data}) }); err != nil {
			return nil, fmt.Errorf("load the %s document: %w", rec.Family, err)
		}
		said.add(rec.Family, store.Diff(before, a.store.Snapshot()))
	}
	return said, nil
}

// sayings is what has been said of each place, by any family.
type sayings map[store.Path]*saying

type saying struct {
	values []store.Value  // in the order in which they came up
	heard  map[string]int // how many of them a family has heard of
}

func (s sayings) add(family string, c store.Changes) {
	for _, x := range c.Cells {
		s.at(x.Path()).add(family, x.New)
	}
	for _, x := range c.Values {
		s.at(x.Path()).add(family, x.New)
	}
}

func (s sayings) at(p store.Path) *saying {
	if s[p] == nil {
		s[p] = &saying{heard: map[string]int{}}
	}
	return s[p]
}

// add notes what a family has changed a place to. What it had not heard yet it has been told now: that is no news, and does not stand against
// what has come up since.
func (s *saying) add(family string, v store.Value) {
	for i := s.heard[family]; i < len(s.values); i++ {
		if s.values[i] == v {
			s.heard[family] = i + 1
			return
		}
	}
	s.values = append(s.values, v)
	s.heard[family] = len(s.values)
}

// write puts what was said last into the Store.
func (s sayings) write(tx *store.Tx) error {
	for p, said := range s {
		v := said.values[len(said.values)-1]
		table, row, id := p.IDs()
		var err error
		if p.Level() == store.AtValue {
			err = tx.SetValue(id, v)
		} else {
			err = tx.SetCell(table, row, id, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
