package automerge

import (
	"encoding/binary"
	"runtime"
)

// processSync is a conversation whose state is in the engine's process. When nobody holds it any more, the process is told
// with the next call.
type processSync struct {
	engine *processEngine
	id     []byte
}

func newProcessSync(e *processEngine, id uint64) *processSync {
	s := &processSync{engine: e, id: binary.AppendUvarint(nil, id)}
	runtime.AddCleanup(s, func(id uint64) { e.drop(id) }, id)
	return s
}

func (s *processSync) generate() ([]byte, error) {
	b, err := s.engine.call(callGenerate, s.id)
	if len(b) == 0 {
		b = nil
	}
	return b, err
}

func (s *processSync) receive(msg []byte) error {
	_, err := s.engine.call(callReceive, append(s.id[:len(s.id):len(s.id)], msg...))
	return err
}

func (s *processSync) save() ([]byte, error) { return s.engine.call(callSaveSync, s.id) }
