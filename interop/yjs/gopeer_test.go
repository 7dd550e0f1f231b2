package yjs_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// goPeer is a Store in this process, bound to a document that a Go client keeps in step with the server.
type goPeer struct {
	t       testing.TB
	url     string
	store   *store.Store
	doc     *ycrdt.Doc
	binding *persist.Persister
	shared  *ysync.Room
	synced  atomic.Bool // over the present connection
	cancel  context.CancelFunc
	ended   chan struct{}
}

// networked is a document as ysync wants it.
type networked struct{ *ycrdt.Doc }

func (d networked) OnUpdate(fn func(update []byte, origin any)) (stop func()) {
	return d.Doc.OnUpdate(func(e ycrdt.UpdateEvent) { fn(e.Update, e.Origin) }).Close
}

// joinGo makes a Store and connects it to a room, whose name is written into the address as it is. It is closed when the
// test ends.
func joinGo(t testing.TB, server *serve.Server, room string) *goPeer {
	t.Helper()
	p := &goPeer{t: t, url: server.Socket("/yjs/" + room), store: store.New(), doc: ycrdt.New(nil)}
	p.binding = yjs.Bind(p.store, p.doc, nil)
	require.NoError(t, p.binding.StartAutoLoad(context.Background()))
	require.NoError(t, p.binding.StartAutoSave(context.Background()))
	p.shared = ysync.NewRoom(networked{p.doc}, nil)
	p.connect()
	t.Cleanup(func() {
		p.disconnect()
		p.shared.Close()
		require.NoError(t, p.binding.Close(context.Background()))
	})
	return p
}

// connect begins to keep the document in step, and waits until it is.
func (p *goPeer) connect() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan struct{})
	ended := p.ended
	client := ws.NewClient(p.url, func(context.Context) (synchronizer.Session, error) {
		return ysync.NewClient(p.shared, &ysync.Options{OnSynced: func() { p.synced.Store(true) }}), nil
	}, &ws.ClientOptions{
		MinWait: 10 * time.Millisecond, MaxWait: 200 * time.Millisecond,
		OnStatus: func(s ws.Status) {
			if s.State != ws.Connected {
				p.synced.Store(false)
			}
		},
	})
	go func() {
		defer close(ended)
		_ = client.Run(ctx)
	}()
	p.awaitStep()
}

func (p *goPeer) awaitStep() {
	p.t.Helper()
	require.Eventually(p.t, p.synced.Load, node.Patience, time.Millisecond, "the Go client is in step with the server")
}

// disconnect cuts the document off. It is safe to call again.
func (p *goPeer) disconnect() {
	p.cancel()
	<-p.ended
	p.synced.Store(false)
}

// edit makes edits of the Store in one transaction.
func (p *goPeer) edit(edits ...edit) error {
	return p.store.Update(func(tx *store.Tx) error {
		for _, e := range edits {
			if err := p.editOne(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *goPeer) editOne(tx *store.Tx, e edit) error {
	var value store.Value
	if e.Value != nil {
		text, err := json.Marshal(e.Value)
		if err != nil {
			return err
		}
		if value, err = store.ParseJSON(string(text)); err != nil {
			return err
		}
	}
	switch {
	case e.ID != nil && e.Value == nil:
		return tx.DelValue(*e.ID)
	case e.ID != nil:
		return tx.SetValue(*e.ID, value)
	case e.Row == nil:
		return tx.DelTable(*e.Table)
	case e.Cell == nil:
		return tx.DelRow(*e.Table, *e.Row)
	case e.Value == nil:
		return tx.DelCell(*e.Table, *e.Row, *e.Cell)
	}
	return tx.SetCell(*e.Table, *e.Row, *e.Cell, value)
}

func (p *goPeer) members() []string { return []string{"a Store in Go"} }

// look returns what the document holds, and checks that the Store is the same.
func (p *goPeer) look(string) view {
	p.t.Helper()
	// One transaction keeps both still: the binding writes inside it, and reads under the same lock.
	var inDoc, inStore serve.Content
	var v view
	require.NoError(p.t, p.store.Update(func(tx *store.Tx) error {
		content, err := yjs.Content(p.doc, nil)
		if err != nil {
			return err
		}
		inDoc, inStore = contentOf(p.t, content), contentOf(p.t, tx.Snapshot())
		v.Snapshot = base64.StdEncoding.EncodeToString(p.doc.Snapshot().EncodeV2())
		pending := p.doc.Pending()
		v.Pending = pending.Structs != nil || pending.Deletes != nil
		return nil
	}))
	v.read, v.Store, v.Connected = &inDoc, &inStore, p.synced.Load()
	if !reflect.DeepEqual(inDoc, inStore) {
		v.Errors = append(v.Errors, "its Store has "+serve.Show(inStore)+" and its document "+serve.Show(inDoc))
	}
	return v
}

// contentOf writes what a Store holds in native JSON.
func contentOf(t testing.TB, r store.Reader) serve.Content {
	out := serve.Content{Tables: serve.Tables{}, Values: serve.Values{}}
	decode := func(v store.Value) (x any) {
		text, err := v.MarshalJSON()
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &x))
		return x
	}
	for table := range r.Tables() {
		out.Tables[table] = map[string]map[string]any{}
		for row := range r.Rows(table) {
			out.Tables[table][row] = map[string]any{}
			for cell, v := range r.Cells(table, row) {
				out.Tables[table][row][cell] = decode(v)
			}
		}
	}
	for id, v := range r.Values() {
		out.Values[id] = decode(v)
	}
	return out
}
