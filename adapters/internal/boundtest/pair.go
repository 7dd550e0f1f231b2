package boundtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/store"
)

// Pair is two replicas of a document with a Store bound to each.
type Pair struct {
	t      testing.TB
	docs   [2]Document
	Stores [2]*store.Store
}

// NewPair binds Stores to two documents.
func NewPair(t testing.TB, doc1, doc2 Document) *Pair {
	return &Pair{t, [2]Document{doc1, doc2}, [2]*store.Store{Bind(t, doc1), Bind(t, doc2)}}
}

// exchange gives each document all that the other one has.
func (p *Pair) exchange() {
	p.t.Helper()
	require.NoError(p.t, p.docs[1].Merge(p.docs[0]))
	require.NoError(p.t, p.docs[0].Merge(p.docs[1]))
}

// bothHold compares both Stores and both documents, after an exchange.
func (p *Pair) bothHold(want string) {
	p.t.Helper()
	p.exchange()
	for i := range p.docs {
		require.Equal(p.t, want, show(p.Stores[i].Snapshot()))
		require.Equal(p.t, want, Holds(p.t, p.docs[i]))
	}
}

func (p *Pair) set(i int, at store.Path, v store.Value) {
	p.t.Helper()
	require.NoError(p.t, Put(p.Stores[i], at, v))
}

// Walkthrough lets two peers write in turn and at the same time. Of two that write one cell at the same time the one of the
// greater id stays: that is the second one; the first one if swap is given, which must change their ids.
func (p *Pair) Walkthrough(swap func()) {
	fido := func(cell string) store.Path { return store.Cell("pets", "fido", cell) }
	p.set(0, fido("species"), store.Of("dog"))
	p.bothHold("+ pets/fido/species \"dog\"\n")
	p.set(1, store.ValueOf("open"), store.Of(true))
	p.bothHold("+ pets/fido/species \"dog\"\n+ :open true\n")
	p.set(0, fido("color"), store.Of("brown"))
	p.set(1, fido("legs"), store.Of(4))
	p.bothHold("+ pets/fido/color \"brown\"\n+ pets/fido/legs 4\n+ pets/fido/species \"dog\"\n+ :open true\n")
	winner := "5"
	if swap != nil {
		swap()
		winner = "4"
	}
	p.set(0, fido("price"), store.Of(4))
	p.set(1, fido("price"), store.Of(5))
	p.bothHold("+ pets/fido/color \"brown\"\n+ pets/fido/legs 4\n+ pets/fido/price " + winner + "\n+ pets/fido/species \"dog\"\n+ :open true\n")
}

// SameTable lets both make a table at the same time and, if they may, a row.
func (p *Pair) SameTable(sameRow bool) {
	p.set(0, store.Cell("pets", "fido", "a"), store.Of(1))
	p.set(1, store.Cell("pets", "felix", "a"), store.Of(1))
	want := "+ pets/felix/a 1\n+ pets/fido/a 1\n"
	if sameRow {
		p.set(0, store.Cell("pets", "both", "a"), store.Of(1))
		p.set(1, store.Cell("pets", "both", "b"), store.Of(1))
		want = "+ pets/both/a 1\n+ pets/both/b 1\n" + want
	}
	p.bothHold(want)
}

// NewLives lets both write to a table at the same time when it was deleted, as a whole, by prune in the first document: it gets
// a new life, the same on both sides.
func (p *Pair) NewLives(prune func()) {
	put := func(i int, row string) { p.t.Helper(); p.set(i, store.Cell("pets", row, "n"), store.Of(1)) }
	put(0, "fido")
	p.exchange()
	for range 3 {
		prune()
		require.True(p.t, p.Stores[0].Snapshot().IsEmpty())
		p.bothHold("")
		put(0, "rex")
		put(1, "felix")
		p.bothHold("+ pets/felix/n 1\n+ pets/rex/n 1\n")
	}
}
