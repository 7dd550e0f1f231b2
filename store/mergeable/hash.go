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

// hashCell returns the hash of a cell, and another one that is TinyBase's in nothing. buf is scratch space.
func hashCell(buf []byte, v store.Value, s hlc.Stamp) (h, other uint32, _ []byte) {
	buf = s.Append(append(appendEncoded(buf[:0], v), ':'))
	h64 := uint64(len(buf))
	if !v.Exists() {
		h64 = ^h64 // deleted is not null, though the first hash says so
	}
	for _, c := range buf {
		h64 = (h64 ^ uint64(c)) * 0x9E3779B97F4A7C15
		h64 ^= h64 >> 29
	}
	return fnv1a.Bytes(fnv1a.Offset, buf), uint32(h64 >> 32), buf
}

// Two contents may have one hash of 32 bits: among 100,000 cells some do. So there is a fingerprint beside the hashes, the
// sum of 64 bits for each cell, by which replicas of this package see that equal hashes are not equal contents.

// print64 returns a cell's part of the fingerprint.
func print64(t *table, r *row, k *name, c *cell) uint64 {
	x := uint64(c.hash)<<32 | uint64(c.other)
	for _, id := range [...]uint32{t.prefix, r.prefix, k.prefix} {
		x = (x ^ uint64(id)) * 0x9E3779B97F4A7C15
		x ^= x >> 31
	}
	return x
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
