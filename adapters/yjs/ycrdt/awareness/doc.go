// Package awareness holds who is there: one small JSON state per client (a name, a cursor), which is not stored and goes
// away with the client. It is y-protocols' awareness.
//
// Every client owns one state and counts its versions with a clock. A higher clock wins; the state null, which has the same
// clock or a higher one, says that the client is gone. Who is silent for 30 seconds is taken for gone; so every client
// repeats its own state after 15 seconds.
//
// An [Awareness] does no I/O, and time is an argument. What its methods change they return as an [Event]; whoever is
// connected must be sent [Awareness.Encode] of the clients in it. Call [Awareness.Poll] every few seconds.
//
// # Bad input
//
// A message is checked whole before anything is changed. [Options] bounds the number of clients, the clients of one message
// and the size of a state. Clocks are below 2^52, so that nobody can bring another's clock to its end.
//
// # Concurrency
//
// An Awareness may be used by many goroutines. Listeners are called by the goroutine that made the change, after the lock
// is released, so that two changes at the same time may reach a listener in either order.
//
// Source of the format: https://github.com/yjs/y-protocols (awareness.js), version 1.0.7.
package awareness
