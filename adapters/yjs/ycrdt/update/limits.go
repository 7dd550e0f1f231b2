package update

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A Version is an update format.
type Version uint8

// The formats.
const (
	V1 Version = 1
	V2 Version = 2
)

// String returns "V1" or "V2".
func (v Version) String() string { return fmt.Sprintf("V%d", uint8(v)) }

// MaxClock is the largest clock: clock plus length of every struct and deletion stays at or below it.
const MaxClock = 1<<31 - 1

// Limits bounds what an update may ask for. nil, and every zero field, means the default.
type Limits struct {
	Bytes   int // size of an update; default 64 MiB
	Structs int // structs in an update; default 64 per byte and 1,024 more, at most 16 Mi
	Clients int // blocks of structs, and clients in the delete set and in a state vector; default 100,000

	// AllowTrailing accepts bytes after the end of an update, as Yjs does.
	AllowTrailing bool
}

const (
	defaultBytes   = 64 << 20
	defaultClients = 100_000
	maxStructs     = 16 << 20
)

// resolve returns the limits for an update of the given size.
func (l *Limits) resolve(size int) Limits {
	var out Limits
	if l != nil {
		out = *l
	}
	if out.Bytes <= 0 {
		out.Bytes = defaultBytes
	}
	if out.Structs <= 0 {
		out.Structs = min(64*size+1024, maxStructs)
	}
	if out.Clients <= 0 {
		out.Clients = defaultClients
	}
	return out
}

// An InputError says which of several updates is bad.
type InputError struct {
	Index int
	Err   error
}

// Error returns the number of the update and what is wrong with it.
func (e *InputError) Error() string { return fmt.Sprintf("update %d: %v", e.Index, e.Err) }

// Unwrap returns the error of the update.
func (e *InputError) Unwrap() error { return e.Err }

func unknownVersion(v Version) error {
	return &lib0.DecodeError{Kind: lib0.ErrTag, What: fmt.Sprintf("update format %d", uint8(v))}
}
