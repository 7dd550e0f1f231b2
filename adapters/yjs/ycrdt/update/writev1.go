package update

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

func appendID(b []byte, id ID) []byte {
	return lib0.AppendVarUint(lib0.AppendVarUint(b, id.Client), uint64(id.Clock))
}

// writeV1 appends one struct in format V1.
func (w *Writer) writeV1(s *Struct) error {
	b := append(w.body, s.info())
	switch {
	case !s.IsItem():
		b = lib0.AppendVarUint(b, uint64(s.Len))
	case s.raw != nil:
		b = append(b, s.raw...)
	default:
		if s.HasOrigin {
			b = appendID(b, s.Origin)
		}
		if s.HasRightOrigin {
			b = appendID(b, s.RightOrigin)
		}
		if !s.HasOrigin && !s.HasRightOrigin {
			if s.Root {
				b = lib0.AppendString(append(b, 1), s.RootName)
			} else {
				b = appendID(append(b, 0), s.Parent)
			}
			if s.HasKey {
				b = lib0.AppendString(b, s.Key)
			}
		}
		var err error
		if b, err = s.appendContentV1(b); err != nil {
			return err
		}
	}
	w.body = b
	return nil
}

func (s *Struct) appendContentV1(b []byte) ([]byte, error) {
	c := &s.Content
	switch s.Ref {
	case RefDeleted:
		return lib0.AppendVarUint(b, uint64(s.Len)), nil
	case RefJSON:
		b = lib0.AppendVarUint(b, uint64(s.Len))
		if !c.loose {
			return append(b, c.Data...), nil
		}
		err := c.eachJSON(func(text []byte) { b = lib0.AppendString(b, text) })
		return b, err
	case RefBinary:
		return lib0.AppendBytes(b, c.Data), nil
	case RefString:
		return lib0.AppendString(b, c.Data), nil
	case RefEmbed:
		return c.appendJSON(b)
	case RefFormat:
		return c.appendJSON(lib0.AppendString(b, c.Name))
	case RefType:
		b = append(b, byte(c.Type))
		if c.Type.named() {
			b = lib0.AppendString(b, c.Name)
		}
		return b, nil
	case RefAny:
		return c.appendValues(lib0.AppendVarUint(b, uint64(s.Len)))
	case RefDoc:
		return c.appendOptions(lib0.AppendString(b, c.Name))
	}
	return b, unwritable(s)
}

func unwritable(s *Struct) error {
	return &lib0.DecodeError{Kind: lib0.ErrTag, What: "content " + s.Ref.String() + " of " + s.ID.String()}
}
