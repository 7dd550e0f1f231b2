package tinybase

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/rowloom/rowloom/synchronizer"
)

// Broadcast connects any number of stores under one name, as TinyBase does with a browser's BroadcastChannel: all in one
// process, or, over a Unix socket, all on one machine. Each store joins it by a [Synchronizer]:
//
//	pets := tinybase.NewBroadcast("")
//	defer pets.Close()
//	s := tinybase.New(m, pets.Dial, nil)
//	s.Start()
//
// On a machine, the process that came first passes the messages on; when it ends, another one takes its place. All of them run for one user: nobody
// else may connect.
type Broadcast struct {
	path   string
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	relay  *Relay // here: always without a path, otherwise when this process passes the messages on
}

// NewBroadcast returns a Broadcast: of this process when path is empty, otherwise of all processes that name the same path,
// where a socket and a lock file will be. It must be closed.
func NewBroadcast(path string) *Broadcast {
	b := &Broadcast{path: path}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if path == "" {
		b.relay = NewRelay(nil)
	}
	return b
}

// Hosting reports whether this process passes the messages on.
func (b *Broadcast) Hosting() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.relay != nil
}

// Close ends all connections, and waits for them.
func (b *Broadcast) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.tasks.Wait()
}

// begin starts a task, unless b is closed.
func (b *Broadcast) begin(task func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	b.tasks.Go(task)
	return nil
}

// Dial is a [Dialer].
func (b *Broadcast) Dial(ctx context.Context) (synchronizer.Conn, error) {
	if b.path == "" {
		near, far := synchronizer.ConnPair(16)
		return near, b.begin(func() { serve(b.ctx, b.relay, far) })
	}
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", b.path)
		if err == nil {
			return newStream(c), nil
		}
		if err := b.host(); err != nil {
			return nil, err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func serve(ctx context.Context, relay *Relay, c synchronizer.Conn) {
	session, _ := relay.Session()
	_ = synchronizer.Run(ctx, session, c)
}

// host makes this process the one that passes messages on, unless another one is.
func (b *Broadcast) host() error {
	lock := flock.New(b.path + ".lock")
	ok, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("tinybase: broadcast: %w", err)
	}
	if !ok {
		return nil // another one is just about to listen
	}
	// Whoever listened here has gone, since the lock is free.
	if err := os.Remove(b.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("tinybase: broadcast: %w", err), lock.Unlock())
	}
	l, err := net.Listen("unix", b.path)
	if err != nil {
		return errors.Join(fmt.Errorf("tinybase: broadcast: %w", err), lock.Unlock())
	}
	if err := os.Chmod(b.path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("tinybase: broadcast: %w", err), l.Close(), lock.Unlock())
	}
	relay := NewRelay(nil)
	b.mu.Lock()
	b.relay = relay
	b.mu.Unlock()
	err = b.begin(func() { b.accept(l, relay, lock) })
	if err != nil {
		b.mu.Lock()
		b.relay = nil
		b.mu.Unlock()
		return errors.Join(err, l.Close(), lock.Unlock())
	}
	return nil
}

// accept passes messages on until b is closed, or no connection can be accepted any more. Then it ends those that there are, so that all go where
// messages are passed on next.
func (b *Broadcast) accept(l net.Listener, relay *Relay, lock *flock.Flock) {
	ctx, end := context.WithCancel(b.ctx)
	stop := context.AfterFunc(b.ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		if b.begin(func() { serve(ctx, relay, newStream(c)) }) != nil {
			_ = c.Close()
		}
	}
	_ = l.Close()
	b.mu.Lock()
	b.relay = nil
	b.mu.Unlock()
	end()
	_ = lock.Unlock()
}

// stream carries frames over a byte stream: the length in four bytes, most significant first, then the frame.
type stream struct {
	c net.Conn
	r *bufio.Reader

	closing sync.Once
}

func newStream(c net.Conn) *stream { return &stream{c: c, r: bufio.NewReaderSize(c, 1<<16)} }

// Read is part of [synchronizer.Conn].
func (s *stream) Read(ctx context.Context) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var head [4]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return nil, s.failed(ctx, err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > MaxFrame+1<<16 {
		return nil, synchronizer.Errorf(synchronizer.CodeTooBig, "a frame of %d bytes", n)
	}
	// Room is made as bytes come, so that a length alone costs nothing.
	frame, err := io.ReadAll(io.LimitReader(s.r, int64(n)))
	if err == nil && len(frame) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return frame, nil
}

func (s *stream) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, io.EOF) {
		return &synchronizer.Error{Code: synchronizer.CodeGoingAway, Remote: true}
	}
	return &synchronizer.Error{Code: synchronizer.CodeAbnormal, Err: err}
}

// Write is part of [synchronizer.Conn].
func (s *stream) Write(ctx context.Context, frame []byte) error {
	stop := context.AfterFunc(ctx, func() { _ = s.c.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(frame)))
	bufs := net.Buffers{head[:], frame}
	if _, err := bufs.WriteTo(s.c); err != nil {
		return s.failed(ctx, err)
	}
	return nil
}

// Close is part of [synchronizer.Conn].
func (s *stream) Close(synchronizer.Code, string) (err error) {
	s.closing.Do(func() { err = s.c.Close() })
	return err
}
