//go:build cgo

package automerge

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/automerge/automerge-go"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// cgoEngine is Automerge's own core, compiled into the program.
type cgoEngine struct{ doc *automerge.Doc }

func newEngine() (engine, error) { return &cgoEngine{automerge.New()}, nil }

func (e *cgoEngine) apply(chunks []byte) error { return e.doc.LoadIncremental(chunks) }

func (e *cgoEngine) load(chunk []byte) error {
	if len(e.doc.Heads()) > 0 {
		return e.doc.LoadIncremental(chunk)
	}
	doc, err := automerge.Load(chunk)
	if err == nil {
		e.doc = doc
	}
	return err
}

func (e *cgoEngine) heads() ([]amchange.Hash, error) {
	var out []amchange.Hash
	for _, h := range e.doc.Heads() {
		out = append(out, amchange.Hash(h))
	}
	slices.SortFunc(out, func(a, b amchange.Hash) int { return bytes.Compare(a[:], b[:]) })
	return out, nil
}

func (e *cgoEngine) changes(since []amchange.Hash) ([][]byte, error) {
	var from []automerge.ChangeHash
	for _, h := range since {
		from = append(from, automerge.ChangeHash(h))
	}
	changes, err := e.doc.Changes(from...)
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(changes))
	for i, c := range changes {
		out[i] = c.Save()
	}
	return out, nil
}

func (e *cgoEngine) save() ([]byte, error) { return e.doc.Save(), nil }

func (e *cgoEngine) close() error { return nil }

func (e *cgoEngine) newSync(saved []byte) (engineSync, error) {
	if saved == nil {
		return &cgoSync{automerge.NewSyncState(e.doc)}, nil
	}
	state, err := automerge.LoadSyncState(e.doc, saved)
	if err != nil {
		return nil, fmt.Errorf("load sync state: %w", err)
	}
	return &cgoSync{state}, nil
}

type cgoSync struct{ state *automerge.SyncState }

func (s *cgoSync) generate() ([]byte, error) {
	m, ok := s.state.GenerateMessage()
	if !ok {
		return nil, nil
	}
	return m.Bytes(), nil
}

func (s *cgoSync) receive(msg []byte) error {
	_, err := s.state.ReceiveMessage(msg)
	return err
}

func (s *cgoSync) save() ([]byte, error) { return s.state.Save(), nil }
