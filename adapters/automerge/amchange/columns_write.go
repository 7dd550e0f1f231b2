package amchange

// runWriter writes a run-length encoded column with the runs every Automerge encoder chooses: equal neighbours make a run,
// others gather in a literal run. A column of nothing but nulls stays empty.
type runWriter[T uint64 | int64 | string] struct {
	out     []byte
	state   byte // one of the constants below
	last    T
	count   uint64
	literal []T // the literal run before last
}

const (
	runEmpty     = iota
	runOpenNulls // nulls from the very beginning
	runNulls
	runSame    // count times last, count > 1
	runLiteral // literal, then last
)

func (w *runWriter[T]) value(v T) {
	switch w.state {
	case runEmpty:
		w.state = runLiteral
	case runOpenNulls, runNulls:
		w.flush()
		w.state = runLiteral
	case runSame:
		if v == w.last {
			w.count++
			return
		}
		w.flush()
		w.state = runLiteral
	case runLiteral:
		if v == w.last {
			w.flushLiteral(0)
			w.state, w.count = runSame, 2
			return
		}
		w.literal = append(w.literal, w.last)
	}
	w.last = v
}

func (w *runWriter[T]) null() {
	switch w.state {
	case runEmpty:
		w.state, w.count = runOpenNulls, 0
	case runSame, runLiteral:
		w.flush()
		w.state, w.count = runNulls, 0
	}
	w.count++
}

// flushLiteral writes the literal run, of which more values are still to be put by the caller.
func (w *runWriter[T]) flushLiteral(more int) {
	if len(w.literal)+more == 0 {
		return
	}
	w.out = appendSleb(w.out, -int64(len(w.literal)+more))
	for _, v := range w.literal {
		w.out = appendItem(w.out, v)
	}
	w.literal = w.literal[:0]
}

func (w *runWriter[T]) flush() {
	switch w.state {
	case runOpenNulls, runNulls:
		w.out = appendUleb(append(w.out, 0), w.count)
	case runSame:
		w.out = appendItem(appendSleb(w.out, int64(w.count)), w.last)
	case runLiteral:
		w.flushLiteral(1)
		w.out = appendItem(w.out, w.last)
	}
}

// appendItem writes one value of a column. Numbers with a sign are differences.
func appendItem[T uint64 | int64 | string](b []byte, v T) []byte {
	switch v := any(v).(type) {
	case uint64:
		return appendUleb(b, v)
	case int64:
		return appendSleb(b, v)
	case string:
		b = append(appendUleb(b, uint64(len(v))), v...)
	}
	return b
}

// finish returns the column.
func (w *runWriter[T]) finish() []byte {
	if w.state != runOpenNulls {
		w.flush()
	}
	w.state = runEmpty
	return w.out
}

// deltaWriter writes the differences between successive numbers.
type deltaWriter struct {
	runWriter[int64]
	before int64
}

func (w *deltaWriter) number(v uint64) {
	w.value(int64(v) - w.before)
	w.before = int64(v)
}

// boolWriter writes alternating run lengths, beginning with false.
type boolWriter struct {
	out   []byte
	last  bool
	count uint64
	any   bool // a true was seen
}

func (w *boolWriter) value(v bool) {
	if v != w.last {
		w.out = appendUleb(w.out, w.count)
		w.last, w.count = v, 0
	}
	w.count++
	w.any = w.any || v
}

// finish returns the column. One that was never true stays empty when the column is optional.
func (w *boolWriter) finish(optional bool) []byte {
	if w.count > 0 && (w.any || !optional) {
		w.out = appendUleb(w.out, w.count)
	}
	return w.out
}
