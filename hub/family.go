package hub

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// Family is one kind of document that rooms keep.
type Family interface {
	// Name is the name in the log and in the address: "yjs". It never changes.
	Name() string
	// Open makes an empty document for a room.
	Open(host Host) (Document, error)
}

// Host is what a [Document] knows of where it lives.
type Host struct {
	// Room is the name of the room.
	Room string
	// Save takes each update that has to be stored. The document calls it from Bind on, after its own content has changed and before the call that
	// caused it returns, or shortly after in another goroutine that was changing the document too. The bytes must not change any
	// more. Save never waits for a network or a reader.
	//
	// own says that the server has made the update, as a copy of what came to another document or to the Store, and not a client of this family. Clients
	// are not told of it before it is stored.
	Save func(update []byte, own bool)
	// Fault takes errors that nobody else hears of.
	Fault func(err error)
}

// Document is a room's document of one family. Load is called any number of times, then Bind, then anything, and Close at last.
type Document interface {
	// Load brings in an update or a snapshot that was stored, in the order in which they were stored.
	Load(update []byte) error
	// Bind makes the document and the Store equal, and keeps them so until Close. When both have content, the document wins.
	Bind(ctx context.Context, s *store.Store) error
	// Snapshot returns the whole document, in a form that Load takes.
	Snapshot() ([]byte, error)
	// Close ends the binding.
	Close() error
}

// Endpoint is a [Family] that clients connect to.
type Endpoint interface {
	Family
	// Wire says how its messages travel.
	Wire() Wire
	// Accept begins a conversation. An error refuses it: a *synchronizer.Error with its code and reason.
	Accept(ctx context.Context, c *Call) (synchronizer.Session, error)
}

// Wire says how the messages of an [Endpoint] travel.
type Wire struct {
	Kind         ws.Kind  // text or binary frames
	Subprotocols []string // that the server agrees to, in order of preference
	Roomless     bool     // an address without a room is accepted, because rooms are named by messages
}

// Addressed is a [Family] whose documents have addresses of their own, which the description of a room includes.
type Addressed interface {
	Family
	// Address returns the name of the field in the description and the address of a room's document, whether or not the room exists.
	Address(room string) (field, address string)
}

// Call is one client's connection to an [Endpoint].
type Call struct {
	// Request is the request that the connection began with.
	Request *http.Request
	// Subprotocol is the one agreed on, or nothing.
	Subprotocol string
	// Room is the room that the address names. HasRoom is false if it names none, which only a roomless Wire allows.
	Room    string
	HasRoom bool

	hub    *Hub
	family string
	mu     sync.Mutex
	rooms  []*Room // opened by this call, released when it ends
	fail   func(error)
	opened func(*Room) // while a message is being received
}

// Open opens a room for as long as the connection lasts, or until Release, if its client may: otherwise the error is a *synchronizer.Error to end the conversation with,
// or to answer in the protocol's own words. If the room fails, the connection ends. It must be called by the session's methods or by Accept only.
func (c *Call) Open(ctx context.Context, room string) (*Room, Access, error) {
	if err := c.hub.checkRoom(room); err != nil {
		return nil, NoAccess, synchronizer.Errorf(synchronizer.CodePolicy, "%w", err)
	}
	access, err := c.hub.access(c.Request, room)
	if err != nil {
		return nil, NoAccess, synchronizer.Errorf(synchronizer.CodePolicy, "%w", err)
	}
	open := c.open()
	for _, r := range open {
		if r.name == room {
			return r, access, nil
		}
	}
	if len(open) >= c.hub.opts.Limits.CallRooms {
		return nil, NoAccess, synchronizer.Errorf(synchronizer.CodePolicy, "more than %d rooms on one connection", c.hub.opts.Limits.CallRooms)
	}
	r, err := c.hub.Room(ctx, room)
	if err != nil {
		return nil, NoAccess, &synchronizer.Error{Code: synchronizer.CodeTryLater, Reason: "the room cannot be opened now", Err: err}
	}
	c.mu.Lock()
	c.rooms = append(slices.Clip(c.rooms), r)
	c.mu.Unlock()
	r.enter(c, access, c.fail)
	if c.opened != nil {
		c.opened(r)
	}
	return r, access, nil
}

// MessageLimit is the size of the largest message, in bytes.
func (c *Call) MessageLimit() int64 { return c.hub.opts.Limits.Message }

// open returns the rooms that are open, in a list that does not change.
func (c *Call) open() []*Room {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clip(c.rooms)
}

// Release gives back a room that Open gave, before the connection ends.
func (c *Call) Release(r *Room) {
	c.mu.Lock()
	i := slices.Index(c.rooms, r)
	if i >= 0 {
		c.rooms = slices.Concat(c.rooms[:i], c.rooms[i+1:])
	}
	c.mu.Unlock()
	if i >= 0 {
		r.exit(c)
		r.Release()
	}
}

func (c *Call) release() {
	c.mu.Lock()
	rooms := c.rooms
	c.rooms = nil
	c.mu.Unlock()
	for _, r := range rooms {
		r.exit(c)
		r.Release()
	}
}
