package ycrdt

import (
	"cmp"
	"fmt"
	"slices"
)

// Apply brings in an update in format V1, made by this library, Yjs or any of its relatives. The slice is not kept.
//
// The update is checked as a whole first: if there is an error, a *DecodeError, nothing has changed. Structs that depend on
// others which have not come yet wait (see Pending), and so do deletions. An update that brings nothing new is no error
// and no event. See Update for origin.
func (d *Doc) Apply(update []byte, origin any) error { return d.applyUpdate(update, origin, false) }

// ApplyV2 is Apply for format V2.
func (d *Doc) ApplyV2(update []byte, origin any) error { return d.applyUpdate(update, origin, true) }

func (d *Doc) applyUpdate(update []byte, origin any, v2 bool) error {
	d.mu.Lock()
	defer d.mail.deliver()
	defer d.mu.Unlock()
	if err := d.read(update, v2); err != nil {
		return fmt.Errorf("ycrdt: apply: %w", err)
	}
	t := d.begin(origin, false)
	d.integrateUpdate(t)
	d.commit()
	return nil
}

// Apply brings in an update in format V1 as a part of this transaction. See Doc.Apply.
func (tx *Txn) Apply(update []byte) error { return tx.applyUpdate(update, false) }

// ApplyV2 is Apply for format V2.
func (tx *Txn) ApplyV2(update []byte) error { return tx.applyUpdate(update, true) }

func (tx *Txn) applyUpdate(update []byte, v2 bool) error {
	if err := tx.writable(); err != nil {
		return err
	}
	if err := tx.doc.read(update, v2); err != nil {
		return fmt.Errorf("ycrdt: apply: %w", err)
	}
	tx.txn.local = false
	tx.doc.integrateUpdate(tx.txn)
	tx.doc.dropAllMarkers()
	return nil
}

// read reads an update into the slab, or changes nothing and returns an error.
func (d *Doc) read(update []byte, v2 bool) error {
	if len(update) > d.limits.UpdateBytes {
		return &DecodeError{Kind: ErrLimit, Offset: d.limits.UpdateBytes, What: "update"}
	}
	p := &d.parse
	update = p.start(d, update)
	var err error
	if v2 {
		err = p.parseV2(update)
	} else {
		err = p.parseV1(update)
	}
	if err == nil && d.pending.size > d.limits.PendingBytes {
		for _, r := range p.runs {
			if r.from == len(p.refs) {
				break
			}
			if it := d.items.at(p.refs[r.from]); it.client == r.client && it.clock > d.clients.list[r.client].next {
				err = &DecodeError{Kind: ErrLimit, What: "pending structs"}
				break
			}
		}
	}
	if err == nil && (len(d.pending.deletes.spans)+len(d.pending.moreDeletes))*12 > d.limits.PendingBytes && len(p.spans) > 0 {
		err = &DecodeError{Kind: ErrLimit, What: "pending deletes"}
	}
	if err != nil {
		p.undo()
		return err
	}
	p.finish()
	return nil
}

// integrateUpdate brings what has been read into the document. It cannot fail.
func (d *Doc) integrateUpdate(t *txn) {
	own := d.clients.find(d.clientID)
	clock := uint32(0)
	if own != 0 {
		clock = d.clients.list[own].next
	}
	d.integrateRead(t)
	if own == 0 {
		own = d.clients.find(d.clientID)
	}
	if own != 0 && d.clients.list[own].next != clock {
		t.clash = true
	}
}

func (d *Doc) integrateRead(t *txn) {
	p := &d.parse
	rest := d.integrateRuns(t, p)
	retry := false
	if d.pending.structs != nil {
		for _, w := range d.pending.missing {
			if w.clock < d.clients.list[w.client].next {
				retry = true
				break
			}
		}
	}
	if rest.structs != nil {
		d.pending.add(rest)
	}
	var beyond deleteSet
	for _, s := range p.spans {
		if s = d.applySpan(t, s); s.length > 0 {
			beyond.add(s.client, s.clock, s.length)
		}
	}
	if p.source != 0 {
		// Nothing of the update may have been new. The buffer may even have been given back and used again.
		if b := &d.content.bufs[p.source]; b.live == 0 && len(b.bytes) > 0 && &b.bytes[0] == &p.held[0] {
			d.content.release(p.source)
		}
		p.source, p.held = 0, nil
	}
	p.release()
	beyond.arrange(&d.clients)
	d.retryDeletes(t, beyond)
	if retry {
		update := d.pending.merged()
		d.pending.structs, d.pending.later, d.pending.size, d.pending.missing = nil, nil, 0, nil
		if err := p.parseV2(p.start(d, update)); err != nil {
			panic("ycrdt: pending structs: " + err.Error()) // they were written by this document
		}
		p.finish()
		d.integrateRead(t)
	}
}

// integrateRuns integrates the structs that have been read, in an order that respects what they depend on. It returns
// those that cannot be integrated yet.
//
// As in Yjs: take the next struct of the client with the highest ID. If it depends on a struct of another client that this
// update has, put it on the stack and go on with the next struct of that client. If the update does not have it, all
// clients on the stack have to wait, with all their structs from there on.
func (d *Doc) integrateRuns(t *txn, p *parser) (rest waiting) {
	runs := p.runs
	d.hotParent = parentOf{}
	byClient := func(ci uint32) *run {
		for i := range runs { // replaced below by an index when there are many
			if runs[i].client == ci {
				return &runs[i]
			}
		}
		return nil
	}
	if len(runs) > 8 {
		for i := range runs {
			d.clients.list[runs[i].client].group = uint32(i)
		}
		byClient = func(ci uint32) *run {
			if g := d.clients.list[ci].group; int(g) < len(runs) && runs[g].client == ci {
				return &runs[g]
			}
			return nil
		}
	}
	var stack []uint32
	var waits []run   // with the structs that have to wait
	var lost []uint32 // whose client waits from a later struct on: possible only in a circle
	top := len(runs) - 1
	wait := func() {
		for _, i := range stack {
			ci := d.items.at(i).client
			r := byClient(ci)
			if !r.parked {
				r.parked = true
				waits = append(waits, run{client: ci, from: r.from - 1, to: r.to})
				r.first = p.refs[r.from-1]
				r.from = r.to
			}
			if d.items.at(i).clock < d.items.at(r.first).clock {
				lost = append(lost, i)
			}
		}
		stack = stack[:0]
	}
	for {
		var i uint32
		if n := len(stack); n > 0 {
			i = stack[n-1]
			stack = stack[:n-1]
		} else {
			for top >= 0 && runs[top].from == runs[top].to {
				top--
			}
			if top < 0 {
				break
			}
			i = p.refs[runs[top].from]
			runs[top].from++
		}
		for {
			it := d.items.at(i)
			if it.kind == kindSkip {
				d.items.release(i)
				break
			}
			next := d.clients.list[it.client].next
			if it.clock > next {
				stack = append(stack, i)
				rest.need(it.client, it.clock-1)
				wait()
				break
			}
			if missing := d.resolve(t, i); missing != 0 {
				stack = append(stack, i)
				r := byClient(missing)
				if r == nil || r.from == r.to {
					rest.need(missing, d.clients.list[missing].next)
					wait()
					break
				}
				i = p.refs[r.from]
				r.from++
				continue
			}
			it = d.items.at(i)
			if offset := next - it.clock; offset == 0 || offset < it.length {
				d.integrate(t, i, offset)
			} else {
				p.discard(i)
			}
			break
		}
	}
	if len(waits) > 0 {
		d.keepWaiting(p, waits, &rest)
	}
	for _, i := range lost {
		p.discard(i)
	}
	return rest
}

// A waiting is structs that cannot be integrated yet, as an update in format V2, and for each client that must send more
// the clock from which on.
type waiting struct {
	structs []byte
	missing []unit
}

func (w *waiting) need(client, clock uint32) {
	for i := range w.missing {
		if m := &w.missing[i]; m.client == client {
			m.clock = min(m.clock, clock)
			return
		}
	}
	w.missing = append(w.missing, unit{client, clock})
}

// keepWaiting writes the structs that have to wait and gives their slots back.
func (d *Doc) keepWaiting(p *parser, waits []run, rest *waiting) {
	slices.SortFunc(waits, func(a, b run) int {
		return cmp.Compare(d.clients.list[b.client].id, d.clients.list[a.client].id)
	})
	var w writer2
	w.count(len(waits))
	for _, x := range waits {
		refs := p.refs[x.from:x.to]
		w.count(len(refs))
		w.clients.Write(d.clients.list[x.client].id)
		w.count(int(d.items.at(refs[0]).clock))
		for _, i := range refs {
			w.item(d, i, 0)
		}
	}
	w.count(0)
	rest.structs = w.bytes()
	for _, x := range waits {
		for _, i := range p.refs[x.from:x.to] {
			p.discard(i)
		}
	}
}
