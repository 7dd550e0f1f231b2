package lib0

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the text that JavaScript's JSON.stringify gives for v.
//
// undefined is null in a list and leaves an object's field out; at the top it has no text, which is an error. NaN and the
// infinities are null, -0 is 0, and bytes are an object of numbers. A bigint has no JSON text, which is an error too.
func AppendJSON(b []byte, v Any) ([]byte, error) {
	if v.kind == Undefined {
		return b, &DecodeError{Kind: ErrJSON, What: "JSON text of undefined"}
	}
	return appendJSON(b, v)
}

func appendJSON(b []byte, v Any) ([]byte, error) {
	var err error
	switch v.kind {
	case Undefined, Null:
		return append(b, "null"...), nil
	case Bool:
		return strconv.AppendBool(b, v.bits == 1), nil
	case Number:
		if f := v.Number(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return AppendNumber(b, f), nil
		}
		return append(b, "null"...), nil
	case BigInt:
		return b, &DecodeError{Kind: ErrJSON, What: "JSON text of a bigint"}
	case String:
		return AppendQuoted(b, v.text), nil
	case Bytes:
		b = append(b, '{')
		for i := 0; i < len(v.text); i++ {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(strconv.AppendInt(append(b, '"'), int64(i), 10), '"', ':')
			b = strconv.AppendUint(b, uint64(v.text[i]), 10)
		}
		return append(b, '}'), nil
	case List:
		b = append(b, '[')
		for i, e := range v.more.list {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, e); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	}
	b = append(b, '{')
	first := true
	for _, f := range v.more.fields {
		if f.Value.kind == Undefined {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(AppendQuoted(b, f.Key), ':')
		if b, err = appendJSON(b, f.Value); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// AppendNumber appends a finite number as JavaScript prints it: 100, 0.1, 1e+21, 1e-7. -0 is 0.
func AppendNumber(b []byte, f float64) []byte {
	if f == 0 {
		return append(b, '0')
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	// Go pads the exponent to two digits: 1e-07.
	if n := len(b); b[n-2] == '0' && (b[n-3] == '-' || b[n-3] == '+') {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

// AppendQuoted appends s as JSON.stringify quotes it: escapes for the quote, the backslash and control characters, and
// \udXXX for halves of surrogate pairs that stand alone; everything else as it is, also <, > and U+2028.
func AppendQuoted[S ~string | ~[]byte](b []byte, s S) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < 0x80 {
			continue
		}
		if c >= 0x80 {
			if high := highAt(s, i); high || lowAt(s, i) {
				b = append(b, s[from:i]...)
				u := unitOf(s, i)
				if high && lowAt(s, i+3) {
					b = utf8.AppendRune(b, 0x10000+(u-0xD800)<<10+(unitOf(s, i+3)-0xDC00))
					i += 3
				} else {
					b = append(b, '\\', 'u', 'd', digits[u>>8&15], digits[u>>4&15], digits[u&15])
				}
				i += 2
				from = i + 1
			}
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
