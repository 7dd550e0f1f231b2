package update

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// readV1 reads one struct of format V1 into cur: info, [origin], [right origin], [parent, [key]], content.
func (r *Reader) readV1() {
	in := &r.rest
	info := in.Byte()
	from := in.Pos()
	in.SetLoose(false)
	s := r.begin(info)
	if info == byte(RefSkip) || s.Ref == RefGC {
		r.finish(in.VarUint())
		return
	}
	if s.HasOrigin {
		s.Origin = r.idV1()
	}
	if s.HasRightOrigin {
		s.RightOrigin = r.idV1()
	}
	if !s.HasOrigin && !s.HasRightOrigin {
		switch isRoot := in.VarUint(); isRoot {
		case 1:
			s.Root = true
			s.RootName = in.Str()
		default:
			if isRoot != 0 {
				in.SetLoose(true)
			}
			s.Parent = r.idV1()
		}
		if s.HasKey {
			s.Key = in.Str()
		}
	}
	r.finish(r.contentV1())
	if in.Loose() {
		s.Content.loose = true
	}
	if !s.Content.loose {
		s.raw = in.Since(from)
	}
}

func (r *Reader) idV1() ID {
	client := r.rest.VarUint()
	return ID{client, r.clock32(r.rest.VarUint())}
}

// contentV1 reads the content of an item and returns its length in units.
func (r *Reader) contentV1() uint64 {
	in, c := &r.rest, &r.cur.Content
	switch r.cur.Ref {
	case RefDeleted:
		return in.VarUint()
	case RefJSON:
		n := in.Count(1, "JSON values")
		from := in.Pos()
		for range n {
			text := in.Str()
			if string(text) != undefinedText && !in.Failed() {
				r.checkJSON(text, in.Offset()-len(text))
			}
		}
		c.Data = in.Since(from)
		return uint64(n)
	case RefBinary:
		c.Data = in.Bytes()
	case RefString:
		c.Data = in.Str()
		return uint64(lib0.UTF16Len(c.Data))
	case RefEmbed:
		r.jsonV1()
	case RefFormat:
		c.Name = in.Str()
		r.jsonV1()
	case RefType:
		t := in.VarUint()
		if t > uint64(TypeXMLText) {
			in.Fail(lib0.ErrTag, "type")
			return 1
		}
		if c.Type = TypeRef(t); c.Type.named() {
			c.Name = in.Str()
		}
	case RefAny:
		n := in.Count(1, "values")
		from := in.Pos()
		for i := 0; i < n && !in.Failed(); i++ {
			in.SkipAny()
		}
		c.Data = in.Since(from)
		return uint64(n)
	case RefDoc:
		c.Name = in.Str()
		r.docOptions()
	default:
		in.Fail(lib0.ErrTag, "content "+r.cur.Ref.String())
	}
	return 1
}

func (r *Reader) jsonV1() {
	c := &r.cur.Content
	c.Data, c.JSON = r.rest.Str(), true
	if !r.rest.Failed() {
		r.checkJSON(c.Data, r.rest.Offset()-len(c.Data))
	}
}

// docOptions reads the options of a subdocument. Yjs keeps three of them and writes these only.
func (r *Reader) docOptions() {
	in, c := &r.rest, &r.cur.Content
	from := in.Pos()
	in.SkipAny()
	c.Data = in.Since(from)
	if !in.Failed() && string(c.Data) != noOptions {
		c.loose = true
	}
}

// noOptions is the empty object.
const noOptions = "\x76\x00"
