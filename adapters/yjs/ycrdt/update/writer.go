package update

import (
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A Writer makes an update of structs. They come client by client, clients descending, in each client by clock without
// holes (a hole is a struct of its own, RefSkip).
//
// The first error sticks: Finish returns it.
type Writer struct {
	version Version
	body    []byte // V1: structs without the head of their client's block; V2: what goes behind the columns
	blocks  []block
	client  uint64
	next    uint32
	cols    *columnWriter // V2 only
	err     error
}

// block is the structs of one client: how many, and where in body they begin.
type block struct {
	structs int
	from    int
}

// columnWriter writes the nine columns of format V2.
type columnWriter struct {
	keyClock   lib0.IntDiffOptRleEncoder
	client     lib0.UintOptRleEncoder
	leftClock  lib0.IntDiffOptRleEncoder
	rightClock lib0.IntDiffOptRleEncoder
	info       lib0.RleEncoder
	str        lib0.StringEncoder
	parentInfo lib0.RleEncoder
	typeRef    lib0.UintOptRleEncoder
	length     lib0.UintOptRleEncoder
	keys       int64
}

// NewWriter returns a Writer for an empty update.
func NewWriter(v Version) *Writer {
	w := &Writer{version: v}
	switch v {
	case V1:
	case V2:
		w.cols = new(columnWriter)
	default:
		w.err = unknownVersion(v)
	}
	return w
}

// Write adds a struct. It fails if the struct does not continue its client's block, or if its content has no form in
// this version (a bigint in an embed or a format has none in V1).
func (w *Writer) Write(s *Struct) error {
	if w.err != nil {
		return w.err
	}
	if n := len(w.blocks); n == 0 || w.client != s.ID.Client {
		w.blocks = append(w.blocks, block{from: len(w.body)})
		w.client, w.next = s.ID.Client, s.ID.Clock
		if w.cols != nil {
			w.cols.client.Write(s.ID.Client)
		} else {
			w.body = lib0.AppendVarUint(w.body, s.ID.Client)
		}
		w.body = lib0.AppendVarUint(w.body, uint64(s.ID.Clock))
	}
	if s.ID.Clock != w.next {
		w.err = &lib0.DecodeError{Kind: lib0.ErrInvalid, What: "order of structs at " + s.ID.String()}
		return w.err
	}
	w.blocks[len(w.blocks)-1].structs++
	w.next = s.End()
	if w.cols == nil {
		w.err = w.writeV1(s)
	} else {
		w.err = w.writeV2(s)
	}
	return w.err
}

// info returns the info byte.
func (s *Struct) info() byte {
	info := byte(s.Ref)
	if s.HasOrigin {
		info |= hasOrigin
	}
	if s.HasRightOrigin {
		info |= hasRightOrigin
	}
	if s.HasKey {
		info |= hasKey
	}
	return info
}

// Finish returns the update with this delete set, which must be grouped by descending client.
func (w *Writer) Finish(ds DeleteSet) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	head := make([]byte, 0, 16+9*len(ds)+4*len(w.blocks))
	tail := AppendDeleteSet(nil, w.version, ds)
	head = lib0.AppendVarUint(head, uint64(len(w.blocks)))
	ends := make([]int, len(w.blocks))
	for i := range w.blocks {
		ends[i] = len(w.body)
		if i > 0 {
			ends[i-1] = w.blocks[i].from
		}
	}
	var front [][]byte
	size := len(head) + len(w.body) + 10*len(w.blocks) + len(tail)
	if w.cols != nil {
		front = w.cols.frame()
		for _, f := range front {
			size += len(f) + 10
		}
	}
	out := make([]byte, 0, size)
	if w.cols != nil {
		out = append(out, 0)
		for _, f := range front {
			out = lib0.AppendBytes(out, f)
		}
	}
	out = append(out, head...)
	for i, b := range w.blocks {
		out = lib0.AppendVarUint(out, uint64(b.structs))
		out = append(out, w.body[b.from:ends[i]]...)
	}
	return append(out, tail...), nil
}

// frame returns the columns in the order of the format.
func (c *columnWriter) frame() [][]byte {
	return [][]byte{
		c.keyClock.Bytes(), c.client.Bytes(), c.leftClock.Bytes(), c.rightClock.Bytes(), c.info.Bytes(),
		c.str.AppendTo(nil), c.parentInfo.Bytes(), c.typeRef.Bytes(), c.length.Bytes(),
	}
}

// key writes a format key or an XML name. yjs has a table for keys but never enters any, so every key has a new number.
func (c *columnWriter) key(name []byte) {
	c.keyClock.Write(c.keys)
	c.keys++
	c.str.Write(name)
}
