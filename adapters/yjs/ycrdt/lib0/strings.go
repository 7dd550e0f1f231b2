package lib0

import "unicode/utf8"

// A StringEncoder writes a column of strings: all of them joined, as one string with its length in bytes before it, then
// the lengths in UTF-16 units as a UintOptRle column.
//
//	"same" "same"  ->  8 "samesame" -4 0
//
// Halves of a surrogate pair that meet where two strings are joined become one character, as in JavaScript; the reader
// takes them apart again. The zero encoder is empty and ready.
type StringEncoder struct {
	text    []byte
	lengths UintOptRleEncoder
	halves  bool // text has halves of surrogate pairs
}

// Write adds a string, which may hold halves of surrogate pairs in their three-byte form.
func (e *StringEncoder) Write(s []byte) { writeString(e, s) }

// WriteString adds a string, which may hold halves of surrogate pairs in their three-byte form.
func (e *StringEncoder) WriteString(s string) { writeString(e, s) }

// WriteASCII adds a string that is known to have one byte per unit.
func (e *StringEncoder) WriteASCII(s []byte) {
	e.lengths.Write(uint64(len(s)))
	copy(Extend(&e.text, len(s)), s)
}

func writeString[S ~string | ~[]byte](e *StringEncoder, s S) {
	if IsASCII(s) {
		e.lengths.Write(uint64(len(s)))
		copy(Extend(&e.text, len(s)), s)
		return
	}
	if !e.halves && !validString(s) {
		e.halves = true
	}
	e.lengths.Write(uint64(UTF16Len(s)))
	e.text = appendJoined(e.text, s)
}

// AppendTo ends the column and appends it to b.
func (e *StringEncoder) AppendTo(b []byte) []byte {
	if e.halves {
		b = AppendString(b, e.text)
	} else {
		b = AppendBytes(b, e.text)
	}
	return append(b, e.lengths.Bytes()...)
}

// Size returns the number of bytes that AppendTo appends.
func (e *StringEncoder) Size() int {
	return SizeVarUint(uint64(len(e.text))) + len(e.text) + len(e.lengths.Bytes())
}

// Reset empties the encoder and keeps its memory.
func (e *StringEncoder) Reset() {
	e.text = e.text[:0]
	e.lengths.Reset()
	e.halves = false
}

// A StringDecoder reads what a StringEncoder has written.
type StringDecoder struct {
	lengths UintOptRleDecoder
	text    []byte
	pos     int
	ascii   bool
	half    bool // the first half of the pair at pos has been read
}

// NewStringDecoder returns a decoder for the rest of r.
func NewStringDecoder(r Reader) StringDecoder {
	text := r.Str()
	return StringDecoder{lengths: NewUintOptRleDecoder(r), text: text, ascii: IsASCII(text)}
}

// Read returns the next string. It aliases the input, unless it begins or ends inside a surrogate pair: then it is a
// copy with the half in its three-byte form. A string longer than what is left is an error.
func (d *StringDecoder) Read() []byte {
	n := d.lengths.Read()
	if n > uint64(len(d.text)-d.pos) {
		d.lengths.Fail(ErrEnd, "string column")
		return nil
	}
	if d.ascii {
		p := d.pos
		d.pos += int(n)
		return d.text[p:d.pos:d.pos]
	}
	return d.cut(int(n))
}

func (d *StringDecoder) cut(n int) []byte {
	if n == 0 {
		return d.text[d.pos:d.pos:d.pos]
	}
	if d.half {
		n--
	}
	from := d.pos
	if d.half {
		from += 4
	}
	at, inPair := UTF16Offset(d.text[from:], n)
	if at < 0 {
		d.lengths.Fail(ErrEnd, "string column")
		return nil
	}
	to := from + at
	if !d.half && !inPair {
		d.pos = to
		return d.text[from:to:to]
	}
	out := make([]byte, 0, to-from+6)
	if d.half {
		out = appendUnit(out, lowOf(d.text[d.pos:]))
	}
	out = append(out, d.text[from:to]...)
	if inPair {
		out = appendUnit(out, highOf(d.text[to:]))
	}
	d.pos, d.half = to, inPair
	return out
}

// highOf and lowOf return the halves of the pair for the four-byte character that text begins with.
func highOf(text []byte) rune {
	r, _ := utf8.DecodeRune(text)
	return 0xD800 | (r-0x10000)>>10
}

func lowOf(text []byte) rune {
	r, _ := utf8.DecodeRune(text)
	return 0xDC00 | (r-0x10000)&0x3FF
}

// Err returns the first error.
func (d *StringDecoder) Err() error { return d.lengths.Err() }

// Failed reports whether there was an error.
func (d *StringDecoder) Failed() bool { return d.lengths.err != nil }

// Done reports whether all strings have been read.
func (d *StringDecoder) Done() bool { return d.lengths.Done() && d.lengths.count == 0 }
