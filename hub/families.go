package hub

// DefaultFamilies returns the families that a hub serves when nothing else is said: Yjs, TinyBase and, in a program that
// was built with cgo, Automerge.
func DefaultFamilies() []Family { return append([]Family{Yjs(), TinyBase()}, engines()...) }
