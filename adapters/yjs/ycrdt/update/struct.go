package update

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// An ID names one unit: the client that made it and the client's clock. Clients are below 2^53.
type ID struct {
	Client uint64
	Clock  uint32
}

// String returns client:clock.
func (id ID) String() string { return fmt.Sprintf("%d:%d", id.Client, id.Clock) }

// A Ref says what a struct holds. The values are those of the wire.
type Ref uint8

// The refs. All but GC and Skip are items.
const (
	RefGC      Ref = 0  // deleted for good: only the length is left
	RefDeleted Ref = 1  // a deleted item: its place is left
	RefJSON    Ref = 2  // values as JSON text (written by Yjs before 13)
	RefBinary  Ref = 3  // a Uint8Array
	RefString  Ref = 4  // text, one unit per UTF-16 unit
	RefEmbed   Ref = 5  // an object in a text
	RefFormat  Ref = 6  // a mark in a text: from here on, this attribute has this value
	RefType    Ref = 7  // a shared type
	RefAny     Ref = 8  // plain values
	RefDoc     Ref = 9  // a subdocument
	RefSkip    Ref = 10 // a hole: the structs in between are not in this update
)

// String returns the name of the ref.
func (r Ref) String() string {
	names := [...]string{"GC", "Deleted", "JSON", "Binary", "String", "Embed", "Format", "Type", "Any", "Doc", "Skip"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("Ref(%d)", uint8(r))
}

// A TypeRef is the kind of a shared type. The values are those of the wire.
type TypeRef uint8

// The kinds of shared types.
const (
	TypeArray TypeRef = iota
	TypeMap
	TypeText
	TypeXMLElement // has a name
	TypeXMLFragment
	TypeXMLHook // has a name
	TypeXMLText
)

// String returns the class name in Yjs.
func (t TypeRef) String() string {
	names := [...]string{"YArray", "YMap", "YText", "YXmlElement", "YXmlFragment", "YXmlHook", "YXmlText"}
	if int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("TypeRef(%d)", uint8(t))
}

func (t TypeRef) named() bool { return t == TypeXMLElement || t == TypeXMLHook }

// Bits of the info byte of a struct, above the five bits of the ref.
const (
	hasKey         = 0x20
	hasRightOrigin = 0x40
	hasOrigin      = 0x80
	refBits        = 0x1f
)

// A Struct is one struct of an update. Its slices alias the update that it was read from.
type Struct struct {
	ID  ID
	Len uint32 // units: UTF-16 units of text, number of values, 1 for what cannot be cut
	Ref Ref

	// What follows is for items.

	HasOrigin      bool // there was a unit to the left when it was made: Origin
	HasRightOrigin bool // there was a unit to the right: RightOrigin
	HasKey         bool // it is an entry of a map. Key is known only where Parent is
	Root           bool // Parent is the root type named RootName, not the type with the ID Parent
	Origin         ID
	RightOrigin    ID

	// Parent, or RootName, and Key stand in an update only if the item has neither origin nor right origin; otherwise it
	// shares them with its neighbour.
	Parent   ID
	RootName []byte
	Key      []byte

	Content Content

	raw []byte // all of it in V1 after the info byte, if that is what Yjs would write, else nil
}

// Content is what an item holds.
type Content struct {
	Type TypeRef // of RefType

	// Name is the key of RefFormat, the name of an XML element or hook, and the guid of RefDoc.
	Name []byte

	// Data is the text of RefString, the bytes of RefBinary, the values of RefAny one after the other in lib0's encoding,
	// the texts of RefJSON one after the other with their lengths before them, the value of RefEmbed and RefFormat (as JSON
	// text or in lib0's encoding, see JSON), and the options of RefDoc in lib0's encoding. Text may hold halves of surrogate
	// pairs in their three-byte form if V2 columns were cut there.
	Data []byte

	// JSON says that Data of RefEmbed and RefFormat is JSON text, as in V1.
	JSON bool

	loose bool // Yjs would write Data differently
}

// End returns the clock after the last unit.
func (s *Struct) End() uint32 { return s.ID.Clock + s.Len }

// IsItem reports whether s is an item, neither GC nor Skip.
func (s *Struct) IsItem() bool { return s.Ref != RefGC && s.Ref != RefSkip }

// Values returns the values of RefAny, RefJSON, RefEmbed and RefFormat, the options of RefDoc, the text of RefString and the
// bytes of RefBinary.
func (s *Struct) Values() ([]lib0.Any, error) {
	r := lib0.NewReader(s.Content.Data)
	switch s.Ref {
	case RefAny, RefDoc:
		var out []lib0.Any
		for !r.Done() {
			out = append(out, r.Any())
		}
		return out, r.Err()
	case RefJSON:
		var out []lib0.Any
		for !r.Done() {
			text := r.Bytes()
			if string(text) == undefinedText {
				out = append(out, lib0.UndefinedOf())
				continue
			}
			v, err := lib0.ParseJSON(lib0.WellFormed(text))
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, r.Err()
	case RefEmbed, RefFormat:
		v, err := s.Content.value()
		return []lib0.Any{v}, err
	case RefString:
		return []lib0.Any{lib0.StringOf(string(s.Content.Data))}, nil
	case RefBinary:
		return []lib0.Any{lib0.BytesOf(s.Content.Data)}, nil
	}
	return nil, nil
}

// undefinedText stands for undefined among the JSON texts of RefJSON.
const undefinedText = "undefined"

// value returns the value of an embed or a format.
func (c *Content) value() (lib0.Any, error) {
	if c.JSON {
		return lib0.ParseJSON(c.Data)
	}
	r := lib0.NewReader(c.Data)
	v := r.Any()
	return v, r.End()
}
