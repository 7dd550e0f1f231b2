package roomdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// Errors that callers may want to tell apart with errors.Is.
var (
	ErrClosed = errors.New("roomdb: closed")
	ErrOpen   = errors.New("roomdb: the room is open already") // a room has one Log at a time
	ErrTooBig = errors.New("roomdb: the record is over the limit")
)

// LockError says that another process holds the data folder.
type LockError struct {
	Dir string
	By  string // what the holder wrote about itself, for example "process 4711"; may be empty
}

func (e *LockError) Error() string {
	by := "another process"
	if e.By != "" {
		by = e.By
	}
	return fmt.Sprintf("roomdb: the data folder %s is in use by %s: stop that one, or choose another folder", e.Dir, by)
}

// DamageError says that a database cannot be trusted. The file is as it was found.
type DamageError struct {
	File    string
	Reasons []string // at most a few
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("roomdb: the database %s is damaged (%s): it was left as it is; restore a copy, or move it away to begin with an empty one",
		e.File, strings.Join(e.Reasons, "; "))
}

// FormatError says that a file is not a database of this program, or one of a later version.
type FormatError struct {
	File, Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("roomdb: %s %s: it was left as it is", e.File, e.Reason)
}

// Result codes of SQLite (https://www.sqlite.org/rescode.html).
const (
	codeBusy    = 5
	codeIO      = 10
	codeCorrupt = 11
	codeNotADB  = 26

	codeShortRead = codeIO | 2<<8
)

// isDamage says whether err is SQLite's word for a file that is not as it should be.
func isDamage(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Code()&0xFF == codeCorrupt || e.Code()&0xFF == codeNotADB || e.Code() == codeShortRead
}

// unreadable is the error for a row that cannot be what was written: that is damage too, unless reading was given up meanwhile.
func unreadable(ctx context.Context, file string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &DamageError{File: file, Reasons: []string{err.Error()}}
}
