package boundtest

import (
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/persist"
)

// Peer is one of those who write in a Simulation.
type Peer struct {
	Name string
	Rows int // the option of this name

	Store *store.Store // of a peer who has one
	Hub   *Peer        // of one who knows only the framework: whom he is connected to

	among  *schedule
	doc    Replica
	bound  *persist.Persister
	online bool     // connected with Hub
	news   [][]byte // updates that others have not been sent
	inbox  [][]byte // updates that are on their way to him
	told   int      // how often his document has told of an update
}

// Tell gives an update of the peer's document to those who are connected to it at once, except to one. Everybody else gets it
// later, if it is news, which what has come from others is not.
func (p *Peer) Tell(update []byte, news bool, except *Peer) {
	p.told++
	if news {
		p.news = append(p.news, update)
	}
	for _, q := range p.among.peers {
		if q.Hub == p && q.online && q != except {
			q.inbox = append(q.inbox, update)
		}
	}
}

// start gives a peer a new document, with what was saved of his old one.
func (p *Peer) start(saved []byte) {
	if p.bound != nil {
		must(p.bound.Close(ctx))
	}
	p.news = nil
	p.doc = p.among.Open(p.among.r, p, saved)
	if p.Hub == nil {
		p.Store = store.New()
		p.bound = p.doc.Bind(p.Store)
		must(p.bound.StartAutoLoad(ctx))
		must(p.bound.StartAutoSave(ctx))
	}
}

// restart starts a peer again, when those who are connected to him have been cut off.
func (p *Peer) restart() {
	for _, q := range p.among.peers {
		if q.Hub == p {
			q.cut()
		}
	}
	saved, err := p.doc.Save()
	must(err)
	p.start(saved)
	p.among.logf("%s restarts as %v", p.Name, p.doc.ID())
}

// meet takes from another peer what p lacks, and says whether there was any.
func (p *Peer) meet(other *Peer) bool {
	if p == other {
		return false
	}
	told := p.told
	u, err := other.doc.Since(p.doc)
	must(err)
	must(p.doc.Receive(u, nil))
	return p.told > told
}

// connect lets a peer and its hub tell each other what they lack; the peer answers before it hears.
func (p *Peer) connect() {
	up, err := p.doc.Since(p.Hub.doc)
	must(err)
	down, err := p.Hub.doc.Since(p.doc)
	must(err)
	p.among.logf("%s connects to %s", p.Name, p.Hub.Name)
	p.news, p.inbox, p.online = nil, nil, true
	must(p.Hub.doc.Receive(up, p))
	must(p.doc.Receive(down, p.Hub))
}

// carry carries up to n updates in each direction.
func (p *Peer) carry(up, down int) {
	p.among.logf("%s sends %d of %d and hears %d of %d", p.Name, min(up, len(p.news)), len(p.news), min(down, len(p.inbox)), len(p.inbox))
	for ; up > 0 && len(p.news) > 0; up-- {
		u := p.news[0]
		p.news = p.news[1:]
		must(p.Hub.doc.Receive(u, p))
	}
	for ; down > 0 && len(p.inbox) > 0; down-- {
		u := p.inbox[0]
		p.inbox = p.inbox[1:]
		must(p.doc.Receive(u, p.Hub))
	}
}

// cut ends a connection when what was under way has arrived. What the hub says in answer to that does not.
func (p *Peer) cut() {
	if p.online {
		p.carry(len(p.news), len(p.inbox))
		p.online, p.inbox = false, nil
	}
}
