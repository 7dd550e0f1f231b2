package persist

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/store"
)

var everything = []store.Path{{}}

// load reads the parts and merges them into tx. It runs under the Store's writer lock.
func (p *Persister) load(ctx context.Context, tx *store.Tx, in []store.Path) error {
	content, exists, err := p.target.Read(ctx, in)
	if err != nil {
		return p.report(nil, wrap("load", err))
	}
	return p.report(&p.status.Loads, p.merge(tx, in, content, exists))
}

// merge takes what the Target has in the parts into tx, and makes it the base there.
//
// Three contents meet: the base on which both agreed, the Target's and the Store's. Where the Target differs from the base
// it has news, and the Store takes them, unless the Store has unsaved news of its own at that place. Where the Target is
// still like the base, the Store keeps what it has.
func (p *Persister) merge(tx *store.Tx, in []store.Path, content *store.Snapshot, exists bool) error {
	if !exists {
		return p.mergeNothing(tx)
	}
	if clean := p.met && p.base.Same(tx.Before()); clean || !p.met && tx.Before().IsEmpty() {
		// Nothing is unsaved: the Target's content can be taken over whole, and what comes out is the base.
		for _, at := range in {
			if err := tx.ReplaceIn(at, content); err != nil {
				return err
			}
		}
		p.expect(tx.Snapshot())
		return nil
	}
	base, keep := p.base, p.keeps()
	for _, at := range in {
		if err := mergeChanges(tx, store.DiffIn(at, base, content), keep); err != nil {
			return err
		}
	}
	p.expect(base.With(in, content))
	return nil
}

// mergeNothing is merge for a Target that has never been written, or that is gone: then everything in the Store is unsaved.
func (p *Persister) mergeNothing(tx *store.Tx) (err error) {
	if !p.met && p.opts.Initial != nil {
		err = mergeChanges(tx, store.Diff(nil, p.opts.Initial), func(_, cur store.Value) bool { return cur.Exists() })
	}
	p.expect(&store.Snapshot{})
	return err
}

// keeps returns the rule by which the Store keeps what it has at one place, against news of the Target.
func (p *Persister) keeps() func(base, cur store.Value) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.met && p.opts.FirstMeeting == StoreWins:
		return func(_, cur store.Value) bool { return cur.Exists() }
	case !p.met, p.status.AutoLoading && !p.autoSave: // a Store that only follows its Target has nothing to save
		return func(_, _ store.Value) bool { return false }
	}
	return func(base, cur store.Value) bool { return cur != base }
}

// mergeChanges applies news of the Target, except where keep says that the Store keeps what it has.
func mergeChanges(tx *store.Tx, news store.Changes, keep func(base, cur store.Value) bool) error {
	for _, c := range news.Cells {
		if !keep(c.Old, tx.Cell(c.Table, c.Row, c.Cell)) {
			if err := tx.SetCell(c.Table, c.Row, c.Cell, c.New); err != nil {
				return err
			}
		}
	}
	for _, v := range news.Values {
		if !keep(v.Old, tx.Value(v.ID)) {
			if err := tx.SetValue(v.ID, v.New); err != nil {
				return err
			}
		}
	}
	return nil
}

// expect notes the content that the Target has, if the Store has seen it before. If it has not, it counts when the load has
// succeeded: otherwise all that the Store does not have would count as deleted by it.
func (p *Persister) expect(base *store.Snapshot) {
	if p.met {
		p.agree(base)
	} else {
		p.meeting = base
	}
}

// meet ends the first load. It does nothing after others.
func (p *Persister) meet(ok bool) {
	if p.meeting != nil && ok {
		p.agree(p.meeting)
	}
	p.meeting = nil
}

// agree notes the content that the Target is known to have.
func (p *Persister) agree(base *store.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.base, p.met = base, true
}

// save writes what now has and the base has not. now is the Store's content; c is the commit that led to it, if there was
// one.
func (p *Persister) save(ctx context.Context, now *store.Snapshot, c *store.Commit) error {
	var changes store.Changes
	if c != nil && p.base == c.Before {
		changes = c.Changes()
	} else {
		changes = store.Diff(p.base, now)
	}
	if !changes.IsEmpty() {
		if err := p.target.Write(ctx, p, changes, now); err != nil {
			return p.report(nil, wrap("save", err))
		}
		_ = p.report(&p.status.Saves, nil)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.base = now
	return nil
}

// changedElsewhere is what the Target calls.
func (p *Persister) changedElsewhere(by store.Origin, in []store.Path) {
	if by == store.Origin(p) {
		return
	}
	p.dirtyMu.Lock()
	p.dirty.add(in)
	p.dirtyMu.Unlock()
	if p.queue != nil {
		p.queue.poke()
		return
	}
	p.store.Enqueue(p, func(tx *store.Tx) error { return p.drain(context.Background(), tx) }, func(err error) {
		if err != nil {
			p.opts.OnError(err)
		}
		if err := p.correct(context.Background(), p.store.Snapshot()); err != nil {
			p.opts.OnError(err)
		}
	})
}

// correct gives the Target what the Store really holds after a load that a Participant has refused or changed.
func (p *Persister) correct(ctx context.Context, now *store.Snapshot) error {
	if p.base == now || !p.saving() {
		return nil
	}
	return p.save(ctx, now, nil)
}

// drain loads what is dirty. On an error it stays dirty. Before the first load has made Store and Target meet, everything
// waits for that.
func (p *Persister) drain(ctx context.Context, tx *store.Tx) error {
	if !p.met {
		return nil
	}
	in := p.takeDirty()
	if len(in) == 0 {
		return nil
	}
	err := p.load(ctx, tx, in)
	if err != nil {
		p.putBack(in)
	}
	return err
}

func (p *Persister) takeDirty() []store.Path {
	p.dirtyMu.Lock()
	defer p.dirtyMu.Unlock()
	return p.dirty.take()
}

func (p *Persister) putBack(in []store.Path) {
	p.dirtyMu.Lock()
	defer p.dirtyMu.Unlock()
	p.dirty.add(in)
}

// inline is the part of an inline Persister in the Store's transactions.
type inline struct{ p *Persister }

func (i inline) Prepare(*store.Tx, store.Origin) error { return nil }

// Committed saves the transaction. If that fails, its changes stay unsaved, because the base stays what it was.
func (i inline) Committed(c *store.Commit) {
	if c.Origin == store.Origin(i.p) {
		i.p.meet(true)
	}
	if i.p.saving() {
		if err := i.p.save(context.Background(), c.After, c); err != nil {
			i.p.opts.OnError(err)
		}
	}
}

func wrap(what string, err error) error { return fmt.Errorf("persist: %s: %w", what, err) }
