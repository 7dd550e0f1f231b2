package ycrdt

import (
	"errors"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A DecodeError says what was wrong with an update and at which byte. errors.Is(err, ycrdt.ErrLimit) asks for its kind.
type DecodeError = lib0.DecodeError

// The kinds of a DecodeError.
const (
	ErrEnd      = lib0.ErrEnd      // the update ends too early
	ErrRange    = lib0.ErrRange    // a number is larger than the format or this library allows
	ErrText     = lib0.ErrText     // a string is not UTF-8
	ErrTag      = lib0.ErrTag      // an unknown tag, reference or flag
	ErrLimit    = lib0.ErrLimit    // a count, a depth or a size is above its limit
	ErrJSON     = lib0.ErrJSON     // a string that should hold JSON does not
	ErrTrailing = lib0.ErrTrailing // bytes are left over
	ErrInvalid  = lib0.ErrInvalid  // the parts are readable but contradict each other
)

// Errors of the methods of handles.
var (
	ErrDeleted  = errors.New("ycrdt: the shared type has been deleted or never existed")
	ErrReadOnly = errors.New("ycrdt: written outside of Update")
	ErrClosed   = errors.New("ycrdt: used after its transaction")
	ErrKind     = errors.New("ycrdt: a type of another kind")
	ErrIndex    = errors.New("ycrdt: index out of range")
	ErrValue    = errors.New("ycrdt: a value that cannot stand here")
	ErrFull     = errors.New("ycrdt: no clock left for this client")
)
