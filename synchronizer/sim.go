package synchronizer

import (
	"container/heap"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Network says how a simulated connection behaves. The zero Network is perfect and without delay. Chances are between 0 and 1, per message.
type Network struct {
	MinDelay, MaxDelay time.Duration // how long a message travels
	Reorder            bool          // messages overtake each other; without it they arrive in order, as over TCP
	Repeat             float64       // chance that a message arrives twice
	Drop               float64       // chance that a message alone is lost; what runs over TCP should leave it 0 and use Cut
	Cut                float64       // chance that the connection breaks in place of a delivery, with everything on its way lost
	MinDown, MaxDown   time.Duration // how long a broken connection stays away before both ends meet again with new sessions
	MaxPoll            time.Duration // how long a session that woke up may wait until it is polled
}

// SimOptions are the choices of [NewSim]. Nil and zero fields mean the defaults.
type SimOptions struct {
	Network    Network                                     // of links that bring none of their own
	Start      time.Time                                   // virtual time at the beginning. Default 2000-01-01 UTC
	MaxSteps   int                                         // a simulation that takes more steps fails. Default 1,000,000
	TraceLines int                                         // how many lines of Trace are kept, the last ones. Default 400
	Describe   func(msg []byte) string                     // one message as text in the trace. Default its length and first bytes
	OnError    func(l *Link, end int, err error) (ok bool) // a session failed: true lets the link reconnect, false (and nil) fails the simulation
}

// Sim is a network in one goroutine and in virtual time, in which every choice follows from the seed: the same seed and the same calls give the same run.
//
// It carries messages between the two ends of each [Link] and breaks things on the way as its [Network] says. Sessions that need a clock
// take [Sim.Now].
type Sim struct {
	SimOptions
	seed   uint64
	rand   *rand.Rand
	now    time.Time
	events eventHeap
	serial uint64
	steps  int
	links  []*Link
	calm   bool // Quiesce: nothing breaks any more
	err    error
	trace  trace
	stats  SimStats
}

// SimStats counts what happened.
type SimStats struct{ Sent, Delivered, Dropped, Repeated, Cuts, Connects, Polls, Errors int }

// NewSim makes a network without links.
func NewSim(seed uint64, opts *SimOptions) *Sim {
	s := &Sim{seed: seed, rand: rand.New(rand.NewPCG(seed, 0x726f776c6f6f6d))}
	if opts != nil {
		s.SimOptions = *opts
	}
	if s.Start.IsZero() {
		s.Start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if s.MaxSteps <= 0 {
		s.MaxSteps = 1_000_000
	}
	if s.TraceLines <= 0 {
		s.TraceLines = 400
	}
	s.now, s.trace.max = s.Start, s.TraceLines
	return s
}

// Now returns the virtual time.
func (s *Sim) Now() time.Time { return s.now }

// Seed returns the seed.
func (s *Sim) Seed() uint64 { return s.seed }

// Rand returns the random source of this run, for the choices of the test itself.
func (s *Sim) Rand() *rand.Rand { return s.rand }

// Stats returns what happened so far.
func (s *Sim) Stats() SimStats { return s.stats }

// Err returns why the simulation failed, or nil.
func (s *Sim) Err() error { return s.err }

// String names the seed and the state in a line.
func (s *Sim) String() string {
	return fmt.Sprintf("sim seed=%d t=%v steps=%d links=%d in flight=%d %+v", s.seed, s.now.Sub(s.Start), s.steps, len(s.links), len(s.events), s.stats)
}

// Trace returns the last events as text, one to a line.
func (s *Sim) Trace() string { return s.trace.String() }

// Note writes a line of the test's own into the trace.
func (s *Sim) Note(format string, args ...any) { s.notef(format, args...) }

// After schedules fn, a step of a script, in d of virtual time.
func (s *Sim) After(d time.Duration, fn func()) {
	s.push(&event{at: s.now.Add(d), kind: evCall, fn: fn})
}

// Step lets the next thing happen, moving the clock to it, and reports whether there was one.
// A link at rest whose sessions have a Next time always has a next thing.
func (s *Sim) Step() bool {
	at, ok := s.nextTime(true)
	if !ok || s.err != nil {
		return false
	}
	s.advance(at)
	return s.err == nil
}

// Run lets everything happen that falls into the next d of virtual time.
func (s *Sim) Run(d time.Duration) error {
	end := s.now.Add(d)
	for s.err == nil {
		at, ok := s.nextTime(true)
		if !ok || at.After(end) {
			s.now = end
			break
		}
		s.advance(at)
	}
	return s.err
}

// Quiesce lets the network heal: nothing is dropped, repeated or cut any more, and links that are away connect (unless they are held by Down). Then
// it delivers until nothing is on its way and no session is awake. Times of sessions are given settle of virtual time to come due first:
// leave it zero for protocols without retries.
func (s *Sim) Quiesce(settle time.Duration) error {
	s.calm = true
	defer func() { s.calm = false }()
	s.notef("quiesce")
	for _, l := range s.links {
		if !l.held && !l.up {
			l.connectAt(s.now)
		}
	}
	if settle > 0 {
		if err := s.Run(settle); err != nil {
			return err
		}
	}
	for s.err == nil {
		at, ok := s.nextTime(false)
		if !ok {
			break
		}
		s.advance(at)
	}
	return s.err
}

// Close ends all sessions.
func (s *Sim) Close() {
	for _, l := range s.links {
		l.end()
	}
}

// nextTime returns when the next event is due, with the sessions' own times or without.
func (s *Sim) nextTime(timers bool) (at time.Time, ok bool) {
	s.collect()
	if len(s.events) > 0 {
		at, ok = s.events[0].at, true
	}
	if timers {
		for _, l := range s.links {
			for end := range l.ends {
				if t := l.next(end); !t.IsZero() && (!ok || t.Before(at)) {
					at, ok = t, true
				}
			}
		}
	}
	if ok && at.Before(s.now) {
		at = s.now
	}
	return at, ok
}

// collect turns wakes into events.
func (s *Sim) collect() {
	for _, l := range s.links {
		if !l.up {
			continue
		}
		for end := range l.ends {
			select {
			case <-l.ends[end].Wake():
				s.push(&event{at: s.now.Add(s.between(0, l.net.MaxPoll)), kind: evPoll, link: l, life: l.life, end: end})
			default:
			}
		}
	}
}

// advance moves the clock to at and lets one thing happen there.
func (s *Sim) advance(at time.Time) {
	s.now = at
	if s.steps++; s.steps > s.MaxSteps {
		s.fail(fmt.Errorf("not at rest after %d steps", s.MaxSteps))
		return
	}
	if len(s.events) > 0 && !s.events[0].at.After(at) {
		s.happen(heap.Pop(&s.events).(*event))
		return
	}
	for _, l := range s.links {
		for end := range l.ends {
			if t := l.next(end); !t.IsZero() && !t.After(at) {
				l.poll(end)
				return
			}
		}
	}
}

func (s *Sim) happen(e *event) {
	if e.kind == evCall {
		e.fn()
		return
	}
	if e.life != e.link.life {
		return // of a connection that is gone
	}
	switch e.kind {
	case evDeliver:
		e.link.deliver(e)
	case evPoll:
		e.link.poll(e.end)
	case evConnect:
		e.link.connect()
	}
}

func (s *Sim) fail(err error) {
	if s.err == nil {
		s.err = fmt.Errorf("synchronizer: simulation with seed %d: %w", s.seed, err)
		s.notef("FAILED %v", err)
	}
}

func (s *Sim) chance(p float64) bool {
	if p <= 0 { // also keeps the random sequence of runs without this fault
		return false
	}
	return s.rand.Float64() < p && !s.calm
}

func (s *Sim) between(a, b time.Duration) time.Duration {
	if b <= a {
		return a
	}
	return a + time.Duration(s.rand.Int64N(int64(b-a)+1))
}

func (s *Sim) push(e *event) {
	s.serial++
	e.serial = s.serial
	heap.Push(&s.events, e)
}

func (s *Sim) notef(format string, args ...any) {
	s.trace.add(fmt.Sprintf("%12v  ", s.now.Sub(s.Start)) + fmt.Sprintf(format, args...))
}

func (s *Sim) describe(msg []byte) string {
	if s.Describe != nil {
		return s.Describe(msg)
	}
	return fmt.Sprintf("%d bytes %x", len(msg), msg[:min(len(msg), 12)])
}

// sessionFailed decides what the error of a session means for the simulation.
func (s *Sim) sessionFailed(l *Link, end int, err error) {
	s.stats.Errors++
	s.notef("%s end %d fails: %v", l.name, end, err)
	if normal(err) || s.OnError != nil && s.OnError(l, end, err) {
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: CodeInternal, Err: err}
	}
	s.fail(fmt.Errorf("link %s, end %d: %w", l.name, end, e))
}
