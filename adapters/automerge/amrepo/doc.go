// Package amrepo speaks the network protocol of automerge-repo, version 1: unmodified JavaScript clients and servers are
// its peers.
//
// A [Repo] connects documents with sessions. A [Session] is one end of one connection; it does no input or output and starts
// no goroutine. [Repo.Accept] makes the session of a server, [Repo.Dial] that of a client. Messages are CBOR maps, one to a
// binary WebSocket message; the WebSocket is the driver's.
//
// The documents are somebody else's: whoever has an Automerge engine implements [Documents], [Doc] and [Sync]. What peers send
// is handed to them as it is, and must be checked there.
//
// # The conversation
//
//	client                              server
//	join, versions, storage id    →
//	                              ←     peer, version, storage id
//	request (has nothing)         →
//	                              ←     sync, or doc-unavailable
//	sync                          ↔     sync, until both have the same
//	ephemeral                     ↔     ephemeral, passed on to others
//
// Either end may send sync, request and ephemeral at any time after the handshake. A request for a document that nobody
// here has is passed on to the peers that the policy announces documents to; when all of them lack it, the answer is
// doc-unavailable. It is also the answer when the policy denies access, so that nobody learns which documents there are.
//
// # Bounds
//
// A session deals with a bounded number of documents, holds a bounded number of bytes for its driver, and remembers a
// bounded number of ephemeral sources, subscriptions and heads. The size of a message is the driver's to bound. Sync messages
// are not held: they are made when the driver polls.
//
// # Concurrency
//
// A Repo is safe for concurrent use. A session's Start, Receive, Poll and Close may be called by any goroutine, one after
// the other. The functions in [Options] are called with no lock of this package held, except for that of the session that the
// call came from.
//
// Source: the documentation of automerge-repo, corrected by what automerge-repo 2.5.6 and its WebSocket package 2.5.6 really
// send; see docs/differences.md where the two disagree.
package amrepo
