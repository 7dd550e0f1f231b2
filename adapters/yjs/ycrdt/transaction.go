package ycrdt

// A txn is a transaction under way, or one that waits for its commit.
type txn struct {
	doc    *Doc
	number uint32
	origin any
	mine   bool // begun by Update, not by Apply
	local  bool // no foreign update has been applied in it
	clash  bool // a foreign update moved our own clock

	touched []touch // clients that got new structs
	deletes deleteSet
	implied deleteSet // those of them that are not told to others, see removeLost
	splits  []unit    // items to be tried for merging at the end
	changed []change  // types and keys that observers hear of
	subdocs []subdocChange
	lost    []uint32 // items that lost their key to one that did not know of them
	late    []uint32 // items that came into a map that had lost its key

	cleanup bool // a foreign change touched a formatted text
}

// A touch remembers a client's clock before the transaction.
type touch struct{ client, before uint32 }

// A unit is an ID with a client number.
type unit struct{ client, clock uint32 }

// A change is a key of a type, or its list if key is 0.
type change struct{ typ, key uint32 }

func (d *Doc) begin(origin any, local bool) *txn {
	t := d.spare
	d.spare = nil
	if t == nil {
		t = &txn{doc: d}
	}
	d.number++
	t.number, t.origin = d.number, origin
	t.mine, t.local, t.clash, t.cleanup = local, local, false, false
	t.touched, t.splits, t.changed, t.subdocs = t.touched[:0], t.splits[:0], t.changed[:0], t.subdocs[:0]
	t.lost, t.late = t.lost[:0], t.late[:0]
	t.deletes.clear()
	t.implied.clear()
	d.txn = t
	return t
}

// end closes the body of the open transaction and puts it in the queue.
func (d *Doc) end() {
	d.queue = append(d.queue, d.txn)
	d.txn = nil
}

// touch is called before a client gets a new struct.
func (t *txn) touch(ci uint32) {
	c := &t.doc.clients.list[ci]
	if c.stamp != t.number {
		c.stamp, c.before = t.number, c.next
		t.touched = append(t.touched, touch{ci, c.next})
	}
}

// before returns a client's clock at the start of the transaction. It is right only while no later one has begun.
func (t *txn) before(ci uint32) uint32 {
	c := &t.doc.clients.list[ci]
	if c.stamp == t.number {
		return c.before
	}
	return c.next
}

// change marks an entry of a type, or its list if e is 0, as changed, unless the type is deleted or new in this transaction:
// then only its parent reports.
func (t *txn) change(typ, e uint32) {
	d := t.doc
	ty := d.types.at(typ)
	if e != 0 && !d.mail.wanted && len(d.undo) == 0 && !ty.kind.isText() {
		return
	}
	if ty.dead {
		return
	}
	if ty.item != 0 {
		if it := d.items.at(ty.item); it.clock >= t.before(it.client) {
			return
		}
	}
	if e == 0 {
		if ty.stamp != t.number {
			ty.stamp = t.number
			t.changed = append(t.changed, change{typ, 0})
		}
		return
	}
	if en := d.entries.at(e); en.stamp != t.number {
		en.stamp = t.number
		t.changed = append(t.changed, change{typ, en.key})
	}
}

// commit ends the open transaction and commits it, and then those that arise from it, one after the other.
func (d *Doc) commit() {
	d.end()
	for len(d.queue) > 0 {
		t := d.queue[0]
		d.finish(t)
		d.queue = append(d.queue[:0], d.queue[1:]...)
		t.origin = nil
		d.spare = t
	}
}

// finish does what Yjs does at the end of a transaction, in its order: tell the observers, clean up formatting (as a
// transaction of its own, whose body runs now and whose end comes later), collect garbage, merge, write the update.
func (d *Doc) finish(t *txn) {
	t.deletes.sort(&d.clients)
	note := d.notify(t)
	d.captureUndo(t)
	if !t.local {
		for _, c := range t.changed {
			if !d.alive(c.typ) {
				continue
			}
			d.dropMarkers(c.typ)
			if ty := d.types.at(c.typ); ty.formatting && ty.kind.isText() {
				t.cleanup = true
			}
		}
	}
	if t.cleanup {
		d.cleanupTexts(t)
	}
	if d.gc {
		d.collectDeleted(t)
	}
	d.mergeDeleted(t)
	d.mergeNew(t)
	d.mergeSplits(t)
	if t.clash {
		d.clientID = d.newClientID()
	}
	d.content.compactIfWorth(d)
	d.report(t, note)
}

// alive reports whether a type exists and is not deleted.
func (d *Doc) alive(typ uint32) bool {
	ty := d.types.at(typ)
	return ty.used && !ty.dead
}
