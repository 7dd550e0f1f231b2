// Package ysync speaks the network protocols of Yjs: as sessions for package synchronizer, for servers and for clients.
//
// A [Room] is a document with the awareness of its clients. Each connection about it is a session:
//
//   - [NewServer] and [NewClient] speak as y-websocket does (WebsocketProvider): one document to a socket, the name in the URL.
//   - [NewHocuspocusServer] and [NewHocuspocusClient] speak as Hocuspocus does (HocuspocusProvider): many documents on a socket, tokens, confirmations.
//
// Both carry the same two protocols. Sync: both ends send their state vector (step 1), answer the other's with what it lacks (step 2), and from then on
// send every change as an update. Awareness: every client has a JSON value about itself, which the server passes on to all and takes back when the connection closes.
//
// What comes in is applied with the session as its origin, and a session does not send what has its own origin: nothing is echoed, and what came by one session goes out by all
// others.
//
// # Bounds
//
// A message has a largest size, an awareness update a largest number of clients and size of states. Updates for a slow reader wait in a queue of bounded size; when it
// overflows, its updates are dropped, and the reader gets one update instead, made from the state vector that it is known to have: more in one piece, never less.
//
// # Bad input
//
// A malformed message is a *synchronizer.Error with a close code. It ends that session only, and the document is as it was.
//
// # Sources
//
// y-protocols 1.0.7 (sync.js, awareness.js, auth.js), y-websocket 3.1.0 and its server, Hocuspocus 4.
package ysync
