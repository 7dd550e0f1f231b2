package synchronizer

import (
	"fmt"
	"strings"
	"time"
)

// Link is one pair of ends in a [Sim], through all its connections.
type Link struct {
	sim  *Sim
	name string
	dial func() (a, b Session, err error)
	net  Network
	ends []Session    // two, or none when not connected
	last [2]time.Time // latest arrival scheduled per direction, for order
	life uint64       // raised by every connect and every loss
	up   bool
	held bool
}

// Link adds a pair of ends. Every connection, the first at once, calls dial for two new sessions; an error of dial counts as a connection that breaks at once.
// Nil means the Network of the Sim.
func (s *Sim) Link(name string, dial func() (a, b Session, err error), net *Network) *Link {
	l := &Link{sim: s, name: name, dial: dial, net: s.Network}
	if net != nil {
		l.net = *net
	}
	s.links = append(s.links, l)
	l.connectAt(s.now)
	return l
}

// Name returns the name.
func (l *Link) Name() string { return l.name }

// Connected reports whether the two ends have a connection now.
func (l *Link) Connected() bool { return l.up }

// Cut breaks the connection; everything on its way is lost. The ends meet again after the network's down time.
func (l *Link) Cut() {
	if l.up {
		l.lose("cut")
	}
}

// Down breaks the connection and keeps the ends apart until Up.
func (l *Link) Down() {
	l.held = true
	l.life++
	if l.up {
		l.lose("down")
	}
}

// Up lets the ends of a link that was Down meet again, at once.
func (l *Link) Up() {
	if l.held {
		l.held = false
		l.connectAt(l.sim.now)
	}
}

func (l *Link) connectAt(at time.Time) {
	l.life++
	l.sim.push(&event{at: at, kind: evConnect, link: l, life: l.life})
}

func (l *Link) connect() {
	if l.held || l.up {
		return
	}
	s := l.sim
	a, b, err := l.dial()
	if err != nil {
		s.notef("%s cannot connect: %v", l.name, err)
		l.lose("refused")
		return
	}
	s.stats.Connects++
	s.notef("%s connects", l.name)
	l.life++
	l.up, l.ends, l.last = true, []Session{a, b}, [2]time.Time{}
	life := l.life
	for end := range l.ends {
		if l.life != life {
			return
		}
		l.said(end, l.ends[end].Start)
	}
}

// lose ends the connection and, unless the link is held, plans the next one.
func (l *Link) lose(why string) {
	s := l.sim
	if l.up {
		s.stats.Cuts++
	}
	s.notef("%s %s", l.name, why)
	l.end()
	if !l.held {
		l.connectAt(s.now.Add(s.between(l.net.MinDown, l.net.MaxDown)))
	}
}

func (l *Link) end() {
	ends := l.ends
	l.up, l.ends = false, nil
	l.life++
	for _, e := range ends {
		End(e)
	}
}

func (l *Link) next(end int) time.Time { return nextOf(l.ends[end]) }

func (l *Link) poll(end int) {
	l.sim.stats.Polls++
	l.said(end, l.ends[end].Poll)
}

func (l *Link) deliver(e *event) {
	s := l.sim
	if s.chance(l.net.Cut) {
		l.lose("cut")
		return
	}
	s.stats.Delivered++
	s.notef("%s %s #%d arrives", l.name, arrow(1-e.end), e.number)
	l.said(e.end, func() ([][]byte, error) { return l.ends[e.end].Receive(e.msg) })
}

// said lets one end speak and puts what it says on the way.
func (l *Link) said(end int, speak func() ([][]byte, error)) {
	s, life := l.sim, l.life
	out, err := speak()
	if l.life != life {
		return // cut from within
	}
	for _, msg := range out {
		l.send(end, msg)
	}
	if err != nil {
		s.sessionFailed(l, end, err)
		l.lose("closes")
	}
}

func (l *Link) send(from int, msg []byte) {
	s := l.sim
	s.stats.Sent++
	number := s.stats.Sent
	if s.chance(l.net.Drop) {
		s.stats.Dropped++
		s.notef("%s %s #%d lost: %s", l.name, arrow(from), number, s.describe(msg))
		return
	}
	s.notef("%s %s #%d sent: %s", l.name, arrow(from), number, s.describe(msg))
	times := 1
	if s.chance(l.net.Repeat) {
		times = 2
		s.stats.Repeated++
	}
	for range times {
		at := s.now.Add(s.between(l.net.MinDelay, l.net.MaxDelay))
		if !l.net.Reorder && at.Before(l.last[from]) {
			at = l.last[from]
		}
		l.last[from] = at
		s.push(&event{at: at, kind: evDeliver, link: l, life: l.life, end: 1 - from, msg: msg, number: number})
	}
}

func arrow(from int) string {
	if from == 0 {
		return "->"
	}
	return "<-"
}

type eventKind uint8

const (
	evCall eventKind = iota
	evConnect
	evDeliver
	evPoll
)

// event is something that will happen. Events at one time happen in the order in which they were planned.
type event struct {
	at     time.Time
	serial uint64
	kind   eventKind
	link   *Link
	life   uint64 // it happens only if the link still has this one
	end    int
	msg    []byte
	number int
	fn     func()
}

type eventHeap []*event

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].serial < h[j].serial
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(*event)) }
func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

// trace keeps the last max lines.
type trace struct {
	max   int
	lines []string
	from  int // the oldest, once full
	lost  int
}

func (t *trace) add(line string) {
	if len(t.lines) < t.max {
		t.lines = append(t.lines, line)
		return
	}
	t.lines[t.from] = line
	t.from = (t.from + 1) % t.max
	t.lost++
}

func (t *trace) String() string {
	var b strings.Builder
	if t.lost > 0 {
		fmt.Fprintf(&b, "(%d earlier lines)\n", t.lost)
	}
	for i := range t.lines {
		b.WriteString(t.lines[(t.from+i)%len(t.lines)])
		b.WriteByte('\n')
	}
	return b.String()
}
