//go:build unix && !cgo

package page_test

// nativeTests need Automerge.
var nativeTests []test
