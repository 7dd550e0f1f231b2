package mergeable

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Encoding is how objects, arrays and what is deleted are written in JSON.
type Encoding uint8

const (
	// Encoded is the form on the wire and in files: an object or array is a string, U+FFFD and its JSON text; what is
	// deleted is the string U+FFFC.
	Encoded Encoding = iota
	// Decoded is the form of TinyBase's public methods: objects and arrays stand for themselves, and strings that would
	// be marks in the encoded form are refused. It cannot say that something is deleted.
	Decoded
)

// Shape says which JSON texts [ReadChanges] takes.
type Shape uint8

// The shapes of stamped content.
const (
	// ContentShape is [tablesStamp,valuesStamp], in which every stamp is [thing,time,hash]: a file.
	ContentShape Shape = iota
	// ChangesShape is [tablesStamp,valuesStamp,1] or without the 1, in which stamps may lack the hash and the time.
	ChangesShape
)

// ErrReserved says that a string is one of TinyBase's marks: U+FFFC, or one that begins with U+FFFD.
var ErrReserved = errors.New("a reserved string")

// ReadChanges reads stamped content. Hashes are checked for being numbers, and otherwise ignored. Rows and tables without
// anything in them are left out. Stamps must be well-formed, whatever their time. An error means that nothing is to be
// used: it says what is wrong and at which byte.
//
// A string that begins with U+FFFD and does not go on as an object or array, written as JSON.stringify writes it, is not an
// error of the text; it is a Value that no Store takes (see [store.Value.Err]), so that [Store.Apply] refuses just that cell.
func ReadChanges(r *jsjson.Reader, shape Shape, e Encoding) (*Changes, error) {
	p := parser{r: r, shape: shape, e: e, names: map[string]string{}}
	element := func(what string) {
		if !r.NextElement() {
			r.Failf("%s missing", what)
		}
	}
	r.BeginArray()
	element("the tables are")
	p.tables()
	element("the values are")
	p.values()
	if r.NextElement() {
		if shape == ContentShape || r.Number() != 1 {
			r.Failf("an element too many")
		}
		if r.NextElement() {
			r.Failf("an element too many")
		}
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("mergeable: read: %w", err)
	}
	return p.c, nil
}

// ReadTables reads one tables stamp, as in the answer to a question for cells.
func ReadTables(r *jsjson.Reader) (*Changes, error) {
	p := parser{r: r, shape: ChangesShape, names: map[string]string{}, c: &Changes{}}
	p.tables()
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("mergeable: read: %w", err)
	}
	return p.c, nil
}

// ReadValues reads one values stamp.
func ReadValues(r *jsjson.Reader) (*Changes, error) {
	p := parser{r: r, shape: ChangesShape, c: &Changes{}}
	p.values()
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("mergeable: read: %w", err)
	}
	return p.c, nil
}

type parser struct {
	r     *jsjson.Reader
	shape Shape
	e     Encoding
	c     *Changes
	names map[string]string // ids of cells come again in every row
}

func (p *parser) tables() {
	if p.c == nil {
		p.c = &Changes{}
	}
	if n := p.r.Remaining() / bytesPerCell; n > 100 {
		p.c.Cells = make([]Cell, 0, n) // growing step by step would cost more than reading
	}
	own := p.stamp(func() {
		p.r.BeginObject()
		for p.r.NextKey() {
			p.table(string(p.r.Key()))
		}
	})
	p.own(store.Tables(), own)
}

// bytesPerCell is the least that a cell with a stamp takes in JSON, with its share of ids, when these are short.
const bytesPerCell = 28

func (p *parser) table(table string) {
	own := p.stamp(func() {
		p.r.BeginObject()
		for p.r.NextKey() {
			p.row(table, string(p.r.Key()))
		}
	})
	p.own(store.Table(table), own)
}

func (p *parser) row(table, row string) {
	own := p.stamp(func() {
		p.r.BeginObject()
		for p.r.NextKey() {
			p.c.Cells = append(p.c.Cells, Cell{Table: table, Row: row, Cell: p.name(p.r.Key())})
			c := &p.c.Cells[len(p.c.Cells)-1]
			c.Value, c.Stamp = p.leaf()
		}
	})
	p.own(store.Row(table, row), own)
}

func (p *parser) values() {
	own := p.stamp(func() {
		p.r.BeginObject()
		for p.r.NextKey() {
			p.c.Values = append(p.c.Values, KeyedValue{ID: string(p.r.Key())})
			v := &p.c.Values[len(p.c.Values)-1]
			v.Value, v.Stamp = p.leaf()
		}
	})
	p.own(store.Values(), own)
}

func (p *parser) own(at store.Path, s hlc.Stamp) {
	if !s.IsZero() {
		p.c.Stamps = append(p.c.Stamps, OwnStamp{at, s})
	}
}

func (p *parser) name(id []byte) string {
	if s, ok := p.names[string(id)]; ok {
		return s
	}
	s := string(id)
	if len(p.names) < 10_000 {
		p.names[s] = s
	}
	return s
}

// stamp reads [thing], [thing,time] or [thing,time,hash].
func (p *parser) stamp(thing func()) hlc.Stamp {
	r := p.r
	r.BeginArray()
	if !r.NextElement() {
		r.Failf("a stamp without a thing")
		return hlc.Stamp{}
	}
	thing()
	return p.rest()
}

func (p *parser) leaf() (v store.Value, s hlc.Stamp) {
	r := p.r
	r.BeginArray()
	if !r.NextElement() {
		r.Failf("a stamp without a thing")
		return v, s
	}
	v = p.value()
	return v, p.rest()
}

// rest reads what follows the thing of a stamp.
func (p *parser) rest() (s hlc.Stamp) {
	r := p.r
	elements := 1
	if r.NextElement() {
		elements++
		var err error
		if s, err = hlc.Parse(r.Text()); err != nil {
			r.Fail(fmt.Errorf("%w, at byte %d", err, r.Offset()))
		}
		if r.NextElement() {
			elements++
			if math.IsInf(r.Number(), 0) {
				r.Failf("a hash is a finite number")
			}
			if r.NextElement() {
				elements++
			}
		}
	}
	if elements > 3 || elements < 3 && p.shape == ContentShape {
		r.Failf("a stamp of %d elements", elements)
	}
	return s
}

func (p *parser) value() store.Value {
	r := p.r
	if r.Peek() != jsjson.String {
		v := store.ReadJSON(r)
		if v.Err() != nil {
			r.Failf("%v", v.Err())
		}
		return v
	}
	text := r.Text()
	if len(text) < 3 || text[0] != 0xEF { // no mark
		return store.Of(string(text))
	}
	s := string(text)
	switch {
	case s != undefinedMark && !strings.HasPrefix(s, objectMark):
	case p.e == Decoded:
		r.Fail(fmt.Errorf("%w, at byte %d", ErrReserved, r.Offset()))
	case s == undefinedMark:
		return store.Value{}
	default:
		if v, err := store.Of(s).Decoded(); err == nil && v.Text() == s[len(objectMark):] {
			return v
		}
	}
	return store.Of(s)
}
