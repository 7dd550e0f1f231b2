package automerge

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

// Sync is one end of Automerge's sync protocol, version 1, about one document with one peer. It implements [amrepo.Sync].
// Its methods take the document's lock.
type Sync struct {
	doc   *Doc
	state engineSync
}

var (
	_ amrepo.Doc  = (*Doc)(nil)
	_ amrepo.Sync = (*Sync)(nil)
)

// NewSync begins a conversation with a peer, or continues it from what [Sync.Save] has returned. It implements [amrepo.Doc].
func (d *Doc) NewSync(saved []byte) (amrepo.Sync, error) {
	if saved != nil {
		if _, err := amchange.CheckSyncState(saved); err != nil {
			return nil, fmt.Errorf("automerge: %w", err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return nil, d.broken
	}
	state, err := d.engine.newSync(saved)
	if err != nil {
		return nil, fmt.Errorf("automerge: %w", err)
	}
	return &Sync{doc: d, state: state}, nil
}

// Generate returns the next message for the peer, or nil when there is nothing to say.
func (s *Sync) Generate() ([]byte, error) {
	s.doc.mu.Lock()
	defer s.doc.mu.Unlock()
	if s.doc.broken != nil {
		return nil, s.doc.broken
	}
	return s.state.generate()
}

// Receive takes a message of the peer, and returns the heads that the peer says it has. The message and all changes in it are
// checked before the engine sees them; if something is wrong, nothing happens. Changes whose dependencies are missing
// wait for them here and are not shown to the engine, so that the peer is asked for them.
func (s *Sync) Receive(msg []byte) ([]amchange.Hash, error) {
	d := s.doc
	m, err := amchange.ParseSyncMessage(msg, d.opts.Limits)
	if err != nil {
		return nil, fmt.Errorf("automerge: %w", err)
	}
	_, err = d.merge(s, m.Changes, func(in *incoming) error {
		if in.waiting+in.dropped > 0 || in.direct < len(m.Changes) {
			part := *m
			part.Changes = in.changes[:in.direct]
			msg = part.Encode()
		}
		if err := s.state.receive(msg); err != nil {
			return err
		}
		if waited := in.bytes(in.direct); waited != nil {
			return d.engine.apply(waited)
		}
		return nil
	})
	return m.Heads, err
}

// Save returns what NewSync needs to continue the conversation.
func (s *Sync) Save() []byte {
	s.doc.mu.Lock()
	defer s.doc.mu.Unlock()
	b, err := s.state.save()
	if err != nil {
		return nil // which begins a new conversation
	}
	return b
}
