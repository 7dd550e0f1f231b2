package ysync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ysync"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

// server is a room without a client of its own.
func server(t *testing.T) *replica {
	r := newReplica(t, 1)
	r.room.Close()
	r.room = ysync.NewRoom(ysync.Of(r.Doc), ysync.NewAwareness(&ysync.AwarenessOptions{Now: r.clock}))
	return r
}

func TestAwareness_ReachesTheOtherClients(t *testing.T) {
	s, a, b := server(t), newReplica(t, 2), newReplica(t, 3)
	a.away(t, `{}`)
	a.away(t, `{"name":"a"}`)
	pa, _ := connect(t, s, a)
	require.NoError(t, pa.Pump())
	pb, said := connect(t, s, b)
	require.NoError(t, pb.Pump())
	require.Contains(t, *said, "server: awareness 16 bytes", "to a newcomer at once")
	require.Equal(t, `map[2:{"name":"a"}]`, b.states())
	a.away(t, `{"name":"A"}`)
	require.NoError(t, pa.Pump())
	require.NoError(t, pb.Pump())
	require.Equal(t, `map[2:{"name":"A"}]`, b.states())
}

func TestAwareness_GoesWithItsConnection(t *testing.T) {
	s, a, b := server(t), newReplica(t, 2), newReplica(t, 3)
	a.away(t, `{}`)
	a.away(t, `{}`)
	b.away(t, `{}`)
	b.away(t, `{}`)
	pb, _ := connect(t, s, b)
	pa := synchronizer.NewPipe(ysync.NewServer(s.room, s.options()), ysync.NewClient(a.room, a.options()))
	require.NoError(t, pa.Pump())
	require.NoError(t, pb.Pump())
	require.NoError(t, pa.Pump())
	require.Equal(t, `map[2:{} 3:{}]`, a.states())
	require.Equal(t, `map[2:{} 3:{}]`, b.states())
	pa.Close()
	require.NoError(t, pb.Pump())
	require.Equal(t, `map[3:{}]`, s.states())
	require.Equal(t, `map[3:{}]`, b.states(), "the others hear of it")
	require.Equal(t, `map[2:{}]`, a.states(), "a client on its own sees itself only")

	pa, _ = connect(t, s, a)
	require.NoError(t, pa.Pump())
	require.Equal(t, `map[2:{} 3:{}]`, s.states(), "it is back at once, although its clock is the same")
	require.Equal(t, `map[2:{} 3:{}]`, a.states())
}

func TestAwareness_BelongsToTheLatestConnection(t *testing.T) {
	s, a := server(t), newReplica(t, 2)
	a.away(t, `{}`)
	a.away(t, `{}`)
	old := synchronizer.NewPipe(ysync.NewServer(s.room, s.options()), ysync.NewClient(a.room, a.options()))
	require.NoError(t, old.Pump())
	p, _ := connect(t, s, a)
	require.NoError(t, p.Pump())
	a.away(t, `{"back":true}`)
	require.NoError(t, p.Pump())
	old.Close() // noticed late
	require.Equal(t, `map[2:{"back":true}]`, s.states())
}

func TestAwareness_HeartbeatsAreEchoed(t *testing.T) {
	s := server(t)
	se := ysync.NewServer(s.room, s.options())
	defer se.Close()
	_, err := se.Start()
	require.NoError(t, err)
	for clock := range uint64(5) {
		beat := awarenessMessage(ysync.ClientState{Client: 7, Clock: clock + 1, State: []byte(`{"same":1}`)})
		require.Empty(t, receive(t, se, beat))
		<-se.Wake()
		out, err := se.Poll()
		require.NoError(t, err)
		require.Equal(t, [][]byte{beat}, out)
		s.later(15 * time.Second)
	}
}

func TestAwareness_IsNotEchoedToAServer(t *testing.T) {
	a, b := newReplica(t, 1), newReplica(t, 2)
	p, said := connect(t, a, b)
	require.NoError(t, p.Pump())
	*said = nil
	a.away(t, `{}`)
	a.away(t, `{"x":1}`)
	require.NoError(t, p.Pump())
	require.Equal(t, []string{"server: awareness 11 bytes"}, *said)
}

func TestAwareness_AnswersAQuery(t *testing.T) {
	s := server(t)
	se := ysync.NewServer(s.room, s.options())
	defer se.Close()
	require.Equal(t, []string{"awareness 1 bytes"}, receive(t, se, []byte{3}))
	require.NoError(t, s.room.Awareness().Apply(ysync.AppendAwareness(nil, manyStates(2)), "x"))
	require.Equal(t, []string{"awareness 11 bytes"}, receive(t, se, []byte{3}))
}

func TestAwareness_DropsWhoIsSilentAndRenewsItself(t *testing.T) {
	s, a, b := server(t), newReplica(t, 2), newReplica(t, 3)
	a.away(t, `{}`)
	a.away(t, `{}`)
	pa, _ := connect(t, s, a)
	pb, _ := connect(t, s, b)
	all := []*replica{s, a, b}
	tick := func(d time.Duration, asleep *replica) {
		for _, r := range all {
			r.later(d)
		}
		for _, p := range []*synchronizer.Pipe{pa, pb, pa, pb} {
			if p == pa && asleep == a {
				continue
			}
			require.NoError(t, p.Tick(s.clock()))
		}
	}
	tick(0, nil)
	for range 10 {
		tick(15*time.Second, nil)
		require.Equal(t, `map[2:{}]`, b.states(), "renewed in time")
	}
	tick(16*time.Second, a)
	require.Equal(t, `map[2:{}]`, b.states())
	tick(16*time.Second, a)
	require.Equal(t, `map[]`, s.states())
	require.Equal(t, `map[]`, b.states())
	tick(time.Second, nil)
	require.Equal(t, `map[2:{}]`, b.states(), "awake again")
}

func TestAwareness_ContradictsWhoTakesUsForGone(t *testing.T) {
	a := newReplica(t, 2)
	a.away(t, `{"x":1}`)
	require.NoError(t, a.room.Awareness().Apply(ysync.AppendAwareness(nil, []ysync.ClientState{{Client: 2, Clock: 4}}), "net"))
	require.Equal(t, `map[2:{"x":1}]`, a.states())
	require.Equal(t, ysync.AppendAwareness(nil, []ysync.ClientState{{Client: 2, Clock: 5, State: []byte(`{"x":1}`)}}), a.room.Awareness().Encode([]uint64{2}))
}

func TestAwareness_IsBounded(t *testing.T) {
	a := ysync.NewAwareness(&ysync.AwarenessOptions{MaxClients: 10, MaxPerOrigin: 6, MaxStateBytes: 20})
	apply := func(origin string, from, n int, state string) error {
		var states []ysync.ClientState
		for i := range n {
			s := ysync.ClientState{Client: uint64(from + i), Clock: 1, State: []byte(state)}
			if state == "" {
				s.Clock, s.State = 2, nil
			}
			states = append(states, s)
		}
		return a.Apply(ysync.AppendAwareness(nil, states), origin)
	}
	limit := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, lib0.ErrLimit)
	}
	limit(apply("a", 100, 1, `"`+strings.Repeat("x", 19)+`"`))
	limit(apply("a", 100, 11, `1`))
	limit(apply("a", 100, 7, `1`))
	require.Empty(t, a.States(), "refused as a whole")
	require.NoError(t, apply("a", 100, 6, `1`))
	require.NoError(t, apply("a", 100, 6, `1`), "the same again is nothing new")
	limit(apply("a", 200, 1, `1`))
	require.NoError(t, apply("b", 200, 4, `1`))
	limit(apply("b", 300, 1, `1`))
	require.NoError(t, apply("a", 100, 3, ""))
	require.NoError(t, apply("a", 400, 3, `1`), "who is gone is forgotten when the room is needed")
	a.Leave("a")
	require.Len(t, a.States(), 4)
	require.NoError(t, apply("c", 500, 6, `1`))
}

func TestAwareness_RefusesAStateThatIsNoJSON(t *testing.T) {
	a := newReplica(t, 2)
	require.ErrorContains(t, a.room.Awareness().SetLocal([]byte(`{"a"`)), "awareness state")
	require.Error(t, ysync.NewAwareness(nil).SetLocal([]byte(`1`)), "a server has no state of its own")
	a.away(t, `null`)
	require.Nil(t, a.room.Awareness().Local())
}

func TestAwareness_ChangesAreThoseThatMeanSomethingElse(t *testing.T) {
	a := ysync.NewAwareness(nil)
	var changed []string
	a.OnUpdate(func(e ysync.AwarenessEvent) { changed = append(changed, fmt.Sprint(e.Updated, e.Changed)) })
	for i, state := range []string{`{"a":1,"b":[2,{"c":null}]}`, `{"b":[2,{"c":null}], "a":1.0}`, `{"b":[2,{"c":0}],"a":1}`, `{"b":[2],"a":1}`} {
		require.NoError(t, a.Apply(ysync.AppendAwareness(nil, []ysync.ClientState{{Client: 5, Clock: uint64(i + 1), State: []byte(state)}}), "x"))
	}
	require.Equal(t, []string{"[] []", "[5] []", "[5] [5]", "[5] [5]"}, changed)
}
