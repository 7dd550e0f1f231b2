package lib0

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// MaxSafe is the largest integer that a JavaScript number holds exactly, 2^53-1. Larger ones are refused.
const MaxSafe = 1<<53 - 1

// A Reader reads lib0's encoding from a byte slice. It never copies: the slices it returns alias the input.
//
// The first error sticks: from then on every method returns a zero value, Done reports true, and Err returns the error.
// The zero Reader is at the end of an empty input. A Reader may be copied to remember a position.
type Reader struct {
	buf   []byte
	pos   int
	base  int // offset of buf[0] in the outermost input
	err   *DecodeError
	loose bool
}

// NewReader returns a Reader at the start of b.
func NewReader(b []byte) Reader { return Reader{buf: b} }

// NewReaderAt returns a Reader at the start of b which reports offsets as if b began at byte base of a larger input.
func NewReaderAt(b []byte, base int) Reader { return Reader{buf: b, base: base} }

// Err returns the first error, a *DecodeError, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Failed reports whether there was an error.
func (r *Reader) Failed() bool { return r.err != nil }

// Done reports whether nothing is left to read, which is also so after an error.
func (r *Reader) Done() bool { return r.pos >= len(r.buf) }

// Len returns the number of bytes left.
func (r *Reader) Len() int { return len(r.buf) - r.pos }

// Pos returns the number of bytes read, counted from the start of this Reader's slice. After an error it is 0.
func (r *Reader) Pos() int { return r.pos }

// Offset returns the position in the outermost input, for error messages. After an error it is that of the error.
func (r *Reader) Offset() int {
	if r.err != nil {
		return r.err.Offset
	}
	return r.base + r.pos
}

// Since returns the bytes from position start (as given by Pos) up to here, or nil after an error.
func (r *Reader) Since(start int) []byte {
	if r.err != nil || start > r.pos {
		return nil
	}
	return r.buf[start:r.pos:r.pos]
}

// Rest returns the bytes not yet read, without reading them.
func (r *Reader) Rest() []byte { return r.buf[r.pos:] }

// Loose reports whether something was read which is right but which lib0 would have written in another way: an overlong
// number, a float that is an integer, object keys out of order. Whoever copies bytes unseen to get the same bytes as Yjs
// must decode and encode such a value instead. SetLoose sets the flag.
func (r *Reader) Loose() bool { return r.loose }

// SetLoose sets the flag that Loose reports.
func (r *Reader) SetLoose(loose bool) { r.loose = loose }

// Fail records an error at the current position, unless there is one already.
func (r *Reader) Fail(kind Kind, what string) { r.FailAt(kind, what, r.base+r.pos) }

// FailAt records an error at a given offset in the outermost input, unless there is one already.
func (r *Reader) FailAt(kind Kind, what string, offset int) {
	if r.err == nil {
		r.err = &DecodeError{Kind: kind, Offset: offset, What: what}
		r.buf, r.pos = nil, 0
	}
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.pos < len(r.buf) {
		r.pos++
		return r.buf[r.pos-1]
	}
	r.Fail(ErrEnd, "byte")
	return 0
}

// Peek returns the next byte without reading it; false at the end.
func (r *Reader) Peek() (byte, bool) {
	if r.pos < len(r.buf) {
		return r.buf[r.pos], true
	}
	return 0, false
}

// VarUint reads an unsigned number of at most 2^53-1.
func (r *Reader) VarUint() uint64 {
	if p := r.pos; p < len(r.buf) && r.buf[p] < 0x80 {
		r.pos = p + 1
		return uint64(r.buf[p])
	}
	return r.longVarUint()
}

// longVarUint reads numbers of more than one byte. With eight bytes at hand it does so without a loop: the lowest clear
// continuation bit gives the length, and three shifts close the gaps between the groups of seven bits.
func (r *Reader) longVarUint() uint64 {
	if len(r.buf)-r.pos >= 8 {
		x := binary.LittleEndian.Uint64(r.buf[r.pos:])
		if stop := ^x & 0x8080808080808080; stop != 0 {
			n := bits.TrailingZeros64(stop)>>3 + 1
			last := byte(x >> (8*n - 8))
			x &= ^uint64(0) >> (64 - 8*n)
			x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
			x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
			x = x&0x000000000fffffff | x&0x0fffffff00000000>>4
			if x > MaxSafe {
				r.Fail(ErrRange, "number")
				return 0
			}
			if last == 0 {
				r.loose = true
			}
			r.pos += n
			return x
		}
	}
	return r.slowVar(0, 0, r.pos)
}

// slowVar reads groups of seven bits from position at on, the first of them at the given shift, added to v.
func (r *Reader) slowVar(v uint64, shift uint, at int) uint64 {
	if r.err != nil {
		return 0
	}
	for first := at; at < len(r.buf); at++ {
		c := r.buf[at]
		group := uint64(c & 0x7f)
		if shift >= 64 || shift >= 53 && group != 0 {
			r.Fail(ErrRange, "number")
			return 0
		}
		v |= group << shift
		if c < 0x80 {
			if v > MaxSafe {
				r.Fail(ErrRange, "number")
				return 0
			}
			if c == 0 && (at > first || shift > 0) {
				r.loose = true
			}
			r.pos = at + 1
			return v
		}
		shift += 7
	}
	r.Fail(ErrEnd, "number")
	return 0
}

// VarInt reads a signed number of at most ±(2^53-1), as magnitude and sign, because the format tells 0 from -0.
func (r *Reader) VarInt() (magnitude uint64, negative bool) {
	if r.pos >= len(r.buf) {
		r.Fail(ErrEnd, "number")
		return 0, false
	}
	c := r.buf[r.pos]
	negative = c&0x40 != 0
	if c < 0x80 {
		r.pos++
		return uint64(c & 0x3f), negative
	}
	if p := r.pos + 1; p < len(r.buf) && r.buf[p] < 0x80 && r.buf[p] != 0 {
		r.pos += 2
		return uint64(c&0x3f) | uint64(r.buf[p])<<6, negative
	}
	magnitude = r.slowVar(uint64(c&0x3f), 6, r.pos+1)
	return magnitude, negative && r.err == nil
}

// Count reads an unsigned number that says how many things follow, each of which takes at least size bytes. A count
// that cannot be true is an error.
func (r *Reader) Count(size int, what string) int {
	at := r.base + r.pos
	n := r.VarUint()
	if n > uint64(r.Len()/size) && r.err == nil {
		r.FailAt(ErrEnd, what, at)
		return 0
	}
	return int(n)
}

// Take reads n bytes.
func (r *Reader) Take(n int) []byte {
	if n < 0 || n > len(r.buf)-r.pos {
		r.Fail(ErrEnd, "bytes")
		return nil
	}
	p := r.pos
	r.pos += n
	return r.buf[p:r.pos:r.pos]
}

// Bytes reads a byte string with its length before it.
func (r *Reader) Bytes() []byte {
	n := r.VarUint()
	if n > uint64(len(r.buf)-r.pos) {
		r.Fail(ErrEnd, "bytes")
		return nil
	}
	p := r.pos
	r.pos += int(n)
	return r.buf[p:r.pos:r.pos]
}

// Str reads a string: bytes with their length before them, which must be UTF-8.
func (r *Reader) Str() []byte {
	at := r.base + r.pos
	b := r.Bytes()
	if !validText(b) {
		r.FailAt(ErrText, "string", at)
		return nil
	}
	return b
}

// SkipBytes passes over what Bytes reads, SkipStr over what Str reads, checking it as they do.
func (r *Reader) SkipBytes() { r.Bytes() }

// SkipStr passes over what Str reads, checking it as Str does.
func (r *Reader) SkipStr() { r.Str() }

// Sub reads a byte string with its length before it and returns a Reader for it, which knows its place in the input.
func (r *Reader) Sub() Reader {
	b := r.Bytes()
	return Reader{buf: b, base: r.base + r.pos - len(b), err: r.err}
}

// End makes left-over bytes an error, and returns Err.
func (r *Reader) End() error {
	if !r.Done() {
		r.Fail(ErrTrailing, "end")
	}
	return r.Err()
}

// validText is utf8.Valid with a short cut for the short ASCII strings that keys and values mostly are.
func validText(b []byte) bool {
	if len(b) < 16 {
		for _, c := range b {
			if c >= 0x80 {
				return utf8.Valid(b)
			}
		}
		return true
	}
	return utf8.Valid(b)
}
