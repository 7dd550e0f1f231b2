// Package fnv1a is the 32-bit FNV-1a hash over the UTF-8 form of JavaScript strings, as TinyBase computes it.
//
// Strings are WTF-8 (see package jsjson); a lone surrogate is hashed as U+FFFD, which is what a TextEncoder makes of it.
package fnv1a

// Offset is the hash of the empty string.
const Offset uint32 = 2166136261

const prime = 16777619

// Byte goes on with hash h by one byte.
func Byte(h uint32, b byte) uint32 { return (h ^ uint32(b)) * prime }

// String goes on with hash h by a string.
func String(h uint32, s string) uint32 {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == 0xED && i+2 < len(s) && s[i+1] >= 0xA0 {
			h = (((h^0xEF)*prime^0xBF)*prime ^ 0xBD) * prime
			i += 2
			continue
		}
		h = (h ^ uint32(c)) * prime
	}
	return h
}

// Bytes goes on with hash h by the bytes of a string.
func Bytes(h uint32, s []byte) uint32 {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == 0xED && i+2 < len(s) && s[i+1] >= 0xA0 {
			h = (((h^0xEF)*prime^0xBF)*prime ^ 0xBD) * prime
			i += 2
			continue
		}
		h = (h ^ uint32(c)) * prime
	}
	return h
}

// Decimal goes on with hash h by the decimal digits of n.
func Decimal(h, n uint32) uint32 {
	var digits [10]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			break
		}
	}
	for _, c := range digits[i:] {
		h = (h ^ uint32(c)) * prime
	}
	return h
}
