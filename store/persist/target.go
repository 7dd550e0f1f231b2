package persist

import (
	"context"

	"github.com/rowloom/rowloom/store"
)

// Target is where the content of a Store is kept.
//
// Read and Write are never called by two goroutines at once.
type Target interface {
	// Read returns the content of the named parts, and whether the Target has been written at all. What content holds
	// outside these parts is ignored. A value that a Store cannot hold is left out.
	Read(ctx context.Context, in []store.Path) (content *store.Snapshot, exists bool, err error)

	// Write makes the changes, and nothing else, in one transaction of the Target, signed with by where the Target knows
	// signatures. after is the Store's content with the changes, for Targets that need the surroundings. A place that has
	// the new content already is not an error.
	Write(ctx context.Context, by store.Origin, c store.Changes, after store.Reader) error
}

// Watcher is a Target that learns of changes made elsewhere.
type Watcher interface {
	// Watch calls dirty after each change, with no lock held: by is whoever signed it, in are the parts in which something
	// may be different. After stop has returned, no call begins.
	Watch(dirty func(by store.Origin, in []store.Path)) (stop func(), err error)
}

// SaveObserver is a Target that wants to know whether it is saved automatically: one that, while it is, does more to itself
// than it is told to, such as mending what others have broken.
type SaveObserver interface {
	// AutoSaving is called when automatic saving begins and when it ends.
	AutoSaving(on bool)
}
