package awareness

import "slices"

// An Event says whose states have changed. The zero Event says that nothing has.
type Event struct {
	Added   []uint64 // clients that were not known
	Updated []uint64 // clients that spoke, also if their state is the same
	Changed []uint64 // those of Updated whose state is another
	Removed []uint64 // clients that have gone
	Origin  any      // what the caller gave; Local or Timeout
}

// Origins of events that no caller of Apply has caused.
const (
	Local   = "local"
	Timeout = "timeout"
)

// IsZero reports whether nothing has happened. Otherwise others must be told: this is Yjs's "update" event.
func (e Event) IsZero() bool { return len(e.Added)+len(e.Updated)+len(e.Removed) == 0 }

// IsChange reports whether some state is another now: this is Yjs's "change" event.
func (e Event) IsChange() bool { return len(e.Added)+len(e.Changed)+len(e.Removed) > 0 }

// Clients returns all clients of the event, those to send to others.
func (e Event) Clients() []uint64 { return slices.Concat(e.Added, e.Updated, e.Removed) }
