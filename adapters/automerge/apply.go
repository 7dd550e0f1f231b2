package automerge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// ErrQueueFull is returned when changes wait for so many others that no more can be held.
var ErrQueueFull = errors.New("automerge: too many changes wait for others that they depend on")

// Apply takes change chunks from anywhere, one behind the other. Each is checked before the engine sees it. If one is bad,
// nothing of the call is applied. Changes whose dependencies are missing wait for them, within bounds.
func (d *Doc) Apply(by any, data []byte) error {
	changes, err := amchange.ParseAll(data, d.opts.Limits)
	if err != nil {
		return fmt.Errorf("automerge: apply: %w", err)
	}
	in, err := d.merge(by, changes, d.give)
	if err == nil && in.dropped > 0 {
		err = fmt.Errorf("%w: %d are dropped", ErrQueueFull, in.dropped)
	}
	return err
}

// release takes in the changes that have waited for what an Update has made: a container, or a restored value, that others have
// made as well. Who sent them is not known any more. If the engine refuses them, they have to be sent again.
func (d *Doc) release() {
	_, _ = d.merge(nil, nil, d.give)
}

// give hands everything to the engine. d.mu is held.
func (d *Doc) give(in *incoming) error {
	if len(in.changes) == 0 {
		return nil
	}
	return d.engine.apply(in.bytes(0))
}

// incoming is what a call brings to the document: changes that can be applied now, those of the call before those that
// were waiting for them.
type incoming struct {
	changes []*amchange.Change
	direct  int // how many of changes came with the call
	waiting int // changes of the call that wait now
	dropped int // changes of the call for which there was no room
}

func (in *incoming) bytes(from int) []byte {
	var out []byte
	for _, c := range in.changes[from:] {
		out = append(out, c.Bytes()...)
	}
	return out
}

// merge checks changes against the document and has give hand them to the engine. Either all of them take effect, or none.
func (d *Doc) merge(by any, changes []*amchange.Change, give func(*incoming) error) (*incoming, error) {
	d.mu.Lock()
	if d.broken != nil {
		defer d.mu.Unlock()
		return nil, d.broken
	}
	b := d.ix.Begin()
	in, err := d.accept(b, changes)
	if err == nil {
		err = d.commit(b, func() error { return give(in) })
	} else {
		b.Rollback()
	}
	if err != nil {
		d.mu.Unlock()
		return nil, err
	}
	tell := d.finish(b, by, in.changes)
	d.mu.Unlock()
	tell()
	return in, nil
}

// accept adds changes to the batch, and those that waited for them. d.mu is held.
func (d *Doc) accept(b *amchange.Batch, changes []*amchange.Change) (*incoming, error) {
	in := &incoming{}
	for _, c := range changes {
		if d.ix.Has(c.Hash) || d.queue.Has(c.Hash) {
			continue
		}
		err := b.Add(c)
		switch {
		case err == nil:
			in.changes = append(in.changes, c)
		case errors.As(err, new(*amchange.MissingError)):
			// Another change of the same call may bring it, so this is not the last word.
			if !d.queue.Push(d.ix, c) {
				in.dropped++
				continue
			}
			in.waiting++
		default:
			return nil, fmt.Errorf("automerge: %w", err)
		}
	}
	in.direct = len(in.changes)
	for i := 0; ; i++ {
		for c := d.queue.Pop(); c != nil; c = d.queue.Pop() {
			if b.Add(c) == nil { // a bad one has waited in vain
				in.changes = append(in.changes, c)
			}
		}
		if i == len(in.changes) {
			break
		}
		d.queue.Added(d.ix, in.changes[i].Hash)
	}
	return in, nil
}

// commit has the engine take what the batch has, and verifies that both have the same now. If the engine did not take it,
// the batch is rolled back. d.mu is held.
func (d *Doc) commit(b *amchange.Batch, give func() error) error {
	want := d.ix.Heads()
	err := give()
	got, headsErr := d.engine.heads()
	if headsErr != nil {
		b.Rollback()
		d.broken = headsErr
		return d.broken
	}
	if err == nil && slices.Equal(got, want) {
		return nil
	}
	b.Rollback()
	if err == nil {
		err = errors.New("the engine has not taken the changes")
	}
	if !slices.Equal(got, d.ix.Heads()) {
		d.broken = fmt.Errorf("automerge: the document is broken: the engine has other changes than the index (%w)", err)
		return d.broken
	}
	return fmt.Errorf("automerge: %w", err)
}

// finish makes the batch final and returns what to call without the lock. d.mu is held.
func (d *Doc) finish(b *amchange.Batch, by any, changes []*amchange.Change) (tell func()) {
	delta := b.Commit()
	if len(changes) == 0 {
		return func() {}
	}
	d.weigh()
	return d.tell(&Event{Origin: by, Delta: delta, Changes: changes})
}
