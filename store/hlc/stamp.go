package hlc

import (
	"cmp"
	"fmt"
	"time"
)

// The bounds of a stamp's parts.
const (
	MaxTime    = 1<<42 - 1 // milliseconds since 1970
	MaxCounter = 1<<24 - 1
	MaxClient  = Client(1<<30 - 1)
)

// Len is the length of a stamp's text.
const Len = 16

// Stamp is one moment of one client's clock. Stamps are comparable: == is equality. The zero Stamp is "no moment": its
// text is empty, and it is before every other.
type Stamp struct {
	high uint64 // time, and the upper 22 bits of the counter
	low  uint32 // the lower 2 bits of the counter, and the client
	set  uint32 // 1, but 0 in the zero Stamp: 16 dashes are a moment too
}

// New returns the stamp of a time in milliseconds since 1970, a counter and a client. Bits beyond the bounds are dropped,
// as TinyBase drops them; a [Clock] never gets there.
func New(millis, counter uint64, client Client) Stamp {
	counter &= MaxCounter
	return Stamp{high: millis<<22 | counter>>2, low: uint32(counter)<<30 | uint32(client&MaxClient), set: 1}
}

// FromBits is the inverse of [Stamp.Bits].
func FromBits(high uint64, low uint32) Stamp { return Stamp{high: high, low: low, set: 1} }

// Bits returns the 96 bits of a stamp. Those of the zero Stamp are 0, as are those of sixteen dashes.
func (s Stamp) Bits() (high uint64, low uint32) { return s.high, s.low }

// IsZero reports whether s is the zero Stamp.
func (s Stamp) IsZero() bool { return s.set == 0 }

// Millis returns the milliseconds since 1970.
func (s Stamp) Millis() int64 { return int64(s.high >> 22) }

// Time returns the time, in UTC.
func (s Stamp) Time() time.Time { return time.UnixMilli(s.Millis()).UTC() }

// Counter returns the number of the stamp within its millisecond.
func (s Stamp) Counter() int { return int(s.high&(1<<22-1)<<2 | uint64(s.low>>30)) }

// Client returns who made the stamp.
func (s Stamp) Client() Client { return Client(s.low) & MaxClient }

// Compare returns -1 when s is before t, 1 when it is after, and 0 when they are equal: by time, then counter, then client.
func (s Stamp) Compare(t Stamp) int {
	if c := cmp.Compare(s.high, t.high); c != 0 {
		return c
	}
	if c := cmp.Compare(s.low, t.low); c != 0 {
		return c
	}
	return cmp.Compare(s.set, t.set)
}

// After reports whether s is later than t.
func (s Stamp) After(t Stamp) bool { return s.Compare(t) > 0 }

const alphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// sextet returns the six bits of a character of the alphabet, else 64 or more.
func sextet(c byte) uint64 {
	switch {
	case c >= 'a' && c <= 'z':
		return uint64(c-'a') + 38
	case c >= 'A' && c <= 'Z':
		return uint64(c-'A') + 11
	case c >= '0' && c <= '9':
		return uint64(c-'0') + 1
	case c == '-':
		return 0
	case c == '_':
		return 37
	}
	return 64
}

// String returns the 16 characters of s, or "" for the zero Stamp.
func (s Stamp) String() string {
	var text [Len]byte
	return string(s.Append(text[:0]))
}

// Append appends the text of s to dst.
func (s Stamp) Append(dst []byte) []byte {
	if s.set == 0 {
		return dst
	}
	for shift := 58; shift >= 0; shift -= 6 {
		dst = append(dst, alphabet[s.high>>shift&63])
	}
	// Four bits of the upper half are left, and make a character with two of the lower one.
	dst = append(dst, alphabet[s.high&15<<2|uint64(s.low>>30)])
	for shift := 24; shift >= 0; shift -= 6 {
		dst = append(dst, alphabet[s.low>>shift&63])
	}
	return dst
}

// FormatError says that a text is not a stamp, or not a client.
type FormatError struct{ Text string }

// Error quotes the beginning of the text.
func (e *FormatError) Error() string {
	if len(e.Text) > 40 {
		return fmt.Sprintf("hlc: %q... is not a stamp", e.Text[:40])
	}
	return fmt.Sprintf("hlc: %q is not a stamp", e.Text)
}

// Parse reads a stamp: 16 characters of the alphabet, or none for the zero Stamp. The error is a [*FormatError].
func Parse[T string | []byte](text T) (Stamp, error) {
	if len(text) == 0 {
		return Stamp{}, nil
	}
	if len(text) != Len {
		return Stamp{}, &FormatError{string(text)}
	}
	var high, low, bad uint64
	for i := range 10 {
		v := sextet(text[i])
		bad |= v
		high = high<<6 | v
	}
	middle := sextet(text[10])
	bad |= middle
	high = high<<4 | middle>>2
	low = middle & 3
	for i := 11; i < Len; i++ {
		v := sextet(text[i])
		bad |= v
		low = low<<6 | v
	}
	if bad > 63 {
		return Stamp{}, &FormatError{string(text)}
	}
	return Stamp{high: high, low: uint32(low), set: 1}, nil
}
