//go:build cgo

package hub_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/hub"
)

// A peer that may only read has changes of its own, which nobody takes. Whenever both write and whatever is on its way then, and although the engine takes one change
// in a hundred for known that is not, it ends with all that the document has, the document with nothing from it, and both fall silent.
func TestSyncReader_EndsWithAllThatTheDocumentHas(t *testing.T) {
	for seed := range uint64(1000) {
		readerCatchesUp(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func readerCatchesUp(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	doc := func(name string) *automerge.Doc {
		d, err := automerge.New(&automerge.DocOptions{Actor: amchange.Actor(fmt.Sprint(name, seed)), Now: func() time.Time { return time.Time{} }})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return d
	}
	docs := [2]*automerge.Doc{doc("server"), doc("reader")}
	var ends [2]amrepo.Sync
	var wires [2][][]byte // to the server, to the reader
	connect := func() {
		var err error
		wires = [2][][]byte{}
		ends[0], err = hub.SyncReader(docs[0])
		require.NoError(t, err)
		ends[1], err = docs[1].NewSync(nil)
		require.NoError(t, err)
	}
	speak := func(who int) bool {
		msg, err := ends[who].Generate()
		require.NoError(t, err)
		if len(msg) > 0 {
			wires[1-who] = append(wires[1-who], msg)
		}
		return len(msg) > 0
	}
	hear := func(who int) bool {
		if len(wires[who]) == 0 {
			return false
		}
		_, err := ends[who].Receive(wires[who][0])
		require.NoError(t, err)
		wires[who] = wires[who][1:]
		return true
	}
	connect()
	for i := range 10 + rnd.IntN(60) {
		who := rnd.IntN(2)
		switch rnd.IntN(20) {
		case 0:
			connect()
		case 1, 2, 3, 4, 5:
			require.NoError(t, docs[who].Update("test", func(tx *automerge.Tx) error {
				return tx.Edit().Set(amchange.OpID{}, fmt.Sprint("k", i%7), amchange.IntValue(int64(i)))
			}))
		case 6, 7, 8, 9, 10, 11, 12:
			speak(who)
		default:
			hear(who)
		}
	}
	for quiet, rounds := false, 0; !quiet; rounds++ {
		require.Less(t, rounds, 100, "they go on for ever")
		quiet = true
		for who := range 2 {
			for hear(who) {
				quiet = false
			}
			if speak(who) {
				quiet = false
			}
		}
	}
	heads := docs[0].Heads()
	docs[1].View(func(ix *amchange.Index) {
		for _, h := range heads {
			require.True(t, ix.Has(h), "the reader lacks what the document has")
		}
	})
	docs[0].View(func(ix *amchange.Index) {
		require.Zero(t, ix.Seq(docs[1].Actor()), "the document took a change of the reader's")
	})
}
