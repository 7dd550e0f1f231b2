package yjs

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// When two clients make a container under one key at the same time, one container loses its place, and with it everything
// that was written into it. Clients that only know Yjs cannot help it. A Target that sees it happen writes the lost cells
// again, into the container that has won:
//
//	pets -> fido -> map of client 7 {legs: 4, color: "red"}        loses, since 9 > 7
//	             -> map of client 9 {legs: 3}                      wins: legs stays 3 ...
//	                                         color: "red"          ... and this is written again, as item HASH:1
//
// The rule: a lost value is written where the container that has won never had anything, or what it had last is a restored value
// of lower rank.
//
// The rank (see there) is that of the value that was lost, however often it has been restored. It stands in the document under
// a name of its own, as item HASH:0. HASH is made from the place and the lost value, so all Targets that restore it write
// the same items.
//
// Why nothing is lost. Let y be a value whose writer had all other values of the cell in his document, and knew of all
// deletions of it and around it.
//
//   - y has the highest rank. If another value ranked higher, y's writer would have had it and written behind it.
//   - If y loses its place, the maps that win never had anything in this cell but restored values: whatever somebody wrote
//     there ranks above y. These maps were not deleted: whoever knew of that had them, and did not write into others.
//   - So whoever sees y lose, or sees it come late, restores it, over any other that is restored there. A restored y
//     keeps its rank, so the same holds when the maps that it was restored into lose in their turn, and when it meets another
//     restored value.
//
// Why it ends. Ranks are the same everywhere. What stands in a cell is replaced by a restored value of higher rank only, so when
// all documents are equal, no Target has anything to add. Restoring makes no container that could compete with another: those that
// the winner lacks get a shared identity.
//
// Of values that were not known to each other one stays: the one of the highest rank of those that are seen to be lost. What the
// winner's side has written stands, and so each value is restored once, and a later edit of it is never undone. Whoever
// deletes a restored value deletes that and those of lower rank.
//
// A client that has not heard of the loss goes on writing into the lost container. If the document keeps such containers
// (ycrdt.Options.KeepLost), what comes late is restored in the same way.

// restoring is the origin of the transaction that restores.
type restoring struct{ t *Target }

// String names the transaction.
func (r restoring) String() string { return fmt.Sprintf("restore in %v", r.t) }

// lostCell is a value that a cell, or a keyed value, has lost.
type lostCell struct {
	at    store.Path
	value ycrdt.Value
	rank  rank
}

// restore writes what was lost in one commit. An error is impossible but for a full document, and then there is nobody to
// tell: the conflict is reported with what was lost.
func (t *Target) restore(n nested, c *ycrdt.Commit) {
	lost := n.lost(c)
	if len(lost) == 0 {
		return
	}
	_ = t.doc.Update(restoring{t}, func(tx *ycrdt.Txn) error {
		for _, x := range n.highest(tx, lost) {
			if err := n.restoreCell(tx, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// lost lists what was lost in one commit, with containers or to restored values.
func (n nested) lost(c *ycrdt.Commit) (out []lostCell) {
	add := func(at store.Path, x ycrdt.Claim, around []ycrdt.Descent) {
		leaves(at, x, around, func(p store.Path, x ycrdt.Claim, around []ycrdt.Descent) {
			out = append(out, lostCell{p, x.Value, append(slices.Clip(rank(around)), x.Descent)})
		})
	}
	for i := range c.Conflicts {
		x := &c.Conflicts[i]
		at, ok := where(n, x.Path, x.Key)
		isCell := at.Level() == store.AtCell || at.Level() == store.AtValue
		if !ok || isCell && !isIdentity(x.Winner.ID) || isCell == (x.Winner.Kind == ycrdt.KindMap) {
			continue
		}
		for _, l := range x.Losers {
			add(at, l, x.Around)
		}
	}
	for _, x := range c.Late {
		if at, ok := where(n, x.Path, x.Key); ok {
			add(at, x.Claim, x.Around)
		}
	}
	return out
}

// highest gives those that had been restored the rank that they had at first, and leaves of each cell the one of the highest rank.
func (n nested) highest(a access, lost []lostCell) (out []lostCell) {
	index := map[store.Path]int{}
	for _, x := range lost {
		if r, ok := n.restoredRank(a, x.rank.original()); ok {
			x.rank = r
		}
		i, ok := index[x.at]
		switch {
		case !ok:
			index[x.at] = len(out)
			out = append(out, x)
		case x.rank.compare(out[i].rank) > 0:
			out[i] = x
		}
	}
	return out
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
		if r, restored := n.restoredRank(tx, after); !restored || r.compare(x.rank) >= 0 {
			return nil
		}
	}
	id := ycrdt.ID{Client: placeIn(n.root, m, key).identity(after, x.rank.original())}
	if _, err := n.ranks(tx).EnsureValue(rankKey(id), id, ycrdt.String(x.rank.text())); err != nil {
		return err
	}
	id.Clock++
	_, err := m.EnsureValue(key, id, x.value)
	return err
}

// ranks returns the map that holds the ranks of all values that were ever restored. Nothing is deleted from it: the rank of
// a restored value counts as long as its container lives, also when it has been deleted itself.
func (n nested) ranks(a access) ycrdt.Map { return a.Map(n.root + "/restored") }

func rankKey(restored ycrdt.ID) string { return strconv.FormatUint(restored.Client, 36) }

// restoredRank returns the rank of a restored value; ok is false if it is none.
func (n nested) restoredRank(a access, id ycrdt.ID) (r rank, ok bool) {
	if !isIdentity(id) || id.Clock != 1 {
		return nil, false
	}
	e, ok := n.ranks(a).Current(rankKey(id))
	if !ok || e.ID() != (ycrdt.ID{Client: id.Client}) {
		return nil, false
	}
	v, _ := e.Value()
	return parseRank(v.Str())
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
