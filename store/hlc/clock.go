package hlc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"
)

// DefaultMaxAhead is how far a stamp may be ahead of the local clock: TinyBase's five minutes.
const DefaultMaxAhead = 5 * time.Minute

// ErrExhausted says that no later stamp exists: the clock stands at the end of its range, the year 2109.
var ErrExhausted = errors.New("hlc: no later stamp exists: the 42 bits of time are used up")

// AheadError says that a stamp is further ahead of the local clock than is allowed.
type AheadError struct {
	Stamp Stamp
	Now   time.Time     // the local clock
	Max   time.Duration // how far ahead is allowed
}

// Error says by how much, and whose clock it is.
func (e *AheadError) Error() string {
	return fmt.Sprintf("hlc: stamp %s of client %s is %v ahead of the local clock, more than the allowed %v: one of the two clocks is wrong",
		e.Stamp, e.Stamp.Client(), e.Stamp.Time().Sub(e.Now).Round(time.Millisecond), e.Max)
}

// Options says how a Clock is made. Nil, and each zero field, is the default.
type Options struct {
	// UniqueID names the store; its client is ClientOf(UniqueID). Two stores must never share it. When nil the client is random.
	UniqueID *string
	// Now is the time; time.Now when nil. It may jump: stamps ascend all the same.
	Now func() time.Time
	// Random is where a random client comes from; crypto/rand when nil.
	Random io.Reader
	// MaxAhead is how far a stamp may be ahead of Now; DefaultMaxAhead when 0, without bound when negative.
	MaxAhead time.Duration
}

// Clock makes stamps that ascend, as getHlcFunctions of TinyBase does. It has no lock.
type Clock struct {
	now      func() time.Time
	maxAhead time.Duration
	client   Client
	millis   int64 // the last time; 0 at first
	counter  int64 // the last counter; -1 before the first stamp of a millisecond
}

// NewClock returns a clock that has seen nothing. It fails only when no random client could be made.
func NewClock(o *Options) (*Clock, error) {
	if o == nil {
		o = &Options{}
	}
	c := &Clock{now: o.Now, maxAhead: o.MaxAhead, counter: -1}
	if c.now == nil {
		c.now = time.Now
	}
	if c.maxAhead == 0 {
		c.maxAhead = DefaultMaxAhead
	}
	if o.UniqueID != nil {
		c.client = ClientOf(*o.UniqueID)
		return c, nil
	}
	random := o.Random
	if random == nil {
		random = rand.Reader
	}
	var err error
	c.client, err = RandomClient(random)
	return c, err
}

// Client returns whose stamps the clock makes.
func (c *Clock) Client() Client { return c.client }

// SetClient makes the clock go on under another client, as a store does that finds its id in use elsewhere.
func (c *Clock) SetClient(client Client) { c.client = client & MaxClient }

// Last returns the time in milliseconds and the counter of the last stamp made or seen. The counter is -1 when the
// millisecond has none yet.
func (c *Clock) Last() (millis, counter int64) { return c.millis, c.counter }

// String returns the client and the last moment.
func (c *Clock) String() string {
	return fmt.Sprintf("clock of %s at %d+%d", c.client, c.millis, c.counter)
}

// Next returns a stamp above all that the clock has made or seen. The error is [ErrExhausted]; the clock then stays where
// it is.
func (c *Clock) Next() (Stamp, error) {
	millis, counter := c.after(c.now().UnixMilli(), 0, 0)
	counter++
	if counter > MaxCounter {
		millis++
		counter = 0
	}
	if millis > MaxTime {
		return Stamp{}, ErrExhausted
	}
	c.millis, c.counter = millis, counter
	return New(uint64(millis), uint64(counter), c.client), nil
}

// Seen tells the clock of a stamp made elsewhere, so that its next one is above it. The zero Stamp only says that time has
// passed. A stamp too far ahead is refused with an [*AheadError], and the clock stays where it is.
func (c *Clock) Seen(s Stamp) error {
	if err := c.Check(s); err != nil {
		return err
	}
	c.Follow(s)
	return nil
}

// Follow is Seen for a stamp that must not be refused, because it is the store's own: read from its file, say, which was
// written while the local clock was ahead.
func (c *Clock) Follow(s Stamp) {
	c.millis, c.counter = c.after(c.now().UnixMilli(), s.Millis(), int64(s.Counter()))
}

// Check returns an [*AheadError] when s is too far ahead of the local clock. It changes nothing.
func (c *Clock) Check(s Stamp) error {
	if c.maxAhead < 0 || s.IsZero() {
		return nil
	}
	now := c.now()
	if s.Millis() <= now.UnixMilli()+c.maxAhead.Milliseconds() {
		return nil
	}
	return &AheadError{Stamp: s, Now: now, Max: c.maxAhead}
}

// Limit returns the latest stamp that Check allows now. It is for checking many stamps at one reading of the clock.
func (c *Clock) Limit() Stamp {
	if c.maxAhead < 0 {
		return New(MaxTime, MaxCounter, MaxClient)
	}
	limit := c.now().UnixMilli() + c.maxAhead.Milliseconds()
	return New(uint64(min(max(limit, 0), MaxTime)), MaxCounter, MaxClient)
}

// after returns what the last time and counter become when the local time is now and a stamp of the given time and
// counter has been seen.
func (c *Clock) after(now, millis, counter int64) (int64, int64) {
	last := max(c.millis, millis, now)
	switch {
	case last == c.millis && last == millis:
		return last, max(c.counter, counter)
	case last == c.millis:
		return last, c.counter
	case last == millis:
		return last, counter
	}
	return last, -1
}

// Ready returns [ErrExhausted] when fewer than n more stamps can be made.
func (c *Clock) Ready(n int) error {
	millis, counter := c.after(c.now().UnixMilli(), 0, 0)
	if left := MaxTime - millis; left < 0 || left < 1<<30 && left*(MaxCounter+1)+MaxCounter-counter < int64(n) {
		return ErrExhausted
	}
	return nil
}

// Passes reports whether the next stamp is above s.
func (c *Clock) Passes(s Stamp) bool {
	millis, counter := c.after(c.now().UnixMilli(), 0, 0)
	return millis > s.Millis() || millis == s.Millis() && counter >= int64(s.Counter())
}
