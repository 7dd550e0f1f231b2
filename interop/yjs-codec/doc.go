// Package yjscodec compares with yjs itself, run in Node, byte for byte and over any number of random sessions, what package
// update makes of Yjs updates, and what undo, relative positions and snapshots of package ycrdt do.
//
//	go test ./interop/yjs-codec -args -seed=1 -sessions=1000
//
// It has only tests. They skip where there is no Node, unless ROWLOOM_REQUIRE_NODE=1.
package yjscodec
