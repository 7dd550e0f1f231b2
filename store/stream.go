package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/rowloom/rowloom/internal/jsjson"
)

// ReadOptions of [ReadContent]; nil means defaults.
type ReadOptions struct {
	// MaxRow is the greatest size of the JSON text of one row or one value, in bytes; 64 MiB when 0.
	MaxRow int
}

// ReadContent is [ParseContent] for a text that comes piece by piece: it holds one row of the text at a time, beside the
// content that it builds.
func ReadContent(from io.Reader, f Form, o *ReadOptions) (*Snapshot, error) {
	s := stream{r: bufio.NewReaderSize(from, flushAt), max: 64 << 20}
	if o != nil && o.MaxRow > 0 {
		s.max = o.MaxRow
	}
	s.p = contentParser{form: f, r: &jsjson.Reader{}}
	if err := s.content(); err != nil {
		var known *ContentError
		if !errors.As(err, &known) {
			err = &ContentError{s.p.at, s.offset, err}
		}
		return nil, err
	}
	return s.p.b.Snapshot(), nil
}

// stream takes a content apart into rows and values, which the parser reads.
type stream struct {
	r      *bufio.Reader
	p      contentParser
	offset int64
	max    int
	buf    []byte
}

func (s *stream) content() error {
	first, err := s.peek()
	switch {
	case err != nil:
		return err
	case s.p.form == NativeForm:
		err = s.object(func(key string) error {
			switch key {
			case "tables":
				return s.tables()
			case "values":
				return s.values()
			}
			return fmt.Errorf("the key %q where \"tables\" or \"values\" was expected", key)
		})
	case first == '{':
		err = s.tables()
	default:
		if err = s.expect('['); err == nil {
			err = s.tables()
		}
		if err == nil {
			var c byte
			if c, err = s.peek(); err == nil && c == ',' {
				_ = s.expect(',')
				err = s.values()
			}
		}
		if err == nil {
			err = s.expect(']')
		}
	}
	if err != nil {
		return err
	}
	if c, err := s.peek(); err == nil {
		return fmt.Errorf("%q after the end", rune(c))
	} else if !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return nil
}

func (s *stream) tables() error {
	s.p.at = Tables()
	return s.object(func(table string) error {
		s.p.at = Table(table)
		s.p.startTable(table)
		return s.object(func(row string) error {
			s.p.at = Row(table, row)
			return s.value(func() { s.p.row(table, row) })
		})
	})
}

func (s *stream) values() error {
	s.p.at = Values()
	return s.object(func(id string) error {
		s.p.at = ValueOf(id)
		return s.value(func() {
			if v := s.p.value(); s.p.r.Err() == nil {
				if err := s.p.b.SetValue(id, v); err != nil {
					s.p.r.Fail(s.p.fail(err))
				}
			}
		})
	})
}

// peek returns the next byte that is not white space.
func (s *stream) peek() (byte, error) {
	for {
		c, err := s.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			return c, s.r.UnreadByte()
		}
		s.offset++
	}
}

func (s *stream) expect(want byte) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != want {
		return fmt.Errorf("%q where %q was expected", rune(c), rune(want))
	}
	_, _ = s.r.Discard(1)
	s.offset++
	return nil
}

// object reads an object and calls member for each key, in front of its value.
func (s *stream) object(member func(key string) error) error {
	if err := s.expect('{'); err != nil {
		return err
	}
	if c, err := s.peek(); err == nil && c == '}' {
		return s.expect('}')
	}
	for {
		if err := s.raw(); err != nil {
			return err
		}
		s.p.r.Reset(s.buf, nil)
		key := string(s.p.r.Text())
		if err := s.p.r.End(); err != nil {
			return s.p.fail(err)
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		c, err := s.peek()
		if err != nil {
			return err
		}
		if c != ',' {
			return s.expect('}')
		}
		_ = s.expect(',')
	}
}

// value has the parser read one value.
func (s *stream) value(read func()) error {
	if err := s.raw(); err != nil {
		return err
	}
	s.p.r.Reset(s.buf, nil)
	read()
	if err := s.p.r.End(); err != nil {
		return s.p.fail(err)
	}
	return nil
}

// raw takes the text of one value into buf. It finds the end by counting brackets outside of strings; the parser checks the
// rest.
func (s *stream) raw() error {
	if _, err := s.peek(); err != nil {
		return err
	}
	s.buf, s.p.base = s.buf[:0], s.offset
	depth, inString, escaped := 0, false, false
	for {
		chunk, err := s.r.Peek(max(1, s.r.Buffered()))
		if len(chunk) == 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		n, done := 0, false
		for ; n < len(chunk) && !done; n++ {
			c := chunk[n]
			switch {
			case escaped:
				escaped = false
			case inString:
				escaped = c == '\\'
				if c == '"' {
					inString = false
					done = depth == 0
				}
			case c == '"':
				inString = true
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth < 0 { // the end of what contains a number or a word
					n--
				}
				done = depth <= 0
			case depth == 0 && bytes.IndexByte(separators, c) >= 0:
				n--
				done = true
			}
		}
		s.buf = append(s.buf, chunk[:n]...)
		_, _ = s.r.Discard(n)
		s.offset += int64(n)
		if len(s.buf) > s.max {
			return fmt.Errorf("a value of more than %d bytes", s.max)
		}
		if done {
			return nil
		}
	}
}

// separators end a number or a word.
var separators = []byte(", \t\r\n:")
