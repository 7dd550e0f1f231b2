package store

import (
	"fmt"
	"slices"
	"strings"
)

// Schema says what the tables and values of a Store may hold. It is data: [Enforce] makes a Store keep to it.
//
// Where TinyBase drops what does not fit, a Store refuses it, or does what a [Policy] says.
type Schema struct {
	// Tables says which tables there are. With nil Tables, tables are free.
	Tables map[string]TableSchema

	// Values says which keyed values there are. With nil Values, they are free.
	Values map[string]CellSchema

	// OpenTables and OpenValues leave tables and values free that are not named.
	OpenTables, OpenValues bool
}

// TableSchema says what the rows of a table hold.
type TableSchema struct {
	Cells map[string]CellSchema

	// Open leaves cells free that are not named. A server whose clients are of different versions wants its tables open.
	Open bool
}

// CellSchema says what one cell, or one keyed value, may hold.
type CellSchema struct {
	// Types are the kinds that fit: Bool, Number, String, Object, Array. Several are a union.
	Types []Kind

	// Enum are the values that fit, instead of Types.
	Enum []Value

	// Default is what a row gets that lacks the cell; the zero Value is none. A deleted cell goes back to it.
	Default Value

	// AllowNull lets null fit as well.
	AllowNull bool

	// Required cells must be there in every row of the table that is written.
	Required bool
}

// Fits says whether v may stand there.
func (c CellSchema) Fits(v Value) bool {
	if v.Kind() == Null {
		return c.AllowNull
	}
	return slices.Contains(c.Types, v.Kind()) || slices.Contains(c.Enum, v)
}

// Wanted says in words what fits, for example `number or string`, or `"a" | "b"`.
func (c CellSchema) Wanted() string {
	var words []string
	sep := " or "
	for _, k := range c.Types {
		words = append(words, k.String())
	}
	for _, v := range c.Enum {
		words, sep = append(words, v.String()), " | "
	}
	if c.AllowNull {
		words = append(words, "null")
	}
	return strings.Join(words, sep)
}

// Check reports the first mistake in the schema itself: a cell with neither or both of Types and Enum, an Enum or Default
// that cannot be.
func (s Schema) Check() error {
	for table, t := range sorted(s.Tables) {
		for cell, c := range sorted(t.Cells) {
			if err := c.check(); err != nil {
				return fmt.Errorf("store: schema of %v: %w", Table(table).AnyRow().Cell(cell), err)
			}
		}
	}
	for id, c := range sorted(s.Values) {
		if err := c.check(); err != nil {
			return fmt.Errorf("store: schema of %v: %w", ValueOf(id), err)
		}
	}
	return nil
}

func (c CellSchema) check() error {
	if (len(c.Types) == 0) == (len(c.Enum) == 0) {
		return invalidValue("it needs either types or an enum")
	}
	for _, k := range c.Types {
		if k < Bool || k > Array {
			return invalidValue(fmt.Sprintf("%v is not a type", k))
		}
	}
	for _, v := range c.Enum {
		if k := v.Kind(); k != Bool && k != Number && k != String || v.Err() != nil {
			return invalidValue(fmt.Sprintf("%v cannot be in an enum", v))
		}
	}
	if c.Default.Exists() && (c.Default.Err() != nil || !c.Fits(c.Default)) {
		return invalidValue(fmt.Sprintf("the default %v is not %s", c.Default, c.Wanted()))
	}
	return nil
}

// Misfit is one place that does not fit a Schema.
type Misfit struct {
	Path   Path
	Got    Value  // what stands or was to stand there; the zero Value where something is missing
	Wanted string // what fits, or "nothing" where the schema names no such place
}

// String says what is wrong, for example `pets/fido/price: "3" where number was wanted`.
func (m Misfit) String() string {
	if !m.Got.Exists() {
		return fmt.Sprintf("%v: missing, %s is required", m.Path, m.Wanted)
	}
	return fmt.Sprintf("%v: %v where %s was wanted", m.Path, m.Got, m.Wanted)
}

// SchemaError is why a transaction was refused. It wraps [ErrInvalid].
type SchemaError struct{ Misfits []Misfit }

func (e *SchemaError) Error() string {
	if len(e.Misfits) == 1 {
		return "store: " + e.Misfits[0].String()
	}
	return fmt.Sprintf("store: %v, and %d more", e.Misfits[0], len(e.Misfits)-1)
}

// Unwrap returns ErrInvalid.
func (e *SchemaError) Unwrap() error { return ErrInvalid }

// Misfits lists everything in r that does not fit, in the order of the content.
func (s Schema) Misfits(r Reader) (list []Misfit) {
	add := func(m Misfit) { list = append(list, m) }
	for table := range r.Tables() {
		for row := range r.Rows(table) {
			for cell, v := range r.Cells(table, row) {
				if wanted, ok := s.cell(table, cell, v); !ok {
					add(Misfit{Cell(table, row, cell), v, wanted})
				}
			}
			s.missing(r, table, row, add)
		}
	}
	for id, v := range r.Values() {
		if wanted, ok := s.value(id, v); !ok {
			add(Misfit{ValueOf(id), v, wanted})
		}
	}
	return list
}

// cell says whether v fits, and what would.
func (s Schema) cell(table, cell string, v Value) (wanted string, ok bool) {
	if s.Tables == nil {
		return "", true
	}
	t, known := s.Tables[table]
	if !known {
		return "nothing", s.OpenTables
	}
	return fits(t.Cells, t.Open, cell, v)
}

func (s Schema) value(id string, v Value) (wanted string, ok bool) {
	if s.Values == nil {
		return "", true
	}
	return fits(s.Values, s.OpenValues, id, v)
}

func fits(in map[string]CellSchema, open bool, id string, v Value) (wanted string, ok bool) {
	c, known := in[id]
	switch {
	case !known:
		return "nothing", open
	case c.Fits(v):
		return "", true
	}
	return c.Wanted(), false
}

// missing reports the required cells that a row lacks and that have no default.
func (s Schema) missing(r Reader, table, row string, report func(Misfit)) {
	for cell, c := range sorted(s.Tables[table].Cells) {
		if c.Required && !c.Default.Exists() && !r.Cell(table, row, cell).Exists() {
			report(Misfit{Cell(table, row, cell), Value{}, c.Wanted()})
		}
	}
}
