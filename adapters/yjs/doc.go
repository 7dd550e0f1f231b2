// Package yjs binds a Store to a map in a Yjs document, in the layout of TinyBase's createYjsPersister, so that JavaScript
// programs with TinyBase or with bare Yjs share the Store's tables and values:
//
//	doc.getMap("tinybase")
//	  "t": Y.Map                        tables
//	    TABLE: Y.Map
//	      ROW: Y.Map
//	        CELL: string | number | boolean | null
//	  "v": Y.Map                        keyed values
//	    VALUE: the same
//
// An object or array is one string: U+FFFD and its JSON text. Ids stand as they are. What a Store cannot hold (a Y.Text, a
// Uint8Array, a bigint, undefined) is foreign: it reads as absent and stays in the document until that very cell is written.
//
// [Bind] returns a [persist.Persister], which owns the rules of two-way traffic; [Target] only reads, writes and points.
//
// # What differs from the original
//
// A cell is written only when it has changed, and deleted only when the Store has known it. Empty containers are left in
// place: they read as absent everywhere, and nobody's concurrent write into one is lost. A container that is made by the
// Store has a deterministic identity, so two peers that create the same table at the same time create one table.
//
// # Concurrency properties
//
// The Store's lock is taken before the document's. The document tells of changes after it has unlocked.
package yjs
