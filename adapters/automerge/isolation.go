package automerge

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// Isolation runs the engine of a document in a process of its own. The guard has let nothing through in millions of attempts
// that hurts the engine, but that is evidence and no proof; whoever serves strangers can have a wall besides. What it costs is a
// process for each document and a round trip over a pipe for each change.
type Isolation struct {
	// Command makes the command for one process: a program that calls [ServeEngine] with its standard input and output, for
	// example this one with a hidden argument. Its standard error is the command's own. Required.
	Command func() *exec.Cmd
	// Timeout is how long the engine may think about one call. The default is one minute.
	Timeout time.Duration
	// OnAbort is told when the engine has ended or does not answer, with what it was given last. The document is locked
	// meanwhile. Afterwards everything that the document is asked for returns [ErrEngineAborted]; what has been saved of it
	// can be loaded into a new one.
	OnAbort func(input []byte, err error)
}

// ErrEngineAborted is returned by a document whose engine ran in a process of its own that has ended.
var ErrEngineAborted = errors.New("automerge: the engine has ended unexpectedly")

// The calls over the pipe. A call is a byte, the length of what follows as uvarint, and that. An answer is a byte, 0 for good
// and 1 for an error, and a length and bytes.
const (
	callApply byte = iota + 1
	callLoad
	callHeads
	callChanges
	callSave
	callNewSync
	callGenerate
	callReceive
	callSaveSync
	callDrop // no answer
)

// maxCall bounds what the two ends believe of each other.
const maxCall = 1 << 30

// processEngine is the near end of the pipe.
type processEngine struct {
	iso    *Isolation
	cmd    *exec.Cmd
	in     *bufio.Writer
	out    *bufio.Reader
	pipes  [2]*os.File // our ends: to write, to read
	failed error

	mu    sync.Mutex
	drops []uint64 // syncs that nobody holds any more
}

func newProcessEngine(iso *Isolation) (*processEngine, error) {
	fail := func(err error) (*processEngine, error) {
		return nil, fmt.Errorf("automerge: start the engine's process: %w", err)
	}
	childIn, toChild, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	fromChild, childOut, err := os.Pipe()
	if err != nil {
		return fail(errors.Join(err, childIn.Close(), toChild.Close()))
	}
	e := &processEngine{iso: iso, cmd: iso.Command(), in: bufio.NewWriter(toChild), out: bufio.NewReader(fromChild),
		pipes: [2]*os.File{toChild, fromChild}}
	e.cmd.Stdin, e.cmd.Stdout = childIn, childOut
	err = e.cmd.Start()
	_ = childIn.Close()
	_ = childOut.Close()
	if err != nil {
		_ = toChild.Close()
		_ = fromChild.Close()
		return fail(err)
	}
	return e, nil
}

// close ends the process: it goes when its input ends.
func (e *processEngine) close() error {
	_ = e.pipes[0].Close()
	if e.failed != nil {
		_ = e.cmd.Process.Kill()
	}
	_ = e.cmd.Wait()
	err := e.pipes[1].Close()
	if e.failed == nil {
		e.failed = fmt.Errorf("%w: it was closed", ErrEngineAborted)
	}
	return err
}

// call makes one call. It fails with ErrEngineAborted for ever once the process is gone.
func (e *processEngine) call(call byte, input []byte) ([]byte, error) {
	if e.failed != nil {
		return nil, e.failed
	}
	answer, good, err := e.exchange(call, input)
	if err != nil {
		_ = e.cmd.Process.Kill()
		e.failed = fmt.Errorf("%w: %w", ErrEngineAborted, err)
		if e.iso.OnAbort != nil {
			e.iso.OnAbort(input, e.failed)
		}
		return nil, e.failed
	}
	if !good {
		return nil, errors.New(string(answer))
	}
	return answer, nil
}

func (e *processEngine) exchange(call byte, input []byte) (answer []byte, good bool, err error) {
	timeout := e.iso.Timeout
	if timeout <= 0 {
		timeout = time.Minute
	}
	deadline := time.Now().Add(timeout)
	if err := errors.Join(e.pipes[0].SetWriteDeadline(deadline), e.pipes[1].SetReadDeadline(deadline)); err != nil {
		return nil, false, err
	}
	e.mu.Lock()
	drops := e.drops
	e.drops = nil
	e.mu.Unlock()
	for _, id := range drops {
		if err := writeFrame(e.in, callDrop, binary.AppendUvarint(nil, id)); err != nil {
			return nil, false, err
		}
	}
	if err := writeFrame(e.in, call, input); err != nil {
		return nil, false, err
	}
	if err := e.in.Flush(); err != nil {
		return nil, false, err
	}
	status, answer, err := readFrame(e.out)
	return answer, status == 0, err
}

func (e *processEngine) apply(chunks []byte) error {
	_, err := e.call(callApply, chunks)
	return err
}

func (e *processEngine) load(chunk []byte) error {
	_, err := e.call(callLoad, chunk)
	return err
}

func (e *processEngine) heads() ([]amchange.Hash, error) {
	b, err := e.call(callHeads, nil)
	return splitHashes(b), err
}

func (e *processEngine) changes(since []amchange.Hash) ([][]byte, error) {
	b, err := e.call(callChanges, joinHashes(since))
	if err != nil {
		return nil, err
	}
	return splitParts(b)
}

func (e *processEngine) save() ([]byte, error) { return e.call(callSave, nil) }

func (e *processEngine) newSync(saved []byte) (engineSync, error) {
	input := []byte{0}
	if saved != nil {
		input = append([]byte{1}, saved...)
	}
	b, err := e.call(callNewSync, input)
	if err != nil {
		return nil, err
	}
	id, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, errors.New("bad answer of the engine's process")
	}
	return newProcessSync(e, id), nil
}

func (e *processEngine) drop(id uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drops = append(e.drops, id)
}

func writeFrame(w *bufio.Writer, kind byte, b []byte) error {
	head := binary.AppendUvarint([]byte{kind}, uint64(len(b)))
	if _, err := w.Write(head); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

func readFrame(r *bufio.Reader) (kind byte, b []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, nil, err
	}
	if n > maxCall {
		return 0, nil, fmt.Errorf("a message of %d bytes", n)
	}
	b = make([]byte, n)
	_, err = io.ReadFull(r, b)
	return kind, b, err
}

func joinHashes(hashes []amchange.Hash) []byte {
	var b []byte
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

func splitHashes(b []byte) []amchange.Hash {
	var out []amchange.Hash
	for ; len(b) >= 32; b = b[32:] {
		out = append(out, amchange.Hash(b[:32]))
	}
	return out
}

func joinParts(parts [][]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
	}
	return b
}

func splitParts(b []byte) ([][]byte, error) {
	var out [][]byte
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, errors.New("bad answer of the engine's process")
		}
		out = append(out, b[size:size+int(n)])
		b = b[size+int(n):]
	}
	return out, nil
}
