package ycrdt

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// A subdocChange is a subdocument that a transaction has added or removed.
type subdocChange struct {
	item  uint32
	added bool
}

// Subdoc describes a subdocument, to be set or inserted: a document of its own, of which this one holds only the guid and
// options. Its content travels separately. Options other than gc (only if false), autoLoad (only if true) and meta (unless
// null) are not kept by Yjs.
func Subdoc(guid string, opts ...Field) Value {
	return Value{kind: KindSubdoc, prelim: &prelim{name: guid, opts: lib0.ObjectOf(opts...)}}
}
