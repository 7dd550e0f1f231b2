package ws

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
)

// State is what a [Client] is doing.
type State uint8

const (
	Idle       State = iota // Run has not been called
	Connecting              // dialling
	Connected               // a session runs
	Waiting                 // until the next attempt
	Stopped                 // Run has returned
)

// String returns the state as a word.
func (s State) String() string {
	return [...]string{"idle", "connecting", "connected", "waiting", "stopped"}[s]
}

// Status is the state of a [Client] with how it came to be.
type Status struct {
	State    State
	Attempts int           // failed or ended connections since the last good one
	Wait     time.Duration // when Waiting: how long
	Err      error         // when Waiting or Stopped: why the last connection ended; nil if in good order
}

// ClientOptions are the choices of [NewClient]. Nil and zero fields mean the defaults.
type ClientOptions struct {
	// Conn is for every Dial.
	Conn Options
	// Run is for every session.
	Run synchronizer.RunOptions
	// MinWait is the first pause after a lost connection; it doubles with each failure up to MaxWait. Default 100 ms and 30 s.
	MinWait, MaxWait time.Duration
	// GoodAfter is how long a connection must have lived for the pause to start from MinWait again. Default 5 s.
	GoodAfter time.Duration
	// DialTimeout bounds one attempt. Default 30 s.
	DialTimeout time.Duration
	// Permanent says after which errors dialling again is pointless. Default: [Permanent].
	Permanent func(err error) bool
	// OnStatus is called at every change of status, by the goroutine of Run; it must not wait for the Client.
	OnStatus func(Status)
	// Rand returns a number in [0, 1) for the jitter: each pause is between half and all of its nominal length. Default math/rand.
	Rand func() float64
	// Now and After are the clock. Default time.Now and time.After.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// Permanent reports whether err is a close code from 4400 to 4499, by which servers of the Yjs family say that coming back is pointless (they mirror
// HTTP's 4xx), or an HTTP status 401, 403, 404 or 410 in place of a WebSocket.
func Permanent(err error) bool {
	var e *synchronizer.Error
	if errors.As(err, &e) && e.Remote && e.Code >= 4400 && e.Code < 4500 {
		return true
	}
	var he *HandshakeError
	if errors.As(err, &he) {
		switch he.Status {
		case 401, 403, 404, 410:
			return true
		}
	}
	return false
}

// Client keeps a conversation with a server alive: it dials, runs a new Session over every connection, and dials again when it ends.
type Client struct {
	url     string
	session func(ctx context.Context) (synchronizer.Session, error)
	opts    ClientOptions

	mu     sync.Mutex
	status Status
	kick   chan struct{} // end the pause
}

// NewClient returns a Client that does nothing until Run. The function session makes the Session of each connection, after the connection stands; its error is
// treated as a failed attempt.
func NewClient(url string, session func(ctx context.Context) (synchronizer.Session, error), opts *ClientOptions) *Client {
	c := &Client{url: url, session: session, kick: make(chan struct{}, 1)}
	if opts != nil {
		c.opts = *opts
	}
	o := &c.opts
	setDefault(&o.MinWait, 100*time.Millisecond)
	setDefault(&o.MaxWait, 30*time.Second)
	setDefault(&o.GoodAfter, 5*time.Second)
	setDefault(&o.DialTimeout, 30*time.Second)
	if o.Permanent == nil {
		o.Permanent = Permanent
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	return c
}

func setDefault(d *time.Duration, to time.Duration) {
	if *d <= 0 {
		*d = to
	}
}

// Status returns the status now.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// Hurry ends the current pause, if there is one: dial now.
func (c *Client) Hurry() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Run keeps the conversation alive until ctx is done or an error is permanent, and returns the cause of ctx or that error. It must not be called twice at a time.
func (c *Client) Run(ctx context.Context) error {
	failures := 0
	for {
		c.set(Status{State: Connecting, Attempts: failures})
		select { // a Hurry from before this attempt is fulfilled by it
		case <-c.kick:
		default:
		}
		lived, err := c.once(ctx)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
			c.set(Status{State: Stopped, Attempts: failures, Err: err})
			return err
		}
		if lived >= c.opts.GoodAfter {
			failures = 0
		}
		failures++
		if err != nil && c.opts.Permanent(err) {
			c.set(Status{State: Stopped, Attempts: failures, Err: err})
			return fmt.Errorf("ws: client of %s: %w", c.url, err)
		}
		wait := c.pause(failures)
		c.set(Status{State: Waiting, Attempts: failures, Wait: wait, Err: err})
		select {
		case <-ctx.Done():
		case <-c.kick:
		case <-c.opts.After(wait):
		}
	}
}

// pause returns how long to wait after the n-th failure in a row.
func (c *Client) pause(n int) time.Duration {
	d := c.opts.MinWait
	for i := 1; i < n && d < c.opts.MaxWait; i++ {
		d *= 2
	}
	d = min(d, c.opts.MaxWait)
	return d/2 + time.Duration(c.opts.Rand()*float64(d/2))
}

// once is one connection, and how long it lived.
func (c *Client) once(ctx context.Context) (time.Duration, error) {
	dial, cancel := context.WithTimeout(ctx, c.opts.DialTimeout)
	conn, err := Dial(dial, c.url, &c.opts.Conn)
	cancel()
	if err != nil {
		return 0, err
	}
	s, err := c.session(ctx)
	if err != nil {
		_ = conn.Close(synchronizer.CodeGoingAway, "")
		return 0, err
	}
	c.set(Status{State: Connected})
	from := c.opts.Now()
	err = synchronizer.RunWith(ctx, s, conn, &c.opts.Run)
	return c.opts.Now().Sub(from), err
}

func (c *Client) set(s Status) {
	c.mu.Lock()
	c.status = s
	c.mu.Unlock()
	if c.opts.OnStatus != nil {
		c.opts.OnStatus(s)
	}
}
