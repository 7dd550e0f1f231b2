package roomdb

import "time"

// Options are the bounds and the ears of a [DB]. Nil and zero fields mean the defaults.
type Options struct {
	// QueueBytes is how much may wait to be written, over all rooms. At the bound Append waits. Default 64 MiB.
	QueueBytes int
	// BatchBytes is how much goes into one transaction. One larger record makes a batch of its own. Default 8 MiB.
	BatchBytes int
	// MaxRecord is the greatest size of a record or snapshot, at most 900 MiB, since SQLite ends at 1 GB. Default 512 MiB.
	MaxRecord int
	// MaxBytes bounds the database file. At the bound, writing fails as it does when the disk is full. Default: no bound.
	MaxBytes int64
	// Check says what Open looks at before it trusts the database. Default CheckAll.
	Check Check
	// Sync says when a record counts as durable. Default SyncFull.
	Sync Sync
	// Events are called as things happen. Nil functions are not called.
	Events Events
}

// Events are functions that a [DB] calls, from its writer. They must be quick and must not call the DB.
type Events struct {
	// Committed reports one transaction: how many records and bytes, and how long it took.
	Committed func(records, bytes int, took time.Duration)
	// Failed reports a transaction that was given up. The logs whose records it held are broken by then.
	Failed func(err error)
}

// Check says how much of the database Open looks at.
type Check uint8

const (
	// CheckAll reads everything: the structure, the indexes and the checksum of every record. About 8 s for a gigabyte.
	CheckAll Check = iota
	// CheckStructure leaves the checksums for when a room is loaded.
	CheckStructure
	// CheckHeader looks at the first page only. For databases so large that reading them takes too long.
	CheckHeader
)

// Sync says when a record counts as durable.
type Sync uint8

const (
	// SyncFull: when the disk has it. It survives a loss of power.
	SyncFull Sync = iota
	// SyncNormal: when the operating system has it. It survives the death of the process, but a loss of power may take the last
	// records (the database stays whole).
	SyncNormal
)

const maxRecord = 900 << 20

func (o *Options) withDefaults() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.QueueBytes <= 0 {
		r.QueueBytes = 64 << 20
	}
	if r.BatchBytes <= 0 {
		r.BatchBytes = 8 << 20
	}
	if r.MaxRecord <= 0 {
		r.MaxRecord = 512 << 20
	}
	r.MaxRecord = min(r.MaxRecord, maxRecord)
	return r
}
