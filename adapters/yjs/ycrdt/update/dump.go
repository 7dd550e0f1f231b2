package update

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// Dump returns an update as text for people: one line per struct, then the delete set, the state vector and how much there
// is of what.
//
//	client 7
//	  7:0        Any 1      in m "k"               [1]
//	  7:1        Any 1      after 7:0              [2]
//	deleted
//	  7          0-1
//	state
//	  7          2
//	2 structs, 1 deletion, 21 bytes V1
//
// The columns are: ID, content and length, place (in: parent and key; after and before: origin and right origin),
// content. With an error in the update, Dump returns the text up to there and the error.
func Dump(v Version, b []byte, limits *Limits) (string, error) {
	var out strings.Builder
	err := WriteDump(&out, v, b, limits)
	return out.String(), err
}

// WriteDump writes what Dump returns.
func WriteDump(w io.Writer, v Version, b []byte, limits *Limits) error {
	r := NewReader(v, b, limits)
	var buf bytes.Buffer
	structs := 0
	sv := make(StateVector)
	first, client := true, uint64(0)
	for r.Next() {
		s := r.Struct()
		if first || s.ID.Client != client {
			first, client = false, s.ID.Client
			fmt.Fprintf(&buf, "client %d\n", client)
			if s.ID.Clock == 0 {
				sv[client] = 0
			}
		}
		if have, ok := sv[client]; ok && have == s.ID.Clock && s.Ref != RefSkip {
			sv[client] = s.End()
		}
		structs++
		fmt.Fprintf(&buf, "  %s\n", s)
		if _, err := buf.WriteTo(w); err != nil {
			return err
		}
	}
	ds, err := r.DeleteSet()
	if err != nil {
		return err
	}
	if len(ds) > 0 {
		fmt.Fprintln(&buf, "deleted")
	}
	for i, d := range ds {
		if i == 0 || ds[i-1].Client != d.Client {
			if i > 0 {
				fmt.Fprintln(&buf)
			}
			fmt.Fprintf(&buf, "  %-10d", d.Client)
		}
		fmt.Fprintf(&buf, " %d-%d", d.Clock, d.End())
	}
	if len(ds) > 0 {
		fmt.Fprintln(&buf)
	}
	maps.DeleteFunc(sv, func(_ uint64, clock uint32) bool { return clock == 0 })
	if len(sv) > 0 {
		fmt.Fprintln(&buf, "state")
	}
	clients := slices.Sorted(maps.Keys(sv))
	slices.Reverse(clients)
	for _, c := range clients {
		fmt.Fprintf(&buf, "  %-10d %d\n", c, sv[c])
	}
	fmt.Fprintf(&buf, "%s, %s, %s %s\n", count(structs, "struct"), count(len(ds), "deletion"), count(len(b), "byte"), v)
	_, err = buf.WriteTo(w)
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// String returns s on one line.
func (s *Struct) String() string {
	line := fmt.Sprintf("%-10s %-10s %-22s %s", s.ID, fmt.Sprintf("%s %d", s.Ref, s.Len), s.where(), s.what())
	return strings.TrimRight(line, " ")
}

func (s *Struct) where() string {
	var parts []string
	if s.HasOrigin {
		parts = append(parts, "after "+s.Origin.String())
	}
	if s.HasRightOrigin {
		parts = append(parts, "before "+s.RightOrigin.String())
	}
	if s.IsItem() && !s.HasOrigin && !s.HasRightOrigin {
		if s.Root {
			parts = append(parts, "in "+plainName(s.RootName))
		} else {
			parts = append(parts, "in "+s.Parent.String())
		}
		if s.HasKey {
			parts = append(parts, string(lib0.AppendQuoted(nil, s.Key)))
		}
	}
	return strings.Join(parts, " ")
}

// plainName returns a root name without quotes if it is a word.
func plainName(name []byte) string {
	for _, c := range name {
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return string(lib0.AppendQuoted(nil, name))
		}
	}
	if len(name) == 0 {
		return `""`
	}
	return string(name)
}

func (s *Struct) what() string {
	switch s.Ref {
	case RefGC, RefSkip, RefDeleted:
		return ""
	case RefType:
		if s.Content.Type.named() {
			return s.Content.Type.String() + " " + string(lib0.AppendQuoted(nil, s.Content.Name))
		}
		return s.Content.Type.String()
	case RefString:
		return string(lib0.AppendQuoted(nil, s.Content.Data))
	}
	values, err := s.Values()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	switch s.Ref {
	case RefBinary, RefEmbed:
		return values[0].String()
	case RefFormat, RefDoc:
		return string(lib0.AppendQuoted(nil, s.Content.Name)) + " = " + values[0].String()
	}
	return lib0.ListOf(values...).String()
}
