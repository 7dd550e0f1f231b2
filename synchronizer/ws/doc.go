// Package ws carries the messages of a synchronizer.Session over WebSockets (github.com/coder/websocket).
//
// [Accept] is the server's side, [Dial] the client's; both return a [Conn] for synchronizer.Run. A [Client] dials again and again, with a growing
// pause, and makes a new Session for every connection.
package ws
