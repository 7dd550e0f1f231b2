package update

import (
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A Reader yields the structs of an update one by one, in the order of the update, and then its delete set.
//
//	r := update.NewReader(update.V1, bytes, nil)
//	for r.Next() {
//		s := r.Struct()
//	}
//	ds, err := r.DeleteSet()
//
// It checks what can be checked without a document: that everything is well formed, within the limits, and that no item
// names itself or a later unit of its client as neighbour or parent.
type Reader struct {
	rest lib0.Reader // V1: everything; V2: what stands behind the columns
	cols *columns    // V2 only

	blocks  int // clients not yet begun
	structs int // structs of this client not yet read
	budget  int // structs that may still come
	clock   uint64
	client  uint64

	cur    Struct
	limits Limits
}

// NewReader returns a Reader for an update. Errors show in Err, and Next returns false.
func NewReader(v Version, b []byte, limits *Limits) *Reader {
	r := new(Reader)
	r.init(v, b, limits)
	return r
}

// init makes r, which may have been used before, a Reader for an update.
func (r *Reader) init(v Version, b []byte, limits *Limits) {
	l := limits.resolve(len(b))
	r.rest = lib0.NewReader(b)
	r.blocks, r.structs = 0, 0
	r.limits = l
	r.budget = l.Structs
	if len(b) > l.Bytes {
		r.rest.Fail(lib0.ErrLimit, "size of the update")
		return
	}
	perBlock := 3
	switch v {
	case V1:
	case V2:
		perBlock = 2
		if r.cols == nil {
			r.cols = new(columns)
		}
		r.cols.init(&r.rest)
	default:
		r.rest.Fail(lib0.ErrTag, "update format")
		return
	}
	if r.blocks = r.rest.Count(perBlock, "clients"); r.blocks > l.Clients {
		r.rest.Fail(lib0.ErrLimit, "clients")
	}
}

// Err returns the first error, a *lib0.DecodeError, or nil.
func (r *Reader) Err() error {
	if r.rest.Failed() {
		return r.rest.Err()
	}
	if r.cols != nil {
		return r.cols.err()
	}
	return nil
}

// Struct returns the struct that Next has read. It is valid until the next call of Next.
func (r *Reader) Struct() *Struct { return &r.cur }

// Next reads the next struct. It returns false at the end of the structs and after an error.
func (r *Reader) Next() bool {
	for r.structs == 0 {
		if r.blocks == 0 || r.rest.Failed() {
			return false
		}
		r.nextBlock()
	}
	r.structs--
	if r.cols == nil {
		r.readV1()
	} else {
		r.readV2()
	}
	if r.rest.Failed() || r.cols != nil && r.cols.failed() {
		r.structs, r.blocks = 0, 0
		return false
	}
	return true
}

// nextBlock reads the head of the structs of one client.
func (r *Reader) nextBlock() {
	r.blocks--
	at := r.rest.Offset()
	n := r.rest.VarUint()
	if r.cols == nil {
		r.client = r.rest.VarUint()
	} else {
		r.client = r.cols.client.Read()
	}
	r.clock = r.rest.VarUint()
	switch {
	case r.cols == nil && n > uint64(r.rest.Len()/2) && !r.rest.Failed():
		r.rest.FailAt(lib0.ErrEnd, "structs", at)
	case n > uint64(r.budget):
		r.rest.FailAt(lib0.ErrLimit, "structs", at)
	}
	if r.rest.Failed() || r.cols != nil && r.cols.failed() {
		r.blocks = 0
		return
	}
	r.budget -= int(n)
	r.structs = int(n)
}

// begin prepares cur for a struct with the given info byte.
func (r *Reader) begin(info byte) *Struct {
	s := &r.cur
	*s = Struct{ID: ID{r.client, uint32(r.clock)}, Ref: Ref(info & refBits)}
	if info == byte(RefSkip) || s.Ref == RefGC {
		return s
	}
	s.HasOrigin = info&hasOrigin != 0
	s.HasRightOrigin = info&hasRightOrigin != 0
	s.HasKey = info&hasKey != 0 && !s.HasOrigin && !s.HasRightOrigin
	return s
}

// finish checks the length and the neighbours of cur and moves the clock on.
func (r *Reader) finish(length uint64) {
	end := r.clock + length
	if length > MaxClock || end > MaxClock {
		r.rest.Fail(lib0.ErrRange, "clock")
		return
	}
	s := &r.cur
	s.Len = uint32(length)
	own := s.ID
	if s.HasOrigin && s.Origin.Client == own.Client && s.Origin.Clock >= own.Clock ||
		s.HasRightOrigin && s.RightOrigin.Client == own.Client && s.RightOrigin.Clock >= own.Clock {
		r.rest.Fail(lib0.ErrInvalid, "neighbour of "+own.String())
	}
	if s.IsItem() && !s.HasOrigin && !s.HasRightOrigin && !s.Root && s.Parent.Client == own.Client && s.Parent.Clock >= own.Clock {
		r.rest.Fail(lib0.ErrInvalid, "parent of "+own.String())
	}
	r.clock = end
}

// clock32 checks a clock that was read.
func (r *Reader) clock32(v uint64) uint32 {
	if v > MaxClock {
		r.rest.Fail(lib0.ErrRange, "clock")
		return 0
	}
	return uint32(v)
}

// checkJSON checks a JSON text which begins at the given offset of the update.
func (r *Reader) checkJSON(text []byte, offset int) {
	same, err := lib0.CheckJSON(text)
	if err != nil {
		bad := err.(*lib0.DecodeError)
		r.rest.FailAt(bad.Kind, bad.What, offset+bad.Offset)
	}
	if !same {
		r.cur.Content.loose = true
	}
}

// DeleteSet reads the rest of the structs, if there are any, and the delete set, which it returns as it stands in the
// update: grouped by client, not always sorted. It may be called once.
func (r *Reader) DeleteSet() (DeleteSet, error) {
	return r.appendDeleteSet(nil)
}

func (r *Reader) appendDeleteSet(ds DeleteSet) (DeleteSet, error) {
	for r.Next() {
	}
	if err := r.Err(); err != nil {
		return ds, err
	}
	v := V1
	if r.cols != nil {
		v = V2
	}
	ds = ReadDeleteSet(&r.rest, v, &r.limits, ds)
	if r.rest.Failed() || r.limits.AllowTrailing {
		return ds, r.rest.Err()
	}
	return ds, r.rest.End()
}
