// Package tinybase puts a mergeable store (package store/mergeable) on the network as TinyBase does, versions 5.0 to 10: its
// clients are ours, and its servers serve us.
//
// # Who uses what
//
//   - To serve clients at a path each: a [Server], which is an http.Handler.
//   - To serve clients in another way: a [Room] makes a session for each connection to one store, a [Shared] for a connection
//     with a channel for each store, and a [Relay] for clients that have the data themselves.
//   - To be a client: a [Synchronizer], with a [Dialer]: [WebSocket], [Broadcast.Dial], or any other way to carry messages
//     ([Custom]). It comes back when the connection is lost. [Local] and [Beside] join two stores in one process.
//   - To drive sessions oneself: [NewClient] and [NewSharedClient], and package synchronizer.
//
// # The protocol
//
// Whoever starts asks everybody what they have ([GetContentHashes]). From who answers it takes what it lacks: tables that
// are missing, then rows of tables whose hashes differ, then cells of rows; and values. Then it tells everybody what it
// has ([ContentHashes]), so that they can do the same. From then on each change is sent as it is made ([ContentDiff]). Stamps
// decide between contents, so it does not matter what comes twice, late, or in another order.
//
// On a WebSocket there are four layers, each of which can be used alone:
//
//   - a [Message] is [id,kind,body] in JSON;
//   - a frame puts the id of a client before it: the addressee on the way to a server, the sender on the way from it
//     ([SplitFrame], [AppendFrame]);
//   - a frame that is too long for somebody on the way may be cut into fragments, which an [Assembler] puts together again
//     ([Split]);
//   - several stores may share one connection, each in a channel; a [Control] opens and closes it ([SplitChannel],
//     [AppendChannel]).
//
// What a peer gets wrong is a [*ProtocolError], with the close code and reason that TinyBase itself uses. It ends one
// connection and touches nothing else.
//
// # What is different from the original
//
// A server answers from its own store, at once, and passes on only what it has merged: what is malformed, stamped too far
// in the future, or refused by a schema, no client sees. Clients get ids that nobody can choose. An answer longer than
// TinyBase's 16 MiB comes in pieces that every version takes. Some time after the last change the hashes are sent once
// more, so that a lost message is noticed; a store at rest sends nothing.
//
// # Bounds
//
// Frames and what waits for a slow reader: 16 MiB. Fragments: 1000 to a message, 100 unfinished messages and 16 MiB to a
// connection, and a [Budget] for all. Channels: 100. What changes while a reader is slow is merged into one message, and
// beyond mergeable.MaxPending cells into the advice to compare hashes. Questions without an answer: three to a session.
// What all connections of a [Server] receive and send: see [ServerOptions].
//
// # Concurrency properties
//
// Server, Room, Relay, Broadcast, Synchronizer and Budget may be used by many goroutines. A session belongs to whoever
// drives it. Functions are pure.
package tinybase
