package sqlite

import (
	"errors"
	"fmt"
	"time"
)

// Options of [Open]; nil means defaults.
type Options struct {
	// Table, IDColumn and Column name where JSON mode keeps the text: "tinybase", "_id" and "store" when empty.
	Table, IDColumn, Column string

	// Tabular chooses tabular mode; nil is JSON mode.
	Tabular *Tabular

	// Poll is how often a watched database is asked whether others have changed it; 1 second when 0.
	Poll time.Duration
}

// Tabular says which tables are SQL tables.
type Tabular struct {
	// All makes every table an SQL table, by a name that no other table has: letters a to z, digits and underscores stand as
	// they are, anything else as % and two hexadecimal digits, because SQLite does not tell letters' cases apart. The same
	// goes for cells and columns. Load and Save must be nil.
	All bool

	// Load says, by the name of the SQL table, what is read.
	Load map[string]LoadTable

	// Save says, by the id of the table, what is written. What the Store changes in other tables stays in the Store.
	Save map[string]SaveTable

	// Values says what happens to keyed values.
	Values Values

	// Plain writes booleans as 1 and 0 and null as NULL, as TinyBase does.
	Plain bool
}

// LoadTable is how one SQL table is read.
type LoadTable struct {
	TableID     string // the table it becomes
	RowIDColumn string // "_id" when empty

	// Condition is an SQL expression for the rows that are read; "$tableName" in it stands for the quoted table. It is a part
	// of the statement, so it must not come from a stranger.
	Condition string
}

// SaveTable is how one table is written.
type SaveTable struct {
	Table       string // the name of the SQL table
	RowIDColumn string // "_id" when empty

	// DeleteEmptyColumns drops a column when its last cell is deleted, DeleteEmptyTable the table with its last row.
	DeleteEmptyColumns, DeleteEmptyTable bool

	// Condition is an SQL expression for the rows that may be deleted; see LoadTable.
	Condition string
}

// Values is how keyed values are kept in tabular mode.
type Values struct {
	Load, Save bool
	Only       []string // the ids that are saved; all when nil
	Table      string   // "tinybase_values" when empty
}

const (
	defaultID     = "_id"
	defaultValues = "tinybase_values"
	onlyRow       = "_" // the id of the one row of JSON mode and of the values
)

// withDefaults returns o with what was left out, or what is wrong with it.
func (o *Options) withDefaults() (out Options, err error) {
	if o != nil {
		out = *o
	}
	fill := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	fill(&out.Table, "tinybase")
	fill(&out.IDColumn, defaultID)
	fill(&out.Column, "store")
	if out.Poll <= 0 {
		out.Poll = time.Second
	}
	if out.Tabular == nil {
		return out, nil
	}
	t := *out.Tabular
	fill(&t.Values.Table, defaultValues)
	if t.All {
		if t.Load != nil || t.Save != nil {
			return out, errors.New("sqlite: Tabular.All leaves nothing to Load and Save")
		}
		t.Values.Load, t.Values.Save = true, true
	}
	load, seen := map[string]LoadTable{}, map[string]string{}
	for name, l := range t.Load {
		fill(&l.RowIDColumn, defaultID)
		if other, twice := seen[l.TableID]; twice {
			return out, fmt.Errorf("sqlite: the SQL tables %q and %q are both loaded into the table %q", other, name, l.TableID)
		}
		seen[l.TableID] = name
		load[name] = l
	}
	save := map[string]SaveTable{}
	for id, s := range t.Save {
		fill(&s.Table, id)
		fill(&s.RowIDColumn, defaultID)
		save[id] = s
	}
	t.Load, t.Save = load, save
	out.Tabular = &t
	return out, nil
}
