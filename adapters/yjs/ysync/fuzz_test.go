package ysync_test

import (
	"testing"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
)

func seedMessages(f *testing.F) {
	update := []byte{1, 1, 9, 0, 40, 1, 1, 'm', 1, 'z', 1, 125, 1, 0}
	states := ysync.AppendAwareness(nil, []ysync.ClientState{{Client: 7, Clock: 1, State: []byte(`{"a":[1]}`)}, {Client: 8, Clock: 2}})
	for _, m := range []ysync.Message{
		{Type: ysync.TypeSync, Step: ysync.Step1, Payload: []byte{1, 9, 1}}, {Type: ysync.TypeSync, Step: ysync.Step2, Payload: update},
		{Type: ysync.TypeSync, Step: ysync.Update, Payload: update}, {Type: ysync.TypeAwareness, Payload: states}, {Type: ysync.TypeQueryAwareness},
		{Type: ysync.TypeAuth, Text: "no"}, {Type: ysync.TypeAuth, Auth: ysync.AuthAuthenticated, Text: ysync.ScopeReadOnly}, token,
		{Type: ysync.TypeSyncReply, Payload: []byte{0}}, {Type: ysync.TypeStateless, Text: "hi"}, {Type: ysync.TypeClose}, {Type: ysync.TypeSyncStatus, Applied: true},
	} {
		f.Add(ysync.AppendMessage(nil, m))
		f.Add(ysync.AppendFrame(nil, "doc", m))
	}
	f.Add([]byte{9})
}

// Whatever comes, no session panics, an error has a code that is the sender's fault, and after one the document is as it was.
func FuzzSession_Receive(f *testing.F) {
	seedMessages(f)
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, kind := range []string{"server", "client", "hocuspocus server", "hocuspocus client"} {
			doc := ycrdt.New(&ycrdt.Options{ClientID: 1})
			room := ysync.NewRoom(ysync.Of(doc), ysync.NewAwareness(&ysync.AwarenessOptions{ClientID: 1}))
			var s synchronizer.Session
			switch kind {
			case "server":
				s = ysync.NewServer(room, nil)
			case "client":
				s = ysync.NewClient(room, nil)
			case "hocuspocus server":
				s = ysync.NewHocuspocusServer(ysync.HocuspocusOptions{Open: func(ysync.OpenRequest) (*ysync.Room, ysync.Access, error) { return room, 0, nil }})
			case "hocuspocus client":
				s = ysync.NewHocuspocusClient(room, "doc", nil)
			}
			if _, err := s.Start(); err != nil {
				t.Fatal(err)
			}
			if kind == "hocuspocus server" {
				if _, err := s.Receive(ysync.AppendFrame(nil, "doc", token)); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Receive(msg)
			if err != nil {
				if synchronizer.CodeOf(err) == synchronizer.CodeInternal {
					t.Fatalf("%s: %v", kind, err)
				}
				if sv := doc.StateVector(); len(sv) != 1 {
					t.Fatalf("%s: state vector %x after %v", kind, sv, err)
				}
			}
			if _, err := s.Poll(); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			synchronizer.End(s)
			room.Close()
		}
	})
}

// What is read is written again as the same message.
func FuzzRead_IsTheInverseOfAppend(f *testing.F) {
	seedMessages(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := ysync.ReadMessage(b); err == nil {
			again, err := ysync.ReadMessage(ysync.AppendMessage(nil, m))
			if err != nil || again.String() != m.String() {
				t.Fatalf("%v, %v, %v", m, again, err)
			}
		}
		if name, m, err := ysync.ReadFrame(b); err == nil {
			name2, again, err := ysync.ReadFrame(ysync.AppendFrame(nil, name, m))
			if m.Type == ysync.TypePing || m.Type == ysync.TypePong {
				name2 = name
			}
			if err != nil || name2 != name || again.String() != m.String() || again.Version != m.Version {
				t.Fatalf("%q %v, %q %v, %v", name, m, name2, again, err)
			}
		}
		if states, err := ysync.ReadAwareness(b, 0, 0); err == nil {
			again, err := ysync.ReadAwareness(ysync.AppendAwareness(nil, states), 0, 0)
			if err != nil || len(again) != len(states) {
				t.Fatal(err)
			}
		}
	})
}
