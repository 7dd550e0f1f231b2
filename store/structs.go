package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// FieldError says which cell of a row and which field of a struct do not go together.
type FieldError struct {
	Path   Path
	Field  string // of the Go struct
	Wanted string // the Go type
	Got    Value  // the zero Value where the cell is missing
	Err    error  // why, unless the kinds say it
}

func (e *FieldError) Error() string {
	s := fmt.Sprintf("store: %v: field %s wants %s, got %s %v", e.Path, e.Field, e.Wanted, e.Got.Kind(), e.Got)
	if !e.Got.Exists() {
		s = fmt.Sprintf("store: %v: field %s wants %s, but the cell is missing", e.Path, e.Field, e.Wanted)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the reason.
func (e *FieldError) Unwrap() error { return e.Err }

// RowAs reads a row as a T, a struct whose exported fields name cells by tags:
//
//	type Pet struct {
//		Name  string            `store:"name"`
//		Price *float64          `store:"price"`           // nil: no such cell
//		Sold  bool              `store:"sold,omitempty"`  // false: no such cell, when the row is written
//		Tags  []string          `store:"tags"`            // an array
//		ID    string            `store:",row"`            // the id of the row
//		More  map[string]Value  `store:",rest"`           // all cells that no other field names
//	}
//
// A field without a tag names the cell of its own name; "-" leaves it out. Strings, booleans and numbers are cells of these
// kinds; a number that the field cannot hold exactly is an error. A field of type [Value] takes whatever there is. Anything
// else is an object, an array or null, by way of encoding/json. A pointer is nil for a missing cell and for null. A missing
// cell is an error, unless its field is a pointer, a Value or has omitempty.
//
// The errors are *[FieldError]; ok is false, and there is no error, if there is no such row.
func RowAs[T any](r Reader, table, row string) (x T, ok bool, err error) {
	if !r.HasRow(table, row) {
		return x, false, nil
	}
	shape, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return x, true, err
	}
	if err := shape.read(r, table, row, reflect.ValueOf(&x).Elem()); err != nil {
		return *new(T), true, err
	}
	return x, true, nil
}

// SetRowAs writes x as a whole row; see [RowAs]. Cells that no field names are deleted, unless there is a field for the rest.
func SetRowAs[T any](tx *Tx, table, row string, x T) error {
	cells, err := CellsOf(x)
	if err != nil {
		return at(err, table, row)
	}
	return tx.SetRow(table, row, cells)
}

// SetPartialRowAs writes the fields of x, and leaves other cells of the row as they are; see [RowAs].
func SetPartialRowAs[T any](tx *Tx, table, row string, x T) error {
	cells, err := CellsOf(x)
	if err != nil {
		return at(err, table, row)
	}
	return tx.SetPartialRow(table, row, cells)
}

// AddRowAs adds x as a new row; see [RowAs] and [Tx.AddRow].
func AddRowAs[T any](tx *Tx, table string, x T) (row string, err error) {
	cells, err := CellsOf(x)
	if err != nil {
		return "", at(err, table, "")
	}
	return tx.AddRow(table, cells)
}

// CellsOf returns the cells that a struct stands for; see [RowAs]. A nil pointer and an empty field with omitempty are
// absent Values.
func CellsOf[T any](x T) (map[string]Value, error) {
	shape, err := shapeOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return shape.cells(reflect.ValueOf(&x).Elem())
}

// at fills in the row of an error about a field.
func at(err error, table, row string) error {
	if e, ok := err.(*FieldError); ok {
		_, _, cell := e.Path.IDs()
		e.Path = Cell(table, row, cell)
	}
	return err
}

// shape is how a struct type goes together with a row.
type shape struct {
	fields    []field
	row, rest []int // of the fields for the row's id and for all other cells; nil if there is none
	named     map[string]bool
}

type field struct {
	cell, name string
	index      []int
	omitEmpty  bool
}

// shapes caches what reflection has found; it only saves time.
var shapes sync.Map // reflect.Type to *shape

func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("store: a row is read and written as a struct, not as %v", t)
	}
	s := &shape{named: map[string]bool{}}
	for _, f := range reflect.VisibleFields(t) {
		tag, tagged := f.Tag.Lookup("store")
		if !f.IsExported() || tag == "-" || f.Anonymous && !tagged {
			continue
		}
		name, flags, _ := strings.Cut(tag, ",")
		switch flags {
		case "row":
			if f.Type.Kind() != reflect.String {
				return nil, fmt.Errorf("store: field %s of %v is for the row's id, so it must be a string", f.Name, t)
			}
			s.row = f.Index
			continue
		case "rest":
			if f.Type != reflect.TypeFor[map[string]Value]() {
				return nil, fmt.Errorf("store: field %s of %v is for the rest, so it must be a map[string]store.Value", f.Name, t)
			}
			s.rest = f.Index
			continue
		case "", "omitempty":
		default:
			return nil, fmt.Errorf("store: field %s of %v has an unknown tag %q", f.Name, t, tag)
		}
		if name == "" {
			name = f.Name
		}
		if s.named[name] {
			return nil, fmt.Errorf("store: two fields of %v name the cell %q", t, name)
		}
		s.named[name] = true
		s.fields = append(s.fields, field{name, f.Name, f.Index, flags == "omitempty"})
	}
	shapes.Store(t, s)
	return s, nil
}

var valueType = reflect.TypeFor[Value]()

func (s *shape) read(r Reader, table, row string, to reflect.Value) error {
	for _, f := range s.fields {
		v, p := r.Cell(table, row, f.cell), to.FieldByIndex(f.index)
		if err := readField(v, p, f.omitEmpty); err != nil {
			return &FieldError{Cell(table, row, f.cell), f.name, p.Type().String(), v, err.reason()}
		}
	}
	if s.row != nil {
		to.FieldByIndex(s.row).SetString(row)
	}
	if s.rest != nil {
		rest := map[string]Value{}
		for cell, v := range r.Cells(table, row) {
			if !s.named[cell] {
				rest[cell] = v
			}
		}
		to.FieldByIndex(s.rest).Set(reflect.ValueOf(rest))
	}
	return nil
}

// misread is why a field could not be read; the empty one stands for another kind.
type misread struct{ err error }

func (m *misread) reason() error { return m.err }

func readField(v Value, p reflect.Value, optional bool) *misread {
	if p.Type() == valueType {
		p.Set(reflect.ValueOf(v))
		return nil
	}
	if p.Kind() == reflect.Pointer {
		if v.Kind() <= Null {
			return nil
		}
		p.Set(reflect.New(p.Type().Elem()))
		return readField(v, p.Elem(), false)
	}
	if !v.Exists() {
		if optional {
			return nil
		}
		return &misread{}
	}
	if isScalar(p.Kind()) {
		if !asReflect(v, p.Addr().Interface()) {
			return &misread{}
		}
		return nil
	}
	if k := v.Kind(); k != Object && k != Array && k != Null && !hasUnmarshal(p) {
		if p.Kind() == reflect.Interface {
			p.Set(reflect.ValueOf(v.any()))
			return nil
		}
		return &misread{}
	}
	if err := json.Unmarshal(v.AppendJSON(nil), p.Addr().Interface()); err != nil {
		return &misread{err}
	}
	return nil
}

func hasUnmarshal(p reflect.Value) bool {
	switch p.Addr().Interface().(type) {
	case json.Unmarshaler, interface{ UnmarshalText([]byte) error }:
		return true
	}
	return false
}

// any returns a scalar as bool, float64 or string.
func (v Value) any() any {
	switch v.Kind() {
	case Bool:
		return v.Bool()
	case Number:
		return v.Number()
	}
	return v.str
}

func isScalar(k reflect.Kind) bool {
	return k == reflect.String || k >= reflect.Bool && k <= reflect.Float64 && k != reflect.Uintptr
}

func (s *shape) cells(from reflect.Value) (map[string]Value, error) {
	cells := map[string]Value{}
	if s.rest != nil {
		for cell, v := range from.FieldByIndex(s.rest).Interface().(map[string]Value) {
			if !s.named[cell] {
				cells[cell] = v
			}
		}
	}
	for _, f := range s.fields {
		p := from.FieldByIndex(f.index)
		if f.omitEmpty && p.IsZero() {
			cells[f.cell] = Value{}
			continue
		}
		v, err := writeField(p)
		if err != nil {
			return nil, &FieldError{Cell("", "", f.cell), f.name, p.Type().String(), v, err}
		}
		cells[f.cell] = v
	}
	return cells, nil
}

func writeField(p reflect.Value) (Value, error) {
	if p.Type() == valueType {
		v := p.Interface().(Value)
		return v, v.Err()
	}
	if p.Kind() == reflect.Pointer {
		if p.IsNil() {
			return Value{}, nil
		}
		return writeField(p.Elem())
	}
	if isScalar(p.Kind()) {
		v := ofReflect(p.Interface())
		return v, v.Err()
	}
	return FromAny(p.Interface())
}
