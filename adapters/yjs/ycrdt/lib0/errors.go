package lib0

import "fmt"

// A Kind says what was wrong with the input. Kinds are errors, so that errors.Is(err, lib0.ErrLimit) asks for one.
type Kind uint8

// The kinds of errors.
const (
	ErrEnd      Kind = iota + 1 // the input ends too early
	ErrRange                    // a number is larger than the format or this library allows
	ErrText                     // a string is not UTF-8
	ErrTag                      // an unknown tag, reference or flag
	ErrLimit                    // a count, a depth or a size is above its limit
	ErrJSON                     // a string that should hold JSON does not, or a value has no JSON text
	ErrTrailing                 // bytes are left over
	ErrInvalid                  // the parts are readable but contradict each other
)

// Error returns the kind in words.
func (k Kind) Error() string {
	switch k {
	case ErrEnd:
		return "unexpected end of input"
	case ErrRange:
		return "number out of range"
	case ErrText:
		return "invalid UTF-8"
	case ErrTag:
		return "unknown tag"
	case ErrLimit:
		return "limit exceeded"
	case ErrJSON:
		return "invalid JSON"
	case ErrTrailing:
		return "trailing bytes"
	case ErrInvalid:
		return "invalid structure"
	}
	return fmt.Sprintf("error kind %d", uint8(k))
}

// A DecodeError says what was wrong and where.
type DecodeError struct {
	Kind   Kind
	Offset int    // byte offset in the input that the outermost Reader was made for
	What   string // what was being read: "string", "struct info"
}

// Error returns one line: what was read, what was wrong, where.
func (e *DecodeError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("%v at byte %d", e.Kind, e.Offset)
	}
	return fmt.Sprintf("%s: %v at byte %d", e.What, e.Kind, e.Offset)
}

// Unwrap returns the Kind.
func (e *DecodeError) Unwrap() error { return e.Kind }
