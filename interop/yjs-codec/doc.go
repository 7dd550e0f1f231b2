// Package yjscodec compares what package update makes of Yjs updates with what yjs itself makes of them, in Node.
//
// It has only a test. The test installs yjs by the lock file into a temporary folder, and skips where there is no Node or
// no registry, unless ROWLOOM_REQUIRE_NODE=1.
package yjscodec
