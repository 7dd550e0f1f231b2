package synchronizer

import (
	"context"
	"sync"
)

// Conn carries whole messages to and from the other end. Read and Write may run at the same time, each from one goroutine.
type Conn interface {
	// Read waits for a message. The caller owns it. When the other end has closed, the error is an [*Error] with Remote set and what it said.
	Read(ctx context.Context) ([]byte, error)
	// Write sends one message and must not change or keep it.
	Write(ctx context.Context, msg []byte) error
	// Close tells the other end why and ends the connection; pending Reads and Writes return. Further calls do nothing.
	Close(code Code, reason string) error
}

// ConnPair returns the two ends of a connection in memory. Each direction holds up to n messages (at least one) before Write waits.
func ConnPair(n int) (Conn, Conn) {
	n = max(n, 1)
	ab, ba := make(chan []byte, n), make(chan []byte, n)
	shut := &memShut{done: make(chan struct{})}
	return &memConn{in: ba, out: ab, shut: shut, first: true}, &memConn{in: ab, out: ba, shut: shut}
}

// memShut is the closing of both ends, by whichever came first.
type memShut struct {
	once   sync.Once
	done   chan struct{}
	first  bool // who closed
	code   Code
	reason string
}

type memConn struct {
	in    <-chan []byte
	out   chan<- []byte
	shut  *memShut
	first bool
}

func (c *memConn) Read(ctx context.Context) ([]byte, error) {
	select { // what was sent before the closing still arrives
	case m := <-c.in:
		return m, nil
	default:
	}
	select {
	case m := <-c.in:
		return m, nil
	case <-c.shut.done:
		select {
		case m := <-c.in:
			return m, nil
		default:
			return nil, c.closed()
		}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *memConn) Write(ctx context.Context, msg []byte) error {
	select {
	case <-c.shut.done:
		return c.closed()
	default:
	}
	select {
	case c.out <- append([]byte(nil), msg...):
		return nil
	case <-c.shut.done:
		return c.closed()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *memConn) Close(code Code, reason string) error {
	c.shut.once.Do(func() {
		c.shut.first, c.shut.code, c.shut.reason = c.first, code, reason
		close(c.shut.done)
	})
	return nil
}

func (c *memConn) closed() error {
	return &Error{Code: c.shut.code, Reason: c.shut.reason, Remote: c.shut.first != c.first}
}
