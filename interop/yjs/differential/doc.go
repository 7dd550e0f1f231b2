// Package differential plays random Yjs sessions in yjs itself and in the engine ycrdt at the same time, and compares what they
// do byte for byte: every update event, and for each document the content, the formatting, the state vector, the encoded
// state in both formats and what is pending.
//
// What may differ is listed in quirks_test.go.
package differential
