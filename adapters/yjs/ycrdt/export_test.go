package ycrdt

// Check verifies the invariants of a document's data.
func Check(d *Doc) error { return d.check() }
