package amchange

import (
	"errors"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"
)

// Change is one parsed change. It is read-only, and safe for concurrent use.
type Change struct {
	Hash    Hash
	Actor   Actor
	Seq     uint64 // counts the actor's changes from 1
	StartOp uint64 // counter of the first operation
	Seconds int64  // when it was made, since 1970, by the actor's clock; 0 is unknown
	Message string
	Deps    []Hash // ascending
	Extra   string // bytes behind the columns, of a future version

	data   string  // the plain chunk
	actors []Actor // the author, then others ascending
	cols   []column
	budget budget
	count  int
}

// Parse reads one change chunk, plain or deflated, and verifies everything that can be verified without the document: the
// checksum, every column, and that the bytes are the ones any Automerge encoder would have written for this content.
//
// The last one matters: engines take changes apart and put them together again when they save a document. A change
// written in another way would get another hash then, and the saved document could never be loaded again.
func Parse(c Chunk, lim *Limits) (*Change, error) {
	l := lim.or()
	data, hash, err := c.change(l)
	if err != nil {
		return nil, fmt.Errorf("amchange: %s: %w", c.Type, err)
	}
	ch := &Change{Hash: hash, data: string(data)}
	if err := ch.parse(l); err != nil {
		return nil, fmt.Errorf("amchange: change %s: %w", short(hash), err)
	}
	return ch, nil
}

// ParseAll reads change chunks that stand one behind the other.
func ParseAll(b []byte, lim *Limits) ([]*Change, error) {
	var out []*Change
	for c, err := range Chunks(b, lim) {
		if err != nil {
			return nil, err
		}
		ch, err := Parse(c, lim)
		if err != nil {
			return nil, err
		}
		out = append(out, ch)
	}
	return out, nil
}

func (c *Change) parse(lim Limits) error {
	head := reader{s: c.data, at: 9}
	size, err := head.uleb()
	if err != nil {
		return in(err, "length")
	}
	r := reader{s: c.data[head.at:]}
	if uint64(len(r.s)) != size {
		return errShort
	}
	if err := c.header(&r); err != nil {
		return err
	}
	if err := c.columns(&r); err != nil {
		return err
	}
	c.budget = newBudget(lim, len(r.s))
	return c.canonical(r.s)
}

func (c *Change) header(r *reader) (err error) {
	if c.Deps, err = r.hashes(); err != nil {
		return in(err, "dependencies")
	}
	for i := 1; i < len(c.Deps); i++ {
		if string(c.Deps[i-1][:]) >= string(c.Deps[i][:]) {
			return errors.New("dependencies do not ascend")
		}
	}
	actor, err := r.prefixed()
	if err != nil {
		return in(err, "actor")
	}
	c.Actor = Actor(actor)
	if c.Seq, err = r.uleb(); err != nil || c.Seq == 0 || c.Seq > maxCounter {
		return in(orRange(err), "sequence number")
	}
	if c.StartOp, err = r.uleb(); err != nil || c.StartOp == 0 || c.StartOp > maxCounter {
		return in(orRange(err), "first operation")
	}
	if c.Seconds, err = r.sleb(); err != nil {
		return in(err, "time")
	}
	if c.Message, err = r.prefixed(); err != nil || !utf8.ValidString(c.Message) {
		return in(orUTF8(err), "message")
	}
	n, err := r.count(1)
	if err != nil {
		return in(err, "actors")
	}
	c.actors = append(make([]Actor, 0, n+1), c.Actor)
	for i := range n {
		s, err := r.prefixed()
		if err != nil {
			return in(err, "actor %d", i+1)
		}
		a := Actor(s)
		if a == c.Actor || i > 0 && a <= c.actors[i] {
			return errors.New("actors do not ascend")
		}
		c.actors = append(c.actors, a)
	}
	return nil
}

func (c *Change) columns(r *reader) error {
	n, err := r.count(2)
	if err != nil {
		return in(err, "columns")
	}
	var lengths [columnCount]uint64
	if n > len(lengths) {
		return fmt.Errorf("%d columns: %w", n, ErrUnsupported)
	}
	c.cols = make([]column, n)
	var known opReader
	for i := range c.cols {
		if c.cols[i].spec, err = r.uleb(); err != nil {
			return in(err, "columns")
		}
		if lengths[i], err = r.uleb(); err != nil {
			return in(err, "columns")
		}
		if i > 0 && c.cols[i].spec <= c.cols[i-1].spec {
			return errors.New("columns do not ascend")
		}
	}
	for i := range c.cols {
		col := &c.cols[i]
		if known.column(col.spec) == nil {
			return fmt.Errorf("column 0x%02x: %w", col.spec, ErrUnsupported)
		}
		if lengths[i] > uint64(r.left()) {
			return fmt.Errorf("column 0x%02x: %w", col.spec, errShort)
		}
		col.data, _ = r.take(int(lengths[i]))
	}
	c.Extra, err = r.take(r.left())
	return err
}

// canonical reads all operations and compares the body with what the writer makes of them.
func (c *Change) canonical(body string) error {
	var w opWriter
	w.init()
	used := make([]bool, len(c.actors))
	used[0] = true
	rd := c.operations()
	var o rawOp
	for {
		ok, err := rd.read(&o)
		if err != nil {
			return in(err, "operation %d", w.count)
		}
		if !ok {
			break
		}
		if c.StartOp+uint64(w.count) > maxCounter {
			return fmt.Errorf("operation %d: counter %w", w.count, errRange)
		}
		if err := c.check(&o, c.StartOp+uint64(w.count)); err != nil {
			return in(err, "operation %d", w.count)
		}
		used[o.obj.actor], used[o.elem.actor] = true, true
		for _, p := range o.preds {
			used[p.actor] = true
		}
		w.write(&o)
	}
	for i, u := range used {
		if !u {
			return fmt.Errorf("actor %s is listed without need", c.actors[i])
		}
	}
	c.count = w.count
	again := appendBody(make([]byte, 0, len(body)+16), c, &w)
	if string(again) != body {
		return errors.New("is not written in the one usual form")
	}
	return nil
}

// check verifies what an operation must fulfil in any document. counter is its own.
func (c *Change) check(o *rawOp, counter uint64) error {
	if o.obj.counter >= counter || o.elem.counter >= counter {
		return errors.New("works on something younger than itself")
	}
	_, makes := o.action.object()
	switch {
	case o.insert && !o.inSeq:
		return errors.New("inserts into a map")
	case o.inSeq && !o.insert && o.elem.counter == 0:
		return errors.New("changes the head of a sequence")
	case o.insert && (o.action == Delete || o.action == Increment):
		return fmt.Errorf("inserts with action %s", o.action)
	case o.action == Delete && len(o.preds) == 0:
		return errors.New("deletes nothing") // engines keep deletions with what they delete, so this one would be lost
	case o.insert && len(o.preds) > 0:
		return errors.New("inserts over something")
	case o.action == Increment && o.value.kind != Int:
		return fmt.Errorf("increment by %s", o.value.kind)
	case (makes || o.action == Delete) && o.value.kind != Null:
		return fmt.Errorf("%s with a value", o.action)
	case o.action == Mark && !o.insert:
		return errors.New("mark that is not inserted")
	case o.action != Mark && (o.expand || o.named):
		return fmt.Errorf("%s with the fields of a mark", o.action)
	case o.action == Mark && !o.named && o.value.kind != Null:
		return errors.New("end of a mark with a value")
	}
	for i, p := range o.preds {
		if p.counter >= counter {
			return errors.New("replaces something younger than itself")
		}
		if i > 0 && c.id(o.preds[i-1]).Compare(c.id(p)) >= 0 {
			return errors.New("predecessors do not ascend")
		}
	}
	return nil
}

func orRange(err error) error {
	if err == nil {
		return errRange
	}
	return err
}

// id makes a public id of one of the change's own.
func (c *Change) id(r rawID) OpID {
	if r.counter == 0 {
		return OpID{}
	}
	return OpID{r.counter, c.actors[r.actor]}
}

// Len returns the number of operations.
func (c *Change) Len() int { return c.count }

// MaxOp returns the counter of the last operation; without any, one less than StartOp.
func (c *Change) MaxOp() uint64 { return c.StartOp + uint64(c.count) - 1 }

// Time returns when the change was made. The zero Time means unknown.
func (c *Change) Time() time.Time {
	if c.Seconds == 0 {
		return time.Time{}
	}
	return time.Unix(c.Seconds, 0).UTC()
}

// Bytes returns the change as a plain change chunk, also when it was read from a deflated one.
func (c *Change) Bytes() []byte { return []byte(c.data) }

// Size returns the length of Bytes.
func (c *Change) Size() int { return len(c.data) }

// Ops returns the operations in order, and each with its own Preds.
func (c *Change) Ops() iter.Seq[Op] {
	return func(yield func(Op) bool) {
		rd := c.operations()
		var o rawOp
		for i := range c.count {
			if ok, err := rd.read(&o); err != nil || !ok {
				return // cannot be: Parse has read them all
			}
			op := Op{ID: OpID{c.StartOp + uint64(i), c.Actor}, Obj: c.id(o.obj), Key: o.key, InSequence: o.inSeq,
				Elem: c.id(o.elem), Insert: o.insert, Action: o.action, Value: o.value, Expand: o.expand, Name: o.name, Named: o.named}
			for _, p := range o.preds {
				op.Preds = append(op.Preds, c.id(p))
			}
			if !yield(op) {
				return
			}
		}
	}
}

// String returns one line: hash, actor, sequence number, operations, message.
func (c *Change) String() string {
	s := fmt.Sprintf("%s by %s seq %d, ops %d-%d", short(c.Hash), c.Actor, c.Seq, c.StartOp, c.MaxOp())
	if t := c.Time(); !t.IsZero() {
		s += ", " + t.Format(time.RFC3339)
	}
	if c.Message != "" {
		s += fmt.Sprintf(", %q", c.Message)
	}
	return s
}
