// Package sqlite keeps the content of a Store in a SQLite database, laid out as TinyBase's SQLite persisters do.
//
//	t, err := sqlite.Open(ctx, "pets.db", nil)
//	p := persist.Queued(s, t, nil)
//
// # JSON mode
//
// The default: a table "tinybase" with the columns "_id" and "store", and in the row "_" the text [tables, values]. It holds
// any content. A write replaces the text.
//
// # Tabular mode
//
// With [Options.Tabular], a table is an SQL table, a row a row with its id in the column "_id", a cell a column; the keyed
// values are the columns of the one row "_" of the table "tinybase_values". A write touches only the cells that changed;
// tables and columns are made when they are needed. What SQLite cannot tell apart by itself is written as text behind
// U+FFFD: true, false, null, objects and arrays. With [Tabular.Plain] booleans are 1 and 0 and null is NULL as in TinyBase,
// so they come back as numbers and as nothing; a column declared BOOLEAN gives booleans back.
//
// A cell that a Store cannot hold (a BLOB, an integer beyond 2^53) is left out when the table is read, and left alone when
// it is written.
//
// # Changes by others
//
// A watched database is asked from time to time for its data_version, which every other connection's commit changes. A write
// begins with a lock, so what others have written before is never lost. A text in the row "_" that is not a content is an
// error, and is not replaced.
package sqlite
