package hub

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/rowloom/rowloom/synchronizer/ws"
)

// TinyBase returns the family of TinyBase's mergeable stores: clients connect with createWsSynchronizer(store, new
// WebSocket(ws://HOST/tinybase/ROOM)). Several stores may share a socket that is opened with the subprotocol "tinybase", at
// ws://HOST/tinybase, each in a channel with the name of its room; at ws://HOST/tinybase/A the channel B is the room A/B.
//
// All connections together may hold 64 MiB of fragments of unfinished messages.
func TinyBase() Endpoint {
	return &tinybaseFamily{fragments: tinybase.NewBudget(10_000, 64<<20, nil)}
}

type tinybaseFamily struct{ fragments *tinybase.Budget }

func (*tinybaseFamily) Name() string { return "tinybase" }

func (*tinybaseFamily) Wire() Wire {
	return Wire{Kind: ws.Text, Subprotocols: []string{tinybase.Subprotocol}, Roomless: true}
}

func (*tinybaseFamily) Open(host Host) (Document, error) { return &tinybaseDocument{host: host}, nil }

func (f *tinybaseFamily) Accept(ctx context.Context, c *Call) (synchronizer.Session, error) {
	if c.Subprotocol != tinybase.Subprotocol {
		if !c.HasRoom {
			return nil, synchronizer.Errorf(synchronizer.CodePolicy, "no room: connect to /tinybase/ROOM, or with the subprotocol %q", tinybase.Subprotocol)
		}
		return f.enter(ctx, c, c.Room, func(room *tinybase.Room, o *tinybase.Options) *tinybase.Session {
			o.Budget = tinybase.NewBudget(tinybase.MaxFragmentGroups, tinybase.MaxFrame, f.fragments)
			s, _ := room.Session(o)
			return s
		})
	}
	return tinybase.NewShared(func(channel string, wake chan struct{}, budget *tinybase.Budget) (synchronizer.Session, error) {
		if c.HasRoom {
			channel = c.Room + "/" + channel
		}
		return f.enter(ctx, c, channel, func(room *tinybase.Room, o *tinybase.Options) *tinybase.Session {
			o.Budget = budget
			s, _ := room.Channel(wake, o)
			return s
		})
	}, f.fragments), nil
}

// enter begins a session in a room, which it gives back at its end.
func (f *tinybaseFamily) enter(ctx context.Context, c *Call, name string, begin func(*tinybase.Room, *tinybase.Options) *tinybase.Session) (synchronizer.Session, error) {
	room, access, err := c.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	doc := room.Document(f.Name()).(*tinybaseDocument)
	var once, twice sync.Once // a client whose clock or id is wrong is wrong all the time
	s := begin(doc.room, &tinybase.Options{
		ReadOnly: access < ReadWrite,
		Beacon:   -1, // a room at rest sends nothing, and a WebSocket loses nothing
		OnReport: func(r mergeable.Report) {
			if len(r.Refused) > 0 {
				once.Do(func() { doc.host.Fault(fmt.Errorf("a client's changes were refused: %w", r.Refused[0])) })
			}
			if len(r.Clashes) > 0 {
				twice.Do(func() { doc.host.Fault(fmt.Errorf("two clients have one id: %w", r.Clashes[0])) })
			}
		},
	})
	return &tinybaseSession{s, func() { c.Release(room) }}, nil
}

type tinybaseSession struct {
	*tinybase.Session
	release func()
}

func (s *tinybaseSession) Close() {
	s.Session.Close()
	s.release()
}

// tinybaseDocument is the stamps of a room's Store. An update is what one transaction changed, a snapshot everything, in the forms in
// which TinyBase sends and saves them: [tablesStamp,valuesStamp,1] and [tablesStamp,valuesStamp].
type tinybaseDocument struct {
	host  Host
	saved mergeable.Changes // what Load brought before Bind
	m     *mergeable.Store
	room  *tinybase.Room
}

func (d *tinybaseDocument) Load(update []byte) error {
	shape := mergeable.ContentShape
	if bytes.HasSuffix(update, []byte(",1]")) {
		shape = mergeable.ChangesShape
	}
	r := jsjson.NewReader(update, nil)
	c, err := mergeable.ReadChanges(r, shape, mergeable.Encoded)
	if err == nil {
		err = r.End()
	}
	if err != nil {
		return fmt.Errorf("hub: stored stamps: %w", err)
	}
	d.saved.Append(c)
	return nil
}

// Bind joins the Store. The stamps that were stored belong to what the Store has from the other documents, so whatever
// differs was changed without a stamp, and gets one now. When there is no other document, it is the Store that gets what was
// stored.
func (d *tinybaseDocument) Bind(_ context.Context, s *store.Store) (err error) {
	d.m, err = mergeable.New(s, &mergeable.Options{
		Saved:     &d.saved,
		SavedWins: s.Snapshot().IsEmpty(),
		OnDelta:   func(delta *mergeable.Delta) { d.host.Save(delta.JSON(), !delta.Merged) },
	})
	d.saved = mergeable.Changes{}
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	d.room = tinybase.NewRoom(d.m, nil)
	return nil
}

func (d *tinybaseDocument) Snapshot() ([]byte, error) { return d.m.AppendContent(nil), nil }

func (d *tinybaseDocument) Close() error {
	if d.m != nil {
		d.m.Close()
	}
	return nil
}
