package ysync_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

// hub opens rooms by name for Hocuspocus clients with the token "let me in" or "let me look".
type hub struct {
	rooms map[string]*replica
	log   []string
}

func newHub(t testing.TB, names ...string) *hub {
	h := &hub{rooms: map[string]*replica{}}
	for i, name := range names {
		h.rooms[name] = newReplica(t, uint64(100+i))
	}
	return h
}

func (h *hub) options() ysync.HocuspocusOptions {
	return ysync.HocuspocusOptions{
		Open: func(req ysync.OpenRequest) (*ysync.Room, ysync.Access, error) {
			h.log = append(h.log, fmt.Sprintf("open %q %q %q", req.Name, req.Session, req.Version))
			r := h.rooms[req.Name]
			switch {
			case r == nil:
				return nil, 0, errors.New("a secret about the database")
			case req.Token == "let me in":
				return r.room, ysync.ReadWrite, nil
			case req.Token == "let me look":
				return r.room, ysync.ReadOnly, nil
			}
			return nil, 0, synchronizer.Errorf(synchronizer.CodePolicy, "wrong token")
		},
		Left:      func(req ysync.OpenRequest, _ *ysync.Room) { h.log = append(h.log, "left "+req.Name) },
		Stateless: func(_ ysync.OpenRequest, text string, reply func(string)) { reply("re: " + text) },
	}
}

// hpReceive gives a session one frame and returns the answers as text.
func hpReceive(t testing.TB, s synchronizer.Session, name string, m ysync.Message) []string {
	t.Helper()
	out, err := s.Receive(ysync.AppendFrame(nil, name, m))
	require.NoError(t, err)
	return hpRead(t, out)
}

func hpPoll(t testing.TB, s synchronizer.Session) []string {
	t.Helper()
	out, err := s.Poll()
	require.NoError(t, err)
	return hpRead(t, out)
}

func hpRead(t testing.TB, out [][]byte) (said []string) {
	t.Helper()
	for _, b := range out {
		name, m, err := ysync.ReadFrame(b)
		require.NoError(t, err)
		said = append(said, fmt.Sprintf("%q %v", name, m))
	}
	return said
}

var (
	token   = ysync.Message{Type: ysync.TypeAuth, Auth: ysync.AuthToken, Text: "let me in", Version: "4.8.0"}
	step1   = ysync.Message{Type: ysync.TypeSync, Step: ysync.Step1, Payload: []byte{0}}
	nothing = ysync.Message{Type: ysync.TypeSync, Step: ysync.Step2, Payload: []byte{0, 0}}
)

func TestHocuspocus_SyncsAndConfirms(t *testing.T) {
	h, client := newHub(t, "doc"), newReplica(t, 2)
	h.rooms["doc"].set(t, "x", 1)
	client.set(t, "y", 2)
	var access ysync.Access = 77
	c := ysync.NewHocuspocusClient(client.room, "doc", &ysync.HocuspocusClientOptions{
		Token: "let me in", OnAuthenticated: func(a ysync.Access) { access = a },
	})
	p := synchronizer.NewPipe(ysync.NewHocuspocusServer(h.options()), c)
	require.NoError(t, p.Pump())
	require.Equal(t, "map[x:1 y:2]", client.all())
	require.Equal(t, client.state(t), h.rooms["doc"].state(t))
	require.Equal(t, ysync.ReadWrite, access)
	require.Zero(t, c.Unconfirmed())
	client.set(t, "z", 3)
	require.NoError(t, p.Pump())
	require.Zero(t, c.Unconfirmed())
	require.Equal(t, "map[x:1 y:2 z:3]", h.rooms["doc"].all())
	p.Close()
	require.Equal(t, []string{`open "doc" "" "rowloom"`, "left doc"}, h.log)
}

func TestHocuspocus_SpeaksAsTheOriginal(t *testing.T) {
	h := newHub(t, "doc")
	h.rooms["doc"].away(t, `{}`)
	s := ysync.NewHocuspocusServer(h.options())
	defer s.Close()
	out, err := s.Start()
	require.NoError(t, err)
	require.Empty(t, out)
	require.Equal(t, []string{`"doc" auth "read-write"`, `"doc" awareness 6 bytes`}, hpReceive(t, s, "doc", token))
	require.Equal(t, []string{`"doc" sync step1 1 bytes`, `"doc" sync step2 2 bytes`}, hpReceive(t, s, "doc", step1))
	require.Equal(t, []string{`"doc" sync-status true`}, hpReceive(t, s, "doc", nothing))
	reply := step1
	reply.Type = ysync.TypeSyncReply
	require.Equal(t, []string{`"doc" sync step2 2 bytes`}, hpReceive(t, s, "doc", reply))
	require.Equal(t, []string{`"doc" sync-status true`}, hpReceive(t, s, "doc", ysync.Message{Type: ysync.TypeSync, Step: ysync.Update, Payload: docUpdate(t)}))
	require.Equal(t, []string{`"doc" awareness 6 bytes`}, hpReceive(t, s, "doc", ysync.Message{Type: ysync.TypeQueryAwareness}))
	require.Equal(t, []string{`"" pong`}, hpReceive(t, s, "", ysync.Message{Type: ysync.TypePing}))
	require.Empty(t, hpReceive(t, s, "", ysync.Message{Type: ysync.TypePong}))
	require.Empty(t, hpReceive(t, s, "doc", token), "a token again")
	require.Empty(t, hpReceive(t, s, "doc", ysync.Message{Type: ysync.TypeStateless, Text: "hi"}))
	require.Equal(t, []string{`"doc" stateless "re: hi"`}, hpPoll(t, s))
	h.rooms["doc"].room.BroadcastStateless("all")
	require.Equal(t, []string{`"doc" stateless "all"`}, hpPoll(t, s))
	require.Equal(t, []string{`"doc" close "provider_initiated"`}, hpReceive(t, s, "doc", ysync.Message{Type: ysync.TypeClose}))
	require.Empty(t, hpReceive(t, s, "doc", step1), "left")
	require.Equal(t, []string{`"doc" auth "read-write"`, `"doc" awareness 6 bytes`}, hpReceive(t, s, "doc", token), "and back")
}

func TestHocuspocus_ServesManyDocumentsOnASocket(t *testing.T) {
	h := newHub(t, "a", "b", "übung/😀")
	s := ysync.NewHocuspocusServer(h.options())
	defer s.Close()
	for _, address := range []string{"a", "b", "übung/😀", "a\x00one", "a\x00two"} {
		require.Equal(t, []string{fmt.Sprintf("%q auth \"read-write\"", address)}, hpReceive(t, s, address, token))
		require.Len(t, hpReceive(t, s, address, step1), 2)
	}
	require.Equal(t, `open "a" "two" "4.8.0"`, h.log[4])
	update := ysync.Message{Type: ysync.TypeSync, Step: ysync.Update, Payload: docUpdate(t)}
	require.Equal(t, []string{`"a\x00one" sync-status true`}, hpReceive(t, s, "a\x00one", update))
	require.Equal(t, []string{`"a" sync update 14 bytes`, `"a\x00two" sync update 14 bytes`}, hpPoll(t, s), "to the others of the same document")
	require.Equal(t, "map[z:1]", h.rooms["a"].all())
	require.Equal(t, "map[]", h.rooms["b"].all())
}

func TestHocuspocus_DeniesOneDocumentAndServesTheOthers(t *testing.T) {
	h := newHub(t, "a")
	opts := h.options()
	opts.MaxDocuments = 1
	s := ysync.NewHocuspocusServer(opts)
	defer s.Close()
	bad := token
	bad.Text = "xyz"
	require.Equal(t, []string{`"a" auth "wrong token"`}, hpReceive(t, s, "a", bad))
	require.Empty(t, hpReceive(t, s, "a", step1), "what follows a denied token")
	require.Equal(t, []string{`"no" auth "permission-denied"`}, hpReceive(t, s, "no", token), "the cause stays inside")
	require.Equal(t, []string{`"a" auth "read-write"`}, hpReceive(t, s, "a", token))
	require.Equal(t, []string{`"b" auth "too many documents on one socket"`}, hpReceive(t, s, "b", token))
}

func TestHocuspocus_ReadOnlyRefusesChanges(t *testing.T) {
	h := newHub(t, "a")
	s := ysync.NewHocuspocusServer(h.options())
	defer s.Close()
	look := token
	look.Text = "let me look"
	require.Equal(t, []string{`"a" auth "readonly"`}, hpReceive(t, s, "a", look))
	require.Len(t, hpReceive(t, s, "a", step1), 2)
	require.Equal(t, []string{`"a" sync-status true`}, hpReceive(t, s, "a", nothing))
	news := ysync.Message{Type: ysync.TypeSync, Step: ysync.Step2, Payload: docUpdate(t)}
	require.Equal(t, []string{`"a" sync-status false`}, hpReceive(t, s, "a", news))
	news.Step = ysync.Update
	require.Equal(t, []string{`"a" sync-status false`}, hpReceive(t, s, "a", news))
	require.Equal(t, "map[]", h.rooms["a"].all())
}

func TestHocuspocus_RefusesBadFrames(t *testing.T) {
	frame := func(m ysync.Message) []byte { return ysync.AppendFrame(nil, "a", m) }
	for name, c := range map[string]struct {
		msg  []byte
		code synchronizer.Code
	}{
		"nothing":             {nil, synchronizer.CodeMalformed},
		"name beyond the end": {[]byte{9, 1}, synchronizer.CodeMalformed},
		"name not in UTF-8":   {[]byte{1, 0xff, 3}, synchronizer.CodeMalformed},
		"no type":             {[]byte{1, 'a'}, synchronizer.CodeMalformed},
		"unknown type":        {[]byte{1, 'a', 11}, synchronizer.CodeMalformed},
		"unknown auth":        {[]byte{1, 'a', 2, 3}, synchronizer.CodeMalformed},
		"bad update":          {frame(ysync.Message{Type: ysync.TypeSync, Step: ysync.Update, Payload: []byte{1, 2}}), synchronizer.CodeMalformed},
		"bad state vector":    {frame(ysync.Message{Type: ysync.TypeSync, Payload: []byte{1, 2}}), synchronizer.CodeMalformed},
		"bad awareness":       {frame(ysync.Message{Type: ysync.TypeAwareness, Payload: []byte{1, 2}}), synchronizer.CodeMalformed},
		"a server's message":  {frame(ysync.Message{Type: ysync.TypeBroadcastStateless}), synchronizer.CodePolicy},
		"big":                 {make([]byte, 17<<20), synchronizer.CodeTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, "a")
			s := ysync.NewHocuspocusServer(h.options())
			defer s.Close()
			hpReceive(t, s, "a", token)
			_, err := s.Receive(c.msg)
			require.Equal(t, c.code, synchronizer.CodeOf(err), err)
			require.Equal(t, "map[]", h.rooms["a"].all())
		})
	}
}

func TestHocuspocus_ClosesASocketThatNeverOpensAnything(t *testing.T) {
	h := newHub(t, "a")
	now := time.Unix(0, 0)
	opts := h.options()
	opts.Now = func() time.Time { return now }
	s := ysync.NewHocuspocusServer(opts)
	defer s.Close()
	_, err := s.Start()
	require.NoError(t, err)
	require.Equal(t, now.Add(30*time.Second), s.Next())
	now = now.Add(29 * time.Second)
	require.Empty(t, hpReceive(t, s, "a", step1), "does not help")
	require.Empty(t, hpPoll(t, s))
	now = now.Add(time.Second)
	_, err = s.Poll()
	require.Equal(t, synchronizer.Code(4408), synchronizer.CodeOf(err))
}

func TestHocuspocus_ClosesWhoDoesNotReadStatelessMessages(t *testing.T) {
	h := newHub(t, "a")
	opts := h.options()
	opts.QueueBytes = 1000
	s := ysync.NewHocuspocusServer(opts)
	defer s.Close()
	hpReceive(t, s, "a", token)
	for range 100 {
		h.rooms["a"].room.BroadcastStateless("twenty or so characters")
	}
	_, err := s.Poll()
	require.Equal(t, synchronizer.CodeTryLater, synchronizer.CodeOf(err))
}

func TestHocuspocusClient_EndsWhenItIsDeniedOrClosed(t *testing.T) {
	h, r := newHub(t, "a"), newReplica(t, 2)
	why := ""
	c := ysync.NewHocuspocusClient(r.room, "a", &ysync.HocuspocusClientOptions{
		Token: "?", Options: ysync.Options{OnDenied: func(reason string) { why = reason }},
	})
	p := synchronizer.NewPipe(ysync.NewHocuspocusServer(h.options()), c)
	err := p.Pump()
	p.Close()
	var e *synchronizer.Error
	require.ErrorAs(t, err, &e)
	require.True(t, e.Remote)
	require.Equal(t, synchronizer.Code(4403), e.Code)
	require.Equal(t, "wrong token", why)

	c = ysync.NewHocuspocusClient(r.room, "a", nil)
	_, err = c.Start()
	require.NoError(t, err)
	defer c.Close()
	require.Len(t, hpReceive(t, c, "a", ysync.Message{Type: ysync.TypeAuth, Auth: ysync.AuthToken}), 1, "asked for the token again")
	require.Len(t, hpReceive(t, c, "", ysync.Message{Type: ysync.TypePing}), 1)
	require.Empty(t, hpReceive(t, c, "b", step1), "another document")
	_, err = c.Receive(ysync.AppendFrame(nil, "a", ysync.Message{Type: ysync.TypeClose, Text: "bye"}))
	require.Equal(t, synchronizer.CodeNormal, synchronizer.CodeOf(err))
}

func TestHocuspocusClient_CountsWhatIsNotConfirmed(t *testing.T) {
	r := newReplica(t, 2)
	denied := ""
	c := ysync.NewHocuspocusClient(r.room, "a", &ysync.HocuspocusClientOptions{Options: ysync.Options{OnDenied: func(s string) { denied = s }}})
	defer c.Close()
	_, err := c.Start()
	require.NoError(t, err)
	require.Equal(t, 1, c.Unconfirmed())
	r.set(t, "x", 1)
	c.SendStateless("hi")
	require.Equal(t, []string{`"a" sync update 14 bytes`, `"a" stateless "hi"`}, hpPoll(t, c))
	require.Equal(t, 2, c.Unconfirmed())
	for range 3 {
		hpReceive(t, c, "a", ysync.Message{Type: ysync.TypeSyncStatus, Applied: true})
	}
	require.Zero(t, c.Unconfirmed())
	hpReceive(t, c, "a", ysync.Message{Type: ysync.TypeSyncStatus})
	require.NotEmpty(t, denied)
}
