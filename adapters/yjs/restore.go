package yjs

import (
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// When two clients make a container under one key at the same time, one container loses its place, and with it everything
// that was written into it. Clients that only know Yjs cannot help it. A Target that sees it happen writes the lost cells
// again, into the container that has won:
//
//   - only where that container has never had anything under the key: what the winner's side has written or deleted stands;
//   - under an identity made from the lost item, so that of many Targets that restore at the same time all write the same item,
//     and one that comes late writes nothing. So each cell is restored once, and a later edit of it is never undone.
//
// Restoring makes no container that could compete with another (rows that the winner lacks get a shared identity), so it
// does not give rise to further losses, and ends.

// restoring is the origin of the transaction that restores.
type restoring struct{ at store.Path }

// String names the transaction.
func (r restoring) String() string { return fmt.Sprintf("restore %v", r.at) }

// restore writes what the losers of a conflict between containers held. An error is impossible but for a full document, and
// then there is nobody to tell: the conflict is reported with what was lost.
func (t *Target) restore(n nested, at store.Path, c *ycrdt.Conflict) {
	if at.Level() == store.AtCell || at.Level() == store.AtValue || c.Winner.Kind != ycrdt.KindMap {
		return
	}
	type leaf struct {
		at store.Path
		ycrdt.Claim
	}
	var lost []leaf
	for _, l := range c.Losers {
		leaves(at, l, func(p store.Path, x ycrdt.Claim) { lost = append(lost, leaf{p, x}) })
	}
	if len(lost) == 0 {
		return
	}
	_ = t.doc.Update(restoring{at}, func(tx *ycrdt.Txn) error {
		for _, x := range lost {
			m, keys, ok := n.shared(tx, x.at)
			if !ok {
				continue
			}
			if _, err := m.EnsureValue(keys[len(keys)-1], identity(n.root, keys, x.ID), x.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// shared returns the map of a cell or value and its keys below the root map. Containers on the way that never existed are
// made with a shared identity; ok is false where one was deleted, or where something else stands.
func (n nested) shared(tx *ycrdt.Txn, at store.Path) (m ycrdt.Map, keys []string, ok bool) {
	table, row, cell := at.IDs()
	keys = []string{tablesKey, table, row, cell}
	if at.Level() == store.AtValue {
		keys = []string{valuesKey, cell}
	}
	m = tx.Map(n.root)
	for i := range keys[:len(keys)-1] {
		_, existed := m.Current(keys[i])
		next, err := n.container(m, !existed, true, keys[:i+1]...)
		if err != nil || next.Err() != nil {
			return m, keys, false
		}
		m = next
	}
	return m, keys, true
}
