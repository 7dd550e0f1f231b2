// Package yjs holds the tests of rowloom against live Yjs clients: JavaScript documents on y-websocket's provider, bare or with
// a TinyBase Store bound to them by createYjsPersister, and the HTTP addresses of `rowloom serve`, all in one room.
package yjs
