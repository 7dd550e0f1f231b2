package mergeable

import (
	"github.com/rowloom/rowloom/internal/fnv1a"
	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/hlc"
)

// Hashes are TinyBase's, bit for bit. H is FNV-1a of 32 bits, and everything above a cell is put together with XOR:
//
//	cell, value    H(JSON of the content, null when deleted + ":" + stamp)
//	row, values    for each cell of hash h: H(id + ":" + h) ^ H(id + ":0")
//	table, tables  for each row of hash h: H(id + ":" + h)
//
// and in all but the cells H(stamp), when they have a stamp of their own. So one cell's change touches three hashes above
// it, whatever the size of the table.

// hashCell returns the hash of a cell. buf is scratch space.
func hashCell(buf []byte, v store.Value, s hlc.Stamp) (uint32, []byte) {
	buf = s.Append(append(appendEncoded(buf[:0], v), ':'))
	return fnv1a.Bytes(fnv1a.Offset, buf), buf
}

// appendEncoded appends a cell in the form in which it is hashed, except that what is deleted is null here.
func appendEncoded(dst []byte, v store.Value) []byte {
	switch v.Kind() {
	case store.Undefined:
		return append(dst, "null"...)
	case store.Object, store.Array:
		return jsjson.AppendString(dst, objectMark+v.Text())
	}
	return v.AppendJSON(dst)
}

// TinyBase's marks in encoded content.
const (
	undefinedMark = "\uFFFC" // the whole string: deleted
	objectMark    = "\uFFFD" // the rest of the string is the JSON text of an object or array
)

// prefix returns the state of the hash after an id and a colon.
func prefix(id string) uint32 { return fnv1a.Byte(fnv1a.String(fnv1a.Offset, id), ':') }

// in returns what a child of hash h adds to its parent's hash; prefix is of the child's id.
func in(prefix, h uint32) uint32 { return fnv1a.Decimal(prefix, h) }

// inOrNone is in, but 0 for the hash 0, which stands for "was not there".
func inOrNone(prefix, h uint32) uint32 {
	if h == 0 {
		return 0
	}
	return in(prefix, h)
}

// hashStamp returns what the own stamp of a row, a table or all of them adds to its hash.
func hashStamp(s hlc.Stamp) uint32 {
	if s.IsZero() {
		return 0
	}
	var text [hlc.Len]byte
	return fnv1a.Bytes(fnv1a.Offset, s.Append(text[:0]))
}
