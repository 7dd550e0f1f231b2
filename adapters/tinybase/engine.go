package tinybase

import (
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
)

// Options are the choices of a session. Nil, and each zero field, is the default.
type Options struct {
	// FragmentSize is above which length the messages of this end are cut into fragments; never when 0. TinyBase before 9.0
	// cannot put them together.
	FragmentSize int
	// Timeout is how long a question may stay unanswered; 30 s when 0. Answers that come later are dropped.
	Timeout time.Duration
	// FragmentTimeout is how long the fragments of one message may take; Timeout when 0.
	FragmentTimeout time.Duration
	// Beacon is how long after the last change the hashes are sent once, so that a peer that missed something notices; 10 s
	// when 0, never when negative. A store at rest sends nothing.
	Beacon time.Duration
	// Greeting is how long a room waits for a new client to say what it has before it asks; 2 s when 0, never when negative.
	// TinyBase's clients say so when they start, but not when their WebSocket has come back by itself.
	Greeting time.Duration
	// MaxAnswer is how long an answer may be; 15 MiB when 0. What does not fit is sent in pieces, as if it had just changed.
	MaxAnswer int
	// Piece is how long about such a piece is; 1 MiB when 0.
	Piece int
	// ReadOnly refuses whatever the peer writes.
	ReadOnly bool
	// Budget is for the fragments of this session's peer; one of TinyBase's limits when nil.
	Budget *Budget
	// Now is the time; time.Now when nil.
	Now func() time.Time
	// Random is where ids come from; crypto/rand when nil.
	Random io.Reader
	// OnReport is told what was refused, and what else a merge noticed. It must not wait.
	OnReport func(mergeable.Report)
	// OnError is told of errors that do not end the session: questions without an answer ([*TimeoutError]), changes that a
	// read-only session refused ([ErrReadOnly]), and what a client was sent by a peer that makes no sense ([*ProtocolError]). It must not wait.
	OnError func(error)
}

func (o *Options) withDefaults() Options {
	var r Options
	if o != nil {
		r = *o
	}
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&r.Timeout, 30*time.Second)
	set(&r.FragmentTimeout, r.Timeout)
	set(&r.Beacon, 10*time.Second)
	set(&r.Greeting, 2*time.Second)
	if r.MaxAnswer == 0 {
		r.MaxAnswer = 15 << 20
	}
	if r.Piece == 0 {
		r.Piece = 1 << 20
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Random == nil {
		r.Random = crand.Reader
	}
	return r
}

// ErrReadOnly says that a peer wrote who may only read.
var ErrReadOnly = errors.New("tinybase: the peer may only read")

// TimeoutError says that a peer did not answer in time.
type TimeoutError struct {
	Peer string
	Kind Kind
	ID   string
}

// Error says what was asked of whom.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("tinybase: no answer to %v %s from %q", e.Kind, e.ID, e.Peer)
}

// Stats counts the messages of a session, as TinyBase's getSynchronizerStats does.
type Stats struct{ Sends, Receives int }

// engine is one mergeable store's end of the protocol, without frames: messages with a peer's id go in and out. A server's
// engine has one peer; a client's has as many as there are clients in the room.
type engine struct {
	Options
	m      *mergeable.Store
	feed   *mergeable.Feed
	wake   chan struct{}
	server bool
	frames *frames // of a server's room
	ids    *rand.ChaCha8
	out    [][]byte
	stats  Stats

	asks     uint64 // the number of the last question
	pending  map[string]*question
	pulls    []*pull // that run and that wait
	told     map[string]tellings
	owed     []owing
	hello    string    // a client's first question, to which all may answer
	helloAt  time.Time // when a client gives up waiting for the first answer
	greeting bool      // a client has yet to tell all what it has
	beacon   time.Time
	silent   time.Time // when a room asks a client that has not said what it has
	asked    string    // the id of the last announcement
	lost     bool      // the hashes are to be sent
}

// tellings is what was said to a peer last: these are your hashes, and those are mine.
type tellings struct{ theirs, mine summary }

// summary is what two stores compare.
type summary struct {
	hashes [2]uint32
	print  uint64 // 0 when it is not known
}

// same reports whether two stores have the same, as far as can be known.
func (s summary) same(t summary) bool {
	return s.hashes == t.hashes && (s.print == t.print || s.print == 0 || t.print == 0)
}

// owing is what a peer lacks and did not fit into an answer.
type owing struct {
	to     string
	kind   Kind                 // of the question
	what   mergeable.Missing    // of tables
	values []*mergeable.Changes // instead, in pieces
	after  time.Time            // when to begin; earlier when the peer says that it is ready
	ready  bool
}

func newEngine(m *mergeable.Store, o *Options, wake chan struct{}, server bool) *engine {
	e := &engine{Options: o.withDefaults(), m: m, wake: wake, server: server, pending: map[string]*question{}, told: map[string]tellings{}}
	var seed [32]byte
	if _, err := io.ReadFull(e.Random, seed[:]); err != nil {
		binary.LittleEndian.PutUint64(seed[:], uint64(e.Now().UnixNano())) // ids need to differ, not to be secret
	}
	e.ids = rand.NewChaCha8(seed)
	e.asks = e.ids.Uint64()
	e.feed = m.FeedTo(wake, e)
	return e
}

func (e *engine) close() { e.feed.Close() }

func (e *engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// id returns random characters.
func (e *engine) id(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = idAlphabet[e.ids.Uint64()&63]
	}
	return string(b)
}

// idChars returns n characters for the last 6n bits of v.
func idChars(v uint64, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = idAlphabet[v>>(6*i)&63]
	}
	return string(b)
}

const idAlphabet = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

// send queues a message for a peer, or for all when to is empty. body appends the body.
func (e *engine) send(to string, m Message, body func([]byte) []byte) {
	e.stats.Sends++
	if e.server {
		to = ServerID // on the way from a server stands who sent it
	}
	size := len(m.Body) + 64
	frame := AppendFrame(make([]byte, 0, size+len(to)), to, nil)
	from := len(frame)
	if body != nil {
		m.Body = nil
		frame = m.Append(frame)
		frame = append(body(frame[:len(frame)-1]), ']')
	} else {
		frame = m.Append(frame)
	}
	if len(frame) > MaxFrame && e.FragmentSize <= 0 || len(frame)-from > MaxFrame {
		if e.OnError != nil {
			e.OnError(overflow(OverSocket, "%v of %d bytes is too long to be sent", m.Kind, len(frame)-from))
		}
		return
	}
	if e.FragmentSize > 0 && len(frame)-from > e.FragmentSize {
		for _, p := range Split(frame[from:], e.FragmentSize, e.id(16)) {
			piece := append(make([]byte, 0, from+len(p)), frame[:from]...)
			e.out = append(e.out, append(piece, p...))
		}
		return
	}
	e.out = append(e.out, frame)
}

// flush returns what is to be sent.
func (e *engine) flush() (out [][]byte) {
	out, e.out = e.out, nil
	return out
}

func (e *engine) hashes() [2]uint32 {
	t, v := e.m.Hashes()
	return [2]uint32{t, v}
}

// announce tells one peer, or all, what this end has.
//
// The id, which means nothing to TinyBase, ends in the fingerprint. One of ours that reads it notices when equal hashes are
// not equal contents.
func (e *engine) announce(to string) {
	if e.owes(to) {
		return
	}
	mine := e.summary()
	e.asked = e.id(11) + string(printMark) + strconv.FormatUint(mine.print, 36)
	e.send(to, Message{ID: e.asked, Kind: ContentHashes}, appendContentHashes(mine.hashes))
}

const printMark = '~'

// summaryOf returns what an announcement says of its sender.
func summaryOf(m Message) (s summary) {
	s.hashes = readContentHashes(m.Body)
	if _, text, ok := strings.Cut(m.ID, string(printMark)); ok {
		s.print, _ = strconv.ParseUint(text, 36, 64)
	}
	return s
}

func (e *engine) summary() summary {
	tables, values, print := e.m.Summary()
	return summary{[2]uint32{tables, values}, print}
}

// receive handles a message. What is well-formed, but not what it should be, ends the connection to a peer who has sent it; a client only reports it, because
// a peer of its room has, and not the server.
func (e *engine) receive(from string, m Message) error {
	err := e.handle(from, m)
	if p := (*ProtocolError)(nil); !e.server && errors.As(err, &p) {
		if e.OnError != nil {
			e.OnError(err)
		}
		return nil
	}
	return err
}

func (e *engine) handle(from string, m Message) error {
	e.stats.Receives++
	switch m.Kind {
	case Response:
		return e.answered(from, m)
	case GetContentHashes:
		e.send(from, m.answer(), appendContentHashes(e.hashes()))
	case ContentHashes:
		e.silent = time.Time{}
		e.ready(from)
		if e.ReadOnly && e.server {
			return nil
		}
		e.pull(from, m.ID, summaryOf(m))
	case ContentDiff:
		return e.apply(m.Body)
	default:
		e.answer(from, m)
	}
	return nil
}

// poll says what has become due.
func (e *engine) poll() {
	now := e.Now()
	deltas, lost := e.feed.Next()
	e.lost = e.lost || lost
	e.changed(deltas)
	e.expire(now)
	e.payOwed(now)
	if !e.silent.IsZero() && !now.Before(e.silent) {
		e.compare()
	}
	if e.lost {
		e.lost = false
		e.announce("")
		e.beacon = time.Time{}
	}
	if !e.beacon.IsZero() && !now.Before(e.beacon) {
		e.beacon = time.Time{}
		e.announce("")
	}
}

// changed passes on what has changed, in one message. What came from the peer itself its Feed leaves out.
func (e *engine) changed(deltas []*mergeable.Delta) {
	if len(deltas) == 0 {
		return
	}
	if e.Beacon > 0 {
		e.beacon = e.Now().Add(e.Beacon)
	}
	if one := deltas[0]; len(deltas) == 1 && len(one.JSON()) <= 2*e.Piece {
		if e.frames != nil && (e.FragmentSize <= 0 || len(one.JSON())+64 <= e.FragmentSize) {
			e.stats.Sends++
			e.out = append(e.out, e.frames.of(one, e.id))
			return
		}
		e.send("", Message{ID: e.id(11), Kind: ContentDiff}, func(dst []byte) []byte { return append(dst, one.JSON()...) })
		return
	}
	var all mergeable.Changes
	for _, d := range deltas {
		all.Append(&d.Changes)
	}
	for _, part := range all.Parts(e.Piece) {
		e.send("", Message{ID: e.id(11), Kind: ContentDiff}, part.AppendJSON)
	}
}

// next returns when to poll again.
func (e *engine) next() (at time.Time) {
	see := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	see(e.beacon)
	see(e.helloAt)
	see(e.silent)
	for _, q := range e.pending {
		see(q.expires)
	}
	if len(e.owed) > 0 {
		see(e.owed[0].after)
	}
	if e.waiting() != nil {
		see(e.silentAt())
	}
	return at
}

// ended turns an error of this package into one that closes the connection.
func ended(err error) error {
	var p *ProtocolError
	if errors.As(err, &p) {
		return &synchronizer.Error{Code: synchronizer.Code(p.Code), Reason: p.CloseReason(), Err: p}
	}
	return err
}
