package hub

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"

	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

const automergeName = "automerge"

// automergeID returns the id of a room's Automerge document: that of the URL by which a room is named, and otherwise a
// name-based UUID, which JavaScript insists on.
func automergeID(room string) amrepo.DocumentID {
	if u, err := amrepo.ParseURL(room); err == nil && u.String() == room && len(u.Heads) == 0 {
		return u.Document
	}
	sum := sha256.Sum256([]byte("rowloom automerge document of the room " + room))
	b := [16]byte(sum[:16])
	b[6], b[8] = b[6]&0x0f|0x50, b[8]&0x3f|0x80
	return amrepo.DocumentIDOf(b)
}

// automergeURL is how Automerge clients name a document.
func automergeURL(id amrepo.DocumentID) string { return amrepo.URL{Document: id}.String() }

// automergeNames finds the room of a document. An id cannot be turned back into a name, so names are noted: those of all rooms that are
// stored, as soon as somebody asks for a document that is not known, and those whose addresses were given out lately, whether or not anything is
// stored in them.
type automergeNames struct {
	mu     sync.Mutex
	stored map[amrepo.DocumentID]string
	lately map[amrepo.DocumentID]string
	read   bool
}

// maxLately is how many names of rooms that may not be stored are noted. When there are more, these are forgotten: their addresses have to be asked
// for again.
const maxLately = 100_000

// ask notes a room that somebody is interested in.
func (n *automergeNames) ask(room string) amrepo.DocumentID {
	id := automergeID(room)
	if isAutomergeURL(room) {
		return id // found without a note
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lately == nil || len(n.lately) >= maxLately {
		n.lately = map[amrepo.DocumentID]string{}
	}
	n.lately[id] = room
	return id
}

// store notes a room that holds something.
func (n *automergeNames) store(room string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stored == nil {
		n.stored = map[amrepo.DocumentID]string{}
	}
	if id := automergeID(room); n.stored[id] == "" || !isAutomergeURL(room) {
		n.stored[id] = room
	}
}

// find returns the room of a document, if there is one or if its address was given out.
func (n *automergeNames) find(ctx context.Context, h *Hub, id amrepo.DocumentID) (room string, ok bool, err error) {
	look := func() (string, bool) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if room, ok := n.stored[id]; ok {
			return room, true
		}
		room, ok := n.lately[id]
		return room, ok
	}
	if room, ok := look(); ok {
		return room, true, nil
	}
	n.mu.Lock()
	read := n.read
	n.mu.Unlock()
	if !read {
		rooms, err := h.Rooms(ctx, "", 0)
		if err != nil {
			return "", false, err
		}
		for _, room := range rooms {
			n.store(room)
		}
		n.mu.Lock()
		n.read = true
		n.mu.Unlock()
	}
	room, ok = look()
	return room, ok, nil
}

func isAutomergeURL(room string) bool {
	return strings.HasPrefix(room, "automerge:") && automergeURL(automergeID(room)) == room
}
