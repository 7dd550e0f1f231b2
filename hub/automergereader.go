//go:build cgo

package hub

import (
	"bytes"
	"slices"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

// readOnly is a document for a peer who may not change it.
type readOnly struct{ *automerge.Doc }

// NewSync is part of amrepo.Doc.
func (d readOnly) NewSync(saved []byte) (amrepo.Sync, error) {
	s, err := d.Doc.NewSync(saved)
	return &readOnlySync{Sync: s, doc: d.Doc, bases: map[amchange.Hash][]amchange.Hash{}}, err
}

// maxBases bounds how many changes of its own a reader is remembered to have. When there are more, they are forgotten; then some of what the
// reader has is sent to it again.
const maxBases = 10_000

// readOnlySync passes a peer's messages on without the changes in them. Where the messages name such changes as what the peer has, the
// latest changes of the document that they are based on are put in their place: the document would ask for changes that it does not know,
// and begin all over with a peer that has nothing else.
//
// The peer is told that its changes have arrived, all the same. An Automerge engine that waits for that does not ask for what it lacks. (It may lack
// changes that nobody sent: what is sent is found by a filter that takes one in a hundred for known.)
type readOnlySync struct {
	amrepo.Sync
	doc    *automerge.Doc
	bases  map[amchange.Hash][]amchange.Hash // by change of the peer that the document does not have: what it is based on
	theirs []amchange.Hash                   // heads of the peer that the document does not have
	owed   bool                              // it has not been told of them
	said   []amchange.Hash                   // the heads of the last message
}

func (s *readOnlySync) Receive(msg []byte) ([]amchange.Hash, error) {
	m, err := amchange.ParseSyncMessage(msg, nil)
	if err != nil {
		return nil, err
	}
	heads, before := m.Heads, s.theirs
	s.doc.View(func(ix *amchange.Index) {
		s.learn(ix, m.Changes)
		m.Changes = nil
		s.theirs = slices.DeleteFunc(slices.Clone(heads), ix.Has)
		m.Heads = s.based(ix, heads)
		for i := range m.Have {
			m.Have[i].LastSync = s.based(ix, m.Have[i].LastSync)
		}
	})
	s.owed = s.owed || !slices.Equal(s.theirs, before)
	_, err = s.Sync.Receive(m.Encode())
	return heads, err
}

// learn notes what changes are based on.
func (s *readOnlySync) learn(ix *amchange.Index, changes []*amchange.Change) {
	for _, c := range changes { // what a change depends on comes before it
		if ix.Has(c.Hash) {
			continue
		}
		if len(s.bases) >= maxBases {
			clear(s.bases)
		}
		s.bases[c.Hash] = s.based(ix, c.Deps)
	}
}

// based returns the hashes that the document has, and what the others are based on, as far as that is known.
func (s *readOnlySync) based(ix *amchange.Index, hashes []amchange.Hash) (out []amchange.Hash) {
	for _, h := range hashes {
		if ix.Has(h) {
			out = append(out, h)
		} else {
			out = append(out, s.bases[h]...)
		}
	}
	return ascending(out)
}

// ascending sorts hashes and leaves out repetitions.
func ascending(hashes []amchange.Hash) []amchange.Hash {
	slices.SortFunc(hashes, func(a, b amchange.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(hashes)
}

// Generate leaves out answers without any news: a peer with changes of its own would answer them for ever.
func (s *readOnlySync) Generate() ([]byte, error) {
	msg, err := s.Sync.Generate()
	if err != nil || len(msg) == 0 && !s.owed {
		return nil, err
	}
	m := &amchange.SyncMessage{Heads: s.doc.Heads()}
	if len(msg) > 0 {
		if m, err = amchange.ParseSyncMessage(msg, nil); err != nil {
			return nil, err
		}
	}
	m.Heads = ascending(slices.Concat(m.Heads, s.theirs))
	if !s.owed && s.said != nil && len(m.Changes) == 0 && slices.Equal(s.said, m.Heads) {
		return nil, nil
	}
	s.owed, s.said = false, append(make([]amchange.Hash, 0, 1), m.Heads...)
	return m.Encode(), nil
}
