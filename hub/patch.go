package hub

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
)

// patch is a JSON merge patch (RFC 7396) of {"tables":{T:{R:{C:value}}},"values":{V:value}}.
//
// null removes: a cell, a row, a table, a value, all tables, all values. So a merge patch cannot write a null cell; PUT can. An object that meets an
// object in a cell is merged into it, as the RFC says, and any other value replaces what is there.
type patch []patchStep

type patchStep struct {
	at    store.Path
	value store.Value // absent: remove
	merge *jsonNode   // instead of value: an object
	where int         // the offset in the body
}

// place is where something stands in the body of a request.
type place struct {
	path   string
	offset int
}

func (at place) problem(status int, format string, args ...any) *problem {
	detail := fmt.Sprintf(format, args...)
	if at.path != "" {
		detail = at.path + ": " + detail
	}
	return &problem{status: status, detail: fmt.Sprintf("%s (at byte %d)", detail, at.offset), path: at.path, offset: at.offset, where: true}
}

// parsePatch reads a patch. What is no JSON is a 400, what is no patch of tables and values a 422.
func parsePatch(body []byte) (patch, error) {
	p := &patchReader{r: jsjson.NewReader(body, nil)}
	p.object(nil, func(key string, at int) {
		switch key {
		case "tables":
			p.tables(at)
		case "values":
			p.values(at)
		default:
			p.refuse(at, "unknown member: only tables and values are possible")
		}
	})
	if err := p.r.End(); err != nil {
		return nil, p.problem(err)
	}
	return p.steps, nil
}

type patchReader struct {
	r     *jsjson.Reader
	steps patch
	path  []string // of the value that is being read
}

// problem returns what to tell about an error of the reader, which may be a problem already.
func (p *patchReader) problem(err error) error {
	var known *problem
	var syntax *jsjson.SyntaxError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &syntax):
		return place{pointer(p.path...), syntax.Offset}.problem(http.StatusBadRequest, "no JSON: %s", syntax.Reason)
	}
	return place{pointer(p.path...), p.r.Offset()}.problem(http.StatusBadRequest, "%v", err)
}

func (p *patchReader) refuse(at int, format string, args ...any) {
	p.r.Fail(place{pointer(p.path...), at}.problem(http.StatusUnprocessableEntity, format, args...))
}

// here returns the offset of the value that comes next.
func (p *patchReader) here() int {
	p.r.Peek()
	return p.r.Offset()
}

// object reads an object, or null if null is not nil, and calls member before the value of each member.
func (p *patchReader) object(null func(), member func(key string, at int)) {
	at := p.here()
	switch kind := p.r.Peek(); {
	case kind == jsjson.Null && null != nil:
		p.r.Null()
		null()
		return
	case kind == jsjson.Object:
	case kind == jsjson.Invalid: // let the reader say why
		p.r.Skip()
		return
	default:
		wanted := "an object"
		if null != nil {
			wanted += " or null"
		}
		p.refuse(at, "%s where %s was expected", kind, wanted)
		return
	}
	seen := map[string]bool{}
	p.r.BeginObject()
	for p.r.NextKey() {
		key := string(p.r.Key())
		p.path = append(p.path, key)
		at := p.here()
		if seen[key] {
			p.refuse(at, "the member is there twice")
		}
		seen[key] = true
		member(key, at)
		if p.r.Err() != nil {
			return // the path stays, to say where
		}
		p.path = p.path[:len(p.path)-1]
	}
}

func (p *patchReader) remove(at store.Path, where int) func() {
	return func() { p.steps = append(p.steps, patchStep{at: at, where: where}) }
}

func (p *patchReader) tables(at int) {
	p.object(p.remove(store.Tables(), at), func(table string, at int) {
		p.object(p.remove(store.Table(table), at), func(row string, at int) {
			p.object(p.remove(store.Row(table, row), at), func(cell string, at int) {
				p.value(store.Cell(table, row, cell), at)
			})
		})
	})
}

func (p *patchReader) values(at int) {
	p.object(p.remove(store.Values(), at), func(id string, at int) {
		p.value(store.ValueOf(id), at)
	})
}

// value reads the new content of one place.
func (p *patchReader) value(to store.Path, at int) {
	step := patchStep{at: to, where: at}
	switch p.r.Peek() {
	case jsjson.Null:
		p.r.Null()
	case jsjson.Object:
		n := parseNode(p.r)
		step.merge = &n
	default:
		step.value = store.ReadJSON(p.r)
		if err := step.value.Err(); err != nil {
			p.refuse(at, "%v", err)
		}
	}
	p.steps = append(p.steps, step)
}

// apply does the steps in a transaction.
func (p patch) apply(tx *store.Tx) error {
	for _, s := range p {
		if err := s.apply(tx); err != nil {
			return place{pointerTo(s.at), s.where}.problem(http.StatusUnprocessableEntity, "%v", err)
		}
	}
	return nil
}

// pointerTo returns where a place of the Store is in a patch.
func pointerTo(at store.Path) string {
	table, row, cell := at.IDs()
	switch at.Level() {
	case store.AtTables:
		return pointer("tables")
	case store.AtTable:
		return pointer("tables", table)
	case store.AtRow:
		return pointer("tables", table, row)
	case store.AtCell:
		return pointer("tables", table, row, cell)
	case store.AtValue:
		return pointer("values", cell)
	}
	return pointer("values")
}

func (s patchStep) apply(tx *store.Tx) error {
	table, row, cell := s.at.IDs()
	isCell := s.at.Level() == store.AtCell
	v := s.value
	switch {
	case s.merge != nil:
		old := tx.Value(cell)
		if isCell {
			old = tx.Cell(table, row, cell)
		}
		target := jsonNode{object: true}
		if old.Kind() == store.Object {
			r := jsjson.NewReader([]byte(old.Text()), nil)
			target = parseNode(r)
			if err := r.End(); err != nil {
				return err
			}
		}
		both := target.merge(*s.merge)
		merged, err := store.ParseJSON(string(both.append(nil)))
		if err != nil {
			return err
		}
		v = merged
	case !v.Exists():
		return tx.ReplaceIn(s.at, nil)
	}
	if isCell {
		return reason(tx.SetCell(table, row, cell, v))
	}
	return reason(tx.SetValue(cell, v))
}

// reason takes the path off an error of the Store, because the problem says it in its own way.
func reason(err error) error {
	var set *store.SetError
	if errors.As(err, &set) {
		return set.Err
	}
	return err
}
