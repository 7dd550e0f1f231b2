package amrepo

import (
	"errors"
	"fmt"
)

// emptySync is the sync message of a document without changes to a peer about whom nothing is known: no heads, nothing
// needed, one empty summary of what is there, no changes.
var emptySync = []byte{0x42, 0, 0, 1, 0, 0, 0}

// sync takes a sync or request message.
func (s *Session) sync(m *message) ([][]byte, error) {
	r := s.repo
	if !r.opts.Access(s.peer, m.DocumentID) {
		return s.refuse(m.DocumentID), nil
	}
	heads, err := headsIn(m.Data)
	if err != nil {
		return s.refused(m.DocumentID, err), nil
	}
	d, err := r.document(m.DocumentID, heads)
	if errors.Is(err, ErrClosed) {
		return nil, err
	}
	if err != nil {
		return s.refused(m.DocumentID, err), nil
	}
	l, err := s.link(d)
	if err != nil {
		return s.refused(m.DocumentID, err), nil
	}
	if l.refused {
		return nil, nil
	}
	switch {
	case heads:
		r.note(d, s, has)
	case m.Type == typeRequest:
		r.note(d, s, wants)
	}
	if l.sync == nil { // nobody here has it: ask around
		r.spread(d, s)
		r.settle(d)
		return nil, nil
	}
	theirs, err := l.sync.Receive(m.Data)
	if err != nil {
		l.refused = true
		return s.refused(m.DocumentID, err), nil
	}
	if r.gossip != nil {
		r.gossip.synced(s, m.DocumentID, theirs)
	}
	out, err := s.generate(l)
	if err != nil {
		return nil, err
	}
	if len(d.doc.Heads()) == 0 {
		r.spread(d, s)
		r.settle(d)
	}
	return out, nil
}

// headsIn reports whether a sync message lists heads: whether its sender has anything. The rest is for the document to check.
func headsIn(data []byte) (bool, error) {
	if len(data) < 2 {
		return false, fmt.Errorf("sync message of %d bytes", len(data))
	}
	return data[1] != 0, nil
}

// refuse answers that there is no such document for this peer.
func (s *Session) refuse(id DocumentID) [][]byte {
	m := message{Type: typeUnavailable, SenderID: s.repo.opts.ID, TargetID: s.peer.ID, DocumentID: id}
	return [][]byte{m.encode()}
}

func (s *Session) refused(id DocumentID, err error) [][]byte {
	if s.repo.opts.OnRefused != nil {
		s.repo.opts.OnRefused(s.peer, id, err)
	}
	return s.refuse(id)
}

// link returns the session's entry for a document.
func (s *Session) link(d *document) (*link, error) {
	l := s.links[d.id]
	if l != nil && l.d != d { // the document was released meanwhile
		s.unlink(d.id)
		l = nil
	}
	if l == nil {
		if len(s.links) >= s.repo.opts.MaxDocuments {
			return nil, fmt.Errorf("amrepo: session with more than %d documents", s.repo.opts.MaxDocuments)
		}
		l = &link{d: d}
		s.links[d.id] = l
		s.repo.note(d, s, unknown)
	}
	s.repo.mu.Lock()
	doc := d.doc
	s.repo.mu.Unlock()
	if l.sync == nil && doc != nil {
		sync, err := doc.NewSync(s.savedState(d.id))
		if err != nil {
			return nil, fmt.Errorf("amrepo: document %s: %w", d.id, err)
		}
		l.sync = sync
	}
	return l, nil
}

func (s *Session) unlink(id DocumentID) {
	l := s.links[id]
	if l == nil {
		return
	}
	delete(s.links, id)
	s.repo.leave(l.d, s)
}

// offer tells the peer what is new in a document: the next sync message, or a request for it.
func (s *Session) offer(id DocumentID) ([][]byte, error) {
	r := s.repo
	r.mu.Lock()
	d := r.open[id]
	r.mu.Unlock()
	if d == nil {
		return nil, nil
	}
	l, err := s.link(d)
	if err != nil || l.refused {
		return nil, err
	}
	if l.sync == nil {
		return s.ask(l), nil
	}
	if len(d.doc.Heads()) == 0 && !l.asked {
		r.mu.Lock()
		st := d.peers[s]
		r.mu.Unlock()
		if st == unknown {
			return s.ask(l), nil
		}
	}
	return s.generate(l)
}

// ask sends a request, once.
func (s *Session) ask(l *link) [][]byte {
	if l.asked {
		return nil
	}
	l.asked = true
	m := message{Type: typeRequest, SenderID: s.repo.opts.ID, TargetID: s.peer.ID, DocumentID: l.d.id, Data: emptySync}
	return [][]byte{m.encode()}
}

// generate returns the next sync message, if there is one.
func (s *Session) generate(l *link) ([][]byte, error) {
	data, err := l.sync.Generate()
	if err != nil {
		return nil, fmt.Errorf("amrepo: document %s: %w", l.d.id, err)
	}
	if len(data) == 0 {
		return nil, nil
	}
	m := message{Type: typeSync, SenderID: s.repo.opts.ID, TargetID: s.peer.ID, DocumentID: l.d.id, Data: data}
	return [][]byte{m.encode()}, nil
}

// unavailable takes the peer's answer that it lacks a document.
func (s *Session) unavailable(m *message) error {
	s.repo.mu.Lock()
	d := s.repo.open[m.DocumentID]
	if d != nil {
		if _, ok := d.peers[s]; ok {
			d.peers[s] = lacks
		}
	}
	s.repo.mu.Unlock()
	if d != nil {
		s.repo.settle(d)
	}
	return nil
}

func (s *Session) keepsStates() bool {
	return s.repo.opts.States != nil && s.peer.StorageID != "" && !s.peer.Ephemeral
}

// savedState returns the kept sync state, or nil: then the conversation begins anew, which is never wrong.
func (s *Session) savedState(id DocumentID) []byte {
	if !s.keepsStates() {
		return nil
	}
	b, err := s.repo.opts.States.LoadSyncState(id, s.peer.StorageID)
	if err != nil {
		if s.repo.opts.OnError != nil {
			s.repo.opts.OnError(fmt.Errorf("amrepo: document %s: load the sync state of %s: %w", id, s.peer.StorageID, err))
		}
		return nil
	}
	return b
}

func (s *Session) saveStates() (err error) {
	if !s.keepsStates() {
		return nil
	}
	for id, l := range s.links {
		if l.sync == nil || l.refused {
			continue
		}
		if state := l.sync.Save(); state != nil {
			err = errors.Join(err, s.repo.opts.States.SaveSyncState(id, s.peer.StorageID, state))
		}
	}
	return err
}
