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
// The identity is clock 0 of a client ID that no peer uses: a hash of the item's place, which is the map around it and its
// key. The map around it counts by its own identity and not by its name, since a table called "pets" may live in two maps of
// tables of which one is about to lose. A container that was deleted cannot come back under the identity it had: its next
// life is named after the place and the item that was there last, so that peers who saw the same deletion still agree.

// place is a key of a map: the root map, if parent is zero, or the map that is the item parent.
type place struct {
	root   string
	parent ycrdt.ID
	key    string
}

// placeIn returns the place under a key of a map below a root.
func placeIn(root string, m ycrdt.Map, key string) place {
	p := place{root: root, key: key}
	p.parent, _ = m.ID()
	return p
}

// identity returns the client ID of what comes to a place after the item that was there last, or first of all if that is
// zero: of a container, or of the value that is restored from a lost item.
func (p place) identity(after, lost ycrdt.ID) uint64 {
	var buf [256]byte
	b := append(buf[:0], "rowloom yjs identity 1"...)
	b = appendCounted(b, p.root)
	b = appendID(b, p.parent)
	b = appendCounted(b, p.key)
	b = appendID(b, after)
	b = appendID(b, lost)
	sum := sha256.Sum256(b)
	// The upper half of the range keeps clear of the 32-bit IDs that clients draw.
	return binary.BigEndian.Uint64(sum[:])>>11 | firstIdentity
}

// firstIdentity is the lowest client ID that is an identity.
const firstIdentity = 1 << 52

// isIdentity says whether an ID looks like an identity: of a container, or (with clock 1) of a restored value.
func isIdentity(id ycrdt.ID) bool { return id.Client >= firstIdentity && id.Clock <= 1 }

func appendCounted(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendID(b []byte, id ycrdt.ID) []byte {
	b = binary.AppendUvarint(b, id.Client)
	return binary.AppendUvarint(b, uint64(id.Clock))
}
