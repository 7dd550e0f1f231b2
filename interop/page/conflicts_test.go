//go:build unix && cgo

package page_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/interop/serve"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

var nativeTests = []test{{"it shows what has lost until it is set again", whatHasLost, true}}

// shelf is an Automerge repository of one document.
type shelf struct {
	id  amrepo.DocumentID
	doc *automerge.Doc
}

func (s shelf) Open(id amrepo.DocumentID) (amrepo.Doc, error) {
	if id != s.id {
		return nil, nil
	}
	return s.doc, nil
}

func (s shelf) Create(amrepo.DocumentID) (amrepo.Doc, error) { return nil, fmt.Errorf("not wanted") }

// set sets the price of fido in a document.
func set(t *testing.T, doc *automerge.Doc, price float64) {
	t.Helper()
	ctx := context.Background()
	s := store.New()
	p := automerge.Bind(s, doc, nil)
	require.NoError(t, p.Load(ctx))
	require.NoError(t, p.StartAutoSave(ctx))
	require.NoError(t, s.Update(func(tx *store.Tx) error { return tx.SetCell("pets", "fido", "price", store.Of(price)) }))
	require.NoError(t, p.Close(ctx))
}

func whatHasLost(w *world) {
	w.alone()
	t := w.T
	doc, err := automerge.New(nil)
	require.NoError(t, err)
	set(t, doc, 4)
	other, err := doc.Fork(nil)
	require.NoError(t, err)
	set(t, doc, 6)
	set(t, other, 7)
	require.NoError(t, doc.Merge(other))
	require.NoError(t, other.Close())
	defer func() { require.NoError(t, doc.Close()) }()

	at, err := amrepo.ParseURL(w.server.Room(w.room).AutomergeURL)
	require.NoError(t, err)
	repo := amrepo.New(shelf{at.Document, doc}, &amrepo.Options{ID: "client"})
	defer repo.Close()
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := ws.Dial(ctx, w.server.Socket("/automerge"), nil)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- synchronizer.Run(ctx, repo.Dial(), conn) }()
	defer func() { cancel(); <-done }()
	require.Eventually(t, func() bool { return len(repo.Peers()) == 1 }, serve.Patience, time.Millisecond)
	require.NoError(t, repo.Share(at.Document))

	p := w.open("")
	place := []string{"pets", "fido", "price"}
	l := p.until("the conflict is marked", func(l look) bool { return l.cell(place...).Lost != "" })
	require.Equal(t, "connected: 1 Automerge", l.Peers)
	require.Len(t, l.Conflicts, 1)
	won, lost := l.text(place...), map[string]string{"6": "7", "7": "6"}[l.text(place...)]
	require.Contains(t, l.cell(place...).Lost, "set at the same time: "+lost+" (by ")
	require.Contains(t, l.Conflicts[0], "pets/fido/price: "+won+" (by ")
	require.Contains(t, l.Conflicts[0], "stands, not "+lost)
	p.click(place...)
	p.keys(end, "0", enter)
	p.until("the conflict has ended", func(l look) bool {
		return l.text(place...) == won+"0" && l.cell(place...).Lost == "" && len(l.Conflicts) == 0
	})
}
