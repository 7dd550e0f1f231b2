package yjs

import (
	"fmt"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/store"
)

// When two clients make a container under one key at the same time, one container loses its place, and with it everything
// that was written into it. Clients that only know Yjs cannot help it. A Target that sees it happen writes the lost cells
// again, into the container that has won:
//
//   - where that container has never had anything under the key. What the winner's side has written or deleted stands;
//   - under an identity made from the lost item, so that of many Targets that restore at the same time all write the same item,
//     and one that comes late writes nothing. So each cell is restored once, and a later edit of it is never undone;
//   - and in place of a restored value that the writer of the lost one had known: another Target may have seen less of what
//     was lost than this one.
//
// A client that has not heard of the loss goes on writing into the lost container. If the document keeps such containers
// (ycrdt.Options.KeepLost), what comes late is restored in the same way.
//
// Restoring makes no container that could compete with another (rows that the winner lacks get a shared identity), so it
// does not give rise to further losses, and ends.

// restoring is the origin of the transaction that restores.
type restoring struct{ t *Target }

// String names the transaction.
func (r restoring) String() string { return fmt.Sprintf("restore in %v", r.t) }

// lostCell is a cell or value of a lost container.
type lostCell struct {
	at store.Path
	ycrdt.Claim
	direct bool // it was written into the container that has won, at the same time as something was restored there
}

// lost lists the cells and values that containers of the layout have lost in one commit.
func (n nested) lost(c *ycrdt.Commit) (out []lostCell) {
	take := func(p store.Path, x ycrdt.Claim) { out = append(out, lostCell{at: p, Claim: x}) }
	for i := range c.Conflicts {
		x := &c.Conflicts[i]
		at, ok := where(n, x.Path, x.Key)
		if !ok || at.Level() == store.AtCell || at.Level() == store.AtValue || x.Winner.Kind != ycrdt.KindMap {
			continue
		}
		for _, l := range x.Losers {
			leaves(at, l, take)
		}
	}
	for _, x := range c.Late {
		if at, ok := where(n, x.Path, x.Key); ok {
			leaves(at, x.Claim, take)
		}
	}
	return out
}

// restore writes what containers have lost. An error is impossible but for a full document, and then there is nobody to
// tell: the conflict is reported with what was lost.
func (t *Target) restore(n nested, c *ycrdt.Commit) {
	lost, contests := n.lost(c), n.contests(c)
	if len(lost)+len(contests) == 0 {
		return
	}
	_ = t.doc.Update(restoring{t}, func(tx *ycrdt.Txn) error {
		for _, x := range contests {
			if err := n.judge(tx, x); err != nil {
				return err
			}
		}
		for _, x := range lost {
			if err := n.restoreCell(tx, x); err != nil {
				return err
			}
		}
		return nil
	})
}

func (n nested) restoreCell(tx *ycrdt.Txn, x lostCell) error {
	m, keys, ok := n.shared(tx, x.at)
	if !ok {
		return nil
	}
	at := placeIn(n.root, m, keys[len(keys)-1])
	cur, exists := m.Current(at.key)
	if !exists {
		_, err := m.EnsureValue(at.key, at.identity(ycrdt.ID{}, x.ID), x.Value)
		return err
	}
	if cur.Deleted() || !isIdentity(cur.ID()) {
		return nil
	}
	traces := tx.Traces(n.root, keys...)
	from, ok := n.origin(traces, at.key, cur.ID())
	if !ok {
		return nil
	}
	lost := x.ID
	if first, ok := n.origin(traces, at.key, x.ID); ok { // x itself has been restored before
		x.ID, x.Replaced = first.ID, first.Replaced
	}
	mine := original{ID: x.ID, Replaced: x.Replaced}
	if !n.knew(traces, at.key, mine, from.ID) && (!x.direct || n.knew(traces, at.key, from, mine.ID)) {
		return nil
	}
	_, err := m.EnsureValue(at.key, at.identity(cur.ID(), lost), x.Value)
	return err
}

// knew says whether the writer of a value had known another value of the cell, in itself or as it was restored somewhere.
func (n nested) knew(traces []ycrdt.Trace, key string, x original, y ycrdt.ID) bool {
	if y.Client == x.ID.Client {
		return y.Clock < x.ID.Clock
	}
	return slices.ContainsFunc(x.Replaced, func(s ycrdt.Span) bool {
		if s.Has(y) {
			return true
		}
		if !isIdentity(s.ID) {
			return false
		}
		from, ok := n.origin(traces, key, s.ID)
		return ok && (from.ID == y || slices.ContainsFunc(from.Replaced, func(s ycrdt.Span) bool { return s.Has(y) }))
	})
}

const (
	maxTries = 1024 // lost values that are compared with a restored one
	maxTimes = 8    // how often one value may have been restored, from container to container
)

// original is a value as a client has written it.
type original struct {
	ID       ycrdt.ID
	Replaced []ycrdt.Span
	times    int // how often it has been restored
}

// origin returns the value that a client wrote and of which Targets have made the item with the given ID; ok is false if it
// is no such item, or if the document has no trace of that value any more.
func (n nested) origin(traces []ycrdt.Trace, key string, id ycrdt.ID) (from original, ok bool) {
	for from.ID = id; isIdentity(from.ID) && from.times < maxTimes; from.times++ {
		i := slices.IndexFunc(traces, func(t ycrdt.Trace) bool { return t.Has(from.ID) })
		if i < 0 {
			return from, false
		}
		at := place{n.root, traces[i].Parent, key}
		if ok = from.find(traces, at, traces[i].Origin, from.ID.Client); !ok {
			return from, false
		}
	}
	return from, ok
}

// find makes from the value whose restored form at a place, after an item, has the given client ID.
func (from *original) find(traces []ycrdt.Trace, at place, after ycrdt.ID, client uint64) bool {
	tries := 0
	for _, t := range traces {
		for k := t.Len; k > 0 && tries < maxTries; k-- {
			tries++
			id := ycrdt.ID{Client: t.ID.Client, Clock: t.ID.Clock + k - 1}
			if at.identity(after, id) == client {
				from.ID = id
				from.Replaced = append(slices.Clip(t.Replaced), ycrdt.Span{ID: t.ID, Len: k - 1})
				return true
			}
		}
	}
	return false
}

// A contest is a conflict in one cell that a restored value has won, whose client id is always high. But restoring is for
// cells in which nothing stands. So what somebody has written there at the same time has to stay instead, unless it is older
// than the value that was restored.
type contest struct {
	at     store.Path
	losers []ycrdt.Claim
}

// contests lists the conflicts that restored values have won in one commit.
func (n nested) contests(c *ycrdt.Commit) (out []contest) {
	for i := range c.Conflicts {
		x := &c.Conflicts[i]
		if at, ok := where(n, x.Path, x.Key); ok && isIdentity(x.Winner.ID) && x.Winner.Kind < ycrdt.KindArray {
			out = append(out, contest{at, x.Losers})
		}
	}
	return out
}

func (n nested) judge(tx *ycrdt.Txn, c contest) error {
	direct := true
	for _, l := range c.losers {
		x := lostCell{at: c.at, Claim: l, direct: direct && !isIdentity(l.ID)}
		if x.direct {
			direct = false // of several, Yjs would keep the first
		}
		if err := n.restoreCell(tx, x); err != nil {
			return err
		}
	}
	return nil
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
		next, err := n.container(m, keys[i], !existed, true)
		if err != nil || next.Err() != nil {
			return m, keys, false
		}
		m = next
	}
	return m, keys, true
}
