package ycrdt

// Check verifies the invariants of a document's data.
func Check(d *Doc) error { return d.check() }

// ContentBytes returns how many bytes of content a document keeps.
func ContentBytes(d *Doc) int { return d.content.all }
