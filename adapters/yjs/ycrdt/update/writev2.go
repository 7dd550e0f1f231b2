package update

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// writeV2 adds one struct to the columns.
func (w *Writer) writeV2(s *Struct) error {
	c := w.cols
	c.info.Write(s.info())
	switch s.Ref {
	case RefSkip:
		w.body = lib0.AppendVarUint(w.body, uint64(s.Len))
		return nil
	case RefGC:
		c.length.Write(uint64(s.Len))
		return nil
	}
	if s.HasOrigin {
		c.client.Write(s.Origin.Client)
		c.leftClock.Write(int64(s.Origin.Clock))
	}
	if s.HasRightOrigin {
		c.client.Write(s.RightOrigin.Client)
		c.rightClock.Write(int64(s.RightOrigin.Clock))
	}
	if !s.HasOrigin && !s.HasRightOrigin {
		if s.Root {
			c.parentInfo.Write(1)
			c.str.Write(s.RootName)
		} else {
			c.parentInfo.Write(0)
			c.client.Write(s.Parent.Client)
			c.leftClock.Write(int64(s.Parent.Clock))
		}
		if s.HasKey {
			c.str.Write(s.Key)
		}
	}
	return w.contentV2(s)
}

func (w *Writer) contentV2(s *Struct) (err error) {
	cols, c := w.cols, &s.Content
	switch s.Ref {
	case RefDeleted:
		cols.length.Write(uint64(s.Len))
	case RefJSON:
		cols.length.Write(uint64(s.Len))
		if c.loose {
			return c.eachJSON(cols.str.Write)
		}
		r := lib0.NewReader(c.Data)
		for !r.Done() {
			cols.str.Write(r.Bytes())
		}
		return r.Err()
	case RefBinary:
		w.body = lib0.AppendBytes(w.body, c.Data)
	case RefString:
		cols.str.Write(c.Data)
	case RefEmbed:
		w.body, err = c.appendAny(w.body)
	case RefFormat:
		cols.key(c.Name)
		w.body, err = c.appendAny(w.body)
	case RefType:
		cols.typeRef.Write(uint64(c.Type))
		if c.Type.named() {
			cols.key(c.Name)
		}
	case RefAny:
		cols.length.Write(uint64(s.Len))
		w.body, err = c.appendValues(w.body)
	case RefDoc:
		cols.str.Write(c.Name)
		w.body, err = c.appendOptions(w.body)
	default:
		return unwritable(s)
	}
	return err
}
