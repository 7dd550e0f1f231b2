package store

// Builder makes a Snapshot from nothing, for adapters that read content from elsewhere. The zero Builder is ready. It
// belongs to one goroutine.
type Builder struct{ tx Tx }

func (b *Builder) begin() {
	if b.tx.gen == nil {
		b.tx.gen, b.tx.unlogd = new(edit), true
	}
}

// SetCell sets one cell, as [Tx.SetCell] does.
func (b *Builder) SetCell(table, row, cell string, v Value) error {
	b.begin()
	return b.tx.SetCell(table, row, cell, v)
}

// SetValue sets one keyed value, as [Tx.SetValue] does.
func (b *Builder) SetValue(id string, v Value) error {
	b.begin()
	return b.tx.SetValue(id, v)
}

// Snapshot returns what has been built. The Builder may go on.
func (b *Builder) Snapshot() *Snapshot {
	b.tx.gen = new(edit)
	b.tx.cur = nil
	return &Snapshot{content: b.tx.content}
}
