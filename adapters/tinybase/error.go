package tinybase

import "fmt"

// The close codes of WebSocket that TinyBase uses.
const (
	CloseInvalid  = 1007 // the peer sent what is not a message
	CloseOverflow = 1013 // a limit was reached; the peer may try again later
)

// The words that follow "tinybase:15:" in the reason of a closed socket.
const (
	OverSocket    = "socket"    // a frame, or what waits to be sent, is larger than MaxFrame
	OverFragments = "fragments" // too many fragments wait for their others
	OverChannels  = "channels"  // too many channels, or a channel's name is too long
	OverServer    = "server"    // the server has too much to do
)

// ProtocolError says that a peer broke the protocol or a limit, and that its socket is to be closed.
type ProtocolError struct {
	Code   int    // CloseInvalid or CloseOverflow
	Limit  string // which limit, when the code is CloseOverflow
	Reason string // what was wrong, and where
}

// Error describes the error for a log. What goes into the close frame is [ProtocolError.CloseReason].
func (e *ProtocolError) Error() string {
	return fmt.Sprintf("tinybase: %s (%s)", e.Reason, e.CloseReason())
}

// CloseReason returns the reason as TinyBase writes it: "tinybase:14", or "tinybase:15:" and the limit.
func (e *ProtocolError) CloseReason() string {
	if e.Code == CloseInvalid {
		return "tinybase:14"
	}
	return "tinybase:15:" + e.Limit
}

func invalid(format string, args ...any) *ProtocolError {
	return &ProtocolError{Code: CloseInvalid, Reason: fmt.Sprintf(format, args...)}
}

func overflow(limit, format string, args ...any) *ProtocolError {
	return &ProtocolError{Code: CloseOverflow, Limit: limit, Reason: fmt.Sprintf(format, args...)}
}
