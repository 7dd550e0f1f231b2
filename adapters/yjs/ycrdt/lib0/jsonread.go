package lib0

import (
	"strconv"
	"unicode/utf8"
)

// ParseJSON reads a JSON text as JavaScript's JSON.parse does: the order of keys is kept (array indexes first), numbers are
// float64, \ud83d alone becomes half of a surrogate pair in its three-byte form. Nesting is limited to MaxDepth. Offsets
// in errors count from the start of text.
func ParseJSON(text []byte) (Any, error) {
	if !validText(text) {
		return Any{}, &DecodeError{Kind: ErrText, What: "JSON"}
	}
	p := jsonParser{text: text}
	v := p.value(MaxDepth)
	p.space()
	if p.err == nil && p.pos < len(text) {
		p.fail(ErrJSON, "end of JSON")
	}
	if p.err != nil {
		return Any{}, p.err
	}
	return v, nil
}

type jsonParser struct {
	text []byte
	pos  int
	err  *DecodeError
}

func (p *jsonParser) fail(kind Kind, what string) {
	if p.err == nil {
		p.err = &DecodeError{Kind: kind, Offset: p.pos, What: what}
		p.text, p.pos = nil, 0
	}
}

func (p *jsonParser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next passes over white space and returns the next byte without reading it, 0 at the end.
func (p *jsonParser) next() byte {
	p.space()
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *jsonParser) word(w string, v Any) Any {
	if len(p.text)-p.pos >= len(w) && string(p.text[p.pos:p.pos+len(w)]) == w {
		p.pos += len(w)
		return v
	}
	p.fail(ErrJSON, "JSON value")
	return Any{}
}

func (p *jsonParser) value(depth int) Any {
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.list(depth)
	case c == '"':
		return StringOf(p.str())
	case c == 't':
		return p.word("true", BoolOf(true))
	case c == 'f':
		return p.word("false", BoolOf(false))
	case c == 'n':
		return p.word("null", NullOf())
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	p.fail(ErrJSON, "JSON value")
	return Any{}
}

func (p *jsonParser) list(depth int) Any {
	if depth <= 0 {
		p.fail(ErrLimit, "depth of JSON")
		return Any{}
	}
	p.pos++
	var list []Any
	if p.next() == ']' {
		p.pos++
		return ListOf()
	}
	for p.err == nil {
		list = append(list, p.value(depth-1))
		switch p.next() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			return ListOf(list...)
		default:
			p.fail(ErrJSON, "JSON list")
		}
	}
	return Any{}
}

func (p *jsonParser) object(depth int) Any {
	if depth <= 0 {
		p.fail(ErrLimit, "depth of JSON")
		return Any{}
	}
	p.pos++
	var fields []Field
	if p.next() == '}' {
		p.pos++
		return ObjectOf()
	}
	for p.err == nil {
		if p.next() != '"' {
			p.fail(ErrJSON, "JSON key")
			break
		}
		key := p.str()
		if p.next() != ':' {
			p.fail(ErrJSON, "JSON object")
			break
		}
		p.pos++
		fields = append(fields, Field{key, p.value(depth - 1)})
		switch p.next() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			return ObjectOf(fields...)
		default:
			p.fail(ErrJSON, "JSON object")
		}
	}
	return Any{}
}

func (p *jsonParser) digits() bool {
	from := p.pos
	for p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
		p.pos++
	}
	return p.pos > from
}

func (p *jsonParser) number() Any {
	from := p.pos
	if !p.scanNumber() {
		return Any{}
	}
	f, _ := strconv.ParseFloat(string(p.text[from:p.pos]), 64) // out of range gives an infinity, as in JavaScript
	return NumberOf(f)
}

func (p *jsonParser) scanNumber() bool {
	if p.text[p.pos] == '-' {
		p.pos++
	}
	leading := p.pos
	ok := p.digits() && (p.text[leading] != '0' || p.pos == leading+1)
	if ok && p.pos < len(p.text) && p.text[p.pos] == '.' {
		p.pos++
		ok = p.digits()
	}
	if ok && p.pos < len(p.text) && p.text[p.pos]|0x20 == 'e' {
		p.pos++
		if p.pos < len(p.text) && (p.text[p.pos] == '+' || p.text[p.pos] == '-') {
			p.pos++
		}
		ok = p.digits()
	}
	if !ok {
		p.fail(ErrJSON, "JSON number")
	}
	return ok
}

// str reads a string at its opening quote.
func (p *jsonParser) str() string {
	p.pos++
	from := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			s := p.text[from:p.pos]
			p.pos++
			return string(s)
		case c == '\\':
			return p.escaped(from)
		case c < 0x20:
			p.fail(ErrJSON, "JSON string")
			return ""
		}
		p.pos++
	}
	p.fail(ErrJSON, "JSON string")
	return ""
}

// escaped reads the rest of a string that began at from and has its first backslash here.
func (p *jsonParser) escaped(from int) string {
	out := append(make([]byte, 0, p.pos-from+16), p.text[from:p.pos]...)
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		switch {
		case c == '"':
			p.pos++
			return string(out)
		case c < 0x20:
			p.fail(ErrJSON, "JSON string")
			return ""
		case c != '\\':
			out = append(out, c)
			p.pos++
			continue
		}
		p.pos++
		if p.pos >= len(p.text) {
			break
		}
		e := p.text[p.pos]
		p.pos++
		switch e {
		case '"', '\\', '/':
			out = append(out, e)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			out = p.unit(out)
		default:
			p.fail(ErrJSON, "JSON escape")
			return ""
		}
	}
	p.fail(ErrJSON, "JSON string")
	return ""
}

// unit reads the four digits of a \u escape and appends the unit; a low half joins a high half before it.
func (p *jsonParser) unit(out []byte) []byte {
	if len(p.text)-p.pos < 4 {
		p.fail(ErrJSON, "JSON escape")
		return out
	}
	u := rune(0)
	for _, c := range p.text[p.pos : p.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | rune(c|0x20-'a'+10)
		default:
			p.fail(ErrJSON, "JSON escape")
			return out
		}
	}
	p.pos += 4
	if u < 0xD800 || u > 0xDFFF {
		return utf8.AppendRune(out, u)
	}
	return appendJoined(out, appendUnit(nil, u))
}
