package tinybase

import (
	"slices"
	"strings"
	"time"
)

// An answer longer than TinyBase's limit would close the peer's socket. The peer gets an empty answer instead, and then
// what it lacks as a series of ContentDiffs, which every version takes.
//
// A TinyBase client that is starting drops ContentDiffs until its first load is over. It says so itself: by ContentHashes.
// A load that this end's own ContentHashes caused is different: then the client listens already.

// maxOwed bounds what is owed, to all peers of a client together. A server's session has one peer, and owes it at most one answer of each kind.
const maxOwed = 100

// patience is how long the ContentHashes of a starting peer are waited for.
const patience = 3 * time.Second

// owe notes what a peer lacks. The answer to a later question of the same kind takes the place of the one before: it has all that is still lacking.
func (e *engine) owe(to string, m Message, o owing) {
	o.to, o.kind, o.after = to, m.Kind, e.Now().Add(patience)
	o.ready = e.asked != "" && strings.HasPrefix(m.ID, e.asked+".")
	i := slices.IndexFunc(e.owed, func(o owing) bool { return o.to == to && o.kind == m.Kind })
	switch {
	case i >= 0:
		o.ready = o.ready || e.owed[i].ready
		e.owed[i] = o
	case len(e.owed) < maxOwed:
		e.owed = append(e.owed, o)
	case e.Beacon > 0 && e.beacon.IsZero(): // whoever gets nothing now is told the hashes later
		e.beacon = e.Now().Add(e.Beacon)
	}
	e.poke()
}

// ready notes that a peer takes ContentDiffs now.
func (e *engine) ready(peer string) {
	for i := range e.owed {
		if e.owed[i].to == peer {
			e.owed[i].ready = true
		}
	}
	if len(e.owed) > 0 {
		e.poke()
	}
}

// payOwed sends one piece; the rest when it is on its way.
func (e *engine) payOwed(now time.Time) {
	for i := range e.owed {
		o := &e.owed[i]
		if !o.ready && now.Before(o.after) {
			continue
		}
		o.ready = true
		var more bool
		e.send(o.to, Message{ID: e.id(11), Kind: ContentDiff}, func(dst []byte) []byte {
			dst, more = o.nextPiece(dst, e.Piece)
			return dst
		})
		if !more {
			// The peer looks whether it has all now.
			to := o.to
			e.owed = slices.Delete(e.owed, i, i+1)
			e.announce(to)
		}
		if len(e.owed) > 0 {
			e.poke()
		}
		return
	}
}

// owes says whether a peer is still to be sent something. It is told the hashes then; before, it would ask for the same once more.
func (e *engine) owes(to string) bool {
	return slices.ContainsFunc(e.owed, func(o owing) bool { return e.server || o.to == to })
}

// nextPiece appends the body of a ContentDiff, and forgets what is in it.
func (o *owing) nextPiece(dst []byte, max int) (out []byte, more bool) {
	if len(o.values) > 0 {
		dst = o.values[0].AppendJSON(dst)
		o.values = o.values[1:]
		return dst, len(o.values) > 0
	}
	dst, more = o.what.NextPiece(append(dst, '['), max)
	return append(dst, ",[{}],1]"...), more
}
