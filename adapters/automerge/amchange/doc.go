// Package amchange reads, checks and writes Automerge changes in pure Go.
//
// There are only a few types:
//
//   - A [Change] is one parsed change chunk: who made it, after what, and its operations ([Op]). [Parse] verifies all that can
//     be verified without the document; [Draft] writes one.
//   - An [Index] follows one document, change by change. It refuses changes that do not fit ([Batch] makes several of them
//     all or nothing), says which places each change touched ([Delta]), and knows all concurrent values of every place
//     ([Conflict]). [Edit] makes new changes with it.
//   - A [Queue] holds changes that came before what they depend on.
//   - A [SyncMessage] is one message of the sync protocol, version 1, with the changes in it.
//
// # Why
//
// The engine behind package adapters/automerge is compiled so that any failure inside it ends the whole process, and it does
// not expect hostile input: ten bytes are enough. So each byte from elsewhere is checked here first. What passes has
// been shown, by millions of mutated inputs, not to hurt the engine; see the tests with build tag cgo.
//
// # What is checked
//
// Of a chunk: magic bytes, length, checksum, size after inflating. Of a change: every column to the last bit, the one usual
// form of the encoding (engines write changes anew when they save a document, and another form would get another hash),
// counters below 2^32, ascending dependencies, actors and predecessors, actions and the values they may have. Against the
// document: dependencies are there, the actor's sequence number follows, operations are younger than what they depend on,
// objects and elements exist, keys fit the kind of the object, predecessors were values of the same place. Of a sync
// message: besides its changes, the sizes of its Bloom filters.
//
// What is not checked: that an operation refers only to what its change depends on, directly or not, as that would
// need a vector clock per change. And document chunks are not read at all; they come from the engine and own storage only.
//
// # Sources
//
// The binary format is described at https://automerge.org/automerge-binary-format-spec/. The sync protocol is that of
// Kleppmann and Howard, "Byzantine Eventual Consistency and the Fundamental Limits of Peer-to-Peer Databases" (2020), section 3,
// in the encoding of the JavaScript library.
package amchange
