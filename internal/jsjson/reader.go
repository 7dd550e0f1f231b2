package jsjson

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Kind says which sort of value comes next.
type Kind uint8

// The kinds of JSON values. Invalid means that there is none: the end of the text, a syntax error or an earlier error.
const (
	Invalid Kind = iota
	Object
	Array
	String
	Number
	Bool
	Null
)

// String returns the name of the kind, in lower case.
func (k Kind) String() string {
	return [...]string{"nothing", "object", "array", "string", "number", "boolean", "null"}[min(k, Null)]
}

// DefaultMaxDepth is how deep arrays and objects may nest when nothing else is said.
const DefaultMaxDepth = 10_000

// SyntaxError says what is wrong with a text, and at which byte.
type SyntaxError struct {
	Offset int
	Reason string
}

// Error returns the reason and the offset.
func (e *SyntaxError) Error() string { return fmt.Sprintf("json: %s at byte %d", e.Reason, e.Offset) }

// Options bounds a Reader.
type Options struct {
	// MaxDepth is how deep arrays and objects may nest; DefaultMaxDepth when 0.
	MaxDepth int
}

// Reader pulls values out of one JSON text. The first error stays: afterwards every method returns a zero value at once,
// so that a caller may check [Reader.Err] (or [Reader.End]) once, at the end.
//
//	r := jsjson.NewReader(text, nil)
//	r.BeginObject()
//	for r.NextKey() {
//		name := string(r.Key())
//		sum[name] += r.Number()
//	}
//	err := r.End()
type Reader struct {
	data    []byte
	pos     int
	open    []byte // one per open container: '[' or '{' before the first element, ']' or '}' after it
	max     int
	key     []byte
	scratch []byte
	err     error
}

// NewReader returns a Reader over text, which must not change while it is used. Nil options are the defaults.
func NewReader(text []byte, o *Options) *Reader {
	r := &Reader{}
	r.Reset(text, o)
	return r
}

// Reset makes r read text from its beginning, keeping its buffers.
func (r *Reader) Reset(text []byte, o *Options) {
	r.data, r.pos, r.open, r.key, r.err, r.max = text, 0, r.open[:0], nil, nil, DefaultMaxDepth
	if o != nil && o.MaxDepth > 0 {
		r.max = o.MaxDepth
	}
}

// Err returns the first error, a *SyntaxError unless the caller gave another one to Fail.
func (r *Reader) Err() error { return r.err }

// Offset returns how many bytes have been read.
func (r *Reader) Offset() int { return r.pos }

// Remaining returns how many bytes have not been read.
func (r *Reader) Remaining() int { return len(r.data) - r.pos }

// Fail makes err the error of r, unless it has one already.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Failf is Fail with a SyntaxError at the present offset.
func (r *Reader) Failf(format string, args ...any) {
	if r.err == nil {
		r.err = &SyntaxError{Offset: r.pos, Reason: fmt.Sprintf(format, args...)}
	}
}

// End checks that nothing but white space follows, and returns the first error.
func (r *Reader) End() error {
	if r.err == nil {
		if r.space(); r.pos < len(r.data) {
			r.Failf("more text after the value")
		} else if len(r.open) > 0 {
			r.Failf("the text ends inside a value")
		}
	}
	return r.err
}

// Peek returns the kind of the next value without reading it.
func (r *Reader) Peek() Kind {
	if r.err != nil {
		return Invalid
	}
	r.space()
	if r.pos >= len(r.data) {
		return Invalid
	}
	switch c := r.data[r.pos]; {
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == 't', c == 'f':
		return Bool
	case c == 'n':
		return Null
	case c == '-', c >= '0' && c <= '9':
		return Number
	}
	return Invalid
}

// BeginObject reads "{". It reports whether there was one.
func (r *Reader) BeginObject() bool { return r.begin('{') }

// BeginArray reads "[". It reports whether there was one.
func (r *Reader) BeginArray() bool { return r.begin('[') }

func (r *Reader) begin(c byte) bool {
	if r.err != nil {
		return false
	}
	if r.space(); r.pos >= len(r.data) || r.data[r.pos] != c {
		r.unexpected(map[byte]string{'{': "an object", '[': "an array"}[c])
		return false
	}
	if len(r.open) >= r.max {
		r.Failf("nested deeper than %d", r.max)
		return false
	}
	r.pos++
	r.open = append(r.open, c)
	return true
}

// NextKey reads the next key of the object that was begun last, and the colon after it; Key returns it. It returns false
// at the end of the object, which it reads, and after an error.
func (r *Reader) NextKey() bool {
	if !r.next('{', '}') {
		return false
	}
	key, ok := r.text()
	if !ok {
		return false
	}
	if r.space(); r.pos >= len(r.data) || r.data[r.pos] != ':' {
		r.unexpected("a colon")
		return false
	}
	r.pos++
	r.key = key
	return true
}

// Key returns the key that NextKey read. It is valid until the next call that reads a string or a key.
func (r *Reader) Key() []byte { return r.key }

// NextElement reports whether another element of the array that was begun last follows. It returns false at the end of
// the array, which it reads, and after an error.
func (r *Reader) NextElement() bool { return r.next('[', ']') }

func (r *Reader) next(first, last byte) bool {
	if r.err != nil {
		return false
	}
	if len(r.open) == 0 {
		r.err = errors.New("json: no container is open")
		return false
	}
	if r.space(); r.pos >= len(r.data) {
		r.unexpected("more")
		return false
	}
	top := &r.open[len(r.open)-1]
	switch c := r.data[r.pos]; {
	case *top != first && *top != last:
		r.err = errors.New("json: another kind of container is open")
		return false
	case c == last:
		r.pos++
		r.open = r.open[:len(r.open)-1]
		return false
	case *top == first:
		*top = last
		return true
	case c != ',':
		r.unexpected("a comma")
		return false
	}
	r.pos++
	if r.space(); r.pos < len(r.data) && r.data[r.pos] == last {
		r.unexpected("a value after the comma")
		return false
	}
	return true
}

// Text reads a string. The bytes, in WTF-8, are valid until the next call that reads a string or a key.
func (r *Reader) Text() []byte {
	if r.err != nil {
		return nil
	}
	b, _ := r.text()
	return b
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.Peek() == Bool && r.data[r.pos] == 't' {
		r.literal("true")
		return r.err == nil
	}
	r.literal("false")
	return false
}

// Null reads null. It is also what a caller who has looked for all kinds of values is left with: the error of a text that
// begins like none of them says so.
func (r *Reader) Null() {
	if r.space(); r.err == nil && (r.pos >= len(r.data) || r.data[r.pos] != 'n') {
		r.unexpected("a value")
		return
	}
	r.literal("null")
}

func (r *Reader) literal(word string) {
	if r.err != nil {
		return
	}
	if r.space(); len(r.data)-r.pos < len(word) || string(r.data[r.pos:r.pos+len(word)]) != word {
		r.unexpected(word)
		return
	}
	r.pos += len(word)
}

// Number reads a number. As in JavaScript, one that is too large for a float64 is an infinity.
func (r *Reader) Number() float64 {
	if r.err != nil {
		return 0
	}
	r.space()
	start := r.pos
	integer, ok := r.number()
	if !ok {
		return 0
	}
	if text := r.data[start:r.pos]; integer && len(text) < 16 {
		digits, negative := text, text[0] == '-'
		if negative {
			digits = text[1:]
		}
		var n int64
		for _, c := range digits {
			n = n*10 + int64(c-'0')
		}
		if !negative {
			return float64(n)
		}
		return -float64(n)
	}
	f, _ := strconv.ParseFloat(string(r.data[start:r.pos]), 64) // the only error left is "out of range", with ±Inf
	return f
}

// number moves over a number and says whether it is an integer without a fraction or an exponent.
func (r *Reader) number() (integer, ok bool) {
	if r.pos < len(r.data) && r.data[r.pos] == '-' {
		r.pos++
	}
	switch {
	case r.pos < len(r.data) && r.data[r.pos] == '0':
		r.pos++
	case r.digits():
	default:
		r.unexpected("a number")
		return false, false
	}
	integer = true
	if r.pos < len(r.data) && r.data[r.pos] == '.' {
		integer = false
		if r.pos++; !r.digits() {
			r.unexpected("a digit")
			return false, false
		}
	}
	if r.pos < len(r.data) && r.data[r.pos]|0x20 == 'e' {
		integer = false
		if r.pos++; r.pos < len(r.data) && (r.data[r.pos] == '+' || r.data[r.pos] == '-') {
			r.pos++
		}
		if !r.digits() {
			r.unexpected("a digit")
			return false, false
		}
	}
	return integer, true
}

func (r *Reader) digits() bool {
	start := r.pos
	for r.pos < len(r.data) && r.data[r.pos] >= '0' && r.data[r.pos] <= '9' {
		r.pos++
	}
	return r.pos > start
}

// Skip reads the next value, whatever it is, and checks its syntax.
func (r *Reader) Skip() {
	base := len(r.open)
	for r.err == nil {
		switch r.Peek() {
		case Object:
			r.BeginObject()
		case Array:
			r.BeginArray()
		case String:
			r.text()
		case Number:
			r.number()
		case Bool:
			r.Bool()
		default:
			r.Null()
		}
		for r.err == nil {
			if len(r.open) == base {
				return
			}
			if c := r.open[len(r.open)-1]; c == '[' || c == ']' {
				if r.NextElement() {
					break
				}
			} else if r.NextKey() {
				break
			}
		}
	}
}

// text reads a string; the fast path returns a part of the input.
func (r *Reader) text() ([]byte, bool) {
	if r.space(); r.pos >= len(r.data) || r.data[r.pos] != '"' {
		r.unexpected("a string")
		return nil, false
	}
	r.pos++
	start := r.pos
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		switch {
		case c == '"':
			r.pos++
			return r.data[start : r.pos-1], true
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			r.Failf("a control character in a string")
			return nil, false
		case c < utf8.RuneSelf:
			r.pos++
		default:
			if !r.rune() {
				return nil, false
			}
		}
	}
	r.unexpected("the end of the string")
	return nil, false
}

// rune moves over one character that is not ASCII.
func (r *Reader) rune() bool {
	c, size := utf8.DecodeRune(r.data[r.pos:])
	if c == utf8.RuneError && size == 1 {
		r.Failf("bytes that are not UTF-8")
		return false
	}
	r.pos += size
	return true
}

// escaped goes on with a string that began at start and has a backslash at the present offset.
func (r *Reader) escaped(start int) ([]byte, bool) {
	out := append(r.scratch[:0], r.data[start:r.pos]...)
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		switch {
		case c == '"':
			r.pos++
			r.scratch = out
			return out, true
		case c == '\\':
			var ok bool
			if out, ok = r.escape(out); !ok {
				return nil, false
			}
		case c < 0x20:
			r.Failf("a control character in a string")
			return nil, false
		case c < utf8.RuneSelf:
			out = append(out, c)
			r.pos++
		default:
			from := r.pos
			if !r.rune() {
				return nil, false
			}
			out = append(out, r.data[from:r.pos]...)
		}
	}
	r.unexpected("the end of the string")
	return nil, false
}

func (r *Reader) escape(out []byte) ([]byte, bool) {
	if r.pos+1 >= len(r.data) {
		r.unexpected("an escape")
		return nil, false
	}
	c := r.data[r.pos+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		unit, ok := r.unit()
		if !ok {
			r.Failf("an escape that is not \\u and four hexadecimal digits")
			return nil, false
		}
		r.pos += 6
		if unit >= 0xD800 && unit < 0xDC00 {
			if low, ok := r.unit(); ok && low >= 0xDC00 && low < 0xE000 {
				r.pos += 6
				return utf8.AppendRune(out, pair(unit, low)), true
			}
		}
		return appendUnit(out, unit), true
	default:
		r.Failf("an unknown escape")
		return nil, false
	}
	r.pos += 2
	return append(out, c), true
}

// unit reads \uXXXX at the present offset without moving.
func (r *Reader) unit() (rune, bool) {
	if len(r.data)-r.pos < 6 || r.data[r.pos] != '\\' || r.data[r.pos+1] != 'u' {
		return 0, false
	}
	var u rune
	for _, c := range r.data[r.pos+2 : r.pos+6] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return u, true
}

func (r *Reader) space() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *Reader) unexpected(wanted string) {
	if r.err != nil {
		return
	}
	if r.pos >= len(r.data) {
		r.Failf("the text ends where %s was expected", wanted)
		return
	}
	r.Failf("%q where %s was expected", rune(r.data[r.pos]), wanted)
}
