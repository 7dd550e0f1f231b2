// Package automerge keeps Automerge documents, and binds a Store to a map in one, in the layout of TinyBase's
// createAutomergePersister, so that JavaScript programs with TinyBase or with bare Automerge share the Store's tables and
// values:
//
//	{
//	  "tinybase": {
//	    "t": { TABLE: { ROW: { CELL: value } } },
//	    "v": { VALUE: value },
//	  },
//	}
//
// # Documents
//
// A [Doc] is one document. Everything that comes from peers is checked by package amchange before the engine sees it:
// the engine, Automerge's own core, ends the whole process when it meets something that it does not expect. The
// same check feeds an index of the document, from which this package reads, finds conflicts, tells what has changed, and
// makes new changes. The engine merges, saves and speaks the sync protocol. A Doc is a document of package amrepo, which
// speaks to automerge-repo peers over the network.
//
// The engine needs cgo. Without it everything here compiles, and [New] and [Load] return [ErrNoEngine].
//
// # Values
//
// A string is a Text object; where it changes, only the characters that differ are replaced, so that edits of two peers in
// one string both survive. An object or array is a Text with U+FFFD and its JSON text. Whole numbers below 2^53-1 are int,
// others float. What a Store cannot hold (bytes, dates, integers that only a BigInt can hold) is foreign: it reads as
// absent and stays in the document until that very cell is written. Scalar strings, counters and nested maps and lists can
// be read, and are left as they are until their cell is written.
//
// Ids that JavaScript objects reserve ("constructor", "__proto__" and others), and those that begin with U+0000, carry one
// U+0000 in front, as TinyBase writes them.
//
// # What differs from the original
//
// A cell is written only when it has changed, and deleted only when the Store has known it. Empty containers are left in
// place, so that nobody's concurrent write into one is lost; only when the last row of the last table goes, the tables go
// too, because TinyBase's own persister would not notice otherwise. A container that is made by the Store has a
// deterministic identity, so two peers that create the same table at the same time create one table.
//
// # Concurrency properties
//
// The Store's lock is taken before the document's. The document tells of changes after it has unlocked. No two documents
// are ever locked at once.
package automerge
