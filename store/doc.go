// Package store is a reactive in-memory store of tables and keyed values, with transactions, snapshots and changes.
//
// There are only a few types:
//
//   - A [Store] is a sequence of immutable [Snapshot]s. [Store.Update] runs a transaction, which makes the next one.
//   - A [Value] is what a cell or a keyed value holds: null, a boolean, a number, a string, a JSON object or array. The zero
//     Value means absent.
//   - A [Path] names a part: everything, a table, a row, a column, a cell, a value.
//   - [Changes] say what is different between two Snapshots, cell by cell. They compose, invert, restrict and print.
//   - A [Commit] is one step of a Store: from what to what, and by whom. [Store.Listen] and [Store.Feed] deliver Commits.
//   - A [Participant] takes part in transactions from the inside: schemas, checks, clock stamps, bound documents.
//
// Built on these:
//
//   - [Enforce] makes a Store keep to a [Schema]; [Middleware] looks at, changes or refuses what anybody writes.
//   - [Store.ListenRowIDs] and its like tell which ids came and went; [Store.Sort] keeps rows in order, page by page.
//   - [RowAs] and [SetRowAs] read and write rows as structs; [Tx.AddRow] gives new rows their ids.
//   - [Checkpoints] are the undo and redo of one writer.
//   - [AppendContent], [WriteContent], [ParseContent] and [ReadContent] are content as JSON; [Changes] have a JSON form too.
//
// A table exists as long as it has a row, a row as long as it has a cell. Ids are strings and may be empty; they are listed
// in byte order.
//
// The vocabulary, the encoding of objects (U+FFFD and JSON text) and the reserved strings are those of TinyBase
// (https://tinybase.org), so that its JavaScript clients can share the same data.
//
// # Concurrency properties
//
// Every method of a Store may be called by any goroutine. Reading never waits. One transaction runs at a time, under the
// Store's writer lock; any other lock is taken after it, never before. Listeners are called after the lock is released, one
// commit after the other in order, by the goroutine that committed, or by another one that is delivering already.
package store
