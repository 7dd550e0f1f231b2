package hub

// DefaultFamilies returns the families that a hub serves when nothing else is said: TinyBase, Yjs and, in a program that
// was built with cgo, Automerge.
func DefaultFamilies() []Family { return append([]Family{TinyBase(), Yjs()}, engines()...) }
