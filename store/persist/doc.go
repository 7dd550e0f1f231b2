// Package persist keeps a Store and a Target equal. A Target is a Yjs or Automerge document, a file, a database: anything
// that can be read and be written in the Store's terms.
//
// A [Persister] owns every rule of two-way traffic. The Target only reads, writes and points:
//
//   - Load and Save work once; StartAutoLoad and StartAutoSave go on. The words are TinyBase's.
//   - The Persister remembers the content on which Store and Target last agreed (the base). What the Store has changed since
//     is what has to be saved; what the Target has changed since is what has to be loaded. So a save deletes only what
//     was known, and a failed save stays pending, however often it fails.
//   - An event of the Target says where something changed, never what. The Persister reads that place again while it holds
//     the Store's writer lock, so an event that is late or comes twice does no harm.
//   - What the Persister writes is signed with the Persister itself as [store.Origin]. An event with that signature is its
//     own echo.
//
// # Inline and queued
//
// [Inline] is for documents in memory: the Store's change is in the document when Update returns, and the document's change
// is in the Store when the function that applied it returns. There is no goroutine. If the Store is busy in another
// goroutine at that moment, that goroutine takes the document's change over as soon as its transaction ends.
//
// [Queued] is for files and databases: one goroutine reads and writes, so that no transaction waits for a disk. Changes
// that come while it writes are written together.
//
// # Locks
//
// The Store's writer lock comes first, then the Target's. A Target calls the function it was given by Watch with no lock
// held.
package persist
