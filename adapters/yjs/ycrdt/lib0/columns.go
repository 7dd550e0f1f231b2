package lib0

// A UintOptRleEncoder writes a column of unsigned numbers. A number that stands alone is written as a signed number with
// a plus; a run is written with a minus, followed by its length less two. A run of zeros begins with the negative zero.
//
//	5 5 5 0 0 7  ->  -5, 1, -0, 0, +7
//
// The zero encoder is empty and ready.
type UintOptRleEncoder struct {
	buf   []byte
	value uint64
	count uint64
}

// Write adds a number.
func (e *UintOptRleEncoder) Write(v uint64) {
	if v == e.value {
		e.count++
		return
	}
	e.flush()
	e.value, e.count = v, 1
}

func (e *UintOptRleEncoder) flush() {
	switch e.count {
	case 0:
	case 1:
		e.buf = AppendVarInt(e.buf, e.value, false)
	default:
		e.buf = AppendVarUint(AppendVarInt(e.buf, e.value, true), e.count-2)
	}
	e.count = 0
}

// Bytes ends the column and returns it. The slice is valid until the next Reset.
func (e *UintOptRleEncoder) Bytes() []byte {
	e.flush()
	return e.buf
}

// Reset empties the encoder and keeps its memory.
func (e *UintOptRleEncoder) Reset() { *e = UintOptRleEncoder{buf: e.buf[:0]} }

// A UintOptRleDecoder reads what a UintOptRleEncoder has written.
type UintOptRleDecoder struct {
	Reader
	value uint64
	count uint64
}

// NewUintOptRleDecoder returns a decoder for the rest of r.
func NewUintOptRleDecoder(r Reader) UintOptRleDecoder { return UintOptRleDecoder{Reader: r} }

// Read returns the next number, 0 after the end, which is an error.
func (d *UintOptRleDecoder) Read() uint64 {
	if d.count > 0 {
		d.count--
		return d.value
	}
	return d.nextRun()
}

func (d *UintOptRleDecoder) nextRun() uint64 {
	v, run := d.VarInt()
	d.value = v
	if run {
		d.count = d.VarUint() + 1
		if d.err != nil {
			d.value, d.count = 0, 0
		}
	}
	return d.value
}

// Left returns how many numbers of the current run are still to be read, without looking further.
func (d *UintOptRleDecoder) Left() uint64 { return d.count }

// An IntDiffOptRleEncoder writes a column of numbers as differences to the number before (0 before the first). The
// difference is doubled and one is added if the same difference comes again; then follows how often, less two.
//
//	3 6 9 4  ->  +7, 1, -10
//
// The zero encoder is empty and ready.
type IntDiffOptRleEncoder struct {
	buf   []byte
	last  int64
	diff  int64
	count uint64
}

// Write adds a number.
func (e *IntDiffOptRleEncoder) Write(v int64) {
	if d := v - e.last; d != e.diff {
		e.flush()
		e.diff = d
	}
	e.last = v
	e.count++
}

func (e *IntDiffOptRleEncoder) flush() {
	if e.count == 0 {
		return
	}
	code := e.diff * 2
	if e.count > 1 {
		code++
	}
	if code < 0 {
		e.buf = AppendVarInt(e.buf, uint64(-code), true)
	} else {
		e.buf = AppendVarInt(e.buf, uint64(code), false)
	}
	if e.count > 1 {
		e.buf = AppendVarUint(e.buf, e.count-2)
	}
	e.count = 0
}

// Bytes ends the column and returns it. The slice is valid until the next Reset.
func (e *IntDiffOptRleEncoder) Bytes() []byte {
	e.flush()
	return e.buf
}

// Reset empties the encoder and keeps its memory.
func (e *IntDiffOptRleEncoder) Reset() { *e = IntDiffOptRleEncoder{buf: e.buf[:0]} }

// An IntDiffOptRleDecoder reads what an IntDiffOptRleEncoder has written.
type IntDiffOptRleDecoder struct {
	Reader
	value int64
	diff  int64
	count uint64
}

// NewIntDiffOptRleDecoder returns a decoder for the rest of r.
func NewIntDiffOptRleDecoder(r Reader) IntDiffOptRleDecoder { return IntDiffOptRleDecoder{Reader: r} }

// Read returns the next number. A number beyond ±(2^53-1) is an error; after an error Read returns 0.
func (d *IntDiffOptRleDecoder) Read() int64 {
	if d.count > 0 {
		d.count--
	} else {
		d.nextRun()
	}
	d.value += d.diff
	if d.value > MaxSafe || d.value < -MaxSafe {
		d.Fail(ErrRange, "number")
		d.value, d.diff, d.count = 0, 0, 0
	}
	return d.value
}

func (d *IntDiffOptRleDecoder) nextRun() {
	code, negative := d.VarInt()
	v := int64(code)
	if negative {
		v = -v
	}
	d.diff = v >> 1 // towards minus infinity
	if v&1 != 0 {
		d.count = d.VarUint() + 1
	}
	if d.err != nil {
		d.value, d.diff, d.count = 0, 0, 0
	}
}

// An RleEncoder writes a column of bytes: each byte is followed by how often it stands there less one, except for the
// last run, which has no count.
//
//	7 7 7 2 2  ->  7, 2, 2
//
// The zero encoder is empty and ready.
type RleEncoder struct {
	buf   []byte
	count uint64
	value byte
}

// Write adds a byte.
func (e *RleEncoder) Write(v byte) {
	if e.count > 0 && v == e.value {
		e.count++
		return
	}
	if e.count > 0 {
		e.buf = AppendVarUint(e.buf, e.count-1)
	}
	e.buf = append(e.buf, v)
	e.value, e.count = v, 1
}

// Bytes returns the column. The slice is valid until the next Write or Reset.
func (e *RleEncoder) Bytes() []byte { return e.buf }

// Reset empties the encoder and keeps its memory.
func (e *RleEncoder) Reset() { *e = RleEncoder{buf: e.buf[:0]} }

// An RleDecoder reads what an RleEncoder has written. The last byte repeats for ever: what bounds a reader of this
// column must come from elsewhere.
type RleDecoder struct {
	Reader
	count uint64
	value byte
}

// NewRleDecoder returns a decoder for the rest of r.
func NewRleDecoder(r Reader) RleDecoder { return RleDecoder{Reader: r} }

// Read returns the next byte. Reading from an empty column is an error.
func (d *RleDecoder) Read() byte {
	if d.count > 0 {
		d.count--
		return d.value
	}
	return d.nextRun()
}

func (d *RleDecoder) nextRun() byte {
	d.value = d.Byte()
	if d.err != nil {
		d.value = 0
		return 0
	}
	if d.Done() {
		d.count = 1<<64 - 1
		return d.value
	}
	if d.count = d.VarUint(); d.err != nil {
		d.value, d.count = 0, 0
	}
	return d.value
}

// Left returns how many bytes of the current run are still to be read, without looking further.
func (d *RleDecoder) Left() uint64 { return d.count }
