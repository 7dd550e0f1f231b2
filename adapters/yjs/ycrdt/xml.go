package ycrdt

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// An XML is a handle of an XML fragment or element: a list of elements, texts and hooks; elements have attributes and a node
// name (see Name).
type XML struct{ node }

// XMLFragment returns the root fragment with a name. See Map.
func (a *access) XMLFragment(name string) XML { return XML{a.root(name, KindXMLFragment)} }

// XML returns the handle as that of an XML fragment or element.
func (s Shared) XML() XML {
	switch s.Kind() {
	case KindXMLElement, KindXMLFragment, KindUntyped, KindUndefined:
		return XML(s)
	}
	return XML{node{a: s.a, gen: uint32(codeKind)}}
}

// Len returns the number of children.
func (x XML) Len() int { return x.length() }

// Children iterates over the children. The list must not be changed meanwhile.
func (x XML) Children() iter.Seq2[int, Value] { return x.elements() }

// String returns the XML text as Yjs writes it: attributes sorted by name, nothing escaped.
func (x XML) String() string { return Shared(x).String() }

// String returns a shared type as the text that Yjs' toString gives: the characters of a text, the markup of XML.
func (s Shared) String() string {
	var b strings.Builder
	s.write(&b, maxDepth)
	return b.String()
}

// write stops at a depth that no real document has.
func (s Shared) write(b *strings.Builder, depth int) {
	if depth == 0 {
		return
	}
	switch s.Kind() {
	case KindText:
		b.WriteString(s.Text().String())
	case KindXMLText:
		for _, op := range s.Text().Delta() {
			writeMarkup(b, op, depth)
		}
	case KindXMLElement:
		s.writeElement(b, depth)
	case KindXMLFragment, KindUntyped:
		for _, c := range s.elements() {
			writeText(b, c, depth-1)
		}
	default:
		b.WriteString("[object Object]") // an XML hook, which has no text in Yjs either
	}
}

func (s Shared) writeElement(b *strings.Builder, depth int) {
	name := strings.ToLower(s.Name())
	b.WriteByte('<')
	b.WriteString(name)
	type pair struct {
		key   string
		value Value
	}
	var attributes []pair
	for k, v := range (Map(s)).All() {
		attributes = append(attributes, pair{k, v})
	}
	slices.SortFunc(attributes, func(a, b pair) int { return compareUTF16(a.key, b.key) })
	for _, a := range attributes {
		b.WriteString(" " + a.key + `="`)
		writeText(b, a.value, depth-1)
		b.WriteByte('"')
	}
	b.WriteByte('>')
	for _, c := range s.elements() {
		writeText(b, c, depth-1)
	}
	b.WriteString("</" + name + ">")
}

// writeMarkup writes a piece of text, with its formatting as elements.
func writeMarkup(b *strings.Builder, op Delta, depth int) {
	marks := slices.Clone(op.Attributes)
	slices.SortFunc(marks, func(a, b Field) int { return compareUTF16(a.Key, b.Key) })
	for _, m := range marks {
		b.WriteString("<" + m.Key)
		fields := enumerate(m.Value)
		slices.SortFunc(fields, func(a, b Field) int { return compareUTF16(a.Key, b.Key) })
		for _, f := range fields {
			b.WriteString(" " + f.Key + `="` + textOf(f.Value) + `"`)
		}
		b.WriteByte('>')
	}
	writeText(b, op.Insert, depth-1)
	for _, m := range slices.Backward(marks) {
		b.WriteString("</" + m.Key + ">")
	}
}

// enumerate returns what JavaScript's for-in finds in a value, as a new slice: the fields of an object, the elements of a
// list, but also the units of a string.
func enumerate(v Any) (out []Field) {
	switch v.Kind() {
	case lib0.Object:
		return slices.Clone(v.Fields())
	case lib0.List:
		for i, e := range v.List() {
			out = append(out, Field{Key: strconv.Itoa(i), Value: e})
		}
	case lib0.String:
		for i, u := range utf16.Encode([]rune(v.Str())) {
			out = append(out, Field{Key: strconv.Itoa(i), Value: lib0.StringOf(string(rune(u)))})
		}
	}
	return out
}

func writeText(b *strings.Builder, v Value, depth int) {
	if v.IsShared() {
		v.Shared().write(b, depth)
		return
	}
	b.WriteString(textOf(v.any))
}

// textOf converts a value to a string as JavaScript does.
func textOf(v Any) string {
	switch v.Kind() {
	case lib0.String:
		return v.Str()
	case lib0.List:
		parts := make([]string, len(v.List()))
		for i, e := range v.List() {
			if k := e.Kind(); k != lib0.Null && k != lib0.Undefined {
				parts[i] = textOf(e)
			}
		}
		return strings.Join(parts, ",")
	case lib0.Object:
		return "[object Object]"
	case lib0.BigInt:
		return strings.TrimSuffix(v.String(), "n")
	case lib0.Number:
		if v.Number() == 0 {
			return "0"
		}
	}
	return v.String()
}

// compareUTF16 compares strings by their UTF-16 units, as JavaScript does.
func compareUTF16(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		// Characters beyond the basic plane are surrogates in UTF-16 and come before U+E000 to U+FFFF.
		if x >= 0xf0 && y >= 0xee && y < 0xf0 {
			return -1
		}
		if y >= 0xf0 && x >= 0xee && x < 0xf0 {
			return 1
		}
		return int(x) - int(y)
	}
	return len(a) - len(b)
}

// JSON returns a shared type as the plain value that Yjs' toJSON gives: maps as objects, arrays as lists, texts and XML as
// strings, subdocuments as objects with their guid.
func (s Shared) JSON() Any { return s.json(maxDepth) }

// maxDepth is how deep JSON follows nested types; deeper ones are null.
const maxDepth = 1024

func (s Shared) json(depth int) Any {
	if depth == 0 {
		return lib0.NullOf()
	}
	plain := func(v Value) Any {
		switch {
		case v.IsShared():
			return v.Shared().json(depth - 1)
		}
		return v.any
	}
	switch s.Kind() {
	case KindMap, KindXMLHook, KindUntyped:
		fields := make([]Field, 0, s.mapLen())
		for k, v := range (Map(s)).All() {
			fields = append(fields, Field{Key: k, Value: plain(v)})
		}
		return lib0.ObjectOf(fields...)
	case KindArray:
		list := make([]Any, 0, s.length())
		for _, v := range s.elements() {
			list = append(list, plain(v))
		}
		return lib0.ListOf(list...)
	case KindText, KindXMLText, KindXMLElement, KindXMLFragment:
		return lib0.StringOf(s.String())
	}
	return Any{}
}

func (s Shared) mapLen() int { return Map(s).Len() }

// Get returns the child at an index; ok is false if there is none.
func (x XML) Get(index int) (v Value, ok bool) { return x.at(index) }

// Insert inserts children before index: elements, texts and hooks, as described by NewXMLElement and others.
func (x XML) Insert(index int, children ...Value) error { return x.insertAt(index, children) }

// Delete deletes count children from index on.
func (x XML) Delete(index, count int) error { return x.deleteAt(index, count) }

// Attribute returns an attribute; ok is false if it is not set.
func (x XML) Attribute(name string) (v Value, ok bool) { return Map(x).Get(name) }

// Attributes iterates over the attributes.
func (x XML) Attributes() iter.Seq2[string, Value] { return Map(x).All() }

// SetAttribute sets an attribute.
func (x XML) SetAttribute(name string, v Value) error { return Map(x).Set(name, v) }

// RemoveAttribute removes an attribute.
func (x XML) RemoveAttribute(name string) error { return Map(x).Delete(name) }

// Walk iterates over everything below the fragment or element: children before the next sibling.
func (x XML) Walk() iter.Seq[Shared] {
	return func(yield func(Shared) bool) {
		stack := []Shared{}
		push := func(n node) {
			from := len(stack)
			for _, c := range n.elements() {
				if c.IsShared() {
					stack = append(stack, c.Shared())
				}
			}
			slices.Reverse(stack[from:])
		}
		push(x.node)
		for len(stack) > 0 {
			s := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !yield(s) {
				return
			}
			if k := s.Kind(); k == KindXMLElement || k == KindXMLFragment {
				push(s.node)
			}
		}
	}
}
