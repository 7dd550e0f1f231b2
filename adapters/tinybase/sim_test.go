package tinybase_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rowloom/rowloom/adapters/tinybase"
	"github.com/rowloom/rowloom/store"
	"github.com/rowloom/rowloom/store/mergeable"
	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

// schedules is how many random schedules the test command runs.
const schedules = 10_000

// Replicas with clocks that differ write at random, over a network that delays, reorders, repeats, drops and cuts, and some
// restart from what they saved. When the network has healed, all are equal: contents and hashes.
//
// ROWLOOM_SOAK=1 runs a million, a greater number as many, from the seed ROWLOOM_FIRST on if it is set; ROWLOOM_SEED=n runs one.
func TestSchedules_AllReplicasEndEqual(t *testing.T) {
	n := uint64(schedules)
	if testing.Short() || raceEnabled {
		n /= 20
	}
	soak, _ := strconv.ParseUint(os.Getenv("ROWLOOM_SOAK"), 10, 64)
	if soak == 1 {
		soak = 1_000_000
	}
	for seed := range synchronizer.Seeds(t, max(n, soak)) {
		runSchedule(t, seed)
		if soak > 0 && seed%50_000 == 0 {
			t.Logf("passed up to seed %d", seed)
		}
	}
}

// replica is a store that may restart; its clock is wrong by skew.
type replica struct {
	id   string
	skew time.Duration
	m    *mergeable.Store
	link *synchronizer.Link
}

type schedule struct {
	t        *testing.T
	sim      *synchronizer.Sim
	replicas []*replica
}

func runSchedule(t *testing.T, seed uint64) {
	s := &schedule{t: t, sim: synchronizer.NewSim(seed, nil)}
	defer s.sim.Close()
	rnd := s.sim.Rand()
	net := synchronizer.Network{MaxDelay: time.Duration(rnd.IntN(200)) * time.Millisecond, MaxDown: 2 * time.Second, MaxPoll: 5 * time.Millisecond}
	if rnd.IntN(2) == 0 {
		net.Reorder, net.Repeat = true, 0.1
	}
	if rnd.IntN(3) == 0 {
		net.Drop = 0.05
	}
	if rnd.IntN(2) == 0 {
		net.Cut = 0.03
	}
	s.sim.Network = net
	s.sim.OnError = func(_ *synchronizer.Link, _ int, err error) bool {
		// A fragment that comes twice ends the connection, as it should; anything else is a fault.
		require.ErrorContains(t, err, "fragments do not fit together", "seed %d", seed)
		return true
	}
	for i := range 3 + rnd.IntN(2) {
		r := &replica{id: fmt.Sprint("replica ", i), skew: time.Duration(rnd.IntN(40_000)-20_000) * time.Millisecond}
		if rnd.IntN(10) == 0 {
			r.id = "replica 1" // two with one id, if it is another one
		}
		r.m = s.newStore(r)
		s.replicas = append(s.replicas, r)
	}
	s.connect(rnd.IntN(3) == 0)
	for range 10 + rnd.IntN(30) {
		s.step()
		require.NoError(t, s.sim.Run(time.Duration(rnd.IntN(300))*time.Millisecond), "seed %d", seed)
	}
	// The network heals. What was lost before is noticed after the next write.
	require.NoError(t, s.sim.Quiesce(time.Second), "seed %d", seed)
	for range 2 {
		for i, r := range s.replicas {
			require.NoError(t, r.m.Store().Update(func(tx *store.Tx) error {
				return tx.SetValue("last", store.Of(fmt.Sprint(i, s.sim.Now().UnixMilli())))
			}))
		}
		s.sim.Network = synchronizer.Network{}
		require.NoError(t, s.sim.Quiesce(time.Minute), "seed %d", seed)
	}
	s.check(seed)
}

func (s *schedule) newStore(r *replica) *mergeable.Store {
	m, err := mergeable.New(store.New(), &mergeable.Options{UniqueID: &r.id, Random: random{s.sim}, Now: func() time.Time { return s.sim.Now().Add(r.skew) }})
	require.NoError(s.t, err)
	return m
}

// random is the simulation's source of random bytes.
type random struct{ sim *synchronizer.Sim }

func (r random) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.sim.Rand().Uint32())
	}
	return len(b), nil
}

func (s *schedule) options() *tinybase.Options {
	return &tinybase.Options{Now: s.sim.Now, Random: random{s.sim}, Timeout: 3 * time.Second, Beacon: 2 * time.Second, MaxAnswer: 400, Piece: 200,
		FragmentSize: []int{0, 60}[s.sim.Rand().IntN(2)]}
}

// connect links every replica with the first one, which is a server, or with a relay that has no data.
func (s *schedule) connect(relayed bool) {
	relay := tinybase.NewRelay(s.options())
	for i, r := range s.replicas {
		if !relayed && i == 0 {
			continue
		}
		r.link = s.sim.Link(fmt.Sprint("link ", i), func() (a, b synchronizer.Session, err error) {
			client := tinybase.NewClient(r.m, s.options())
			if relayed {
				server, _ := relay.Session()
				return client, server, nil
			}
			server, _ := tinybase.NewRoom(s.replicas[0].m, nil).Session(s.options())
			return client, server, nil
		}, nil)
	}
}

// step is one thing that happens to a replica.
func (s *schedule) step() {
	rnd := s.sim.Rand()
	r := s.replicas[rnd.IntN(len(s.replicas))]
	switch rnd.IntN(12) {
	case 0: // a restart from the file
		if r.link == nil {
			return
		}
		r.link.Down()
		text := r.m.AppendContent(nil)
		r.m.Close()
		r.m = s.newStore(r)
		if rnd.IntN(4) > 0 { // or the file is lost
			_, err := r.m.Load(nil, text)
			require.NoError(s.t, err)
		}
		r.link.Up()
		return
	case 1:
		if r.link != nil {
			r.link.Cut()
		}
		return
	}
	values := []store.Value{store.Of(1), store.Of("x"), store.NullValue(), store.Of(0.5), {}, {}}
	require.NoError(s.t, r.m.Store().Update(func(tx *store.Tx) error {
		for range 1 + rnd.IntN(4) {
			v := values[rnd.IntN(len(values))]
			if rnd.IntN(4) == 0 {
				_ = tx.SetValue(fmt.Sprint(rnd.IntN(3)), v)
			} else {
				_ = tx.SetCell(fmt.Sprint(rnd.IntN(2)), fmt.Sprint(rnd.IntN(4)), fmt.Sprint(rnd.IntN(3)), v)
			}
		}
		return nil
	}))
}

func (s *schedule) check(seed uint64) {
	first := s.replicas[0].m
	want := first.Store().Snapshot()
	h0, h1 := first.Hashes()
	for i, r := range s.replicas {
		t, v := r.m.Hashes()
		if d := store.Diff(want, r.m.Store().Snapshot()); !d.IsEmpty() || !slices.Equal([]uint32{h0, h1}, []uint32{t, v}) {
			s.t.Fatalf("seed %d: replica %d is different:\n%v%v\n%v\n%s\n%s", seed, i, d, r.m, first, s.sim, s.sim.Trace())
		}
	}
}
