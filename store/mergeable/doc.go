// Package mergeable keeps a stamp for each cell of a Store, so that copies of it can be changed apart and merged.
//
// It is TinyBase's MergeableStore beside a [store.Store] rather than instead of one. A [Store] here joins a Store there as
// a [store.Participant]: whatever anybody writes into the Store is stamped by a hybrid logical clock (package hlc), and
// what other replicas wrote is merged into it by [Store.Apply]: of two contents of one cell the later stamp wins. What is
// deleted leaves a tombstone, which is a stamp without content.
//
// There are few types. [Changes] are cells with their stamps. A [Store] takes and gives them. A [Feed] tells what changed.
// A [Report] says what a merge refused, and why.
//
// # Hashes
//
// Each cell, row and table has a hash, equal to TinyBase's bit for bit, so that two replicas find what they lack by
// comparing a few of them. Hashes that come from elsewhere are never trusted, but computed. They are kept as cells change;
// a change costs the same in a table of a million rows as in one of ten.
//
// # Where this is better than the original
//
//   - A stamp that is too far ahead of the clock is refused alone, and reported. TinyBase ignores the whole message.
//   - [Store.Load] never discards content because a clock was ahead when it was written, nor because its hashes are wrong.
//     Such stamps do not drag the clock along either: a write to such a cell is stamped just above it.
//   - Two replicas with one id, which TinyBase leaves different for ever, are noticed: the greater content gets a new
//     stamp, and the store a new id.
//   - Defaults that differ do not swap: the greater one wins.
//   - Objects have one hash, however they came. Empty rows and tables are nothing, and change no hash.
//   - What a schema refuses is not kept in secret: the content that stands is stamped anew, so that all replicas agree on it.
//
// # Concurrency properties
//
// All methods may be called by any goroutine. Those that write run a transaction of the Store, so they must not be called
// inside one. Reading sees the content of the last commit with its stamps. The lock here is taken after the Store's.
package mergeable
