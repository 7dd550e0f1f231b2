package ysync

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
	"github.com/rowloom/rowloom/synchronizer"
)

// Access is what the other end may do.
type Access uint8

const (
	ReadWrite Access = iota
	ReadOnly         // its updates are refused
)

// Options are the choices of a session. Nil and zero fields mean the defaults.
type Options struct {
	// Name is what the session calls itself in String, and so whoever asks for the origin of what came by it. Default "ysync".
	Name string
	// Access of the other end. Default ReadWrite.
	Access Access
	// MessageBytes is the size of the largest message accepted. Default 16 MiB.
	MessageBytes int
	// QueueBytes is how many bytes of updates wait for a slow reader. When there are more, they are dropped, and one
	// update with everything that the reader lacks is made for it when it reads again. Default 1 MiB.
	QueueBytes int
	// Heartbeat is how long this end may be silent before it sends an empty awareness message. Yjs clients take a connection for dead on which
	// nothing came for 30 s. Default 20 s.
	Heartbeat time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// OnSynced, if not nil, is called once, when the other end has sent all that it had. It must not wait.
	OnSynced func()
	// OnDenied, if not nil, is called when the other end says that it has refused something, with its reason. It must not wait.
	OnDenied func(reason string)
}

func (o *Options) withDefaults() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Name == "" {
		r.Name = "ysync"
	}
	if r.MessageBytes <= 0 {
		r.MessageBytes = 16 << 20
	}
	if r.QueueBytes <= 0 {
		r.QueueBytes = 1 << 20
	}
	if r.Heartbeat <= 0 {
		r.Heartbeat = 20 * time.Second
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	return r
}

// peer is what sessions of both framings have in common: one document's conversation with one other end. It speaks in tails: messages in
// y-websocket's framing, which in Hocuspocus framing follow the name.
type peer struct {
	Options
	room    *Room
	origin  any     // the session: signs what comes in, so that it is not sent back
	address *string // the name in Hocuspocus framing, or nil
	echo    bool    // awareness also goes back to where it came from: the sign of life that clients of a server wait for
	wake    chan struct{}

	// Of the goroutine that drives the session.
	known  update.StateVector // what the other end has for sure
	sent   time.Time          // when something was sent last
	synced bool

	mu     sync.Mutex
	queue  []*news
	queued int                 // bytes in queue
	behind bool                // the queue overflowed and was dropped
	dirty  map[uint64]struct{} // clients whose awareness has changed
	frames [][]byte            // ready to be sent as they are
	framed int                 // bytes in frames
	slow   bool                // frames overflowed
}

func newPeer(room *Room, origin any, opts *Options, wake chan struct{}) *peer {
	return &peer{Options: opts.withDefaults(), room: room, origin: origin, wake: wake, known: update.StateVector{}, dirty: map[uint64]struct{}{}}
}

// start joins the room and returns what is said first: step 1, and all states there are.
func (p *peer) start() [][]byte {
	p.sent = p.Now()
	p.room.join(p)
	return append([][]byte{p.step1()}, p.states()...)
}

func (p *peer) step1() []byte {
	return AppendMessage(nil, Message{Type: TypeSync, Step: Step1, Payload: p.room.doc.StateVector()})
}

// states returns a message with all awareness states, if there are any.
func (p *peer) states() [][]byte {
	all := p.room.awareness.States()
	if len(all) == 0 {
		return nil
	}
	return [][]byte{awarenessTail(AppendAwareness(nil, all))}
}

func awarenessTail(update []byte) []byte {
	return AppendMessage(nil, Message{Type: TypeAwareness, Payload: update})
}

// step2 answers a step 1.
func (p *peer) step2(stateVector []byte) ([]byte, error) {
	theirs, err := update.DecodeStateVector(stateVector, nil)
	if err != nil {
		return nil, refused("state vector", err)
	}
	p.mu.Lock()
	p.queue, p.queued, p.behind = nil, 0, false // the answer has it all
	p.mu.Unlock()
	diff, err := p.diff(theirs)
	if err != nil {
		return nil, err
	}
	return AppendMessage(nil, Message{Type: TypeSync, Step: Step2, Payload: diff}), nil
}

// diff returns what somebody with that state lacks, and notes that the other end will have all of it.
func (p *peer) diff(theirs update.StateVector) ([]byte, error) {
	doc := p.room.doc
	ours, err := update.DecodeStateVector(doc.StateVector(), nil) // before the diff, which may hold more but not less
	if err != nil {
		return nil, err
	}
	diff, err := doc.EncodeStateAsUpdate(theirs.Encode())
	if err != nil {
		return nil, err
	}
	for client, clock := range theirs {
		p.known[client] = max(p.known[client], clock)
	}
	for client, clock := range ours {
		p.known[client] = max(p.known[client], clock)
	}
	return diff, nil
}

// apply takes the update of a step 2 or of an update message. It reports whether the update was taken or had nothing new.
func (p *peer) apply(step Step, b []byte) (ok bool, err error) {
	ok = true
	switch {
	case len(b) == 2 && b[0] == 0 && b[1] == 0: // the answer of one who has nothing more
	case p.Access == ReadOnly:
		isNew, err := hasNews(p.room.doc, b)
		if err != nil {
			return false, refused("update", err)
		}
		ok = !isNew
	default:
		if err := p.room.doc.Apply(b, p.origin); err != nil {
			return false, refused("update", err)
		}
	}
	if step == Step2 && !p.synced {
		p.synced = true
		if p.OnSynced != nil {
			p.OnSynced()
		}
	}
	return ok, nil
}

func (p *peer) applyAwareness(b []byte) error {
	if err := p.room.awareness.Apply(b, p.origin); err != nil {
		return refused("awareness", err)
	}
	return nil
}

// poll returns what has become due: tails, and frames that are complete.
func (p *peer) poll() (tails, frames [][]byte, err error) {
	p.room.awareness.Tick()
	p.mu.Lock()
	queue, behind, dirty := p.queue, p.behind, p.dirty
	p.queue, p.queued, p.behind = nil, 0, false
	if len(dirty) > 0 {
		p.dirty = map[uint64]struct{}{}
	}
	frames, p.frames, p.framed = p.frames, nil, 0
	slow := p.slow
	p.mu.Unlock()
	if slow {
		return nil, nil, synchronizer.Errorf(synchronizer.CodeTryLater, "reader too slow")
	}
	if behind {
		diff, err := p.diff(p.known)
		if err != nil {
			return nil, nil, err
		}
		tails = append(tails, AppendMessage(nil, Message{Type: TypeSync, Step: Update, Payload: diff}))
	}
	for _, n := range queue {
		tails = append(tails, n.tail)
		p.learn(n.covers())
	}
	if len(dirty) > 0 {
		clients := make([]uint64, 0, len(dirty))
		for id := range dirty {
			clients = append(clients, id)
		}
		slices.Sort(clients)
		tails = append(tails, awarenessTail(p.room.awareness.Encode(clients)))
	}
	if now := p.Now(); len(tails)+len(frames) > 0 {
		p.sent = now
	} else if !now.Before(p.sent.Add(p.Heartbeat)) {
		p.sent = now
		tails = append(tails, awarenessTail([]byte{0}))
	}
	return tails, frames, nil
}

// learn notes that the other end has these clocks, as far as they follow on what it has.
func (p *peer) learn(spans []span) {
	for _, s := range spans {
		if p.known[s.client] >= s.from {
			p.known[s.client] = max(p.known[s.client], s.to)
		}
	}
}

// next returns when to poll without being woken.
func (p *peer) next() time.Time {
	at := p.sent.Add(p.Heartbeat)
	if due := p.room.awareness.Next(); !due.IsZero() && due.Before(at) {
		at = due
	}
	return at
}

func (p *peer) push(n *news) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.behind:
	case len(p.queue) > 0 && p.queued+len(n.tail) > p.QueueBytes:
		p.queue, p.queued, p.behind = nil, 0, true
	default:
		p.queue = append(p.queue, n)
		p.queued += len(n.tail)
	}
	wakeUp(p.wake)
}

func (p *peer) pushAwareness(clients []uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range clients {
		p.dirty[id] = struct{}{}
	}
	wakeUp(p.wake)
}

func (p *peer) pushFrame(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.framed+len(frame) > p.QueueBytes {
		p.frames, p.framed, p.slow = nil, 0, true
	}
	if !p.slow {
		p.frames = append(p.frames, frame)
		p.framed += len(frame)
	}
	wakeUp(p.wake)
}

func wakeUp(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tooBig refuses a message over the limit.
func (p *Options) tooBig(msg []byte) error {
	if len(msg) > p.MessageBytes {
		return synchronizer.Errorf(synchronizer.CodeTooBig, "message of %d bytes; the limit is %d", len(msg), p.MessageBytes)
	}
	return nil
}

// refused gives an error about something the other end sent its close code. An error that is not about its form is passed on as it is.
func refused(what string, err error) error {
	var e *synchronizer.Error
	var de *lib0.DecodeError
	switch {
	case errors.As(err, &e):
		return err
	case !errors.As(err, &de):
		return err
	case de.Kind == lib0.ErrLimit:
		return synchronizer.Errorf(synchronizer.CodeTooBig, "%s: %w", what, err)
	}
	return synchronizer.Errorf(synchronizer.CodeMalformed, "%s: %w", what, err)
}

// hasNews reports whether applying an update would change a document.
func hasNews(doc Document, b []byte) (bool, error) {
	r := update.NewReader(update.V1, b, nil)
	sv, err := update.DecodeStateVector(doc.StateVector(), nil)
	if err != nil {
		return false, err
	}
	fresh := false
	for r.Next() {
		s := r.Struct()
		fresh = fresh || s.Ref != update.RefSkip && s.End() > sv[s.ID.Client]
	}
	ds, err := r.DeleteSet()
	if err != nil || fresh || len(ds) == 0 {
		return fresh, err
	}
	rest, err := doc.EncodeStateAsUpdate(sv.Encode()) // nothing but all deletions
	if err != nil {
		return false, err
	}
	have, err := update.NewReader(update.V1, rest, nil).DeleteSet()
	if err != nil {
		return false, err
	}
	return !covers(have.Normalize(), ds.Normalize()), nil
}

// covers reports whether every range of b lies within a range of a; both are normal.
func covers(a, b update.DeleteSet) bool {
	byClient := map[uint64]update.DeleteSet{}
	for _, d := range a {
		byClient[d.Client] = append(byClient[d.Client], d)
	}
	for _, d := range b {
		of := byClient[d.Client]
		i, _ := slices.BinarySearchFunc(of, d.Clock, func(x update.Deletion, clock uint32) int {
			if x.End() <= clock {
				return -1
			}
			return 1
		})
		if i == len(of) || of[i].Clock > d.Clock || of[i].End() < d.End() {
			return false
		}
	}
	return true
}
