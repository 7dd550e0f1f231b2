// Package tinybase speaks the messages of TinyBase's synchronizers, versions 5.0 to 10.
//
// TinyBase's WebSocket transport has four layers, and there is a file for each:
//
//   - a [Message] is [requestId,number,body] in JSON: seven requests and announcements, and the response (message.go);
//   - a frame puts the id of a client before it: the addressee on the way to a server, the sender on the way from it
//     ([SplitFrame], [AppendFrame]);
//   - a frame that is too long for somebody on the way may be cut into fragments, which an [Assembler] puts together again
//     ([Split]);
//   - several stores may share one socket, each in a channel; [Control] frames open and close them ([SplitChannel],
//     [AppendChannel]).
//
// What a peer gets wrong is a [*ProtocolError]. It has the close code and reason that TinyBase itself uses.
//
// # Concurrency properties
//
// Functions are pure. An Assembler belongs to one goroutine; a [Budget] may be shared by many.
package tinybase
