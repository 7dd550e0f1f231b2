// Package lib0 reads and writes the binary encoding that Yjs is made of: variable-length numbers, strings, the tagged
// values called "any", the run-length columns of update format 2, and the JSON text that update format 1 carries.
//
// There are only a few types. A [Reader] walks over bytes and keeps its first error, so that a decoder reads a whole
// record and asks [Reader.Err] once. The Append functions write to a []byte. An [Any] is one decoded value. The encoders
// and decoders named after lib0's (UintOptRle, IntDiffOptRle, Rle, String) are the columns.
//
// # Text
//
// Text is UTF-8. JavaScript strings can hold half of a surrogate pair, which UTF-8 cannot: wherever this package has to
// keep such a half it uses the three bytes that UTF-8 would give that code point ("WTF-8"), and everything that goes to
// the wire replaces it with U+FFFD, as JavaScript's TextEncoder does. Text read from the wire is checked to be UTF-8.
//
// # Bad input
//
// No function panics on foreign bytes. Counts are checked against the bytes that remain before anything is allocated,
// nesting is limited to [MaxDepth], and every error is a [*DecodeError] with a kind and a byte offset.
//
// # Concurrency
//
// Readers, encoders and decoders belong to one goroutine. An Any is immutable and may be shared.
//
// Source of the format: https://github.com/dmonad/lib0 (encoding.js, decoding.js), version 0.2.120.
package lib0
