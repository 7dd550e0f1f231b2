package ysync_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/internal/vectors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func load(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectors.Dir(t, "yjs"), file))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, into))
}

type protocolCase struct {
	ID, Channel string
	Bytes       []byte
	Fields      struct {
		State   []byte `json:"state_v1"`
		Update  []byte `json:"update_v1"`
		SV      []byte `json:"sv"`
		Request []byte `json:"request"`
		Name    string `json:"documentName"`
		Reason  string `json:"reason"`
		Token   string `json:"token"`
		Scope   string `json:"scope"`
		Payload string `json:"payload"`
		Applied bool   `json:"applied"`
	}
}

// message says what the case is about, by its id, as a Message.
func (c *protocolCase) message(t *testing.T) ysync.Message {
	f := c.Fields
	kind := c.ID
	for i, r := range kind { // without the number, except that of hp-syncstatus
		if r == '-' && i+1 < len(kind) && kind[i+1] >= '0' && kind[i+1] <= '9' {
			kind = kind[:i]
			break
		}
	}
	switch kind {
	case "sync-step1", "ws-step1", "hp-sync1":
		return ysync.Message{Type: ysync.TypeSync, Step: ysync.Step1, Payload: docOf(t, f.State).StateVector()}
	case "sync-step2", "ws-step2":
		return ysync.Message{Type: ysync.TypeSync, Step: ysync.Step2, Payload: diffOf(t, f.State, f.SV)}
	case "hp-syncreply":
		return ysync.Message{Type: ysync.TypeSyncReply, Step: ysync.Step2, Payload: diffOf(t, f.State, f.SV)}
	case "sync-update", "ws-update", "hp-update":
		return ysync.Message{Type: ysync.TypeSync, Step: ysync.Update, Payload: f.Update}
	case "exchange":
		_, sv, err := ysync.ReadSync(f.Request)
		require.NoError(t, err)
		return ysync.Message{Type: ysync.TypeSync, Step: ysync.Step2, Payload: diffOf(t, f.State, sv)}
	case "ws-query-awareness", "hp-query-awareness":
		return ysync.Message{Type: ysync.TypeQueryAwareness}
	case "ws-auth-denied", "hp-auth-denied":
		return ysync.Message{Type: ysync.TypeAuth, Auth: ysync.AuthDenied, Text: f.Reason}
	case "hp-auth-token":
		return ysync.Message{Type: ysync.TypeAuth, Auth: ysync.AuthToken, Text: f.Token}
	case "hp-auth-ok":
		return ysync.Message{Type: ysync.TypeAuth, Auth: ysync.AuthAuthenticated, Text: f.Scope}
	case "hp-stateless":
		return ysync.Message{Type: ysync.TypeStateless, Text: f.Payload}
	case "hp-broadcast-stateless":
		return ysync.Message{Type: ysync.TypeBroadcastStateless, Text: f.Payload}
	case "hp-close":
		return ysync.Message{Type: ysync.TypeClose, Text: f.Reason}
	case "hp-syncstatus":
		return ysync.Message{Type: ysync.TypeSyncStatus, Applied: f.Applied}
	}
	t.Fatalf("unknown case %s", c.ID)
	return ysync.Message{}
}

func docOf(t *testing.T, state []byte) *ycrdt.Doc {
	doc := ycrdt.New(nil)
	require.NoError(t, doc.Apply(state, nil))
	return doc
}

func diffOf(t *testing.T, state, sv []byte) []byte {
	diff, err := docOf(t, state).EncodeStateAsUpdate(sv)
	require.NoError(t, err)
	return diff
}

func TestMessages_AreThoseOfTheVectors(t *testing.T) {
	var file struct{ Scenarios []protocolCase }
	load(t, "protocol.json", &file)
	passed := 0
	for _, c := range file.Scenarios {
		ok := t.Run(c.ID, func(t *testing.T) {
			want := c.message(t)
			switch c.Channel {
			case "y-protocols/sync":
				require.Equal(t, c.Bytes, ysync.AppendSync(nil, want.Step, want.Payload))
				step, payload, err := ysync.ReadSync(c.Bytes)
				require.NoError(t, err)
				require.Equal(t, want.Step, step)
				require.Equal(t, want.Payload, payload)
			case "y-websocket":
				require.Equal(t, c.Bytes, ysync.AppendMessage(nil, want))
				got, err := ysync.ReadMessage(c.Bytes)
				require.NoError(t, err)
				want.Auth = got.Auth // has no number of its own
				require.Equal(t, want, got)
			case "hocuspocus":
				require.Equal(t, c.Bytes, ysync.AppendFrame(nil, c.Fields.Name, want))
				name, got, err := ysync.ReadFrame(c.Bytes)
				require.NoError(t, err)
				require.Equal(t, c.Fields.Name, name)
				require.Equal(t, want, got)
			default:
				t.Fatal(c.Channel)
			}
			everyPrefix(c.Bytes)
		})
		if ok {
			passed++
		}
	}
	vectors.Report(t, "yjs/protocol.json", passed, len(file.Scenarios))
}

// everyPrefix reads what is left when the end of a message is missing: nothing may panic.
func everyPrefix(b []byte) {
	for i := range b {
		_, _, _ = ysync.ReadSync(b[:i])
		_, _ = ysync.ReadMessage(b[:i])
		_, _, _ = ysync.ReadFrame(b[:i])
		_, _ = ysync.ReadAwareness(b[:i], 0, 0)
	}
}

type awarenessCase struct {
	ID       string
	ClientID uint64
	Receiver uint64 `json:"receiverClientID"`
	Steps    []struct {
		SetLocal json.RawMessage `json:"setLocalState"`
		Replay   bool            `json:"replay_of_previous"`
		Remove   []uint64        `json:"removeAwarenessStates"`
		Update   []byte
		Frame    []byte `json:"ws_frame"`
		HPFrame  []byte `json:"hocuspocus_frame"`
		Events   []struct {
			Type                    string
			Added, Updated, Removed []uint64
			Origin                  string
		} `json:"receiver_events"`
		States []json.RawMessage `json:"receiver_states"`
	}
	All      []byte `json:"all_states_update"`
	Modified []byte
}

func TestAwareness_FollowsTheVectors(t *testing.T) {
	var file struct{ Scenarios []awarenessCase }
	load(t, "awareness.json", &file)
	passed := 0
	for _, c := range file.Scenarios {
		if t.Run(c.ID, func(t *testing.T) { c.run(t) }) {
			passed++
		}
	}
	vectors.Report(t, "yjs/awareness.json", passed, len(file.Scenarios))
}

func (c *awarenessCase) run(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	sender := ysync.NewAwareness(&ysync.AwarenessOptions{ClientID: c.ClientID, Now: clock})
	receiver := ysync.NewAwareness(&ysync.AwarenessOptions{ClientID: c.Receiver, Now: clock})
	require.NoError(t, receiver.SetLocal([]byte("{}")))
	var events []ysync.AwarenessEvent
	receiver.OnUpdate(func(e ysync.AwarenessEvent) { events = append(events, e) })
	for i, step := range c.Steps {
		events = nil
		switch {
		case step.Remove != nil:
			receiver.Remove(step.Remove, ysync.OriginTimeout)
			require.Equal(t, step.Update, receiver.Encode(step.Remove), "step %d", i)
		case step.Replay:
			require.NoError(t, receiver.Apply(step.Update, "net"))
		default:
			state := []byte(step.SetLocal)
			if string(state) == `"initial"` {
				state = []byte("{}")
			}
			require.NoError(t, sender.SetLocal(compact(t, state)))
			update := sender.Encode([]uint64{c.ClientID})
			require.Equal(t, step.Update, update, "step %d", i)
			m := ysync.Message{Type: ysync.TypeAwareness, Payload: update}
			require.Equal(t, step.Frame, ysync.AppendMessage(nil, m))
			require.Equal(t, step.HPFrame, ysync.AppendFrame(nil, "doc", m))
			require.NoError(t, receiver.Apply(update, "net"))
		}
		changes, updates := 0, 0
		for _, want := range step.Events {
			require.NotEmpty(t, events, "step %d: %+v", i, want)
			got := events[0]
			list := got.Updated
			if want.Type == "change" {
				changes++
				list = got.Changed
			} else {
				updates++
			}
			assert.ElementsMatch(t, want.Added, got.Added, "step %d", i)
			assert.ElementsMatch(t, want.Updated, list, "step %d", i)
			assert.ElementsMatch(t, want.Removed, got.Removed, "step %d", i)
			assert.Equal(t, want.Origin, got.Origin)
		}
		require.Len(t, events, updates, "step %d", i)
		if updates == 1 && changes == 0 {
			require.Empty(t, slices.Concat(events[0].Added, events[0].Changed, events[0].Removed))
		}
		if step.States != nil {
			var got []any
			for _, s := range receiver.States() {
				got = append(got, []any{float64(s.Client), decode(t, s.State)})
			}
			var want []any
			for _, s := range step.States {
				want = append(want, decode(t, s))
			}
			require.ElementsMatch(t, want, got, "step %d", i)
		}
		everyPrefix(step.Update)
	}
	var all []uint64
	for _, s := range receiver.States() {
		all = append(all, s.Client)
	}
	require.Equal(t, c.All, receiver.Encode(all))

	last := sender.Encode([]uint64{c.ClientID})
	modified, err := ysync.MapAwareness(last, func(_ uint64, state []byte) []byte { return c.modify(t, state) })
	require.NoError(t, err)
	require.Equal(t, c.Modified, modified)
}

// modify is what the generator did to each state: it added "m":1.
func (c *awarenessCase) modify(t *testing.T, state []byte) []byte {
	if state == nil {
		state = []byte("{}")
	}
	v, ok := decode(t, state).(map[string]any)
	require.True(t, ok)
	body := string(state[:len(state)-1])
	if len(v) > 0 {
		body += ","
	}
	return []byte(body + `"m":1}`)
}

func decode(t *testing.T, b []byte) (v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(b, &v), "%s", b)
	return v
}

func compact(t *testing.T, b []byte) []byte {
	t.Helper()
	if b == nil || string(b) == "null" {
		return nil
	}
	var buf bytes.Buffer
	require.NoError(t, json.Compact(&buf, b))
	return buf.Bytes()
}
