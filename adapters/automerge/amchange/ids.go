package amchange

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
)

// Hash is the SHA-256 name of a change.
type Hash [32]byte

// String returns the hash as 64 hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads 64 hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("amchange: %q is not a change hash of 64 hex digits", s)
	}
	copy(h[:], b)
	return h, nil
}

// Actor is the raw bytes of an actor id. Actors compare bytewise, a prefix before what it is a prefix of, which is how Go
// compares strings.
type Actor string

// String returns the actor as hex digits.
func (a Actor) String() string { return hex.EncodeToString([]byte(a)) }

// ParseActor reads an even number of hex digits.
func ParseActor(s string) (Actor, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return "", fmt.Errorf("amchange: %q is not an actor id in hex", s)
	}
	return Actor(b), nil
}

// OpID names one operation: a Lamport counter and the actor who made it. The zero OpID is nobody's: it stands for the root
// object and for the head of a sequence.
type OpID struct {
	Counter uint64
	Actor   Actor
}

// IsZero reports whether id is the zero OpID.
func (id OpID) IsZero() bool { return id.Counter == 0 }

// Compare orders operation ids as Automerge does to find a winner: the counter first, then the actor.
func (id OpID) Compare(other OpID) int {
	if c := cmp.Compare(id.Counter, other.Counter); c != 0 {
		return c
	}
	return cmp.Compare(id.Actor, other.Actor)
}

// String returns the id in Automerge's notation, for example 12@aa01, and "_root" for the zero OpID.
func (id OpID) String() string {
	if id.IsZero() {
		return "_root"
	}
	return strconv.FormatUint(id.Counter, 10) + "@" + id.Actor.String()
}
