// Package update works on Yjs updates as bytes, without a document.
//
// An update is what Yjs documents send to each other and what is stored: a list of structs (what was inserted, by which
// client, where) and a delete set (what was deleted). There are two formats, V1 and V2, with the same meaning. V1 writes
// one field after the other; V2 collects equal fields of all structs into nine compressed columns.
//
//	update = structs, delete set
//	structs = for each client, descending: number of structs, client, first clock, structs one after the other
//
// A [Reader] yields the structs of an update one by one, a [Writer] makes an update of them. On these two stand [Merge],
// [Diff], [Convert], [StateVectorOf], [MetaOf] and [Dump]. All of them stream: beside the result they need memory for one
// struct per input. Results are the same bytes as those of yjs 13.6.
//
// # Bad input
//
// No function panics on foreign bytes. Errors are [*lib0.DecodeError] values with a kind and the byte offset in the update
// (see the kinds in package lib0); with several updates, an [*InputError] around it says which one. [Limits] bounds what an
// update may ask for: the run-length coding of V2 could otherwise turn a few bytes into billions of structs.
//
// # Concurrency
//
// The functions are pure. Readers and Writers belong to one goroutine.
//
// Source of the format: https://github.com/yjs/yjs (src/utils/updates.js, UpdateEncoder.js, DeleteSet.js), version 13.6.33.
package update
