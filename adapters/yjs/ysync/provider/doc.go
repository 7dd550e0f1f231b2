// Package provider keeps a Yjs document in step with a server: y-websocket's, Hocuspocus, rowloom's, or any that speaks as they do.
//
// [YWebsocket] and [Hocuspocus] start a [Provider]. It dials, comes back with a growing pause when the connection is lost, and fetches and sends then what was missed
// meanwhile. Close ends it.
//
// # Concurrency
//
// A Provider has goroutines of its own, all of which have ended when Close returns. Its methods may be called by any goroutine.
package provider
