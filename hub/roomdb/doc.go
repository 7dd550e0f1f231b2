// Package roomdb keeps rooms on disk: an append-only log of opaque updates per room, in one SQLite database per data folder.
//
// There are only a few types:
//
//   - A [DB] is an open data folder. One process at a time holds it.
//   - A [Log] is one room: [Log.Append] adds records, [Log.Load] reads what is stored, [Log.Compact] replaces the records of a
//     family by a snapshot.
//   - A [Record] is one update of one document family ("yjs", "automerge", ...). Its bytes mean nothing here.
//
// # The file
//
// The database is the file rooms.db: SQLite, in WAL mode, with synchronous=FULL, so that what was answered as durable survives
// a loss of power and not only the death of the process. The price, one fsync for each batch, is shared by everybody who
// waits at that moment: one goroutine writes, and takes all that has queued up in one transaction (group commit).
//
// A room is a row with a name, an opaque sequence of bytes; no name ever becomes the name of a file. A record has a sequence number
// that counts over all families of its room, so that the order between families is kept too, and a checksum, because SQLite
// has none of its own. Records that are appended together are stored together or not at all.
//
// # Damage
//
// [Open] reads the whole database before it writes a byte: header, structure, and every checksum. What it finds damaged it refuses
// with a [*DamageError], and leaves as it was, for somebody to copy, look at and repair. What it cannot notice is damage at the end of
// the write-ahead log, which looks like the last transaction of a crash.
//
// # When a write fails
//
// When the disk is full, or fails, the records that were to be written are given up, and their Log is broken from then on: it
// refuses everything, because a log must not have a gap. The owner closes it and opens it again, to go on from what is stored. [DB.Err] says
// whether the last attempt failed.
//
// # Concurrency properties
//
// All methods may be called by any goroutine. Append never waits for the disk, except when [Options].QueueBytes are waiting already.
package roomdb
