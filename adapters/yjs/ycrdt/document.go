package ycrdt

import (
	"fmt"
	"math/rand/v2"
	"sync"
)

// Options configure a Doc. The zero value and nil mean the defaults.
type Options struct {
	// ClientID identifies this copy of the document, 1 to 2^53-1. The default is a random 32-bit number, which is what
	// is wanted unless a test needs to know the outcome of conflicts. Two live copies with the same ID damage each other.
	ClientID uint64

	// DisableGC keeps the content of what is deleted, so that snapshots can show it. It costs memory for ever.
	DisableGC bool

	// KeepLost keeps the content of maps that have lost their key to a value that was set at the same time, deleted as it
	// is. So it can be told where in the lost map something belongs that its writer, who has not heard of the loss yet, goes
	// on to write into it; see Commit.Late. Yjs drops such content, so where there were conflicts between maps the encoded
	// state is longer than that of Yjs; it means the same.
	KeepLost bool

	// Limits bound what a foreign update may cost.
	Limits Limits

	// Random returns random bits, for client IDs. The default is math/rand/v2.
	Random func() uint64
}

// Limits bound what foreign updates may cost. Zero fields mean the defaults.
type Limits struct {
	UpdateBytes  int // size of one update; default 64 MiB
	Clients      int // clients in one update; default 100,000
	Structs      int // structs in one update; default 16 Mi
	PendingBytes int // size of what waits for missing updates, when more of it arrives; default 16 MiB
}

func (l Limits) withDefaults() Limits {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&l.UpdateBytes, 64<<20)
	set(&l.Clients, 100_000)
	set(&l.Structs, 16<<20)
	set(&l.PendingBytes, 16<<20)
	return l
}

// maxClient is the largest client ID, maxClock the largest clock.
const (
	maxClient = 1<<53 - 1
	maxClock  = 1<<31 - 1
)

// An ID names one unit of content: the clock counts the units that a client has made.
type ID struct {
	Client uint64
	Clock  uint32
}

// String returns "client:clock".
func (id ID) String() string { return fmt.Sprintf("%d:%d", id.Client, id.Clock) }

// A Doc is one copy of a Yjs document.
//
// Its methods may be called by any goroutine: one writer (Update, Apply) or many readers (View and the encoders) at a time.
// Listeners are called without a lock, see OnCommit.
type Doc struct {
	mu sync.RWMutex // taken before mail.mu

	clientID uint64
	limits   Limits
	random   func() uint64
	gc       bool
	keepLost bool

	items   slab[item]
	clients clients
	keys    keys
	types   types
	entries entries
	content content
	redone  map[uint32]ID // by item with flagRedone

	scan      uint32 // last mark given out in a conflict scan
	number    uint32 // of the last transaction
	txn       *txn   // the one that is open
	queue     []*txn // whose bodies have run and which wait to be committed
	spare     *txn
	pending   pending
	parse     parser
	hotParent parentOf
	frames    []frame   // scratch of remove and collect
	owners    []uint32  // scratch of collect
	scratch   []byte    // scratch of writing values and updates
	parts     []part    // scratch of writing updates
	writer    writer2   // scratch of writing updates in format V2
	writers   sync.Pool // more of it, for encoders that run at the same time

	markers     []markers
	freeMarkers []uint32
	position    position // scratch of text editing

	mail mail
	undo []*UndoManager
}

// New returns an empty document. A nil opts means the defaults.
func New(opts *Options) *Doc {
	if opts == nil {
		opts = &Options{}
	}
	d := &Doc{
		limits:   opts.Limits.withDefaults(),
		random:   opts.Random,
		gc:       !opts.DisableGC,
		keepLost: opts.KeepLost,
		clients:  newClients(),
		keys:     newKeys(),
		types:    newTypes(),
		content:  newContent(),
	}
	if d.random == nil {
		d.random = rand.Uint64
	}
	d.entries = newEntries(d.random())
	if d.clientID = opts.ClientID; d.clientID == 0 || d.clientID > maxClient {
		d.clientID = d.newClientID()
	}
	return d
}

// newClientID draws a random client ID of 32 bits, as Yjs does.
func (d *Doc) newClientID() uint64 {
	for {
		if id := d.random() >> 32; id != 0 && id != d.clientID {
			return id
		}
	}
}

// ClientID returns the client ID of this copy. It changes when another copy turns out to use the same one.
func (d *Doc) ClientID() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.clientID
}

// SetClientID gives this copy another client ID, from the next transaction on. See Options.ClientID.
func (d *Doc) SetClientID(id uint64) error {
	if id == 0 || id > maxClient {
		return fmt.Errorf("ycrdt: client ID %d: %w", id, ErrRange)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clientID = id
	return nil
}

// Update runs fn as one transaction: what it changes becomes one update, sent to the listeners with origin.
//
// As in Yjs nothing is rolled back: if fn returns an error or panics, the changes made so far stay and are committed, and
// the error is returned, or the panic goes on. Handles obtained from tx are good until fn returns. A call of Update, Apply
// or View inside fn would wait for itself for ever; use tx instead.
func (d *Doc) Update(origin any, fn func(tx *Txn) error) (err error) {
	d.mu.Lock()
	t := d.begin(origin, true)
	tx := &Txn{access{doc: d, txn: t}}
	defer d.mail.deliver()
	defer d.mu.Unlock()
	defer func() {
		tx.doc = nil
		d.commit()
	}()
	return fn(tx)
}

// View runs fn with the document locked for reading. Handles obtained from r are good until fn returns.
func (d *Doc) View(fn func(r *Reader)) {
	d.mu.RLock()
	r := &Reader{access{doc: d}}
	defer func() {
		r.doc = nil
		d.mu.RUnlock()
	}()
	fn(r)
}
