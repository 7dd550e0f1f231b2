package lib0

import (
	"bytes"
	"strconv"
)

// CheckJSON checks that text is JSON as ParseJSON accepts it, without allocating. It also reports whether the text is
// certainly what JSON.stringify would write, so that it may be copied unseen; false means that it may differ.
func CheckJSON(text []byte) (canonical bool, err error) {
	switch string(text) { // what formats mostly are
	case "true", "false", "null", "{}", "[]", `""`:
		return true, nil
	}
	if !validText(text) {
		return false, &DecodeError{Kind: ErrText, What: "JSON"}
	}
	c := jsonChecker{jsonParser: jsonParser{text: text}, same: true}
	c.value(MaxDepth)
	c.pass()
	if c.err == nil && c.pos < len(c.text) {
		c.fail(ErrJSON, "end of JSON")
	}
	if c.err != nil {
		return false, c.err
	}
	return c.same, nil
}

// ValidJSON returns the error that ParseJSON would return, without allocating.
func ValidJSON(text []byte) error {
	_, err := CheckJSON(text)
	return err
}

type jsonChecker struct {
	jsonParser
	same bool // so far as JSON.stringify writes it
}

// pass passes over white space, which JSON.stringify does not write, and returns the next byte, 0 at the end.
func (c *jsonChecker) pass() byte {
	from := c.pos
	b := c.next()
	if c.pos != from {
		c.same = false
	}
	return b
}

func (c *jsonChecker) value(depth int) {
	switch b := c.pass(); {
	case b == '{' || b == '[':
		if depth <= 0 {
			c.fail(ErrLimit, "depth of JSON")
			return
		}
		c.pos++
		if b == '[' {
			c.list(depth)
		} else {
			c.object(depth)
		}
	case b == '"':
		c.str()
	case b == 't':
		c.word("true", Any{})
	case b == 'f':
		c.word("false", Any{})
	case b == 'n':
		c.word("null", Any{})
	case b == '-' || b >= '0' && b <= '9':
		c.number()
	default:
		c.fail(ErrJSON, "JSON value")
	}
}

func (c *jsonChecker) list(depth int) {
	if c.pass() == ']' {
		c.pos++
		return
	}
	for c.err == nil {
		c.value(depth - 1)
		switch c.pass() {
		case ',':
			c.pos++
		case ']':
			c.pos++
			return
		default:
			c.fail(ErrJSON, "JSON list")
		}
	}
}

func (c *jsonChecker) object(depth int) {
	if c.pass() == '}' {
		c.pos++
		return
	}
	var keys keyOrder
	for i := 0; c.err == nil; i++ {
		if c.pass() != '"' {
			c.fail(ErrJSON, "JSON key")
			return
		}
		from := c.pos
		c.str()
		if c.err != nil {
			return
		}
		if !keys.next(c.text[from+1:c.pos-1], i) {
			c.same = false
		}
		if c.pass() != ':' {
			c.fail(ErrJSON, "JSON object")
			return
		}
		c.pos++
		c.value(depth - 1)
		switch c.pass() {
		case ',':
			c.pos++
		case '}':
			c.pos++
			return
		default:
			c.fail(ErrJSON, "JSON object")
		}
	}
}

func (c *jsonChecker) number() {
	from := c.pos
	if !c.scanNumber() {
		return
	}
	text := c.text[from:c.pos]
	plain := len(text) <= 15 && text[0] != '-'
	for _, d := range text {
		plain = plain && d >= '0' && d <= '9'
	}
	if plain {
		return
	}
	f, _ := strconv.ParseFloat(string(text), 64)
	var room [32]byte
	if f-f != 0 || !bytes.Equal(AppendNumber(room[:0], f), text) {
		c.same = false
	}
}

// str passes over a string at its opening quote. \u escapes and \/ count as possibly different.
func (c *jsonChecker) str() {
	for c.pos++; c.pos < len(c.text); c.pos++ {
		switch b := c.text[c.pos]; {
		case b == '"':
			c.pos++
			return
		case b < 0x20:
			c.fail(ErrJSON, "JSON string")
			return
		case b == '\\':
			c.pos++
			if c.pos >= len(c.text) {
				break
			}
			switch c.text[c.pos] {
			case '"', '\\', 'b', 'f', 'n', 'r', 't':
			case '/':
				c.same = false
			case 'u':
				c.same = false
				c.pos++
				var room [4]byte
				if c.unit(room[:0]); c.err == nil {
					c.pos--
				}
			default:
				c.fail(ErrJSON, "JSON escape")
				return
			}
			if c.err != nil {
				return
			}
		}
	}
	c.fail(ErrJSON, "JSON string")
}
