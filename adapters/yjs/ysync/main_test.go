package ysync_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// replica is a document in a room, with a clock of the test's.
type replica struct {
	*ycrdt.Doc
	room *ysync.Room
	now  time.Time
	mu   sync.Mutex
}

func newReplica(t testing.TB, client uint64) *replica {
	t.Helper()
	r := &replica{Doc: ycrdt.New(&ycrdt.Options{ClientID: client}), now: time.Unix(0, 0)}
	r.room = ysync.NewRoom(ysync.Of(r.Doc), ysync.NewAwareness(&ysync.AwarenessOptions{ClientID: client, Now: r.clock}))
	t.Cleanup(func() {
		r.room.Close()
		require.Zero(t, r.room.Sessions(), "a session was not closed")
	})
	return r
}

func (r *replica) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *replica) later(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// set sets a key of the map "m" to a number.
func (r *replica) set(t testing.TB, key string, v float64) {
	t.Helper()
	require.NoError(t, r.Update("test", func(tx *ycrdt.Txn) error { return tx.Map("m").Set(key, ycrdt.Number(v)) }))
}

// all returns the map "m" as text.
func (r *replica) all() string {
	m := map[string]string{}
	r.View(func(rd *ycrdt.Reader) {
		for k, v := range rd.Map("m").All() {
			m[k] = fmt.Sprint(v)
		}
	})
	return fmt.Sprint(m)
}

func (r *replica) state(t testing.TB) []byte {
	t.Helper()
	b, err := r.EncodeStateAsUpdate(nil)
	require.NoError(t, err)
	return b
}

func (r *replica) away(t testing.TB, state string) {
	t.Helper()
	var b []byte
	if state != "" {
		b = []byte(state)
	}
	require.NoError(t, r.room.Awareness().SetLocal(b))
}

// states returns the awareness states as text.
func (r *replica) states() string {
	m := map[uint64]string{}
	for _, s := range r.room.Awareness().States() {
		m[s.Client] = string(s.State)
	}
	return fmt.Sprint(m)
}

func (r *replica) options() *ysync.Options { return &ysync.Options{Now: r.clock} }

// connect joins a client to a server with a pipe that tells what was said.
func connect(t testing.TB, server, client *replica) (p *synchronizer.Pipe, said *[]string) {
	t.Helper()
	p = synchronizer.NewPipe(ysync.NewServer(server.room, server.options()), ysync.NewClient(client.room, client.options()))
	said = record(p)
	t.Cleanup(p.Close)
	return p, said
}

func record(p *synchronizer.Pipe) *[]string {
	said := new([]string)
	p.Tap = func(from int, msg []byte) {
		m, err := ysync.ReadMessage(msg)
		if err != nil {
			panic(err)
		}
		who := "server"
		if from == 1 {
			who = "client"
		}
		*said = append(*said, fmt.Sprintf("%s: %v", who, m))
	}
	return said
}

// receive gives a session one message and returns the answers as text.
func receive(t testing.TB, s synchronizer.Session, msg []byte) []string {
	t.Helper()
	out, err := s.Receive(msg)
	require.NoError(t, err)
	return read(t, out)
}

func poll(t testing.TB, s synchronizer.Session) []string {
	t.Helper()
	out, err := s.Poll()
	require.NoError(t, err)
	return read(t, out)
}

func read(t testing.TB, out [][]byte) (text []string) {
	t.Helper()
	for _, b := range out {
		m, err := ysync.ReadMessage(b)
		require.NoError(t, err)
		text = append(text, m.String())
	}
	return text
}

func syncMessage(step ysync.Step, payload []byte) []byte {
	return ysync.AppendMessage(nil, ysync.Message{Type: ysync.TypeSync, Step: step, Payload: payload})
}

func awarenessMessage(states ...ysync.ClientState) []byte {
	return ysync.AppendMessage(nil, ysync.Message{Type: ysync.TypeAwareness, Payload: ysync.AppendAwareness(nil, states)})
}
