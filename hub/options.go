package hub

import (
	"net/http"
	"time"

	"github.com/rowloom/rowloom/hub/roomdb"
)

// Options of a [Hub]. Nil and zero fields mean the defaults.
type Options struct {
	// Families are the documents that each room has, in the order in which they are loaded. The default is [DefaultFamilies].
	Families []Family
	// Auth says who may do what. Nil: everybody everything.
	Auth Auth
	// Origins are the other origins whose pages may connect, for example "https://app.example.com" or "app.example.com", as patterns of
	// path.Match; "*" is all. Pages of the hub's own host always may, and pages of this machine when the hub is addressed by a loopback name or
	// address. Programs that send no Origin header are not browsers, and pass.
	Origins []string
	// Hosts are the names by which the hub may be addressed (the Host header), without port; the loopback names and addresses always may. Nil: any;
	// empty: no other. Naming them protects a hub
	// without tokens from pages whose own name has been made to point to it (DNS rebinding).
	Hosts []string
	// Limits bound what others can make the hub do.
	Limits Limits
	// Log are the bounds of the database.
	Log roomdb.Options
	// Events are told what happens.
	Events Events
	// IdleAfter is how long a room stays in memory after the last one has gone. Default 1 minute.
	IdleAfter time.Duration
	// Heartbeat is the pause between comments on an event stream. Default 15 s.
	Heartbeat time.Duration
	// PingEvery is the pause between pings on a WebSocket. Default 30 s.
	PingEvery time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Limits bound what others can make the hub do. Zero fields mean the defaults.
type Limits struct {
	RoomName    int   // bytes of a room's name; default 1,024
	ID          int   // bytes of the id of a table, row, cell or value in an address; default 4,096
	Body        int64 // bytes of the body of a request; default 16 MiB
	Message     int64 // bytes of a message on a WebSocket; default 64 MiB
	Rooms       int   // rooms in memory at the same time; default 10,000
	Connections int   // WebSockets and event streams at the same time; default 10,000
	CallRooms   int   // rooms that one connection has open at the same time; default 1,000

	// Incoming bounds the messages that are being received, in bytes on all WebSockets together. A message is collected in a buffer that grows, and can be nearly
	// three times as large: with less than three times Message, the largest one may not arrive, and its connection is closed. Default 1 GiB.
	Incoming int64
	// Outgoing bounds the messages that wait to be sent, in bytes on all WebSockets together. An answer that is longer is not sent, and its connection
	// is closed. Default 1 GiB.
	Outgoing int64

	// A room's log is replaced by a snapshot when it has more than so many records, or more bytes, and is not small beside the last
	// snapshot. Defaults 1,000 and 1 MiB.
	CompactRecords, CompactBytes int

	// BodyTimeout is how long a body may take to arrive, and SendTimeout how long one piece of an answer may take to leave. Defaults 1
	// minute and 30 s.
	BodyTimeout, SendTimeout time.Duration
}

// Events are functions that a [Hub] calls as things happen, by which a program can log them. Nil functions are not called. They must be quick.
type Events struct {
	RoomLoaded   func(room string, took time.Duration)
	RoomUnloaded func(room string)
	// RoomFailed reports that a room was given up or could not be loaded.
	RoomFailed func(room string, err error)
	// Compacted reports that the log of a room was replaced by snapshots of so many bytes.
	Compacted func(room string, bytes int, took time.Duration)
	// Connected and Disconnected report WebSockets and event streams ("events"). err is nil for an end in good order.
	Connected    func(family, room, remote string)
	Disconnected func(family, room, remote string, err error)
	// Served reports a request that was answered.
	Served func(r *http.Request, status int, took time.Duration)
	// WriteFailed reports that the database could not be written.
	WriteFailed func(err error)
	// Fault reports something that should not be able to happen, which was survived.
	Fault func(what string, err error)
}

func orDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func (o *Options) withDefaults() Options {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Families == nil {
		r.Families = DefaultFamilies()
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	orDefault(&r.IdleAfter, time.Minute)
	orDefault(&r.Heartbeat, 15*time.Second)
	orDefault(&r.PingEvery, 30*time.Second)
	l := &r.Limits
	orDefault(&l.RoomName, 1024)
	orDefault(&l.ID, 4096)
	orDefault(&l.Body, 16<<20)
	orDefault(&l.Message, 64<<20)
	orDefault(&l.Rooms, 10_000)
	orDefault(&l.Connections, 10_000)
	orDefault(&l.CallRooms, 1000)
	orDefault(&l.Incoming, 1<<30)
	orDefault(&l.Outgoing, 1<<30)
	orDefault(&l.CompactRecords, 1000)
	orDefault(&l.CompactBytes, 1<<20)
	orDefault(&l.BodyTimeout, time.Minute)
	orDefault(&l.SendTimeout, 30*time.Second)
	return r
}
