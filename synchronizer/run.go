package synchronizer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// RunOptions are the bounds of [RunWith]. Nil and zero fields mean the defaults.
type RunOptions struct {
	// QueueBytes is how much may wait to be written before the other end is no longer read. One reply may go over it. Default 16 MiB.
	QueueBytes int
	// Budget, if not nil, is for what waits to be written, or is being written, on all connections that share it. When more than half of it is used up, a
	// connection on which something waits is not read; when all is, a session whose answers are longer than 64 KiB is ended with
	// CodeTryLater instead. What a session says by itself, in Poll, is counted too, but never refused: there is one of it at a time.
	Budget *Budget
	// WriteTimeout is how long one message may take to be written before the reader counts as too slow. Then it gets FlushTimeout to take the
	// rest of that message, so that it can still be told why. Default 30 s.
	WriteTimeout time.Duration
	// FlushTimeout is how long the last messages of a failed session, or the one being written when anything else ends it, may take; and after
	// them the closing itself. Default 5 s.
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
	r := &runner{RunOptions: opts.withDefaults(), s: s, c: c, wake: s.Wake(), news: make(chan struct{}, 1)}
	r.room.L = &r.mu
	return r.run(ctx)
}

// runner is one Run, of two goroutines: that of the caller polls and writes, the other one reads and has the session answer. What they share
// is under mu, which nobody holds while the connection makes him wait.
type runner struct {
	RunOptions
	s    Session
	c    Conn
	wake <-chan struct{}
	news chan struct{} // for the writer: what the reader has changed

	mu     sync.Mutex // also the session's
	room   sync.Cond  // for the reader: the queue has become shorter, or over or quit is true
	queue  [][]byte   // waiting to be written
	queued int        // bytes in queue
	leaves int        // bytes of the message that is being written
	failed error      // what ended the conversation on this side
	closed error      // what reading ended with
	fault  error      // a panic of the session while it heard a message
	over   bool       // the session is not asked any more
	quit   bool       // nothing is written any more: what is still read is only to learn what the other end says at last

	due   *time.Timer // of the session
	dueAt time.Time   // when due fires, or zero; never later than the session wants

	giveUp  context.CancelCauseFunc // ends the write that is going on
	began   time.Time               // when that began; zero when none is
	slow    *time.Timer             // watches it
	watched bool                    // slow is running
	flush   *time.Timer             // once over
}

var errFlush = errors.New("synchronizer: the last messages took too long")

func (r *runner) run(ctx context.Context) error {
	defer End(r.s)
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.written()
		r.forget()
	}()
	// The connection outlives ctx a little, so that the other end can still be told.
	carry, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	r.giveUp = giveUp
	r.due, r.slow = time.NewTimer(time.Hour), time.AfterFunc(time.Hour, r.watch)
	defer r.due.Stop()
	defer r.slow.Stop()
	defer context.AfterFunc(ctx, r.finish)()

	err := r.converse(ctx, carry)
	if r.fault != nil {
		panic(r.fault)
	}
	if normal(err) {
		return nil
	}
	return err
}

// converse is run until nobody uses the session and the connection any more, also if Start or Poll panics.
func (r *runner) converse(ctx, carry context.Context) error {
	var reading sync.WaitGroup
	code, reason := CodeInternal, ""
	defer func() {
		r.leave()
		defer r.flush.Stop()
		_ = r.c.Close(code, reason)
		r.giveUp(nil)
		reading.Wait()
	}()
	r.begin()
	reading.Go(func() { r.read(carry) })
	err := r.loop(ctx, carry)
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		code = CodeGoingAway
	} else {
		code, reason = CodeOf(err), ReasonOf(err)
	}
	return err
}

func (r *runner) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.say(r.s.Start())
}

// loop writes until there is nothing more to write, and says why.
func (r *runner) loop(ctx, carry context.Context) error {
	for {
		msg, err := r.next(ctx)
		if err != nil {
			return err
		}
		if err := r.c.Write(carry, msg); err != nil {
			return r.writeError(ctx, err)
		}
	}
}

// next waits for a message to write. Only while there is none the session is polled: this is what lets it merge.
func (r *runner) next(ctx context.Context) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = time.Time{}
	r.written()
	for {
		switch ended := ctx.Err() != nil || r.closed != nil; {
		case r.failed != nil && (ended || len(r.queue) == 0):
			return nil, r.failed
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case r.closed != nil:
			return nil, r.closed
		case len(r.queue) > 0:
			return r.take(), nil
		}
		due := r.arm()
		r.mu.Unlock()
		poll, fired := true, false
		select {
		case <-r.news:
			poll = false
		case <-r.wake:
		case <-due:
			fired = true
		}
		r.mu.Lock()
		if fired {
			r.dueAt = time.Time{}
		}
		if poll && !r.over {
			r.say(r.s.Poll())
		}
	}
}

// take takes the first message from the queue, and has the time watched that it takes from now.
func (r *runner) take() []byte {
	msg := r.queue[0]
	r.queue[0] = nil
	r.queue, r.queued, r.leaves = r.queue[1:], r.queued-len(msg), len(msg)
	r.room.Signal()
	r.began = time.Now()
	if !r.watched {
		r.watched = true
		r.slow.Reset(r.WriteTimeout)
	}
	return msg
}

// written gives the budget back of what was being written.
func (r *runner) written() {
	if r.leaves > 0 {
		r.Budget.Give(r.leaves)
		r.leaves = 0
		r.room.Signal()
	}
}

// forget drops what waits.
func (r *runner) forget() {
	r.Budget.Give(r.queued)
	r.queue, r.queued = nil, 0
}

// watch ends the conversation when a write takes too long. While there is always one, the timer is set once in WriteTimeout, not for each.
func (r *runner) watch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		r.watched = false
	} else if left := r.WriteTimeout - time.Since(r.began); left > 0 {
		r.slow.Reset(left)
	} else if !r.over {
		r.forget()
		r.fail(Errorf(CodeTryLater, "reader too slow"))
	}
}

// arm returns a channel that receives when the session has something to say, or a little before, or nil.
func (r *runner) arm() <-chan time.Time {
	at := nextOf(r.s)
	if at.IsZero() {
		return nil
	}
	if r.sooner(at) {
		r.dueAt = at
		r.due.Reset(max(at.Sub(r.Now()), 0))
	}
	return r.due.C
}

// sooner says whether a time that the session wants comes before the one that the timer is set to.
func (r *runner) sooner(at time.Time) bool {
	return !at.IsZero() && (r.dueAt.IsZero() || at.Before(r.dueAt))
}

// say queues messages. An error is the last thing a session has to say.
func (r *runner) say(out [][]byte, err error) {
	for _, m := range out {
		r.queue = append(r.queue, m)
		r.queued += len(m)
		r.Budget.add(len(m))
	}
	if err != nil {
		r.fail(err)
	}
}

func (r *runner) fail(err error) {
	r.failed = err
	r.end()
}

// finish ends what is said. What is being written gets FlushTimeout to leave.
func (r *runner) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.end()
}

// leave is finish when nothing is written any more.
func (r *runner) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.quit = true
	r.end()
	r.room.Signal()
}

func (r *runner) end() {
	if !r.over {
		r.over = true
		r.flush = time.AfterFunc(r.FlushTimeout, func() { r.giveUp(errFlush) })
		r.room.Signal()
	}
	r.tell()
}

func (r *runner) tell() {
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// writeError says why a write failed. Often the other end has closed, and the reader knows its word.
func (r *runner) writeError(ctx context.Context, err error) error {
	r.leave()
	for {
		r.mu.Lock()
		failed, closed := r.failed, r.closed
		r.mu.Unlock()
		switch {
		case failed != nil:
			return failed
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(closed, errFlush):
			return err
		case closed != nil:
			return closed
		}
		<-r.news
	}
}

// read has the session answer what comes, as long as the queue is not full. If the session panics, so does the caller of Run, who may be ready for it.
func (r *runner) read(carry context.Context) {
	defer func() {
		if p := recover(); p != nil {
			r.fault = fmt.Errorf("%v\n%s", p, debug.Stack())
			r.heard(nil, r.fault)
		}
	}()
	for {
		msg, err := r.c.Read(carry)
		if r.heard(msg, err); err != nil {
			return
		}
	}
}

// full says that nothing is to be read before something has been written.
func (r *runner) full() bool {
	return r.queued >= r.QueueBytes || r.queued+r.leaves > 0 && r.Budget.scarce()
}

// small is how long answers may be that are queued whatever else waits.
const small = 64 << 10

// afford refuses answers for which there is no budget.
func (r *runner) afford(out [][]byte, err error) ([][]byte, error) {
	n := 0
	for _, m := range out {
		n += len(m)
	}
	if n > small && err == nil && !r.Budget.fits(n) {
		return nil, Errorf(CodeTryLater, "too much waits to be sent")
	}
	return out, err
}

func (r *runner) heard(msg []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.closed = err
		r.end()
		return
	}
	for r.full() && !r.over || r.over && !r.quit {
		r.room.Wait()
	}
	if r.over {
		return
	}
	before := len(r.queue)
	r.say(r.afford(r.s.Receive(msg)))
	if len(r.queue) > before || r.sooner(nextOf(r.s)) { // the writer may be waiting, for a later time or for none
		r.tell()
	}
}
