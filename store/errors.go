package store

import (
	"errors"
	"fmt"
)

// Errors that callers may want to tell apart with errors.Is.
var (
	ErrInvalid   = errors.New("invalid value")                                   // an id or a value that no Store can hold
	ErrTxDone    = errors.New("store: the transaction has ended")                // a Tx used after its function returned
	ErrUnsettled = errors.New("store: participants keep changing the same data") // Prepare hooks that never agree
)

// invalidValue is the reason why a value or an id is refused.
type invalidValue string

func (e invalidValue) Error() string        { return string(e) }
func (e invalidValue) Is(target error) bool { return target == ErrInvalid }

// SetError says which part of a Store could not be set, and why.
type SetError struct {
	Path Path
	Err  error
}

func (e *SetError) Error() string { return fmt.Sprintf("store: set %v: %v", e.Path, e.Err) }

// Unwrap returns the reason.
func (e *SetError) Unwrap() error { return e.Err }
