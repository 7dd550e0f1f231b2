package amchange

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// Draft is a change to be written.
type Draft struct {
	Actor   Actor
	Seq     uint64
	StartOp uint64
	Seconds int64
	Message string
	Deps    []Hash // in any order
	Ops     []Op   // IDs are given by position and need not be set
}

// Encode writes the change. Equal drafts give equal bytes, and so equal hashes, anywhere: that is how two peers make the
// same container independently. The bytes are the ones that the Automerge libraries write, without deflating.
func (d Draft) Encode() (*Change, error) {
	c := &Change{Actor: d.Actor, Seq: d.Seq, StartOp: d.StartOp, Seconds: d.Seconds, Message: d.Message}
	c.Deps = slices.Clone(d.Deps)
	slices.SortFunc(c.Deps, func(a, b Hash) int { return cmp.Compare(string(a[:]), string(b[:])) })
	for _, o := range d.Ops {
		if o.Value.kind.IsObject() {
			return nil, errors.New("amchange: encode: an object is made by its action, not by a value")
		}
	}
	var w opWriter
	w.init()
	d.write(c, &w)
	chunk, _, err := ReadChunk(seal(appendBody(nil, c, &w)), nil)
	if err != nil {
		return nil, err
	}
	out, err := Parse(chunk, &Limits{Empty: len(d.Ops), Operations: 1 << 30})
	if err != nil {
		return nil, fmt.Errorf("amchange: encode: %w", err)
	}
	return out, nil
}

// write writes the operations to columns, and fills the change's list of actors.
func (d Draft) write(c *Change, w *opWriter) {
	var others []Actor
	note := func(id OpID) {
		if !id.IsZero() && id.Actor != d.Actor {
			others = append(others, id.Actor)
		}
	}
	for _, o := range d.Ops {
		note(o.Obj)
		note(o.Elem)
		for _, p := range o.Preds {
			note(p)
		}
	}
	slices.Sort(others)
	c.actors = append([]Actor{d.Actor}, slices.Compact(others)...)
	raw := func(id OpID) rawID {
		if id.IsZero() || id.Actor == d.Actor {
			return rawID{counter: id.Counter}
		}
		i, _ := slices.BinarySearch(c.actors[1:], id.Actor)
		return rawID{id.Counter, uint64(i + 1)}
	}

	for _, o := range d.Ops {
		r := rawOp{obj: raw(o.Obj), key: o.Key, inSeq: o.InSequence, elem: raw(o.Elem), insert: o.Insert, action: o.Action,
			value: o.Value, expand: o.Expand, name: o.Name, named: o.Named}
		preds := slices.Clone(o.Preds)
		slices.SortFunc(preds, OpID.Compare)
		for _, p := range preds {
			r.preds = append(r.preds, raw(p))
		}
		w.write(&r)
	}
}

// seal makes a change chunk of a body.
func seal(body []byte) []byte {
	data := wrap(body)
	hash := sha256.Sum256(data[8:])
	copy(data[4:8], hash[:4])
	return data
}

// appendBody writes the body of a change chunk.
func appendBody(b []byte, c *Change, w *opWriter) []byte {
	prefixed := func(s string) {
		b = append(appendUleb(b, uint64(len(s))), s...)
	}
	b = appendHashes(b, c.Deps)
	prefixed(string(c.Actor))
	b = appendSleb(appendUleb(appendUleb(b, c.Seq), c.StartOp), c.Seconds)
	prefixed(c.Message)
	b = appendUleb(b, uint64(len(c.actors)-1))
	for _, a := range c.actors[1:] {
		prefixed(string(a))
	}
	return append(w.finish(b), c.Extra...)
}
