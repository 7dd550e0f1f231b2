package synchronizer

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Code says why a connection was closed: the close codes of WebSocket (RFC 6455, section 7.4.1), whatever carries the messages.
type Code uint16

const (
	CodeNormal      Code = 1000 // the conversation is over
	CodeGoingAway   Code = 1001 // this end shuts down
	CodeProtocol    Code = 1002 // the other end broke the rules of the protocol
	CodeUnsupported Code = 1003 // a kind of data this end does not take, such as text on a binary protocol
	CodeAbnormal    Code = 1006 // never sent: the connection broke without a closing word
	CodeMalformed   Code = 1007 // a message that cannot be decoded
	CodePolicy      Code = 1008 // a message that is understood and refused
	CodeTooBig      Code = 1009 // a message over the limit
	CodeInternal    Code = 1011 // a fault on this side
	CodeTryLater    Code = 1013 // overloaded, or a reader too slow: come back later
)

// String returns the number and, for the codes named here, a word.
func (c Code) String() string {
	if w, ok := codeWords[c]; ok {
		return fmt.Sprintf("%d (%s)", uint16(c), w)
	}
	return fmt.Sprint(uint16(c))
}

var codeWords = map[Code]string{
	CodeNormal: "normal", CodeGoingAway: "going away", CodeProtocol: "protocol error", CodeUnsupported: "unsupported data",
	CodeAbnormal: "connection lost", CodeMalformed: "malformed message", CodePolicy: "refused", CodeTooBig: "message too big",
	CodeInternal: "internal error", CodeTryLater: "try again later",
}

// Error is the end of a conversation, with what the other end is told (or told us).
type Error struct {
	Code   Code
	Reason string // for the other end; cut to 123 bytes on a WebSocket
	Remote bool   // the other end closed, and this is what it said
	Err    error  // the cause, not told to the other end; may be nil
}

// Errorf returns an Error of this side with a formatted reason. An error formatted with %w is also its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Reason: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the code, the reason and the cause.
func (e *Error) Error() string {
	s := "closed"
	if e.Remote {
		s = "closed by the other end"
	}
	s += ": " + e.Code.String()
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil && e.Reason != e.Err.Error() {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code to close a connection with after err: [CodeNormal] for nil, the code of the *Error in it, otherwise [CodeInternal].
func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return CodeNormal
	case errors.As(err, &e):
		return e.Code
	}
	return CodeInternal
}

// ReasonOf returns what to tell the other end about err: the reason of the *Error in it, or nothing, since other errors may
// speak of things that are not the other end's business.
func ReasonOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// CutReason shortens a reason to at most n bytes, at the end of a character.
func CutReason(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
