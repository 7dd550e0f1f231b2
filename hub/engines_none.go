//go:build !cgo

package hub

// Lacking says which family a program lacks because of how it was built, and why; nothing if there is none.
func Lacking() (family, why string) {
	return automergeName, "this program was built without cgo, so it has no Automerge engine; build it with CGO_ENABLED=1 and a C compiler"
}

func engines() []Family { return nil }
