//go:build !cgo

package families_test

const withCgo = false
