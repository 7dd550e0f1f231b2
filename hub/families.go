package hub

// DefaultFamilies returns the families that a hub serves when nothing else is said.
func DefaultFamilies() []Family { return []Family{Yjs(), TinyBase()} }
