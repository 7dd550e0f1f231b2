// Package synchronizer drives one end of a network conversation, whatever its protocol.
//
// There are only a few types. A [Session] is a protocol as a pure machine: messages go in, messages come out; it does no I/O
// and starts no goroutine. A [Conn] is a way to carry whole messages: a WebSocket (package synchronizer/ws), one end of an
// in-memory [ConnPair], or anything else with three methods. [Run] joins the two until either ends.
//
// Because sessions are pure, the same ones run without a network: a [Pipe] connects two of them in one goroutine, and a [Sim] connects
// any number over a simulated network that delays, reorders, repeats, drops, cuts and reconnects, decided by a seed and in virtual time, so
// that a failure can be repeated exactly.
//
// # Concurrency
//
// Start, Receive, Poll and Next of one Session are never called at the same time. Run polls and writes in the goroutine that
// called it, and reads and answers in another one, which has ended when it returns. Pipe and Sim have none.
//
// # Bounds
//
// Run polls a session only when everything it said before is on its way, so a slow reader makes the session wait (and merge what it has to say) rather than a queue
// grow. Replies are queued up to [RunOptions].QueueBytes; then reading stops. A write that takes longer than
// [RunOptions].WriteTimeout ends the conversation with [CodeTryLater], which the other end learns if it goes on reading.
package synchronizer
