package hub

import (
	"context"
	"fmt"

	"github.com/rowloom/rowloom/adapters/yjs"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/synchronizer"
)

// Yjs returns the family of Yjs documents: clients connect with y-websocket's WebsocketProvider(ws://HOST/yjs, ROOM, doc), and the
// table lies in doc.getMap("tinybase"). The rest of the document is kept and passed on as well.
func Yjs() Endpoint { return yjsFamily{} }

type yjsFamily struct{}

func (yjsFamily) Name() string { return "yjs" }

func (yjsFamily) Wire() Wire { return Wire{} }

func (yjsFamily) Open(host Host) (Document, error) {
	return &yjsDocument{
		host: host,
		// A new client id each time: what an earlier run has handed out and not stored must not be numbered again.
		// Clients make rows of one id at the same time, and a client that is away goes on writing into the row that was lost: the hub is
		// where such cells can be found and restored.
		doc: ycrdt.New(&ycrdt.Options{KeepLost: true, Limits: ycrdt.Limits{
			// What was stored has to load. Messages are bounded before they come here, and a stored snapshot may be much larger than one.
			UpdateBytes: 1 << 30, Clients: 4 << 20, Structs: 256 << 20,
		}}),
	}, nil
}

func (f yjsFamily) Accept(ctx context.Context, c *Call) (synchronizer.Session, error) {
	room, access, err := c.Open(ctx, c.Room)
	if err != nil {
		return nil, err
	}
	o := &ysync.Options{MessageBytes: int(c.MessageLimit())}
	if access < ReadWrite {
		o.Access = ysync.ReadOnly
	}
	return ysync.NewServer(room.Document(f.Name()).(*yjsDocument).room, o), nil
}

// yjsDocument is a room's Yjs document, what its clients say about themselves, and the binding to the Store.
type yjsDocument struct {
	host      Host
	doc       *ycrdt.Doc
	saving    *ycrdt.Subscription
	room      *ysync.Room
	persister *persist.Persister
}

func (d *yjsDocument) Load(update []byte) error { return d.doc.Apply(update, nil) }

func (d *yjsDocument) Bind(ctx context.Context, s *store.Store) error {
	d.saving = d.doc.OnUpdate(func(e ycrdt.UpdateEvent) { d.host.Save(e.Update, e.Local) }) // before clients hear of it
	d.room = ysync.NewRoom(shared{d.doc}, nil)
	d.persister = yjs.Bind(s, d.doc, &yjs.Options{Persist: &persist.Options{OnError: d.host.Fault}})
	if err := d.persister.StartAutoLoad(ctx); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	if err := d.persister.StartAutoSave(ctx); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return nil
}

func (d *yjsDocument) Snapshot() ([]byte, error) { return d.doc.EncodeStateAsUpdate(nil) }

func (d *yjsDocument) Close() (err error) {
	if d.persister != nil {
		err = d.persister.Close(context.Background())
	}
	if d.room != nil {
		d.room.Close()
		d.saving.Close()
	}
	return err
}

// shared is a document as ysync wants it.
type shared struct{ *ycrdt.Doc }

func (s shared) OnUpdate(fn func(update []byte, origin any)) (stop func()) {
	return s.Doc.OnUpdate(func(e ycrdt.UpdateEvent) { fn(e.Update, e.Origin) }).Close
}
