//go:build !cgo

package automerge

func newEngine() (engine, error) { return nil, ErrNoEngine }
