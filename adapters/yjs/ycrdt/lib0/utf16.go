package lib0

import (
	"unicode/utf8"
)

// Yjs counts text in UTF-16 units. In UTF-8 a character of four bytes is two units (a surrogate pair), every other one.
//
//	bytes  61 | c3 a9 | f0 9f 98 80
//	units   0 |   1   |   2     3        offset 3 lies inside the pair

const replacement = "\uFFFD"

// Surrogate halves in their three-byte form: ED A0..AF xx is high (first), ED B0..BF xx is low (second).
func highAt[S ~string | ~[]byte](s S, i int) bool {
	return i+2 < len(s) && s[i] == 0xED && s[i+1] >= 0xA0 && s[i+1] < 0xB0
}

func lowAt[S ~string | ~[]byte](s S, i int) bool {
	return i+2 < len(s) && s[i] == 0xED && s[i+1] >= 0xB0 && s[i+1] < 0xC0
}

// unitOf decodes a surrogate half in its three-byte form at s[i].
func unitOf[S ~string | ~[]byte](s S, i int) rune {
	return rune(s[i]&0x0f)<<12 | rune(s[i+1]&0x3f)<<6 | rune(s[i+2]&0x3f)
}

// appendUnit appends a UTF-16 unit that is half of a pair in its three-byte form.
func appendUnit(b []byte, u rune) []byte {
	return append(b, 0xE0|byte(u>>12), 0x80|byte(u>>6)&0x3F, 0x80|byte(u)&0x3F)
}

// IsASCII reports whether all bytes are below 0x80, so that bytes and UTF-16 units are the same.
func IsASCII[S ~string | ~[]byte](s S) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if (s[i]|s[i+1]|s[i+2]|s[i+3]|s[i+4]|s[i+5]|s[i+6]|s[i+7])&0x80 != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// UTF16Len returns the length of s in UTF-16 units. A half of a pair in its three-byte form counts one.
func UTF16Len[S ~string | ~[]byte](s S) int {
	n, i := 0, 0
	for i < len(s) {
		if i+8 <= len(s) && (s[i]|s[i+1]|s[i+2]|s[i+3]|s[i+4]|s[i+5]|s[i+6]|s[i+7])&0x80 == 0 {
			n += 8
			i += 8
			continue
		}
		c := s[i]
		if c&0xC0 != 0x80 {
			n++
			if c >= 0xF0 {
				n++
			}
		}
		i++
	}
	return n
}

// UTF16Offset returns the byte offset of UTF-16 unit n of s. If the unit is the second half of a pair, inPair is true
// and at is the offset of the character. If s has fewer than n units, at is -1.
func UTF16Offset[S ~string | ~[]byte](s S, n int) (at int, inPair bool) {
	i := 0
	for n > 0 {
		if i >= len(s) {
			return -1, false
		}
		if n >= 8 && i+8 <= len(s) && (s[i]|s[i+1]|s[i+2]|s[i+3]|s[i+4]|s[i+5]|s[i+6]|s[i+7])&0x80 == 0 {
			i += 8
			n -= 8
			continue
		}
		switch c := s[i]; {
		case c < 0x80:
			i++
		case c < 0xE0:
			i += 2
		case c < 0xF0:
			i += 3
		default:
			if n == 1 {
				return i, true
			}
			n--
			i += 4
		}
		n--
	}
	if i > len(s) {
		return -1, false
	}
	return i, false
}

// CutUTF16 cuts s before unit n as JavaScript's slice does. If that divides a surrogate pair, the halves stand in the
// results in their three-byte form. If s has fewer than n units, tail is empty.
func CutUTF16(s []byte, n int) (head, tail []byte) {
	at, inPair := UTF16Offset(s, n)
	if at < 0 {
		return s, nil
	}
	if !inPair {
		return s[:at:at], s[at:]
	}
	r, size := utf8.DecodeRune(s[at:])
	if size != 4 {
		return s[:at:at], s[at:]
	}
	r -= 0x10000
	head = appendUnit(append(make([]byte, 0, at+3), s[:at]...), 0xD800|r>>10)
	tail = append(appendUnit(make([]byte, 0, len(s)-at-1), 0xDC00|r&0x3FF), s[at+4:]...)
	return head, tail
}

// SplitUTF16 cuts s before unit n as Yjs cuts the text of an item: if that divides a surrogate pair, each half becomes
// U+FFFD. (Yjs looks only at the unit before the cut: if that is a high half, the units on both sides are replaced.)
func SplitUTF16(s []byte, n int) (head, tail []byte) {
	head, tail = CutUTF16(s, n)
	if h := len(head) - 3; h >= 0 && highAt(head, h) {
		_, rest := CutUTF16(tail, 1)
		head = append(head[:h:h], replacement...)
		tail = append(append(make([]byte, 0, len(rest)+3), replacement...), rest...)
	}
	return head, tail
}

// JoinText returns a followed by b. A high half at the end of a and a low half at the start of b become one character.
func JoinText(a, b []byte) []byte {
	out := make([]byte, 0, len(a)+len(b))
	return appendJoined(append(out, a...), b)
}

// appendJoined appends s to out like JoinText.
func appendJoined[S ~string | ~[]byte](out []byte, s S) []byte {
	if h := len(out) - 3; h >= 0 && lowAt(s, 0) && highAt(out, h) {
		pair := 0x10000 + (unitOf(out, h)-0xD800)<<10 + (unitOf(s, 0) - 0xDC00)
		return append(utf8.AppendRune(out[:h], pair), s[3:]...)
	}
	return append(out, s...)
}

// WellFormed returns s as UTF-8: halves of surrogate pairs that meet become one character, halves that stand alone and
// bytes which are no UTF-8 become U+FFFD. It returns s itself if there is nothing to replace.
func WellFormed[S ~string | ~[]byte](s S) S {
	if validString(s) {
		return s
	}
	out := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); {
		if highAt(s, i) && lowAt(s, i+3) {
			out = utf8.AppendRune(out, 0x10000+(unitOf(s, i)-0xD800)<<10+(unitOf(s, i+3)-0xDC00))
			i += 6
			continue
		}
		if highAt(s, i) || lowAt(s, i) {
			out = append(out, replacement...)
			i += 3
			continue
		}
		if s[i] < 0x80 {
			out = append(out, s[i])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+4, len(s))]))
		out = utf8.AppendRune(out, r)
		i += size
	}
	return S(out)
}
