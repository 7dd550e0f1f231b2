package update

import (
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A struct can be cut in two ways, and Yjs uses both. They differ for text that is cut inside a surrogate pair.
type cutting uint8

const (
	slicing  cutting = iota // as JavaScript's slice: the second half of the pair stands alone
	splicing                // as Yjs splits items: each half becomes U+FFFD
)

// cutFront takes n units off the front of s. What is left of an item continues after the unit cut off: that is its origin.
func (s *Struct) cutFront(n uint32, how cutting) error {
	s.ID.Clock += n
	s.Len -= n
	s.raw = nil
	if !s.IsItem() {
		return nil
	}
	s.HasOrigin, s.Origin = true, ID{s.ID.Client, s.ID.Clock - 1}
	c := &s.Content
	switch s.Ref {
	case RefDeleted:
	case RefString:
		if how == splicing {
			_, c.Data = lib0.SplitUTF16(c.Data, int(n))
		} else {
			_, c.Data = lib0.CutUTF16(c.Data, int(n))
		}
		s.Len = uint32(lib0.UTF16Len(c.Data))
	case RefAny, RefJSON:
		r := lib0.NewReader(c.Data)
		for range n {
			if s.Ref == RefAny {
				r.SkipAny()
			} else {
				r.SkipBytes()
			}
		}
		if err := r.Err(); err != nil {
			return err
		}
		c.Data = r.Rest()
	default:
		return &lib0.DecodeError{Kind: lib0.ErrInvalid, What: "cut of " + s.Ref.String() + " " + s.ID.String()}
	}
	return nil
}

// Keep cuts s down to its first n units, 0 < n <= s.Len. Text cut inside a surrogate pair ends with U+FFFD, as where Yjs
// splits items. What cannot be cut, because it is one unit, is an error.
func (s *Struct) Keep(n uint32) error {
	if n == s.Len {
		return nil
	}
	bad := &lib0.DecodeError{Kind: lib0.ErrInvalid, What: "cut of " + s.Ref.String() + " " + s.ID.String()}
	if n == 0 || n > s.Len {
		return bad
	}
	c := &s.Content
	switch s.Ref {
	case RefGC, RefSkip, RefDeleted:
	case RefString:
		c.Data, _ = lib0.SplitUTF16(c.Data, int(n))
	case RefAny, RefJSON:
		r := lib0.NewReader(c.Data)
		for range n {
			if s.Ref == RefAny {
				r.SkipAny()
			} else {
				r.SkipBytes()
			}
		}
		if err := r.Err(); err != nil {
			return err
		}
		c.Data = c.Data[:r.Pos()]
	default:
		return bad
	}
	s.raw, s.Len = nil, n
	return nil
}
