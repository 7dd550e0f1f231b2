package jsjson

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// AppendNumber appends f as JSON.stringify writes it (ECMAScript's Number::toString): the shortest digits that read back
// as f, an exponent from 1e21 up and below 1e-6, -0 as 0. NaN and the infinities, which JSON cannot hold, become null.
func AppendNumber(dst []byte, f float64) []byte {
	if i := int64(f); float64(i) == f && i > -1<<53 && i < 1<<53 {
		return strconv.AppendInt(dst, i, 10)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes at least two digits of exponent, JavaScript as few as it can.
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// AppendString appends s, in WTF-8, as a quoted JSON string, as JSON.stringify writes it: the quote, the backslash and the
// controls below U+0020 are escaped, a lone surrogate is written \udXXX, everything else stands as it is. Bytes that are
// not WTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
			i++
			start = i
			continue
		}
		if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		unit, ok := surrogateAt(s, i)
		if !ok {
			dst = append(dst, "\uFFFD"...)
			i++
			start = i
			continue
		}
		i += 3
		if low, ok := surrogateAt(s, i); ok && unit < 0xDC00 && low >= 0xDC00 {
			dst = utf8.AppendRune(dst, pair(unit, low))
			i += 3
		} else {
			dst = append(dst, '\\', 'u', 'd', hexDigits[unit>>8&15], hexDigits[unit>>4&15], hexDigits[unit&15])
		}
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

const hexDigits = "0123456789abcdef"

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// surrogateAt reads the three-byte form of a surrogate at s[i:].
func surrogateAt(s string, i int) (unit rune, ok bool) {
	if i+2 >= len(s) || s[i] != 0xED || s[i+1] < 0xA0 || s[i+1] > 0xBF || s[i+2]&0xC0 != 0x80 {
		return 0, false
	}
	return 0xD000 | rune(s[i+1]&0x3F)<<6 | rune(s[i+2]&0x3F), true
}

func pair(high, low rune) rune { return (high-0xD800)<<10 + (low - 0xDC00) + 0x10000 }

// appendUnit appends a UTF-16 unit that is not part of a pair.
func appendUnit(dst []byte, u rune) []byte {
	if u < 0xD800 || u > 0xDFFF {
		return utf8.AppendRune(dst, u)
	}
	return append(dst, 0xED, byte(0x80|u>>6&0x3F), byte(0x80|u&0x3F))
}
