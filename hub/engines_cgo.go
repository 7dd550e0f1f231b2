//go:build cgo

package hub

// Lacking says which family a program lacks because of how it was built, and why; nothing if there is none.
func Lacking() (family, why string) { return "", "" }

func engines() []Family { return []Family{Automerge()} }
