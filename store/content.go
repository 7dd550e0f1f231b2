package store

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/rowloom/rowloom/internal/jsjson"
)

// Form is one way to write the content of a Store as JSON.
type Form uint8

const (
	// TinyBaseForm is what TinyBase's getJson, files and databases hold: [tables, values], where tables is
	// {table: {row: {cell: value}}} and an object or array stands as a string of U+FFFD and its JSON text. A reader also
	// takes tables alone, and objects and arrays as they are.
	TinyBaseForm Form = iota

	// NativeForm is {"tables": {table: {row: {cell: value}}}, "values": {id: value}} with objects and arrays as they are.
	// Either half may be missing.
	NativeForm
)

// String returns the name of the form.
func (f Form) String() string { return [...]string{"TinyBaseForm", "NativeForm"}[min(f, NativeForm)] }

// ContentError says what is wrong with the JSON text of a content, at which place of the Store, and after how many bytes.
type ContentError struct {
	Path   Path
	Offset int64
	Err    error
}

func (e *ContentError) Error() string {
	return fmt.Sprintf("store: JSON of %v, byte %d: %v", e.Path, e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *ContentError) Unwrap() error { return e.Err }

// AppendContent appends everything r holds as JSON. Ids come in byte order, so equal contents give equal texts.
func AppendContent(dst []byte, r Reader, f Form) []byte {
	w := contentWriter{buf: dst, form: f}
	_ = w.content(r)
	return w.buf
}

// WriteContent writes what AppendContent appends, piece by piece.
func WriteContent(to io.Writer, r Reader, f Form) error {
	w := contentWriter{buf: make([]byte, 0, flushAt+flushAt/4), form: f, to: to}
	if err := w.content(r); err != nil {
		return err
	}
	return w.flush()
}

// flushAt is the size of the pieces.
const flushAt = 64 << 10

type contentWriter struct {
	buf  []byte
	form Form
	to   io.Writer // nil: keep everything in buf
}

func (w *contentWriter) flush() error {
	if w.to == nil || len(w.buf) == 0 {
		return nil
	}
	_, err := w.to.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (w *contentWriter) content(r Reader) error {
	if w.form == NativeForm {
		w.buf = append(w.buf, `{"tables":`...)
	} else {
		w.buf = append(w.buf, '[')
	}
	if err := w.tables(r); err != nil {
		return err
	}
	if w.form == NativeForm {
		w.buf = append(w.buf, `,"values":`...)
	} else {
		w.buf = append(w.buf, ',')
	}
	if err := w.values(r); err != nil {
		return err
	}
	if w.form == NativeForm {
		w.buf = append(w.buf, '}')
	} else {
		w.buf = append(w.buf, ']')
	}
	return nil
}

func (w *contentWriter) row(cells iter.Seq2[string, Value]) {
	sep := byte('{')
	for cell, v := range cells {
		w.key(sep, cell)
		w.value(v)
		sep = ','
	}
	w.end(sep)
}

// ownTables is tables for content of this package, whose trees can be walked without looking up each row.
func (w *contentWriter) ownTables(c *content) (err error) {
	sep := byte('{')
	for table, t := range c.tables.all() {
		w.key(sep, table)
		sep = '{'
		for row, r := range t.all() {
			w.key(sep, row)
			sep = ','
			if n := r.root; n.kids == nil {
				for i, v := range n.vals {
					w.key("{,"[min(i, 1)], n.keys.list[i])
					w.value(v)
				}
				w.buf = append(w.buf, '}')
			} else {
				w.row(r.all())
			}
			if err = w.flushFull(); err != nil {
				return err
			}
		}
		w.end(sep)
		sep = ','
	}
	w.end(sep)
	return nil
}

func (w *contentWriter) flushFull() error {
	if len(w.buf) < flushAt {
		return nil
	}
	return w.flush()
}

func (w *contentWriter) tables(r Reader) error {
	if own, ok := r.(interface{ all() *content }); ok {
		return w.ownTables(own.all())
	}
	sep := byte('{')
	for table := range r.Tables() {
		w.key(sep, table)
		sep = '{'
		for row := range r.Rows(table) {
			w.key(sep, row)
			w.row(r.Cells(table, row))
			if err := w.flushFull(); err != nil {
				return err
			}
			sep = ','
		}
		w.end(sep)
		sep = ','
	}
	w.end(sep)
	return nil
}

func (w *contentWriter) values(r Reader) error {
	sep := byte('{')
	for id, v := range r.Values() {
		w.key(sep, id)
		w.value(v)
		sep = ','
		if err := w.flushFull(); err != nil {
			return err
		}
	}
	w.end(sep)
	return nil
}

func (w *contentWriter) key(sep byte, id string) {
	w.buf = append(jsjson.AppendString(append(w.buf, sep), id), ':')
}

// end closes an object; sep is '{' when it has no member yet.
func (w *contentWriter) end(sep byte) {
	if sep == '{' {
		w.buf = append(w.buf, '{')
	}
	w.buf = append(w.buf, '}')
}

func (w *contentWriter) value(v Value) {
	if w.form == TinyBaseForm {
		w.buf = v.appendEncoded(w.buf)
		return
	}
	w.buf = v.AppendJSON(w.buf)
}

// appendEncoded appends v.Encoded() as JSON.
func (v Value) appendEncoded(dst []byte) []byte {
	switch v.Kind() {
	case Object, Array:
		// The text behind the mark is escaped as a part of the string.
		n := len(dst)
		dst = append(jsjson.AppendString(dst, v.str), "   "...)
		copy(dst[n+4:], dst[n+1:])
		copy(dst[n+1:], objectMark)
		return dst
	case Undefined:
		return append(append(append(dst, '"'), undefinedMark...), '"')
	}
	return v.AppendJSON(dst)
}

// ParseContent reads what AppendContent writes. Empty tables and rows are passed over. Anything a Store cannot hold is a
// *[ContentError]; TinyBase drops it silently.
func ParseContent(text []byte, f Form) (*Snapshot, error) {
	p := contentParser{form: f, r: jsjson.NewReader(text, nil)}
	p.content()
	if err := p.r.End(); err != nil {
		return nil, p.fail(err)
	}
	return p.b.Snapshot(), nil
}

// contentParser reads a content by pulling from r. The first error stays in r.
type contentParser struct {
	r     *jsjson.Reader
	form  Form
	b     Builder
	at    Path
	names map[string]string // cell ids that have been seen, so that rows share them
	base  int64             // how many bytes came before what r reads
}

func (p *contentParser) fail(err error) error {
	var known *ContentError
	if errors.As(err, &known) {
		return err
	}
	offset := int64(p.r.Offset())
	var syntax *jsjson.SyntaxError
	if errors.As(err, &syntax) {
		offset, err = int64(syntax.Offset), errors.New(syntax.Reason)
	}
	return &ContentError{p.at, p.base + offset, err}
}

func (p *contentParser) content() {
	switch {
	case p.form == NativeForm:
		p.r.BeginObject()
		for p.r.NextKey() {
			switch key := string(p.r.Key()); key {
			case "tables":
				p.tables()
			case "values":
				p.values()
			default:
				p.r.Failf("the key %q where \"tables\" or \"values\" was expected", key)
			}
		}
	case p.r.Peek() == jsjson.Object:
		p.tables()
	default:
		p.r.BeginArray()
		n := 0
		for ; p.r.NextElement(); n++ {
			switch n {
			case 0:
				p.tables()
			case 1:
				p.values()
			default:
				p.r.Failf("more than tables and values")
			}
		}
		if n == 0 {
			p.r.Failf("neither tables nor values")
		}
	}
}

func (p *contentParser) tables() {
	p.at = Tables()
	p.r.BeginObject()
	for p.r.NextKey() {
		table := string(p.r.Key())
		p.at = Table(table)
		p.startTable(table)
		p.r.BeginObject()
		for p.r.NextKey() {
			p.row(table, string(p.r.Key()))
		}
	}
}

// startTable empties a table that came before: of a key that comes twice, the last one counts.
func (p *contentParser) startTable(table string) {
	p.b.begin()
	if p.b.tx.HasTable(table) {
		_ = p.b.tx.DelTable(table)
	}
}

// row reads the cells of a row.
func (p *contentParser) row(table, row string) {
	p.at = Row(table, row)
	fresh := false
	p.r.BeginObject()
	for p.r.NextKey() {
		cell := p.name(p.r.Key())
		if !fresh {
			if fresh = true; p.b.tx.HasRow(table, row) {
				_ = p.b.tx.DelRow(table, row)
			}
		}
		v := p.value()
		if p.r.Err() == nil {
			if err := p.b.SetCell(table, row, cell, v); err != nil {
				p.r.Fail(p.fail(err))
			}
		}
	}
	if !fresh && p.r.Err() == nil && p.b.tx.HasRow(table, row) {
		_ = p.b.tx.DelRow(table, row)
	}
}

func (p *contentParser) values() {
	p.at = Values()
	p.r.BeginObject()
	for p.r.NextKey() {
		id := string(p.r.Key())
		p.at = ValueOf(id)
		v := p.value()
		if p.r.Err() == nil {
			if err := p.b.SetValue(id, v); err != nil {
				p.r.Fail(p.fail(err))
			}
		}
	}
}

// value reads one value. In TinyBase's form a string may stand for an object or array, but not for nothing.
func (p *contentParser) value() Value {
	v := ReadJSON(p.r)
	if p.form == TinyBaseForm && v.Kind() == String && len(v.str) >= 3 && v.str[0] == 0xEF && v.str != undefinedMark {
		d, err := v.Decoded()
		if err != nil {
			p.r.Fail(p.fail(err))
		}
		return d
	}
	return v
}

// maxNames bounds how many ids a parser remembers.
const maxNames = 4096

func (p *contentParser) name(b []byte) string {
	if s, ok := p.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if p.names == nil {
		p.names = map[string]string{}
	}
	if len(p.names) < maxNames {
		p.names[s] = s
	}
	return s
}

// ContentJSON returns the content as JSON in the given form; it is AppendContent for short texts.
func (s *Snapshot) ContentJSON(f Form) string { return string(AppendContent(nil, s, f)) }
