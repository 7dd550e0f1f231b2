// Package hlc has hybrid logical clocks in the form that TinyBase gives them: 96 bits, written as 16 characters.
//
// There are three types. A [Stamp] is one moment: a time in milliseconds, a counter within the millisecond, and the client
// that made it. A [Client] is that client's 30-bit id. A [Clock] makes stamps, each above everything it has made or seen.
//
//	characters   bits   meaning
//	0-6          42     milliseconds since 1970 (up to the year 2109)
//	7-10         24     counter
//	11-15        30     client
//
// Six bits make one character, most significant first, in an alphabet that ascends as ASCII does; so stamps compare as
// their texts compare. The empty text is the zero Stamp, which is before all others: TinyBase stamps defaults with it.
//
// A Stamp that lies too far ahead of the local clock would win over everybody until that time has come. A Clock therefore
// refuses to follow it, by [*AheadError], where TinyBase ignores it without a word. What is to be done with the data is the
// caller's choice. When the 42 bits are used up, [ErrExhausted] says so; TinyBase starts again in 1970.
//
// # Concurrency properties
//
// Stamps and clients are values. A Clock has no lock: it belongs to whoever holds the lock of the store that it stamps.
package hlc
