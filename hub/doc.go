// Package hub puts rooms on the network: one live table each, which clients of several families edit at the same time.
//
// There are only a few types:
//
//   - A [Hub] has a data folder (package roomdb) and any number of rooms. It is an http.Handler.
//   - A [Room] is one [store.Store] with one [Document] of each [Family] bound to it. It is loaded when somebody comes, and unloaded
//     some time after the last one has gone.
//   - A [Family] makes documents, and an [Endpoint] is a family with a network protocol: clients connect to ws://HOST/NAME/ROOM, or to ws://HOST/NAME if messages name the rooms.
//   - A [Call] is one client's connection.
//
// # Addresses
//
//	GET   /api/rooms                              the rooms: {"rooms":[{"room":"..."}]}; ?limit=100&after=NAME for pages
//	GET   /api/rooms/ROOM                         {"room":"...","automergeUrl":"...","tables":{T:{R:{C:value}}},"values":{V:value}}
//	PATCH /api/rooms/ROOM                         a JSON merge patch (RFC 7396) of the same shape, one transaction
//	GET   /api/rooms/ROOM/events                  server-sent events, one per commit
//	GET   /api/rooms/ROOM/peers                   who is connected: {"peers":[{"family":"yjs","since":"2026-01-31T12:00:00.000Z","access":"write"}]}
//	GET   /api/rooms/ROOM/conflicts               what lost to a value that was set at the same time, and is still kept
//	GET, PUT, DELETE /api/rooms/ROOM/tables/T/R/C one cell
//	GET, PUT, DELETE /api/rooms/ROOM/values/V     one value
//	GET, DELETE /api/rooms/ROOM/tables/T/R        one row
//	GET, DELETE /api/rooms/ROOM/tables/T          one table
//	GET   /healthz, /readyz, /metrics             for whoever watches the process
//	GET   /                                       a page
//	ws    /yjs/ROOM, /tinybase/ROOM               one for each family
//	ws    /tinybase, /automerge                   rooms are named by messages
//
// ROOM, T, R, C and V are percent-encoded, so a slash in a name is %2F. What changes a room is answered when it is durable. Errors
// are problem documents (RFC 9457), which for a bad body say where: as a path and as a byte offset. Reading and changing a room or something in it may have
// the conditions If-Match and If-None-Match (RFC 9110); the entity tag is that of the room.
//
// # Durability
//
// Documents say what has changed as opaque updates. What comes of a change in all documents of a room is appended to the log together, in one transaction
// of the database, as soon as nobody is in the middle of a change. Clients of the same family are told of what one of them has written at the same
// time; of copies in other documents, and of what requests have changed, clients are told when they are durable. When writing
// fails, the room is given up: its connections are closed, and the next to come finds what was stored. Clients that keep a
// document of their own bring back what was lost.
//
// # Concurrency properties
//
// All methods may be called by any goroutine. A Hub has one goroutine of its own, the keeper, and two for each connection. Close
// waits for all of them. The lock order is: that of what is said of conflicts, a Store's writer lock, a document's lock, that of a room's gate or the Hub's, that of the room's pending
// updates. While one of the last three of these is held nothing waits.
package hub
