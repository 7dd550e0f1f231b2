package synchronizer

import (
	"context"
	"errors"
	"sync"
	"time"
)

// RunOptions are the bounds of [RunWith]. Nil and zero fields mean the defaults.
type RunOptions struct {
	// QueueBytes is how much may wait to be written before the other end is no longer read. One reply may go over it. Default 16 MiB.
	QueueBytes int
	// WriteTimeout is how long one message may take to be written before the reader counts as too slow. Default 30 s.
	WriteTimeout time.Duration
	// FlushTimeout is how long the last messages of a failed session, and the closing itself, may take. Default 5 s.
	FlushTimeout time.Duration
	// Now is the clock that the times of [Timed] sessions refer to. Default time.Now.
	Now func() time.Time
}

func (o *RunOptions) withDefaults() RunOptions {
	var r RunOptions
	if o != nil {
		r = *o
	}
	if r.QueueBytes <= 0 {
		r.QueueBytes = 16 << 20
	}
	if r.WriteTimeout <= 0 {
		r.WriteTimeout = 30 * time.Second
	}
	if r.FlushTimeout <= 0 {
		r.FlushTimeout = 5 * time.Second
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	return r
}

// Run drives a session over a connection until one of them ends or ctx is done, with default bounds. See [RunWith].
func Run(ctx context.Context, s Session, c Conn) error { return RunWith(ctx, s, c, nil) }

// RunWith drives a session over a connection until one of them ends or ctx is done. Then the connection is closed, with the session's code
// and reason if it failed; the session is ended (see [Closer]); and every goroutine started here has ended.
//
// It returns nil when either end finished in good order, the cause of ctx when that is done, otherwise the error that ended it: an [*Error] when the
// protocol was broken or the other end closed, or what the Conn returned.
func RunWith(ctx context.Context, s Session, c Conn, opts *RunOptions) error {
	r := &runner{RunOptions: opts.withDefaults(), s: s, c: c}
	return r.run(ctx)
}

// runner is one Run. All of its fields belong to the goroutine that called Run.
type runner struct {
	RunOptions
	s      Session
	c      Conn
	queue  [][]byte // waiting to be handed to the writer
	queued int      // bytes in queue
	timer  *time.Timer
	in     chan readResult // from the reader
	out    chan []byte     // to the writer, one at a time
	wrote  chan error      // the writer is done with it
	over   chan struct{}   // closed: hand nothing over any more
	busy   bool            // the writer has a message
}

type readResult struct {
	msg []byte
	err error
}

func (r *runner) run(ctx context.Context) (err error) {
	r.in, r.out, r.wrote, r.over = make(chan readResult), make(chan []byte), make(chan error), make(chan struct{})
	r.timer = time.NewTimer(time.Hour)
	defer r.timer.Stop()
	defer End(r.s)

	// The connection outlives ctx a little, so that the other end can still be told.
	carry, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var both sync.WaitGroup
	both.Go(func() { r.read(carry) })
	both.Go(func() { r.write(carry) })
	err = r.loop(ctx)
	close(r.over)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		_ = r.c.Close(CodeGoingAway, "")
	} else {
		_ = r.c.Close(CodeOf(err), ReasonOf(err))
	}
	cancel()
	both.Wait()
	if normal(err) {
		return nil
	}
	return err
}

func (r *runner) loop(ctx context.Context) error {
	if err := r.say(r.s.Start()); err != nil {
		return r.last(ctx, err)
	}
	for {
		// Nothing of the session's own is asked for while something still waits: this is what lets it merge.
		var wake <-chan struct{}
		var due <-chan time.Time
		if !r.busy && len(r.queue) == 0 {
			wake, due = r.s.Wake(), r.arm()
		}
		next, out := r.next()
		in := r.in
		if r.queued >= r.QueueBytes {
			in = nil
		}
		var failed error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case out <- next:
			r.handed(next)
		case err := <-r.wrote:
			if r.busy = false; err != nil {
				return r.writeError(err)
			}
		case m := <-in:
			if m.err != nil {
				return m.err
			}
			failed = r.say(r.s.Receive(m.msg))
		case <-wake:
			failed = r.say(r.s.Poll())
		case <-due:
			failed = r.say(r.s.Poll())
		}
		if failed != nil {
			return r.last(ctx, failed)
		}
	}
}

// next returns what the writer should get now and where, or nils.
func (r *runner) next() ([]byte, chan<- []byte) {
	if r.busy || len(r.queue) == 0 {
		return nil, nil
	}
	return r.queue[0], r.out
}

func (r *runner) handed(msg []byte) {
	r.queue[0] = nil
	r.queue, r.queued, r.busy = r.queue[1:], r.queued-len(msg), true
}

// arm sets the timer for the session's next time and returns its channel, or nil if there is none.
func (r *runner) arm() <-chan time.Time {
	at := nextOf(r.s)
	if at.IsZero() {
		return nil
	}
	r.timer.Reset(max(at.Sub(r.Now()), 0))
	return r.timer.C
}

// say queues messages and passes the error on.
func (r *runner) say(out [][]byte, err error) error {
	for _, m := range out {
		r.queue = append(r.queue, m)
		r.queued += len(m)
	}
	return err
}

// last writes what still waits, within FlushTimeout, and returns err.
func (r *runner) last(ctx context.Context, err error) error {
	limit := time.NewTimer(r.FlushTimeout)
	defer limit.Stop()
	for r.busy || len(r.queue) > 0 {
		next, out := r.next()
		select {
		case out <- next:
			r.handed(next)
		case failed := <-r.wrote:
			if r.busy = false; failed != nil {
				return err
			}
		case <-limit.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
	return err
}

var errSlow = errors.New("synchronizer: write timed out")

// writeError says why a write failed. Often the other end has closed, and the reader knows its word.
func (r *runner) writeError(err error) error {
	if errors.Is(err, errSlow) {
		return &Error{Code: CodeTryLater, Reason: "reader too slow", Err: err}
	}
	limit := time.NewTimer(r.FlushTimeout)
	defer limit.Stop()
	for {
		select {
		case m := <-r.in:
			if m.err != nil {
				return m.err
			}
		case <-limit.C:
			return err
		}
	}
}

func (r *runner) read(ctx context.Context) {
	for {
		msg, err := r.c.Read(ctx)
		select {
		case r.in <- readResult{msg, err}:
		case <-r.over:
			return
		}
		if err != nil {
			return
		}
	}
}

func (r *runner) write(ctx context.Context) {
	ctx, slow := context.WithCancelCause(ctx)
	defer slow(nil)
	limit := time.AfterFunc(time.Hour, func() { slow(errSlow) })
	defer limit.Stop()
	for {
		var msg []byte
		select {
		case msg = <-r.out:
		case <-r.over:
			return
		}
		limit.Reset(r.WriteTimeout)
		err := r.c.Write(ctx, msg)
		limit.Stop()
		if errors.Is(context.Cause(ctx), errSlow) {
			err = errSlow
		}
		select {
		case r.wrote <- err:
		case <-r.over:
			return
		}
		if err != nil {
			return
		}
	}
}
