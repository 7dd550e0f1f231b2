package ycrdt

// compactIfWorth rewrites the payloads when most of the bytes kept belong to nobody any more. Its cost is paid by the
// deletions since the last time.
func (c *content) compactIfWorth(d *Doc) {
	if c.dead < 1<<20 || c.dead < c.all/2 {
		return
	}
	d.compact()
}

// Compact rewrites the document's memory without what deletions have left behind. The document does so by itself when more
// than half of the memory for content is unused.
func (d *Doc) Compact() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.compact()
}

func (d *Doc) compact() {
	old := d.content
	d.content = newContent()
	d.content.all = old.all - old.dead // for the size of blocks
	c := &d.content
	for ci := range d.clients.list {
		for _, b := range d.clients.list[ci].list.blocks {
			for _, i := range b.items {
				if it := d.items.at(i); it.size > 0 {
					c.put(it, old.of(it))
				}
			}
		}
	}
	c.all, c.dead = 0, 0
	for _, b := range c.bufs {
		c.all += len(b.bytes)
	}
}
