package update

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// columns are the nine columns of format V2, each read by a cursor on the update.
type columns struct {
	keyClock   lib0.IntDiffOptRleDecoder
	client     lib0.UintOptRleDecoder
	leftClock  lib0.IntDiffOptRleDecoder
	rightClock lib0.IntDiffOptRleDecoder
	info       lib0.RleDecoder
	str        lib0.StringDecoder
	parentInfo lib0.RleDecoder
	typeRef    lib0.UintOptRleDecoder
	length     lib0.UintOptRleDecoder

	keys    [][]byte // format keys and XML names by their number, see key
	maxKeys int
}

// init reads the frame: a flag which is 0, nine columns with their lengths, the rest without.
func (c *columns) init(r *lib0.Reader) {
	c.maxKeys = r.Len() + 16
	c.keys = c.keys[:0]
	if flag := r.VarUint(); flag != 0 {
		r.Fail(lib0.ErrTag, "format flag")
	}
	c.keyClock = lib0.NewIntDiffOptRleDecoder(r.Sub())
	c.client = lib0.NewUintOptRleDecoder(r.Sub())
	c.leftClock = lib0.NewIntDiffOptRleDecoder(r.Sub())
	c.rightClock = lib0.NewIntDiffOptRleDecoder(r.Sub())
	c.info = lib0.NewRleDecoder(r.Sub())
	c.str = lib0.NewStringDecoder(r.Sub())
	c.parentInfo = lib0.NewRleDecoder(r.Sub())
	c.typeRef = lib0.NewUintOptRleDecoder(r.Sub())
	c.length = lib0.NewUintOptRleDecoder(r.Sub())
}

func (c *columns) failed() bool {
	return c.info.Failed() || c.client.Failed() || c.leftClock.Failed() || c.rightClock.Failed() || c.str.Failed() ||
		c.parentInfo.Failed() || c.length.Failed() || c.typeRef.Failed() || c.keyClock.Failed()
}

func (c *columns) err() error {
	for _, err := range []error{
		c.keyClock.Err(), c.client.Err(), c.leftClock.Err(), c.rightClock.Err(), c.info.Err(), c.str.Err(),
		c.parentInfo.Err(), c.typeRef.Err(), c.length.Err(),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// key reads a format key or an XML name. The first time it stands in the string column, and gets the next number; a
// number below that refers back. yjs never refers back when it writes, but others may.
func (c *columns) key() []byte {
	n := c.keyClock.Read()
	if n < 0 {
		c.keyClock.Fail(lib0.ErrRange, "key")
		return nil
	}
	if n < int64(len(c.keys)) {
		return c.keys[n]
	}
	if len(c.keys) >= c.maxKeys {
		c.keyClock.Fail(lib0.ErrLimit, "keys")
		return nil
	}
	k := c.str.Read()
	c.keys = append(c.keys, k)
	return k
}

// readV2 reads one struct of format V2 into cur.
func (r *Reader) readV2() {
	in, c := &r.rest, r.cols
	info := c.info.Read()
	in.SetLoose(false)
	s := r.begin(info)
	switch {
	case info == byte(RefSkip):
		r.finish(in.VarUint())
		return
	case s.Ref == RefGC:
		r.finish(c.length.Read())
		return
	}
	if s.HasOrigin {
		client := c.client.Read()
		s.Origin = ID{client, r.columnClock(c.leftClock.Read())}
	}
	if s.HasRightOrigin {
		client := c.client.Read()
		s.RightOrigin = ID{client, r.columnClock(c.rightClock.Read())}
	}
	if !s.HasOrigin && !s.HasRightOrigin {
		if c.parentInfo.Read() == 1 {
			s.Root = true
			s.RootName = c.str.Read()
		} else {
			client := c.client.Read()
			s.Parent = ID{client, r.columnClock(c.leftClock.Read())}
		}
		if s.HasKey {
			s.Key = c.str.Read()
		}
	}
	r.finish(r.contentV2())
	if in.Loose() {
		s.Content.loose = true
	}
}

func (r *Reader) columnClock(v int64) uint32 {
	if v < 0 {
		r.rest.Fail(lib0.ErrRange, "clock")
		return 0
	}
	return r.clock32(uint64(v))
}

// contentV2 reads the content of an item and returns its length in units.
func (r *Reader) contentV2() uint64 {
	in, cols, c := &r.rest, r.cols, &r.cur.Content
	switch r.cur.Ref {
	case RefDeleted:
		return cols.length.Read()
	case RefJSON:
		return r.jsonTextsV2()
	case RefBinary:
		c.Data = in.Bytes()
	case RefString:
		c.Data = cols.str.Read()
		return uint64(lib0.UTF16Len(c.Data))
	case RefEmbed:
		r.anyV2()
	case RefFormat:
		c.Name = cols.key()
		r.anyV2()
	case RefType:
		t := cols.typeRef.Read()
		if t > uint64(TypeXMLText) {
			in.Fail(lib0.ErrTag, "type")
			return 1
		}
		if c.Type = TypeRef(t); c.Type.named() {
			c.Name = cols.key()
		}
	case RefAny:
		n := cols.length.Read()
		if n > uint64(in.Len()) {
			in.Fail(lib0.ErrEnd, "values")
			return 0
		}
		from := in.Pos()
		for i := uint64(0); i < n && !in.Failed(); i++ {
			in.SkipAny()
		}
		c.Data = in.Since(from)
		return n
	case RefDoc:
		c.Name = cols.str.Read()
		r.docOptions()
	default:
		in.Fail(lib0.ErrTag, "content "+r.cur.Ref.String())
	}
	return 1
}

func (r *Reader) anyV2() {
	from := r.rest.Pos()
	r.rest.SkipAny()
	r.cur.Content.Data = r.rest.Since(from)
}

// jsonTextsV2 collects the JSON texts of an item, which lie between other strings in the column, in the form of V1.
func (r *Reader) jsonTextsV2() uint64 {
	n := r.cols.length.Read()
	if n > uint64(r.budget)+1 {
		r.rest.Fail(lib0.ErrLimit, "JSON values")
		return 0
	}
	r.budget -= int(n) // a value takes no byte of its own if it is one of a run
	var data []byte
	for i := uint64(0); i < n; i++ {
		text := lib0.WellFormed(r.cols.str.Read())
		if string(text) != undefinedText && !r.cols.str.Failed() {
			r.checkJSON(text, r.rest.Offset())
		}
		if r.cols.str.Failed() || r.rest.Failed() {
			return 0
		}
		data = lib0.AppendBytes(data, text)
	}
	r.cur.Content.Data = data
	return n
}
