// Package arch checks that the packages of this module import each other as the house in docs/design.md allows.
//
//	L4   cmd/rowloom
//	L3   hub                     conflict
//	L2   adapters/yjs  adapters/automerge  adapters/tinybase  adapters/sqlite  adapters/file  synclog
//	       ycrdt         amchange
//	       ysync         amrepo
//	L1   store/persist   store/mergeable   synchronizer
//	L0   store   store/hlc   internal/...
//
// A room is one name of this picture with all packages below it. Arrows go down, or stay within a room; no arrow goes up or
// to a neighbour. L0 uses the standard library only. The Yjs engine and its codecs use nothing of this module but each
// other. Only adapters/automerge and who contains it use automerge-go or cgo. Tests may import what they like, and so may
// interop, bench and examples, which nobody else imports.
package arch
