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
//	pets -> fido -> map of client 7 {legs: 4, color: "red"}        loses, since 9 > 7
//	             -> map of client 9 {legs: 3}                      wins: legs stays 3 ...
//	                                         color: "red"          ... and this is written again, as item HASH:0
//
//   - A cell is restored only where the winner has never had anything. What its side has written or deleted stands.
//   - The ID of the item is made from the lost item and the place. So all Targets that restore it write the same item, and one
//     that comes late writes nothing. Each cell is restored once, and a later edit of it is never undone.
//   - A restored value gives way to one that is lost later, if the writer of that had known it: another Target may have seen less
//     of what was lost than this one.
//   - A restored value has a high client ID, and so wins against what somebody writes into the cell at the same time, whose claim is
//     the better one. That is restored in its place.
//
// A client that has not heard of the loss goes on writing into the lost container. If the document keeps such containers
// (ycrdt.Options.KeepLost), what comes late is restored in the same way.
//
// Restoring makes no container that could compete with another (those that the winner lacks get a shared identity), so it does
// not give rise to further losses, and ends.

// restoring is the origin of the transaction that restores.
type restoring struct{ t *Target }

// String names the transaction.
func (r restoring) String() string { return fmt.Sprintf("restore in %v", r.t) }

// lostCell is a value that a cell, or a keyed value, has lost.
type lostCell struct {
	at store.Path
	ycrdt.Claim
	direct bool // it lost nothing but this cell, to a value that was restored at the same time
}

// restore writes what was lost in one commit. An error is impossible but for a full document, and then there is nobody to
// tell: the conflict is reported with what was lost.
func (t *Target) restore(n nested, c *ycrdt.Commit) {
	lost := n.lost(c)
	if len(lost) == 0 {
		return
	}
	_ = t.doc.Update(restoring{t}, func(tx *ycrdt.Txn) error {
		for _, x := range lost {
			if err := n.restoreCell(tx, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// lost lists what was lost in one commit: first to restored values, then with containers.
func (n nested) lost(c *ycrdt.Commit) (out []lostCell) {
	var inside []lostCell
	for i := range c.Conflicts {
		x := &c.Conflicts[i]
		at, ok := where(n, x.Path, x.Key)
		isCell := at.Level() == store.AtCell || at.Level() == store.AtValue
		if !ok || isCell && !isIdentity(x.Winner.ID) || isCell == (x.Winner.Kind == ycrdt.KindMap) {
			continue
		}
		direct := isCell
		for _, l := range x.Losers {
			leaves(at, l, func(p store.Path, l ycrdt.Claim) {
				if !isCell {
					inside = append(inside, lostCell{p, l, false})
					return
				}
				// Of several that somebody wrote, Yjs would keep the first.
				out = append(out, lostCell{p, l, direct && !isIdentity(l.ID)})
				direct = direct && isIdentity(l.ID)
			})
		}
	}
	for _, x := range c.Late {
		if at, ok := where(n, x.Path, x.Key); ok {
			leaves(at, x.Claim, func(p store.Path, l ycrdt.Claim) { inside = append(inside, lostCell{p, l, false}) })
		}
	}
	return append(out, inside...)
}

// restoreCell writes a lost value, if that is due: see above.
func (n nested) restoreCell(tx *ycrdt.Txn, x lostCell) error {
	m, key, ok := n.shared(tx, x.at)
	if !ok {
		return nil
	}
	var after ycrdt.ID
	if cur, exists := m.Current(key); exists {
		after = cur.ID()
		if cur.Deleted() || !isIdentity(after) || !n.outdated(tx, after, x) {
			return nil
		}
	}
	_, err := m.EnsureValue(key, placeIn(n.root, m, key).identity(after, x.ID), x.Value)
	return err
}

// outdated says whether a restored value has to give way to another one that was lost. To one that somebody wrote beside it
// into the winner always: whoever knew that, knew the winner, and did not write into a container that loses to it.
func (n nested) outdated(tx *ycrdt.Txn, restored ycrdt.ID, x lostCell) bool {
	if x.direct {
		return true
	}
	p := n.pastOf(tx, x.at)
	theirs, ok := p.original(restored)
	if !ok {
		return false
	}
	mine, ok := p.original(x.ID)
	if !ok {
		mine = original{x.ID, x.Replaced}
	}
	return p.knew(mine, theirs.id)
}

// shared returns the map and the key of a cell or value. Containers on the way that never existed are made with a shared
// identity; ok is false where one was deleted, or where something else stands.
func (n nested) shared(tx *ycrdt.Txn, at store.Path) (m ycrdt.Map, key string, ok bool) {
	keys := keysOf(at)
	m = tx.Map(n.root)
	for _, key := range keys[:len(keys)-1] {
		_, existed := m.Current(key)
		next, err := n.container(m, key, !existed, true)
		if err != nil || next.Err() != nil {
			return m, key, false
		}
		m = next
	}
	return m, keys[len(keys)-1], true
}

// keysOf returns the keys that lead from the root map to a cell or value.
func keysOf(at store.Path) []string {
	table, row, cell := at.IDs()
	if at.Level() == store.AtValue {
		return []string{valuesKey, cell}
	}
	return []string{tablesKey, table, row, cell}
}
