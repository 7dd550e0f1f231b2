package automerge

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ServeEngine is what a process for [Isolation] does: it runs an engine for one document and obeys the calls that come from r,
// until r ends.
func ServeEngine(r io.Reader, w io.Writer) error {
	e, err := newEngine()
	if err != nil {
		return err
	}
	s := &engineServer{engine: e, syncs: map[uint64]engineSync{}}
	in, out := bufio.NewReader(r), bufio.NewWriter(w)
	for {
		call, input, err := readFrame(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("automerge: engine's process: %w", err)
		}
		answer, err := s.obey(call, input)
		if call == callDrop {
			continue
		}
		var status byte
		if err != nil {
			status, answer = 1, []byte(err.Error())
		}
		if err := errors.Join(writeFrame(out, status, answer), out.Flush()); err != nil {
			return fmt.Errorf("automerge: engine's process: %w", err)
		}
	}
}

type engineServer struct {
	engine engine
	syncs  map[uint64]engineSync
	next   uint64
}

func (s *engineServer) obey(call byte, input []byte) ([]byte, error) {
	switch call {
	case callApply:
		return nil, s.engine.apply(input)
	case callLoad:
		return nil, s.engine.load(input)
	case callHeads:
		h, err := s.engine.heads()
		return joinHashes(h), err
	case callChanges:
		parts, err := s.engine.changes(splitHashes(input))
		return joinParts(parts), err
	case callSave:
		return s.engine.save()
	case callNewSync:
		var saved []byte
		if len(input) > 0 && input[0] == 1 {
			saved = input[1:]
		}
		sync, err := s.engine.newSync(saved)
		if err != nil {
			return nil, err
		}
		s.next++
		s.syncs[s.next] = sync
		return binary.AppendUvarint(nil, s.next), nil
	}
	id, n := binary.Uvarint(input)
	sync := s.syncs[id]
	if n <= 0 || sync == nil {
		return nil, fmt.Errorf("call %d about an unknown conversation", call)
	}
	switch call {
	case callGenerate:
		return sync.generate()
	case callReceive:
		return nil, sync.receive(input[n:])
	case callSaveSync:
		return sync.save()
	case callDrop:
		delete(s.syncs, id)
		return nil, nil
	}
	return nil, fmt.Errorf("unknown call %d", call)
}
