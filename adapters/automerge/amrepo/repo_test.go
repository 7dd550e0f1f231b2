package amrepo_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
	"github.com/rowloom/rowloom/adapters/automerge/amrepo"
)

const anID = amrepo.DocumentID("zEf86vFxqoCUec8s7yAhLC51UPa") // of a recorded session

func typeOf(t testing.TB, m []byte) string {
	t.Helper()
	var v struct {
		Type string `cbor:"type"`
	}
	require.NoError(t, cbor.Unmarshal(m, &v))
	return v.Type
}

func encode(t testing.TB, v map[string]any) []byte {
	t.Helper()
	b, err := cbor.Marshal(v)
	require.NoError(t, err)
	return b
}

// party is a repo with fake documents.
type party struct {
	*amrepo.Repo
	docs        *fakeDocuments
	ephemeral   []amrepo.Ephemeral
	unavailable []amrepo.DocumentID
	refused     []error
	remote      []string
}

func newParty(name string, change func(*amrepo.Options)) *party {
	p := &party{docs: newFakeDocuments()}
	o := &amrepo.Options{ID: amrepo.PeerID(name), StorageID: amrepo.StorageID("storage-" + name), States: p.docs,
		Now:           func() time.Time { return time.UnixMilli(1000) },
		OnEphemeral:   func(e amrepo.Ephemeral) { p.ephemeral = append(p.ephemeral, e) },
		OnUnavailable: func(id amrepo.DocumentID) { p.unavailable = append(p.unavailable, id) },
		OnRefused:     func(_ amrepo.Peer, _ amrepo.DocumentID, err error) { p.refused = append(p.refused, err) },
		OnRemoteHeads: func(_ amrepo.DocumentID, s amrepo.StorageID, h []amchange.Hash, _ time.Time) {
			p.remote = append(p.remote, fmt.Sprint(s, " ", h))
		}}
	if change != nil {
		change(o)
	}
	p.Repo = amrepo.New(p.docs, o)
	return p
}

func TestRepo_ADocumentReachesTheServerAndAnotherClientFindsIt(t *testing.T) {
	server, a, b := newParty("server", nil), newParty("a", nil), newParty("b", nil)
	n := &network{t: t}
	doc := a.docs.make(anID)
	doc.set(t, "\xaa", "x", 1)
	require.NoError(t, a.Share(anID))
	pa := n.connect(a.Repo, server.Repo)
	require.Equal(t, "1", server.docs.doc(anID).get("x"))
	require.Equal(t, []string{">join", "<peer", ">sync"}, pa.log[:3])

	pb := n.connect(b.Repo, server.Repo)
	require.Equal(t, []string{">join", "<peer"}, pb.log, "the server tells nobody unasked")
	require.NoError(t, b.Share(anID))
	n.settle()
	require.Equal(t, ">request", pb.log[2])
	require.Equal(t, "1", b.docs.doc(anID).get("x"))

	b.docs.doc(anID).set(t, "\xbb", "x", 2)
	a.docs.doc(anID).set(t, "\xaa", "y", 3)
	n.settle()
	for _, p := range []*party{server, a, b} {
		require.Equal(t, "2", p.docs.doc(anID).get("x"))
		require.Equal(t, "3", p.docs.doc(anID).get("y"))
		require.Empty(t, p.refused)
	}
	require.Len(t, server.Peers(), 2)
	before := len(pa.log) + len(pb.log)
	n.settle()
	require.Equal(t, before, len(pa.log)+len(pb.log), "at rest nothing is sent")
}

func TestRepo_AnswersThatADocumentIsUnavailable(t *testing.T) {
	server, a, b := newParty("server", nil), newParty("a", nil), newParty("b", nil)
	n := &network{t: t}
	require.NoError(t, a.Share(anID))
	pa := n.connect(a.Repo, server.Repo)
	require.Equal(t, []string{">join", "<peer", ">request", "<doc-unavailable"}, pa.log)
	require.Equal(t, []amrepo.DocumentID{anID}, a.unavailable)

	// When somebody brings it later, the first client gets it after all.
	b.docs.make(anID).set(t, "\xbb", "x", 1)
	require.NoError(t, b.Share(anID))
	n.connect(b.Repo, server.Repo)
	require.Equal(t, "1", a.docs.doc(anID).get("x"))
}

func TestRepo_ARequestIsPassedOnToServersThatWeHaveCalled(t *testing.T) {
	far, near, a := newParty("far", nil), newParty("near", nil), newParty("a", nil)
	n := &network{t: t}
	far.docs.make(anID).set(t, "\xaa", "x", 1)
	up := n.connect(near.Repo, far.Repo)
	require.NoError(t, a.Share(anID))
	n.connect(a.Repo, near.Repo)
	require.Contains(t, up.log, ">request")
	require.Equal(t, "1", a.docs.doc(anID).get("x"))
	require.Empty(t, a.unavailable)

	other, err := amrepo.NewDocumentID(strings.NewReader("sixteen bytes ok"))
	require.NoError(t, err)
	require.NoError(t, a.Share(other))
	n.settle()
	require.Equal(t, []amrepo.DocumentID{other}, a.unavailable)
}

func TestRepo_DeniesWithoutTellingWhetherADocumentExists(t *testing.T) {
	server := newParty("server", func(o *amrepo.Options) {
		o.Access = func(p amrepo.Peer, _ amrepo.DocumentID) bool { return p.ID == "friend" }
	})
	server.docs.make(anID).set(t, "\xaa", "x", 1)
	stranger, friend := newParty("stranger", nil), newParty("friend", nil)
	n := &network{t: t}
	require.NoError(t, stranger.Share(anID))
	require.NoError(t, friend.Share(anID))
	p := n.connect(stranger.Repo, server.Repo)
	n.connect(friend.Repo, server.Repo)
	require.Equal(t, "<doc-unavailable", p.log[len(p.log)-1])
	require.Nil(t, stranger.docs.doc(anID))
	require.Equal(t, "1", friend.docs.doc(anID).get("x"))
}

func TestRepo_ReevaluatesThePolicy(t *testing.T) {
	allowed := true
	server := newParty("server", func(o *amrepo.Options) {
		o.Access = func(amrepo.Peer, amrepo.DocumentID) bool { return allowed }
		o.Announce = func(amrepo.Peer, amrepo.DocumentID) bool { return allowed }
	})
	doc := server.docs.make(anID)
	doc.set(t, "\xaa", "x", 1)
	require.NoError(t, server.Share(anID))
	a := newParty("a", nil)
	n := &network{t: t}
	n.connect(a.Repo, server.Repo)
	require.Equal(t, "1", a.docs.doc(anID).get("x"))
	allowed = false
	server.Reevaluate()
	n.settle()
	doc.set(t, "\xaa", "x", 2)
	n.settle()
	require.Equal(t, "1", a.docs.doc(anID).get("x"))
	allowed = true
	server.Reevaluate()
	n.settle()
	require.Equal(t, "2", a.docs.doc(anID).get("x"))
}

func TestRepo_EditsOfBothSidesWhileApartMeetAgain(t *testing.T) {
	server, a := newParty("server", nil), newParty("a", nil)
	n := &network{t: t}
	a.docs.make(anID).set(t, "\xaa", "x", 1)
	require.NoError(t, a.Share(anID))
	p := n.connect(a.Repo, server.Repo)
	n.cut(p)
	require.Empty(t, server.Peers())
	require.Contains(t, server.docs.states, string(anID)+"/storage-a")
	a.docs.doc(anID).set(t, "\xaa", "mine", 2)
	server.docs.doc(anID).set(t, "\x55", "theirs", 3)
	n.connect(a.Repo, server.Repo)
	for _, p := range []*party{server, a} {
		require.Equal(t, "2", p.docs.doc(anID).get("mine"))
		require.Equal(t, "3", p.docs.doc(anID).get("theirs"))
	}
}

func TestRepo_AnEphemeralMessageReachesEverybodyOnceAndNeverItsAuthor(t *testing.T) {
	server := newParty("server", nil)
	n := &network{t: t}
	var clients []*party
	for i := range 3 {
		c := newParty(fmt.Sprint("client-", i), nil)
		if i == 0 {
			c.docs.make(anID).set(t, "\xaa", "x", 1)
		}
		require.NoError(t, c.Share(anID))
		n.connect(c.Repo, server.Repo)
		clients = append(clients, c)
	}
	// A client that is connected twice over, so that messages can go round.
	second := newParty("second", nil)
	require.NoError(t, second.Share(anID))
	n.connect(clients[1].Repo, second.Repo)
	n.connect(second.Repo, server.Repo)
	clients[0].Broadcast(anID, []byte{0x01})
	clients[0].Broadcast(anID, []byte{0x02})
	n.settle()
	for _, p := range []*party{server, clients[1], clients[2], second} {
		require.Len(t, p.ephemeral, 2)
		require.Equal(t, amrepo.Ephemeral{Document: anID, Author: "client-0", Data: []byte{1}, Session: "client-0", Count: 1}, p.ephemeral[0])
	}
	require.Empty(t, clients[0].ephemeral)
}

func TestRepo_DropsEphemeralMessagesThatNobodyFetches(t *testing.T) {
	server := newParty("server", func(o *amrepo.Options) { o.MaxQueued = 1000 })
	a := newParty("a", nil)
	a.docs.make(anID).set(t, "\xaa", "x", 1)
	require.NoError(t, a.Share(anID))
	n := &network{t: t}
	p := n.connect(a.Repo, server.Repo)
	for range 100 {
		server.Broadcast(anID, make([]byte, 100))
	}
	out, err := p.server.Poll()
	require.NoError(t, err)
	require.Less(t, len(out), 10)
	require.NotEmpty(t, out)
}

func TestSession_RefusesOtherProtocolVersions(t *testing.T) {
	server := newParty("server", nil)
	s := server.Accept()
	out, err := s.Receive(encode(t, map[string]any{"type": "join", "senderId": "a", "supportedProtocolVersions": []string{"2"}}))
	require.ErrorIs(t, err, amrepo.ErrVersion)
	require.Equal(t, "error", typeOf(t, out[0]), "the peer is told before the connection ends")
	require.Empty(t, server.Peers())

	s = server.Accept()
	_, err = s.Receive(encode(t, map[string]any{"type": "join", "senderId": "a"}))
	require.NoError(t, err, "a peer that names no versions speaks the first one")

	c := newParty("c", nil).Dial()
	_, err = c.Receive(out[0])
	require.ErrorContains(t, err, "unsupported protocol version")
}

func TestSession_TheSamePeerAgainReplacesItsOldConnection(t *testing.T) {
	server, a := newParty("server", nil), newParty("a", nil)
	n := &network{t: t}
	first := n.connect(a.Repo, server.Repo)
	second := n.connect(a.Repo, server.Repo)
	n.settle()
	require.ErrorContains(t, first.errs[1], "connected again")
	require.NoError(t, second.errs[1])
	first.server.Close()
	require.Len(t, server.Peers(), 1, "the end of the old session does not take the new one along")
}

func TestSession_RefusesNonsense(t *testing.T) {
	join := encode(t, map[string]any{"type": "join", "senderId": "a"})
	for name, c := range map[string]struct {
		msg    []byte
		before bool
		want   string
	}{
		"nothing":               {nil, false, "message of 0 bytes"},
		"not CBOR":              {[]byte{0xff, 0xff}, false, "message of 2 bytes"},
		"a list":                {[]byte{0x80}, false, "message of 1 bytes"},
		"no type":               {[]byte{0xa0}, false, "without a type"},
		"sync first":            {encode(t, map[string]any{"type": "sync", "senderId": "a", "documentId": anID, "data": []byte{1}}), true, "before the handshake"},
		"our own name":          {encode(t, map[string]any{"type": "join", "senderId": "server"}), true, "peer id"},
		"no name":               {encode(t, map[string]any{"type": "join", "senderId": ""}), true, "peer id"},
		"bad document id":       {encode(t, map[string]any{"type": "request", "senderId": "a", "documentId": "../../etc/passwd", "data": []byte{1}}), false, "document id"},
		"no data":               {encode(t, map[string]any{"type": "request", "senderId": "a", "documentId": anID, "data": []byte{}}), false, "without data"},
		"leave":                 {encode(t, map[string]any{"type": "leave", "senderId": "a"}), false, "has left"},
		"a name without an end": {encode(t, map[string]any{"type": "join", "senderId": strings.Repeat("x", 2000)}), true, "names of"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newParty("server", nil).Accept()
			if !c.before {
				_, err := s.Receive(join)
				require.NoError(t, err)
			}
			_, err := s.Receive(c.msg)
			require.ErrorContains(t, err, c.want)
			s.Close()
			_, err = s.Poll()
			require.Error(t, err)
		})
	}
}

func TestSession_IgnoresWhatIsNotForIt(t *testing.T) {
	server := newParty("server", nil)
	s := server.Accept()
	_, err := s.Receive(encode(t, map[string]any{"type": "join", "senderId": "a"}))
	require.NoError(t, err)
	for _, m := range []map[string]any{
		{"type": "sync", "senderId": "somebody else", "documentId": anID, "data": []byte{0x42, 0, 0, 1, 0, 0, 0}},
		{"type": "something new", "senderId": "a", "more": []int{1}},
		{"type": "doc-unavailable", "senderId": "a", "documentId": anID},
		{"type": "remote-heads-changed", "senderId": "a", "documentId": anID},
	} {
		out, err := s.Receive(encode(t, m))
		require.NoError(t, err)
		require.Empty(t, out)
	}
}

func TestSession_ABadSyncMessageEndsTheDocumentButNotTheConnection(t *testing.T) {
	server := newParty("server", nil)
	server.docs.make(anID).set(t, "\xaa", "x", 1)
	s := server.Accept()
	_, err := s.Receive(encode(t, map[string]any{"type": "join", "senderId": "a"}))
	require.NoError(t, err)
	out, err := s.Receive(encode(t, map[string]any{"type": "sync", "senderId": "a", "documentId": anID, "data": []byte{0x42, 0, 0, 1, 0, 3, 1, 0, 7, 0}}))
	require.NoError(t, err)
	require.Equal(t, "doc-unavailable", typeOf(t, out[0]))
	require.Len(t, server.refused, 1)
	require.ErrorContains(t, server.refused[0], "no bits for 1 entries")
	out, err = s.Receive(encode(t, map[string]any{"type": "sync", "senderId": "a", "documentId": anID, "data": []byte{0x42, 0, 0, 1, 0, 0, 0}}))
	require.NoError(t, err)
	require.Empty(t, out)
}

func TestSession_DealsWithABoundedNumberOfDocuments(t *testing.T) {
	server := newParty("server", func(o *amrepo.Options) { o.MaxDocuments = 3 })
	s := server.Accept()
	_, err := s.Receive(encode(t, map[string]any{"type": "join", "senderId": "a"}))
	require.NoError(t, err)
	for i := range 5 {
		id := amrepo.DocumentIDOf([16]byte{byte(i)})
		out, err := s.Receive(encode(t, map[string]any{"type": "request", "senderId": "a", "documentId": id, "data": []byte{0x42, 0, 0, 1, 0, 0, 0}}))
		require.NoError(t, err)
		require.Equal(t, "doc-unavailable", typeOf(t, out[0]))
	}
	require.Len(t, server.refused, 2)
}

func TestRepo_Closed(t *testing.T) {
	server, a := newParty("server", nil), newParty("a", nil)
	a.docs.make(anID).set(t, "\xaa", "x", 1)
	require.NoError(t, a.Share(anID))
	n := &network{t: t}
	p := n.connect(a.Repo, server.Repo)
	server.Close()
	_, err := p.server.Poll()
	require.ErrorIs(t, err, amrepo.ErrClosed)
	_, err = server.Accept().Receive(encode(t, map[string]any{"type": "join", "senderId": "z"}))
	require.ErrorIs(t, err, amrepo.ErrClosed)
}

func TestRepo_GossipsAboutWhatStoragesHave(t *testing.T) {
	gossip := func(o *amrepo.Options) { o.Gossip = true }
	server, a, b := newParty("server", gossip), newParty("a", gossip), newParty("b", gossip)
	n := &network{t: t}
	a.Subscribe("storage-b")
	a.docs.make(anID).set(t, "\xaa", "x", 1)
	require.NoError(t, a.Share(anID))
	pa := n.connect(a.Repo, server.Repo)
	require.Contains(t, pa.log, ">remote-subscription-change")
	require.NoError(t, b.Share(anID))
	n.connect(b.Repo, server.Repo)
	require.Contains(t, pa.log, "<remote-heads-changed")
	require.NotEmpty(t, a.remote)
	require.Equal(t, fmt.Sprint("storage-b ", b.docs.doc(anID).Heads()), a.remote[len(a.remote)-1])
	a.Unsubscribe("storage-b")
	n.settle()
	before := len(a.remote)
	b.docs.doc(anID).set(t, "\xbb", "x", 2)
	n.settle()
	require.Len(t, a.remote, before)
}

// Any schedule of edits, connections and cuts ends in equal documents.
func TestRepo_ConvergesUnderAnySchedule(t *testing.T) {
	for range 30 {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		server := newParty("server", nil)
		n := &network{t: t}
		clients := make([]*party, 3)
		pairs := make([]*pair, 3)
		for i := range clients {
			clients[i] = newParty(fmt.Sprint("c", i), nil)
			require.NoError(t, clients[i].Share(anID))
		}
		clients[0].docs.make(anID).set(t, "\x0a", "x", 0)
		require.NoError(t, clients[0].Share(anID))
		for range 40 {
			i := rnd.IntN(3)
			switch c := clients[i]; {
			case pairs[i] == nil:
				pairs[i] = n.connect(c.Repo, server.Repo)
			case rnd.IntN(6) == 0:
				n.cut(pairs[i])
				pairs[i] = nil
			case c.docs.doc(anID) != nil:
				c.docs.doc(anID).set(t, amchange.Actor(rune('a'+i)), fmt.Sprint("k", rnd.IntN(3)), rnd.Int64N(100))
				if rnd.IntN(2) == 0 {
					n.settle()
				}
			}
		}
		for i := range pairs {
			if pairs[i] == nil {
				pairs[i] = n.connect(clients[i].Repo, server.Repo)
			}
		}
		n.settle()
		want := server.docs.doc(anID)
		require.NotNil(t, want, "seed %d", seed)
		for _, c := range clients {
			require.Equal(t, want.Heads(), c.docs.doc(anID).Heads(), "seed %d", seed)
			require.Empty(t, c.refused, "seed %d", seed)
		}
	}
}
