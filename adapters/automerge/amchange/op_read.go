package amchange

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The columns of a change. Source: the specification of the binary document format, and changes written by JavaScript.
const (
	colObjActor    = 0x01
	colObjCounter  = 0x02
	colKeyActor    = 0x11
	colKeyCounter  = 0x13
	colKeyString   = 0x15
	colInsert      = 0x34
	colAction      = 0x42
	colValueMeta   = 0x56
	colValueRaw    = 0x57
	colPredCount   = 0x70
	colPredActor   = 0x71
	colPredCounter = 0x73
	colExpand      = 0x94
	colMarkName    = 0xa5

	columnCount = 14
)

// column is a column of a change as it stands there.
type column struct {
	spec uint64
	data string
}

// opReader reads the operations of one change, one after the other.
type opReader struct {
	objActor, keyActor, action, valueMeta, predCount, predActor uintColumn
	objCounter                                                  uintColumn
	keyCounter, predCounter                                     deltaColumn
	keyString, markName                                         stringColumn
	insert, expand                                              boolColumn
	valueRaw                                                    reader

	actors int // in the change's list
	preds  []rawID
	budget budget
}

// operations returns a reader of the change's operations.
func (c *Change) operations() opReader {
	r := opReader{actors: len(c.actors), budget: c.budget}
	for _, col := range c.cols {
		r.column(col.spec).s = col.data
	}
	return r
}

// budget counts down what one change may hold.
type budget struct {
	deletions, additions int
}

func newBudget(lim Limits, size int) budget {
	return budget{deletions: lim.Operations + 2*size, additions: lim.Empty + 2*size}
}

func (b *budget) spend(o *rawOp) error {
	b.deletions -= 1 + len(o.preds)
	if o.action != Delete {
		b.additions--
	}
	if b.deletions < 0 || b.additions < 0 {
		return fmt.Errorf("operations for the size of the change: %w", ErrTooLarge)
	}
	return nil
}

// column returns the reader for a column number, or nil when there is no such column.
func (r *opReader) column(spec uint64) *reader {
	switch spec {
	case colObjActor:
		return &r.objActor.reader
	case colObjCounter:
		return &r.objCounter.reader
	case colKeyActor:
		return &r.keyActor.reader
	case colKeyCounter:
		return &r.keyCounter.reader
	case colKeyString:
		return &r.keyString.reader
	case colInsert:
		return &r.insert.reader
	case colAction:
		return &r.action.reader
	case colValueMeta:
		return &r.valueMeta.reader
	case colValueRaw:
		return &r.valueRaw
	case colPredCount:
		return &r.predCount.reader
	case colPredActor:
		return &r.predActor.reader
	case colPredCounter:
		return &r.predCounter.reader
	case colExpand:
		return &r.expand.reader
	case colMarkName:
		return &r.markName.reader
	}
	return nil
}

// read fills o with the next operation and reports whether there was one. The action column decides how many there are.
func (r *opReader) read(o *rawOp) (bool, error) {
	if r.action.ended() {
		return false, nil
	}
	action, ok, err := r.action.next()
	if err != nil || !ok {
		return false, in(orNull(err), "action")
	}
	if action > uint64(Mark) {
		return false, fmt.Errorf("action %d: %w", action, ErrUnsupported)
	}
	*o = rawOp{action: Action(action)}

	if o.obj, ok, err = r.id(&r.objActor, &r.objCounter); err != nil {
		return false, in(err, "object")
	}
	if ok && o.obj.counter == 0 {
		return false, errors.New("object: counter 0")
	}
	if err = r.place(o); err != nil {
		return false, err
	}
	if o.insert, err = r.insert.next(); err != nil {
		return false, in(err, "insert")
	}
	meta, ok, err := r.valueMeta.next()
	if err != nil || !ok {
		return false, in(orNull(err), "value meta")
	}
	if o.value, err = decodeValue(meta, &r.valueRaw); err != nil {
		return false, in(err, "value")
	}
	if o.expand, err = r.expand.next(); err != nil {
		return false, in(err, "expand")
	}
	if o.name, o.named, err = r.markName.next(); err != nil || !utf8.ValidString(o.name) {
		return false, in(orUTF8(err), "mark name")
	}
	if err = r.readPreds(o); err != nil {
		return false, in(err, "predecessors")
	}
	return true, r.budget.spend(o)
}

// place reads the three key columns: either a string, or an element, or the head of a sequence (counter 0 without an actor).
func (r *opReader) place(o *rawOp) error {
	key, isMap, err := r.keyString.next()
	if err != nil {
		return in(err, "key")
	}
	actor, hasActor, err := r.keyActor.next()
	if err != nil {
		return in(err, "key actor")
	}
	counter, hasCounter, err := r.keyCounter.next()
	if err != nil {
		return in(err, "key counter")
	}
	switch {
	case isMap && !hasActor && !hasCounter:
		if !utf8.ValidString(key) {
			return errors.New("key is not UTF-8")
		}
		o.key = key
	case !isMap && hasCounter && hasActor == (counter > 0):
		if hasActor && actor >= uint64(r.actors) {
			return errors.New("key actor is not in the list")
		}
		o.inSeq, o.elem = true, rawID{counter, actor}
	default:
		return errors.New("key is neither a string nor an element")
	}
	return nil
}

// id reads an operation id from two columns that are null together.
func (r *opReader) id(actors, counters *uintColumn) (rawID, bool, error) {
	actor, hasActor, err := actors.next()
	if err != nil {
		return rawID{}, false, err
	}
	counter, hasCounter, err := counters.next()
	switch {
	case err != nil:
		return rawID{}, false, err
	case hasActor != hasCounter:
		return rawID{}, false, errors.New("half an operation id")
	case hasActor && actor >= uint64(r.actors):
		return rawID{}, false, errors.New("actor is not in the list")
	case counter > maxCounter:
		return rawID{}, false, errRange
	}
	return rawID{counter, actor}, hasActor, nil
}

func (r *opReader) readPreds(o *rawOp) error {
	n, ok, err := r.predCount.next()
	if err != nil || !ok {
		return orNull(err)
	}
	if n > uint64(r.budget.deletions) {
		return ErrTooLarge
	}
	r.preds = r.preds[:0]
	for range n {
		actor, hasActor, err := r.predActor.next()
		if err != nil {
			return err
		}
		counter, hasCounter, err := r.predCounter.next()
		switch {
		case err != nil:
			return err
		case !hasActor || !hasCounter || counter == 0:
			return errors.New("half an operation id")
		case actor >= uint64(r.actors):
			return errors.New("actor is not in the list")
		}
		r.preds = append(r.preds, rawID{counter, actor})
	}
	o.preds = r.preds
	return nil
}

func orNull(err error) error {
	if err == nil {
		return errors.New("null")
	}
	return err
}

func orUTF8(err error) error {
	if err == nil {
		return errors.New("not UTF-8")
	}
	return err
}
