package ysync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

func TestSession_SyncsBothWays(t *testing.T) {
	a, b := newReplica(t, 1), newReplica(t, 2)
	a.set(t, "x", 1)
	b.set(t, "y", 2)
	p, said := connect(t, a, b)
	require.NoError(t, p.Pump())
	require.Equal(t, "map[x:1 y:2]", a.all())
	require.Equal(t, a.all(), b.all())
	require.Equal(t, []string{"server: sync step1 3 bytes", "client: sync step1 3 bytes", "server: sync step2 14 bytes", "client: sync step2 14 bytes"}, *said)
}

func TestSession_SendsChangesOnceAndNeverBack(t *testing.T) {
	a, b := newReplica(t, 1), newReplica(t, 2)
	p, said := connect(t, a, b)
	require.NoError(t, p.Pump())
	*said = nil
	a.set(t, "x", 1)
	require.NoError(t, p.Pump())
	b.set(t, "x", 2)
	b.set(t, "y", 3)
	require.NoError(t, p.Pump())
	require.NoError(t, p.Pump())
	require.Equal(t, []string{"server: sync update 14 bytes", "client: sync update 15 bytes", "client: sync update 14 bytes"}, *said)
	require.Equal(t, "map[x:2 y:3]", a.all())
	require.Equal(t, a.state(t), b.state(t))
}

func TestSession_PassesOnToTheOtherClients(t *testing.T) {
	server, a, b := newReplica(t, 1), newReplica(t, 2), newReplica(t, 3)
	pa, _ := connect(t, server, a)
	pb, said := connect(t, server, b)
	require.NoError(t, pa.Pump())
	require.NoError(t, pb.Pump())
	*said = nil
	a.set(t, "x", 1)
	require.NoError(t, pa.Pump())
	require.NoError(t, pb.Pump())
	require.Equal(t, "map[x:1]", b.all())
	require.Equal(t, []string{"server: sync update 14 bytes"}, *said)
}

func TestSession_TellsWhenItIsSynced(t *testing.T) {
	a, b := newReplica(t, 1), newReplica(t, 2)
	a.set(t, "x", 1)
	synced := ""
	server := ysync.NewServer(a.room, nil)
	client := ysync.NewClient(b.room, &ysync.Options{OnSynced: func() { synced += b.all() }})
	p := synchronizer.NewPipe(server, client)
	defer p.Close()
	require.False(t, client.Synced())
	require.NoError(t, p.Pump())
	require.True(t, client.Synced())
	require.Equal(t, "map[x:1]", synced, "after the content has come, and once")
}

func TestSession_AnswersAnEmptyStep2WhenThereIsNothing(t *testing.T) {
	a := newReplica(t, 1)
	s := ysync.NewServer(a.room, nil)
	defer s.Close()
	_, err := s.Start()
	require.NoError(t, err)
	out, err := s.Receive(syncMessage(ysync.Step1, []byte{0}))
	require.NoError(t, err)
	require.Equal(t, [][]byte{{0, 1, 2, 0, 0}}, out)
	require.Empty(t, receive(t, s, syncMessage(ysync.Step2, []byte{0, 0})))
}

func TestSession_RefusesBadMessagesAndLeavesTheDocumentAlone(t *testing.T) {
	update := docUpdate(t)
	cut := update[:len(update)-2]
	for name, c := range map[string]struct {
		msg  []byte
		code synchronizer.Code
	}{
		"nothing":                {nil, synchronizer.CodeMalformed},
		"unknown type":           {[]byte{77}, synchronizer.CodeMalformed},
		"endless number":         {[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, synchronizer.CodeMalformed},
		"unknown step":           {[]byte{0, 3, 0}, synchronizer.CodeMalformed},
		"length beyond the end":  {[]byte{0, 2, 200, 1, 1}, synchronizer.CodeMalformed},
		"bad state vector":       {syncMessage(ysync.Step1, []byte{5, 1}), synchronizer.CodeMalformed},
		"no state vector":        {syncMessage(ysync.Step1, nil), synchronizer.CodeMalformed},
		"cut update":             {syncMessage(ysync.Update, cut), synchronizer.CodeMalformed},
		"cut step 2":             {syncMessage(ysync.Step2, cut), synchronizer.CodeMalformed},
		"auth of unknown kind":   {[]byte{2, 1, 0}, synchronizer.CodeMalformed},
		"awareness without JSON": {awarenessMessage(ysync.ClientState{Client: 5, Clock: 1, State: []byte("{")}), synchronizer.CodeMalformed},
		"cut awareness":          {[]byte{1, 2, 1, 5}, synchronizer.CodeMalformed},
		"big awareness state":    {awarenessMessage(ysync.ClientState{Client: 5, Clock: 1, State: []byte(`"` + strings.Repeat("x", 256<<10) + `"`)}), synchronizer.CodeTooBig},
		"many awareness clients": {awarenessMessage(manyStates(1001)...), synchronizer.CodeTooBig},
		"big message":            {make([]byte, 2<<20), synchronizer.CodeTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			a := newReplica(t, 1)
			a.set(t, "x", 1)
			before := a.state(t)
			s := ysync.NewServer(a.room, &ysync.Options{MessageBytes: 1 << 20})
			defer s.Close()
			_, err := s.Start()
			require.NoError(t, err)
			out, err := s.Receive(c.msg)
			require.Empty(t, out)
			var e *synchronizer.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.code, e.Code, err)
			require.NotEmpty(t, e.Reason)
			require.Equal(t, before, a.state(t))
			require.Equal(t, "map[]", a.states())
		})
	}
}

func docUpdate(t testing.TB) []byte {
	d := newReplica(t, 9)
	d.set(t, "z", 1)
	return d.state(t)
}

func manyStates(n int) (states []ysync.ClientState) {
	for i := range n {
		states = append(states, ysync.ClientState{Client: uint64(100 + i), Clock: 1, State: []byte("{}")})
	}
	return states
}

func TestSession_ReadOnlyRefusesChangesButNotWhatIsKnown(t *testing.T) {
	a, b := newReplica(t, 1), newReplica(t, 2)
	a.set(t, "x", 1)
	a.set(t, "x", 2)
	require.NoError(t, b.Apply(a.state(t), nil))
	s := ysync.NewServer(a.room, &ysync.Options{Access: ysync.ReadOnly})
	defer s.Close()
	_, err := s.Start()
	require.NoError(t, err)
	require.Empty(t, receive(t, s, syncMessage(ysync.Step2, b.state(t))), "nothing new")
	before := a.state(t)

	b.set(t, "y", 1)
	denied := []string{`auth "read-only: changes are not taken"`}
	require.Equal(t, denied, receive(t, s, syncMessage(ysync.Update, b.state(t))))
	require.Empty(t, receive(t, s, syncMessage(ysync.Update, b.state(t))), "said once")
	require.Equal(t, before, a.state(t))
	require.NoError(t, a.Apply(b.state(t), nil))
	require.NoError(t, b.Update(nil, func(tx *ycrdt.Txn) error { return tx.Map("m").Delete("x") }))

	deletion, err := b.EncodeStateAsUpdate(b.StateVector())
	require.NoError(t, err)
	s = ysync.NewServer(a.room, &ysync.Options{Access: ysync.ReadOnly})
	_, err = s.Start()
	require.NoError(t, err)
	defer s.Close()
	require.Equal(t, denied, receive(t, s, syncMessage(ysync.Update, deletion)), "a deletion alone is news, too")
	_, err = s.Receive(syncMessage(ysync.Update, deletion[:1]))
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err))
}

func TestSession_ReportsADenial(t *testing.T) {
	a := newReplica(t, 1)
	why := ""
	s := ysync.NewClient(a.room, &ysync.Options{OnDenied: func(reason string) { why = reason }})
	defer s.Close()
	require.Empty(t, receive(t, s, ysync.AppendMessage(nil, ysync.Message{Type: ysync.TypeAuth, Text: "nö"})))
	require.Equal(t, "nö", why)
}

func TestSession_BringsASlowReaderUpToDateInOnePiece(t *testing.T) {
	a, b := newReplica(t, 1), newReplica(t, 2)
	a.set(t, "before", 1)
	server := ysync.NewServer(a.room, &ysync.Options{QueueBytes: 2000})
	client := ysync.NewClient(b.room, nil)
	p := synchronizer.NewPipe(server, client)
	defer p.Close()
	said := record(p)
	require.NoError(t, p.Pump())
	a.set(t, "sent", 2)
	require.NoError(t, p.Pump())
	*said = nil
	size := len(a.state(t))
	for i := range 5000 {
		a.set(t, fmt.Sprint("k", i%100), float64(i))
	}
	require.NoError(t, p.Pump())
	require.Len(t, *said, 1, "one update in place of 5000")
	require.Equal(t, a.all(), b.all())
	require.Equal(t, a.state(t), b.state(t))
	require.Less(t, size, 100)

	*said = nil
	a.set(t, "after", 3)
	require.NoError(t, p.Pump())
	require.Equal(t, []string{"server: sync update 19 bytes"}, *said)

	*said = nil
	for i := range 300 {
		a.set(t, "short", float64(i))
	}
	require.NoError(t, p.Pump())
	require.Len(t, *said, 1)
	var n int
	_, err := fmt.Sscanf((*said)[0], "server: sync update %d bytes", &n)
	require.NoError(t, err)
	require.Less(t, n, 150, "only what the reader lacks, and the deletions")
	require.Equal(t, a.state(t), b.state(t))
}

func TestSession_KeepsAnUpdateLargerThanTheQueue(t *testing.T) {
	a, b := newReplica(t, 1), newReplica(t, 2)
	p := synchronizer.NewPipe(ysync.NewServer(a.room, &ysync.Options{QueueBytes: 10}), ysync.NewClient(b.room, nil))
	defer p.Close()
	require.NoError(t, p.Pump())
	a.set(t, "a long key is enough", 1)
	require.NoError(t, p.Pump())
	require.Equal(t, a.all(), b.all())
}

func TestSession_SendsUpdatesToOneWhoNeverAsked(t *testing.T) {
	a := newReplica(t, 1)
	s := ysync.NewServer(a.room, &ysync.Options{QueueBytes: 100})
	defer s.Close()
	_, err := s.Start()
	require.NoError(t, err)
	a.set(t, "x", 1)
	<-s.Wake()
	b := newReplica(t, 2)
	hear := func() {
		out, err := s.Poll()
		require.NoError(t, err)
		require.Len(t, out, 1)
		m, err := ysync.ReadMessage(out[0])
		require.NoError(t, err)
		require.NoError(t, b.Apply(m.Payload, nil))
	}
	hear()
	for i := range 100 {
		a.set(t, fmt.Sprint(i), 1)
	}
	hear()
	require.Contains(t, b.all(), "99:1")
}

func TestRoom_CloseLetsGoOfTheDocument(t *testing.T) {
	a := newReplica(t, 1)
	s := ysync.NewServer(a.room, nil)
	_, err := s.Start()
	require.NoError(t, err)
	require.Equal(t, 1, a.room.Sessions())
	a.room.Close()
	a.set(t, "x", 1)
	require.Empty(t, poll(t, s))
	s.Close()
	require.Zero(t, a.room.Sessions())
}

func TestSession_AnnouncesItselfBeforeTheOtherEndLosesPatience(t *testing.T) {
	a := newReplica(t, 0x99)
	s := ysync.NewServer(a.room, a.options())
	defer s.Close()
	_, err := s.Start()
	require.NoError(t, err)
	for range 5 {
		require.Equal(t, a.now.Add(20*time.Second), s.Next())
		a.later(19 * time.Second)
		require.Empty(t, poll(t, s))
		a.later(time.Second)
		out, err := s.Poll()
		require.NoError(t, err)
		require.Equal(t, [][]byte{{1, 1, 0}}, out, "an awareness message about nobody")
	}
	a.later(10 * time.Second)
	a.set(t, "x", 1)
	require.Len(t, poll(t, s), 1)
	require.Equal(t, a.now.Add(20*time.Second), s.Next(), "anything is a sign of life")
}
