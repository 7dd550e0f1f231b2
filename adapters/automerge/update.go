package automerge

import (
	"errors"
	"fmt"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// Tx is a transaction of a document. It belongs to the function that was given to Update, for as long as that runs.
type Tx struct {
	ix      *amchange.Index
	b       *amchange.Batch
	actor   amchange.Actor
	edit    *amchange.Edit
	changes []*amchange.Change
}

// Index returns the document with what the transaction has done so far, for reading.
func (tx *Tx) Index() *amchange.Index { return tx.ix }

// Edit returns the change that the transaction makes, to write with.
func (tx *Tx) Edit() *amchange.Edit {
	if tx.edit == nil {
		tx.edit = tx.b.Edit(tx.actor)
	}
	return tx.edit
}

// Editing reports whether Edit has been called.
func (tx *Tx) Editing() bool { return tx.edit != nil }

// Add puts a change of its own into the document, by any actor, before the one that Edit makes. It fails when that has begun.
func (tx *Tx) Add(d amchange.Draft) error {
	if tx.edit != nil {
		return errors.New("automerge: a change cannot be added while another one is being made")
	}
	c, err := d.Encode()
	if err != nil {
		return fmt.Errorf("automerge: %w", err)
	}
	if tx.ix.Has(c.Hash) {
		return nil
	}
	if err := tx.b.Add(c); err != nil {
		return fmt.Errorf("automerge: %w", err)
	}
	tx.changes = append(tx.changes, c)
	return nil
}

// Update runs a transaction: all that fn does becomes one change, signed with by towards those who watch. An error or panic
// of fn takes everything back. fn must not call the document's own methods.
func (d *Doc) Update(by any, fn func(*Tx) error) error {
	tell, freed, err := d.update(by, fn)
	if err != nil {
		return err
	}
	tell()
	if freed {
		d.release()
	}
	return nil
}

// update is Update without telling; freed says whether changes have waited for what fn has made.
func (d *Doc) update(by any, fn func(*Tx) error) (tell func(), freed bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return nil, false, d.broken
	}
	tx := &Tx{ix: d.ix, b: d.ix.Begin(), actor: d.actor}
	done := false
	defer func() {
		if !done {
			if tx.edit != nil {
				tx.edit.Rollback()
			}
			tx.b.Rollback()
		}
	}()
	if err := fn(tx); err != nil {
		return nil, false, err
	}
	if tx.edit != nil {
		c, err := tx.edit.Commit(d.opts.Now(), "")
		tx.edit = nil
		if err != nil {
			return nil, false, fmt.Errorf("automerge: %w", err)
		}
		if c != nil {
			tx.changes = append(tx.changes, c)
		}
	}
	done = true
	in := &incoming{changes: tx.changes}
	if len(tx.changes) > 0 {
		if err := d.commit(tx.b, func() error { return d.engine.apply(in.bytes(0)) }); err != nil {
			return nil, false, err
		}
	}
	for _, c := range tx.changes {
		d.queue.Added(d.ix, c.Hash)
	}
	return d.finish(tx.b, by, tx.changes), d.queue.Ready(), nil
}
