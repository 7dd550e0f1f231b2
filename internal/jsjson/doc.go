// Package jsjson reads and writes JSON text exactly as JavaScript's JSON.parse and JSON.stringify do.
//
// Hashes, stamps and files of the JavaScript original depend on every byte of such text, and encoding/json differs in four
// ways: it escapes <, >, & and U+2028, it turns a lone surrogate into U+FFFD, it writes -0, and it loses the order of keys.
//
// There are two writers, [AppendNumber] and [AppendString]; one pull [Reader] over a byte slice, which checks the text as
// it goes and allocates nothing for strings without escapes; and [AppendCanonical], which is
// JSON.stringify(JSON.parse(text)).
//
// # Strings
//
// A JavaScript string is a sequence of UTF-16 units, in which a surrogate may stand alone. Here it is a Go string in
// WTF-8: UTF-8 in which a lone surrogate is its three-byte generalised form (ED A0 80 to ED BF BF). A surrogate pair is
// always the four-byte form of its code point.
//
// # Concurrency properties
//
// The functions are pure. A Reader belongs to one goroutine.
package jsjson
