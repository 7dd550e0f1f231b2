package lib0

import (
	"encoding/binary"
	"math"
	"slices"
	"unicode/utf8"
)

// Extend makes a buffer n bytes longer and returns the new part, which is to be filled in. For buffers that lie in a struct
// it is cheaper than append, which stores the pointer every time; that is slow while garbage is collected.
func Extend(b *[]byte, n int) []byte {
	at := len(*b)
	if cap(*b)-at < n {
		*b = slices.Grow(*b, n)
	}
	*b = (*b)[:at+n]
	return (*b)[at:]
}

// AppendVarUint appends an unsigned number. Readers accept at most 2^53-1.
func AppendVarUint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// SizeVarUint returns the number of bytes that AppendVarUint appends.
func SizeVarUint(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// AppendVarInt appends a signed number given by magnitude and sign. (0, true) is the negative zero.
func AppendVarInt(b []byte, magnitude uint64, negative bool) []byte {
	c := byte(magnitude & 0x3f)
	if negative {
		c |= 0x40
	}
	magnitude >>= 6
	if magnitude == 0 {
		return append(b, c)
	}
	return AppendVarUint(append(b, c|0x80), magnitude)
}

// AppendBytes appends a byte string with its length before it. It also writes a string that is known to be UTF-8.
func AppendBytes(b, p []byte) []byte {
	return append(AppendVarUint(b, uint64(len(p))), p...)
}

// AppendString appends a string with its length in bytes before it. Halves of surrogate pairs that stand alone, and
// bytes which are no UTF-8, become U+FFFD; two halves that meet become one character.
func AppendString[S ~string | ~[]byte](b []byte, s S) []byte {
	if !validString(s) {
		w := WellFormed(s)
		return append(AppendVarUint(b, uint64(len(w))), w...)
	}
	return append(AppendVarUint(b, uint64(len(s))), s...)
}

func validString[S ~string | ~[]byte](s S) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return utf8.ValidString(string(s[i:]))
		}
	}
	return true
}

// AppendFloat32 appends a float32, big-endian.
func AppendFloat32(b []byte, f float32) []byte {
	return binary.BigEndian.AppendUint32(b, math.Float32bits(f))
}

// AppendFloat64 appends a float64, big-endian.
func AppendFloat64(b []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(b, math.Float64bits(f))
}

// AppendInt64 appends an int64 of eight bytes, big-endian.
func AppendInt64(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(v))
}
