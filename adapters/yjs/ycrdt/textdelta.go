package ycrdt

// A deltaWriter collects the steps of a text's change.
type deltaWriter struct {
	out      []Delta
	action   uint8
	text     []byte
	embed    Value
	n        int   // units retained or deleted
	now      attrs // the formatting here, after the transaction
	old      attrs // and before it
	formerly attrs // what the change of formatting of the units retained here is
}

const (
	actNone = iota
	actInsert
	actEmbed
	actRetain
	actDelete
)

func (w *deltaWriter) flush() {
	op := Delta{}
	switch w.action {
	case actInsert:
		if len(w.text) > 0 {
			op.Insert = String(string(w.text))
			op.Attributes = w.now.fields()
			w.out = append(w.out, op)
		}
		w.text = w.text[:0]
	case actEmbed:
		op.Insert, op.Attributes = w.embed, w.now.fields()
		w.out = append(w.out, op)
	case actRetain:
		op.Retain, op.Attributes = w.n, w.formerly.fields()
		w.out = append(w.out, op)
	case actDelete:
		op.Delete = w.n
		w.out = append(w.out, op)
	}
	w.action, w.n = actNone, 0
}

func (w *deltaWriter) begin(action uint8) {
	if w.action != action {
		w.flush()
		w.action = action
	}
}

// textDelta describes the change of a text: it is walked once, with the formatting before and after the transaction at
// hand. Yjs removes superfluous marks on the way; here they are only passed over.
func (a *access) textDelta(t *txn, typ uint32) []Delta {
	d := a.doc
	w := &deltaWriter{}
	for i := d.types.at(typ).start; i != 0; i = d.items.at(i).right {
		it := d.items.at(i)
		switch it.kind {
		case kindType, kindEmbed, kindString:
			w.unit(a, t, it)
		case kindFormat:
			w.mark(t, it, d.format(i))
		case kindDeleted:
		}
	}
	w.flush()
	for n := len(w.out); n > 0 && w.out[n-1].Retain > 0 && w.out[n-1].Attributes == nil; n-- {
		w.out = w.out[:n-1]
	}
	return w.out
}

func (w *deltaWriter) unit(a *access, t *txn, it *item) {
	switch {
	case t.adds(it):
		switch {
		case t.deleted(it):
		case it.kind == kindString:
			w.begin(actInsert)
			w.text = append(w.text, a.doc.content.of(it)...)
		default:
			w.flush()
			w.action, w.embed = actEmbed, a.lastValue(it)
			w.flush()
		}
	case t.deleted(it):
		w.begin(actDelete)
		w.n += int(it.length)
	case !it.deleted():
		w.begin(actRetain)
		w.n += int(it.length)
	}
}

func (w *deltaWriter) mark(t *txn, it *item, f attr) {
	retained := func() {
		if w.action == actRetain {
			w.flush()
		}
	}
	gone := it.deleted()
	switch {
	case t.adds(it):
		if t.deleted(it) {
			break
		}
		if !w.now.get(f.key).equal(f) {
			retained()
			if w.old.get(f.key).equal(f) {
				w.formerly.delete(f.key)
			} else {
				w.formerly.set(f)
			}
		} else if !f.isNull() {
			gone = true
		}
	case t.deleted(it):
		w.old.set(f)
		if now := w.now.get(f.key); !now.equal(f) {
			retained()
			now.key = f.key
			w.formerly.set(now)
		}
	case !it.deleted():
		w.old.set(f)
		if i := w.formerly.find(f.key); i >= 0 {
			if now := w.formerly[i]; !now.equal(f) {
				retained()
				if f.isNull() {
					w.formerly.delete(f.key)
				} else {
					w.formerly.set(f)
				}
			} else if !now.isNull() {
				gone = true
			}
		}
	}
	if !gone {
		if w.action == actInsert {
			w.flush()
		}
		w.now.update(f)
	}
}
