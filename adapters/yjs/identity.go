package yjs

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// A container (the map of all tables, of all values, of a table, of a row) has a deterministic identity: every peer that
// creates it creates the same Yjs item. Otherwise two peers that create a table at the same time would make two maps under
// one key, and Yjs would keep one of them and drop the other with all its rows.
//
// The identity is clock 0 of a client ID that no peer uses: the first 53 bits of a hash of the place. A container that was
// deleted cannot come back under the identity it had; its next life is named after the place and the item that was there
// last, so that peers who saw the same deletion still agree.

// identity returns the client ID of a container: of its first life when last is zero, otherwise of the life after last.
func identity(root string, keys []string, last ycrdt.ID) uint64 {
	var buf [256]byte
	b := append(buf[:0], "rowloom yjs container 1"...)
	b = appendCounted(b, root)
	for _, k := range keys {
		b = appendCounted(b, k)
	}
	if last != (ycrdt.ID{}) {
		b = append(b, 0xFF)
		b = binary.AppendUvarint(b, last.Client)
		b = binary.AppendUvarint(b, uint64(last.Clock))
	}
	sum := sha256.Sum256(b)
	// The upper half of the range keeps clear of the 32-bit IDs that clients draw.
	return binary.BigEndian.Uint64(sum[:])>>11 | 1<<52
}

func appendCounted(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
