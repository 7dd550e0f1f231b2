package automerge

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// A container (the map of all tables, of all values, of a table, of a row) has a deterministic identity: every peer that
// creates it makes the same change, byte for byte. Otherwise two peers that create a table at the same time would make two
// maps under one key, and Automerge would show one of them and hide the other with all its rows.
//
// The change's actor is a hash of the place: the name of the map around it and the key. It depends on the change that made that
// map, and on nothing else; it carries no time. A container that was deleted cannot come back under the identity it had;
// its next life has the next number, so that peers who saw the same deletion still agree.

// identity returns the actor of a container's life.
func identity(parent amchange.OpID, key string, life int) amchange.Actor {
	var buf [256]byte
	b := append(buf[:0], "rowloom automerge container 1"...)
	b = binary.AppendUvarint(b, parent.Counter)
	b = appendCounted(b, string(parent.Actor))
	b = appendCounted(b, key)
	b = binary.AppendUvarint(b, uint64(life))
	sum := sha256.Sum256(b)
	return amchange.Actor(sum[:16])
}

func appendCounted(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// container returns the change that makes a container, with those that are always made inside it.
func container(ix *amchange.Index, parent amchange.OpID, key string, inside ...string) amchange.Draft {
	d := amchange.Draft{Seq: 1, StartOp: 1}
	if h, maxOp, ok := ix.MadeBy(parent); ok {
		d.Deps, d.StartOp = []amchange.Hash{h}, maxOp+1
	}
	for life := 0; ; life++ {
		if d.Actor = identity(parent, key, life); ix.Seq(d.Actor) == 0 {
			break
		}
	}
	d.Ops = []amchange.Op{{Obj: parent, Key: key, Action: amchange.MakeMap}}
	for _, k := range inside {
		d.Ops = append(d.Ops, amchange.Op{Obj: amchange.OpID{Counter: d.StartOp, Actor: d.Actor}, Key: k, Action: amchange.MakeMap})
	}
	return d
}
