package store

import "slices"

// enter makes row the one that is written in place.
func (tx *Tx) enter(table, row string, r cells) {
	tx.cur = nil
	if r.root.kids == nil {
		tx.cur, tx.curTable, tx.curRow = r.root, table, row
	}
}

// leave ends writing in place. The keys of the row become those that the next row is compared with.
func (tx *Tx) leave() {
	n := tx.cur
	tx.cur = nil
	if n == nil {
		return
	}
	if k := n.keys; tx.like != nil && tx.like != k && slices.Equal(k.list, tx.like.list) {
		n.keys = tx.like
		if k.gen == tx.gen {
			tx.again = k
		}
	} else {
		tx.like = k
	}
	if tx.like.gen == tx.gen {
		tx.like.gen = nil
	}
}

// newRow returns a row with one cell, and room for as many as the row before it has.
func (tx *Tx) newRow(cell string, v Value) cells {
	n := newLeaf[Value](tx.gen, 1)
	if tx.like != nil {
		n = newLeaf[Value](tx.gen, len(tx.like.list))
		if tx.again == nil {
			tx.again = &keys{list: make([]string, 0, len(tx.like.list))}
		}
		n.keys, tx.again = tx.again, nil
		n.keys.gen, n.keys.list, n.keys.heads = tx.gen, n.keys.list[:0], nil
	}
	return cells{n.insert(tx.gen, 0, cell, v)}
}

// settle makes everything written so far belong to an older generation, which is never written again. Somebody is going to see
// it, so nothing that it shares with the content before is used again, either.
func (tx *Tx) settle() {
	tx.leave()
	tx.gen = new(edit)
	if tx.before != nil {
		tx.before.take()
	}
}

// neighbour returns the cell ids of a row next to the place of s.
func neighbour(s *spot[cells]) *keys {
	if s.depth == 0 {
		return nil
	}
	at := &s.at[s.depth-1]
	if r := at.n.vals[min(at.i, len(at.n.vals)-1)].root; r.kids == nil {
		return r.keys
	}
	return nil
}
