// Package ysync tests adapters/yjs/ysync against living JavaScript: WebsocketProvider and HocuspocusProvider as clients of a Go server, and a Go client of y-websocket's and Hocuspocus'
// servers. All of it is in the tests; peer.mjs is the JavaScript side.
package ysync
