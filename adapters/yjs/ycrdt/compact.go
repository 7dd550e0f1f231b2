package ycrdt

// compactIfWorth rewrites the payloads when three quarters of the bytes kept, and a megabyte, belong to nobody: what has
// been deleted, and what stands between the payloads of an update that was kept. Its cost is paid by what has been written
// since the last time.
func (c *content) compactIfWorth(d *Doc) {
	if c.all > 4*c.live+1<<20 {
		d.compact()
	}
}

// Compact rewrites the document's memory without what deletions have left behind. The document does so by itself when most
// of the memory for content is unused.
func (d *Doc) Compact() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.compact()
}

func (d *Doc) compact() {
	old := d.content
	d.content = newContent()
	d.content.all = old.live // for the size of blocks
	c := &d.content
	for ci := range d.clients.list {
		for _, b := range d.clients.list[ci].list.blocks {
			for _, r := range b.refs {
				if it := d.items.at(r.item); it.size > 0 {
					c.put(it, old.of(it))
					it.flags &^= flagVerbatim
				}
			}
		}
	}
	c.all = 0
	for _, b := range c.bufs {
		c.all += len(b.bytes)
	}
}
