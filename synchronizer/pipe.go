package synchronizer

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Pipe connects two sessions in one process and one goroutine. Nothing moves but in Pump.
type Pipe struct {
	ends    [2]Session
	queues  [2][][]byte // what the end with this number is to receive
	started bool
	err     error
	// Tap, if not nil, sees every message when it is sent: from end 0 or 1.
	Tap func(from int, msg []byte)
}

// NewPipe connects a (end 0) and b (end 1). Close ends them.
func NewPipe(a, b Session) *Pipe { return &Pipe{ends: [2]Session{a, b}} }

// maxPump is how many messages one Pump may carry before the two ends count as never coming to rest.
const maxPump = 1 << 20

// Pump starts both ends if that is still to be done, then carries messages to and fro, in turn, until neither has anything to say. Times of [Timed] sessions
// are not waited for: see Tick. An error of either end breaks the pipe, is returned, and is returned again by every later Pump.
func (p *Pipe) Pump() error {
	if p.err == nil {
		p.err = p.pump()
	}
	return p.err
}

func (p *Pipe) pump() error {
	if !p.started {
		p.started = true
		for i, s := range p.ends {
			if err := p.say(i, s.Start); err != nil {
				return err
			}
		}
	}
	for carried := 0; ; {
		moved := false
		for i, s := range p.ends {
			if len(p.queues[i]) > 0 {
				msg := p.queues[i][0]
				p.queues[i] = p.queues[i][1:]
				if err := p.say(i, func() ([][]byte, error) { return s.Receive(msg) }); err != nil {
					return err
				}
				moved = true
			}
			select {
			case <-s.Wake():
				if err := p.say(i, s.Poll); err != nil {
					return err
				}
				moved = true
			default:
			}
		}
		if !moved {
			return nil
		}
		if carried++; carried > maxPump {
			return fmt.Errorf("synchronizer: the two ends of a pipe do not come to rest after %d rounds", maxPump)
		}
	}
}

// Tick polls the ends whose Next is not after now, and then pumps.
func (p *Pipe) Tick(now time.Time) error {
	for i, s := range p.ends {
		if at := nextOf(s); p.err == nil && p.started && !at.IsZero() && !at.After(now) {
			p.err = p.say(i, s.Poll)
		}
	}
	return p.Pump()
}

// Close ends both sessions (see [Closer]).
func (p *Pipe) Close() {
	for _, s := range p.ends {
		End(s)
	}
}

func (p *Pipe) say(from int, fn func() ([][]byte, error)) error {
	out, err := fn()
	for _, m := range out {
		if p.Tap != nil {
			p.Tap(from, m)
		}
	}
	p.queues[1-from] = append(p.queues[1-from], out...)
	if err != nil {
		return fmt.Errorf("synchronizer: end %d of a pipe: %w", from, err)
	}
	return nil
}

// RunPair runs two sessions against each other over a connection in memory, each in a goroutine, until one ends or ctx is done. It returns the error of a, or else of b.
func RunPair(ctx context.Context, a, b Session) error {
	ca, cb := ConnPair(16)
	var errA, errB error
	var both sync.WaitGroup
	both.Go(func() { errA = Run(ctx, a, ca) })
	both.Go(func() { errB = Run(ctx, b, cb) })
	both.Wait()
	if errA != nil {
		return errA
	}
	return errB
}
