package ycrdt

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// A Text is a handle of a shared text: characters, embedded objects and the formatting of ranges. Positions and lengths
// count UTF-16 units, as in JavaScript; an embedded object counts one.
type Text struct{ node }

// Text returns the root text with a name. See Map.
func (a *access) Text(name string) Text { return Text{a.root(name, KindText)} }

// Text returns the handle as that of a text (or XML text).
func (s Shared) Text() Text {
	if k := s.Kind(); k.isText() || k == KindUntyped || k == KindUndefined {
		return Text(s)
	}
	return Text{node{a: s.a, gen: uint32(codeKind)}}
}

// Len returns the number of UTF-16 units, embedded objects included.
func (x Text) Len() int { return x.length() }

// String returns the characters without formatting and embedded objects.
func (x Text) String() string {
	ty, err := x.get()
	if err != nil {
		return ""
	}
	d := x.a.doc
	var b []byte
	for i := ty.start; i != 0; i = d.items.at(i).right {
		if it := d.items.at(i); it.kind == kindString && !it.deleted() {
			b = append(b, d.content.of(it)...)
		}
	}
	return string(lib0.WellFormed(b))
}

// A Delta is one step of the description of a text, or of a change of a text or list: something that is inserted, or a
// number of units that are retained or deleted. Attributes say the formatting; a null takes one away.
type Delta struct {
	Insert     Value   // in texts: a string, an embedded object or a shared type
	Elements   []Value // in arrays and XML: what is inserted
	Retain     int
	Delete     int
	Attributes []Field
}

// Delta returns the content as a list of insertions.
func (x Text) Delta() []Delta {
	ty, err := x.get()
	if err != nil {
		return nil
	}
	d := x.a.doc
	var out []Delta
	var now attrs
	var run []byte
	flush := func() {
		if len(run) > 0 {
			out = append(out, Delta{Insert: String(string(run)), Attributes: now.fields()})
			run = run[:0]
		}
	}
	for i := ty.start; i != 0; i = d.items.at(i).right {
		it := d.items.at(i)
		if it.deleted() {
			continue
		}
		switch it.kind {
		case kindString:
			run = append(run, d.content.of(it)...)
		case kindType, kindEmbed:
			flush()
			out = append(out, Delta{Insert: x.a.lastValue(it), Attributes: now.fields()})
		case kindFormat:
			flush()
			now.update(d.format(i))
		}
	}
	flush()
	return out
}

// fields returns the attributes as the fields of an object, nil if there are none.
func (as attrs) fields() []Field {
	if len(as) == 0 {
		return nil
	}
	out := make([]Field, len(as))
	for i, a := range as {
		out[i] = Field{Key: string([]byte(a.key)), Value: a.decode()}
	}
	return lib0.ObjectOf(out...).Fields()
}
