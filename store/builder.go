package store

// Builder makes a Snapshot from nothing, for adapters that read content from elsewhere. The zero Builder is ready. It
// belongs to one goroutine.
type Builder struct{ tx Tx }

func (b *Builder) begin() {
	if b.tx.work == nil {
		b.tx.work = &work{gen: new(edit), unlogd: true, spares: &noSpares}
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
	b.begin()
	b.tx.settle()
	return &Snapshot{content: b.tx.content}
}

// With returns s with the named parts, none of them a pattern, replaced by the same parts of from. Both share memory with
// the result.
func (s *Snapshot) With(in []Path, from *Snapshot) *Snapshot {
	tx := Tx{&work{content: s.content, gen: new(edit), unlogd: true, spares: &noSpares}}
	for _, p := range in {
		switch p.part {
		case AtCell, AtValue:
			_ = tx.ReplaceIn(p, from) // what a Snapshot holds is valid
		default:
			tx.replace(p, &from.content)
		}
	}
	return &Snapshot{version: s.version, content: tx.content}
}

// Apply returns s with changes made, whatever was there before. s stays as it is.
func (s *Snapshot) Apply(c Changes) (*Snapshot, error) {
	tx := Tx{&work{content: s.content, before: s, gen: new(edit), unlogd: true, spares: &noSpares}}
	if err := tx.Apply(c); err != nil {
		return nil, err
	}
	return &Snapshot{version: s.version, content: tx.content}, nil
}
