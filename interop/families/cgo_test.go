//go:build cgo

package families_test

// withCgo says whether the server is built with cgo, as these tests are, and so speaks to Automerge clients.
const withCgo = true
