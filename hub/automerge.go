//go:build cgo

package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/rowloom/rowloom/adapters/automerge"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
	"github.com/rowloom/rowloom/synchronizer"
)

// Automerge returns the family of Automerge documents: clients connect with automerge-repo's WebSocketClientAdapter(ws://HOST/automerge) and find
// the document of a room by the URL in its description, where the table lies under the key "tinybase". A document that a
// client has made itself becomes a room that is named by its URL. What clients send is checked before the engine sees it.
//
// The value is for one Hub. Once somebody has asked for a document that is not known, it holds the names of all rooms in memory.
func Automerge() Endpoint {
	f := &automergeFamily{peer: amrepo.PeerID("rowloom-" + rand.Text())}
	f.root = amrepo.New(nil, &amrepo.Options{ID: f.peer, Gossip: true})
	return f
}

type automergeFamily struct {
	peer  amrepo.PeerID
	root  *amrepo.Repo // what those of all connections have in common
	names automergeNames
}

var _ Addressed = (*automergeFamily)(nil)

func (*automergeFamily) Name() string { return automergeName }

func (*automergeFamily) Wire() Wire { return Wire{Roomless: true} }

func (f *automergeFamily) Address(room string) (field, address string) {
	return "automergeUrl", automergeURL(f.names.ask(room))
}

func (f *automergeFamily) Open(host Host) (Document, error) {
	return &automergeDocument{family: f, host: host, repos: map[*amrepo.Repo]struct{}{}}, nil
}

// Accept gives each connection a Repo of its own, so that nobody can take the place of another by using its id, and each document is opened with the
// access of the one who asks.
func (f *automergeFamily) Accept(ctx context.Context, c *Call) (synchronizer.Session, error) {
	if c.HasRoom {
		return nil, synchronizer.Errorf(synchronizer.CodePolicy, "the address has no room in it: connect to /automerge, and find the room's URL")
	}
	s := &automergeSession{ctx: ctx, family: f, call: c, docs: map[amrepo.DocumentID]*automergeDocument{}}
	s.repo = amrepo.New(s, &amrepo.Options{
		ID: f.peer, With: f.root, MaxDocuments: c.hub.opts.Limits.CallRooms,
		OnEphemeral: s.ephemeral,
	})
	s.Session = s.repo.Accept()
	return s, nil
}

// automergeSession is one connection. It is used by one goroutine, that of the driver.
type automergeSession struct {
	*amrepo.Session
	ctx    context.Context
	family *automergeFamily
	call   *Call
	repo   *amrepo.Repo
	docs   map[amrepo.DocumentID]*automergeDocument
}

// Open is part of amrepo.Documents. A document of a room in which nobody has written gets its containers, so that it can be found; then it is stored. Who may only read
// does not find it.
func (s *automergeSession) Open(id amrepo.DocumentID) (amrepo.Doc, error) {
	room, ok, err := s.family.names.find(s.ctx, s.call.hub, id)
	if err != nil || !ok {
		return nil, err
	}
	d, access, err := s.open(room, id)
	if err != nil {
		return nil, err
	}
	if access < ReadWrite {
		return readOnly{d.doc}, nil
	}
	if len(d.doc.Heads()) == 0 && !isAutomergeURL(room) {
		if err := d.target.Seed(s); err != nil {
			return nil, err
		}
	}
	return d.doc, nil
}

// Create is part of amrepo.Documents.
func (s *automergeSession) Create(id amrepo.DocumentID) (amrepo.Doc, error) {
	d, access, err := s.open(automergeURL(id), id)
	if err != nil {
		return nil, err
	}
	if access < ReadWrite {
		return nil, errReadOnly
	}
	return d.doc, nil
}

var errReadOnly = errors.New("this access is read-only")

func (s *automergeSession) open(room string, id amrepo.DocumentID) (*automergeDocument, Access, error) {
	r, access, err := s.call.Open(s.ctx, room)
	if err != nil {
		return nil, NoAccess, err
	}
	d := r.Document(automergeName).(*automergeDocument)
	s.docs[id] = d
	d.enter(s.repo)
	return d, access, nil
}

// ephemeral passes a message on to the other connections that have the document.
func (s *automergeSession) ephemeral(e amrepo.Ephemeral) {
	d := s.docs[e.Document]
	if d == nil {
		return
	}
	for _, repo := range d.others(s.repo) {
		repo.Relay(e)
	}
}

func (s *automergeSession) Close() {
	s.Session.Close()
	s.repo.Close()
	for _, d := range s.docs {
		d.leave(s.repo)
	}
}

// automergeDocument is a room's Automerge document and its binding to the Store.
type automergeDocument struct {
	family    *automergeFamily
	host      Host
	stored    []byte // what Load brought before Bind
	doc       *automerge.Doc
	target    *automerge.Target
	persister *persist.Persister
	stop      func()
	once      sync.Once

	mu    sync.Mutex
	repos map[*amrepo.Repo]struct{} // of the connections that have it
}

func (d *automergeDocument) Load(update []byte) error {
	d.stored = append(d.stored, update...)
	return nil
}

func (d *automergeDocument) Bind(ctx context.Context, s *store.Store) (err error) {
	// A new actor each time: what an earlier run has handed out and not stored must not be numbered again.
	if d.doc, err = automerge.Load(d.stored, nil); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	d.stored = nil
	if n := d.doc.Waiting(); n > 0 {
		return fmt.Errorf("hub: %d stored changes depend on others that are not stored", n)
	}
	if len(d.doc.Heads()) > 0 {
		d.once.Do(func() { d.family.names.store(d.host.Room) })
	}
	d.stop = d.doc.OnChange(func(e *automerge.Event) {
		var update []byte
		for _, c := range e.Changes {
			update = append(update, c.Bytes()...)
		}
		d.once.Do(func() { d.family.names.store(d.host.Room) })
		_, relayed := e.Origin.(*automerge.Sync)
		d.host.Save(update, !relayed)
	})
	o := &automerge.Options{Persist: &persist.Options{OnError: d.host.Fault}}
	d.target = automerge.NewTarget(d.doc, o)
	d.persister = persist.Inline(s, d.target, o.Persist)
	if err := d.persister.StartAutoLoad(ctx); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	if err := d.persister.StartAutoSave(ctx); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return nil
}

func (d *automergeDocument) Snapshot() ([]byte, error) {
	if len(d.doc.Heads()) == 0 {
		return nil, nil
	}
	return d.doc.Save()
}

func (d *automergeDocument) Close() (err error) {
	if d.persister != nil {
		err = d.persister.Close(context.Background())
	}
	if d.stop != nil {
		d.stop()
	}
	return err
}

var _ contested = (*automergeDocument)(nil)

func (d *automergeDocument) conflicts(limit int) (all []conflict, more bool) {
	list, more := d.target.AllConflicts(limit)
	claimOf := func(c automerge.Claim) claim { return claim{c.Value, c.ID.Actor.String()} }
	for _, c := range list {
		x := conflict{at: c.At, winner: claimOf(c.Winner)}
		for _, l := range c.Losers {
			x.losers = append(x.losers, claimOf(l))
		}
		all = append(all, x)
	}
	return all, more
}

func (d *automergeDocument) enter(r *amrepo.Repo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.repos[r] = struct{}{}
}

func (d *automergeDocument) leave(r *amrepo.Repo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.repos, r)
}

func (d *automergeDocument) others(r *amrepo.Repo) (out []*amrepo.Repo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for o := range d.repos {
		if o != r {
			out = append(out, o)
		}
	}
	return out
}
