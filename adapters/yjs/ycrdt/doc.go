// Package ycrdt is a Yjs engine in pure Go: documents that can be edited in many places at once and that become equal when
// the places have exchanged their updates. It reads and writes the formats of yjs 13.6, byte for byte as yjs writes them.
//
// # Yjs for Go programmers
//
// A document ([Doc]) has any number of roots, found by name: maps, arrays, texts and XML fragments, the shared types. Values
// in them are plain (numbers, strings, lists, ...), which can only be replaced as a whole, or shared types again, which
// can be edited further on.
//
// Every copy of a document has a client ID. What a client adds is numbered by its clock, so that (client, clock) identifies
// every unit ever added: a character, an array element, a value set under a key. A unit knows what stood to its left and
// right when it was added, and that is enough for all copies to bring concurrent additions into the same order. Setting a
// key adds a unit to the right of the present one; the right-most one is the value. So if two clients set a key at the same
// time, the higher client ID wins, everywhere. Deleting only marks units; afterwards their content is dropped.
//
// An update is a message with units and deletions. Updates can be applied in any order and more than once: what comes too
// early waits, what is known already is passed over. A state vector says up to which clock a copy has everything of each
// client; from it another copy computes the update that brings the rest:
//
//	update, err := there.EncodeStateAsUpdate(here.StateVector())
//	err = here.Apply(update, nil)
//
// # Transactions
//
// Changes happen in [Doc.Update], reading in [Doc.View]. Both give access to the roots, and from there to handles ([Map] and
// others), which are small values without memory of their own. A handle is good until the function returns; a [Ref]
// remembers a type for longer. If somebody deletes a type, methods of its handles return [ErrDeleted], or nothing.
//
// At the end of a transaction the document tells those who have asked with [Doc.OnUpdate] what to send to other copies,
// those who have asked with [Doc.OnCommit] which places have changed, and those who have asked with [Doc.Observe] or
// [Doc.ObserveDeep] what has changed there: keys with their old values, lists and texts as deltas. Who does not ask costs
// nothing.
//
// Shared types are made by setting or inserting a description of them, such as [NewMap] or [NewText] return.
//
// # Texts
//
// A [Text] counts in UTF-16 units, as JavaScript does. Its formatting is a set of attributes of ranges, kept as marks
// between the characters; if several people format at once some marks become superfluous, and documents clean them up
// after foreign changes, in a transaction of their own. Half a surrogate pair cannot stand in a Go string: it is U+FFFD
// here from the start, where JavaScript keeps it until it is sent.
//
// # The past
//
// An [UndoManager] undoes and redoes what was done here and leaves alone what others did. A [Snapshot] remembers a moment:
// documents that keep what is deleted ([Options].DisableGC) can show it, or be restored to it. A [RelativePosition] is a
// place in a text that moves along when others edit, such as a cursor.
//
// # Foreign bytes
//
// An update is checked as a whole before the document changes. Errors are of type [*DecodeError] and say what was wrong at
// which byte. Limits bound the cost, see [Limits].
//
// # Memory
//
// All items lie in slabs without pointers; values stay encoded in the buffers they came in. What is deleted leaves a place
// of a few bytes, which merges with its neighbours, so a key that is overwritten again and again costs nothing. For ever
// remain: one entry for every key ever set in a map that lives, every name (of a key, root or XML node), and every client.
//
// # Concurrency
//
// A Doc may be used by any number of goroutines: one writer or many readers at a time. Listeners are called after the
// document has been unlocked, one at a time, in the order of the transactions. There are no goroutines inside.
package ycrdt
