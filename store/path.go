package store

import "strings"

// Path names a part of a Store: everything, all tables, one table, one row, one cell, all values, or one value. Below
// the tables, any id may be left open, so that a Path can name a column ([Path.AnyRow]).
//
// The zero Path is everything. Paths are comparable.
type Path struct {
	part             Level
	open             uint8 // one bit a level: table, row and cell id that may be anything
	table, row, cell string
}

// Level names the part of a Store that a Path stands for.
type Level uint8

// The levels of a Path.
const (
	AtAll Level = iota
	AtTables
	AtTable
	AtRow
	AtCell
	AtValues
	AtValue
)

const (
	openTable = 1 << iota
	openRow
	openCell
)

// Tables names all tables.
func Tables() Path { return Path{part: AtTables} }

// Table names one table.
func Table(table string) Path { return Path{part: AtTable, table: table} }

// Row names one row.
func Row(table, row string) Path { return Path{part: AtRow, table: table, row: row} }

// Cell names one cell.
func Cell(table, row, cell string) Path {
	return Path{part: AtCell, table: table, row: row, cell: cell}
}

// Values names all keyed values.
func Values() Path { return Path{part: AtValues} }

// ValueOf names one keyed value.
func ValueOf(id string) Path { return Path{part: AtValue, cell: id} }

// AnyTable names any table, as the beginning of a pattern such as AnyTable().Row("r").
func AnyTable() Path { return Path{part: AtTable, open: openTable} }

// Row names a row of the tables that p names.
func (p Path) Row(row string) Path { p.part, p.row = AtRow, row; return p }

// AnyRow names every row of the tables that p names.
func (p Path) AnyRow() Path { p.part, p.open = AtRow, p.open|openRow; return p }

// Cell names a cell of the rows that p names.
func (p Path) Cell(cell string) Path { p.part, p.cell = AtCell, cell; return p }

// AnyCell names every cell of the rows that p names.
func (p Path) AnyCell() Path { p.part, p.open = AtCell, p.open|openCell; return p }

// Up returns the part that directly contains p: the row of a cell, the table of a row, all tables, all values,
// everything. Up of everything is everything.
func (p Path) Up() Path {
	switch p.part {
	case AtCell:
		return Path{part: AtRow, open: p.open &^ openCell, table: p.table, row: p.row}
	case AtRow:
		return Path{part: AtTable, open: p.open &^ openRow, table: p.table}
	case AtTable:
		return Tables()
	case AtValue:
		return Values()
	}
	return Path{}
}

// IsPattern says whether an id of p is left open.
func (p Path) IsPattern() bool { return p.open != 0 }

// Level says which part p names.
func (p Path) Level() Level { return p.part }

// IDs returns the ids of p: of table, row and cell as far as p goes, or the id of the value in cell.
func (p Path) IDs() (table, row, cell string) { return p.table, p.row, p.cell }

// Contains says whether everything q names lies in p. q must not be a pattern.
func (p Path) Contains(q Path) bool {
	switch p.part {
	case AtAll:
		return true
	case AtTables:
		return q.part >= AtTables && q.part <= AtCell
	case AtTable:
		return q.part >= AtTable && q.part <= AtCell && p.hasTable(q.table)
	case AtRow:
		return q.part >= AtRow && q.part <= AtCell && p.hasTable(q.table) && p.hasRow(q.row)
	case AtCell:
		return q.part == AtCell && p.hasCell(q.table, q.row, q.cell)
	case AtValues:
		return q.part == AtValues || q.part == AtValue
	}
	return q.part == AtValue && p.cell == q.cell
}

func (p Path) hasTable(table string) bool { return p.open&openTable != 0 || p.table == table }
func (p Path) hasRow(row string) bool     { return p.open&openRow != 0 || p.row == row }

func (p Path) hasCell(table, row, cell string) bool {
	switch p.part {
	case AtAll, AtTables:
		return true
	case AtTable:
		return p.hasTable(table)
	case AtRow:
		return p.hasTable(table) && p.hasRow(row)
	case AtCell:
		return p.hasTable(table) && p.hasRow(row) && (p.open&openCell != 0 || p.cell == cell)
	}
	return false
}

func (p Path) hasValue(id string) bool {
	return p.part == AtAll || p.part == AtValues || p.part == AtValue && p.cell == id
}

// String prints p: "pets/fido/price" for a cell, ":open" for a value, "pets/*/price" for a column, "/" for all tables,
// ":" for all values, "everything" for the zero Path. Ids that are not plain are quoted.
func (p Path) String() string {
	id := func(bit uint8, s string) string {
		if p.open&bit != 0 {
			return "*"
		}
		return quoteID(s)
	}
	ids := []string{id(openTable, p.table), id(openRow, p.row), id(openCell, p.cell)}
	switch p.part {
	case AtTables:
		return "/"
	case AtTable, AtRow, AtCell:
		return strings.Join(ids[:p.part-AtTables], "/")
	case AtValues:
		return ":"
	case AtValue:
		return ":" + quoteID(p.cell)
	}
	return "everything"
}
