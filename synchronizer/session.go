package synchronizer

import (
	"errors"
	"time"
)

// Session is one end of one conversation. It does no I/O and starts no goroutine, and serves one connection: a new connection takes a new Session.
//
// Start, Receive and Poll return the messages to send, in order. Nobody changes the bytes of a message, neither who made it nor who received it; both may keep them.
//
// An error ends the conversation. If it is or wraps an [*Error], the connection is closed with that code and reason; an Error with
// [CodeNormal] ends it in good order. Messages returned beside an error are sent before the connection closes.
type Session interface {
	// Start is called once, before all else, and returns what this end says first.
	Start() (out [][]byte, err error)
	// Receive takes one message from the other end.
	Receive(msg []byte) (out [][]byte, err error)
	// Poll returns what has become due since: called when Wake fired, or when the time of Next has come. Being called for nothing must be harmless.
	// It may return a part and fire Wake again.
	Poll() (out [][]byte, err error)
	// Wake returns a channel that receives when there is something to Poll: buffered with one place and written without waiting, always the same one.
	// Nil: never.
	Wake() <-chan struct{}
}

// Timed is a Session that also has something to say when time passes (a heartbeat, a timeout).
type Timed interface {
	Session
	// Next returns when to Poll even if Wake does not fire; zero means never. It is asked again after every other call.
	Next() time.Time
}

// Closer is a Session that holds on to something outside (a subscription, a place in a room). Whoever drives it calls Close
// once when the conversation is over, and nothing after.
type Closer interface {
	Session
	Close()
}

// End calls the Close method of s, if it has one.
func End(s Session) {
	if c, ok := s.(Closer); ok {
		c.Close()
	}
}

func nextOf(s Session) time.Time {
	if t, ok := s.(Timed); ok {
		return t.Next()
	}
	return time.Time{}
}

// normal reports whether err means that a conversation ended in good order.
func normal(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Code == CodeNormal || e.Code == CodeGoingAway)
}
