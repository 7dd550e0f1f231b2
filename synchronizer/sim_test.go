package synchronizer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
	"github.com/stretchr/testify/require"
)

func TestPipe_PumpsToRest(t *testing.T) {
	a, b := newSet("a"), newSet("b")
	p := synchronizer.NewPipe(a.session(), b.session())
	defer p.Close()
	var seen []string
	p.Tap = func(from int, msg []byte) { seen = append(seen, fmt.Sprintf("%d %s", from, msg)) }
	require.NoError(t, p.Pump())
	a.add("c")
	require.NoError(t, p.Pump())
	require.Equal(t, a.all(), b.all())
	require.Equal(t, []string{"0 +a", "1 +b", "0 +c"}, seen)
}

func TestPipe_BreaksAtAnError(t *testing.T) {
	p := synchronizer.NewPipe(newSet().session(), shouting{})
	err := p.Pump()
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err))
	require.Equal(t, err, p.Pump())
}

type shouting struct{ failing }

func (shouting) Start() ([][]byte, error) { return [][]byte{[]byte("hey")}, nil }

func TestPipe_TicksWhenTheTimeHasCome(t *testing.T) {
	now := time.Unix(0, 0)
	a := newSet("a").session()
	a.every, a.now = time.Second, func() time.Time { return now }
	p := synchronizer.NewPipe(a, newSet().session())
	said := 0
	p.Tap = func(int, []byte) { said++ }
	require.NoError(t, p.Pump())
	require.NoError(t, p.Tick(now))
	require.Equal(t, 1, said)
	now = now.Add(time.Second)
	require.NoError(t, p.Tick(now))
	require.Equal(t, 2, said)
}

// star is three sets, the first connected to the others, under one seed.
func star(seed uint64, net synchronizer.Network, every time.Duration) (*synchronizer.Sim, []*set) {
	sim := synchronizer.NewSim(seed, &synchronizer.SimOptions{Network: net, Describe: func(m []byte) string { return string(m) }})
	sets := []*set{newSet(), newSet(), newSet()}
	for i := 1; i < len(sets); i++ {
		sim.Link(fmt.Sprintf("0-%d", i), func() (a, b synchronizer.Session, err error) {
			x, y := sets[0].session(), sets[i].session()
			x.now, y.now, x.every, y.every = sim.Now, sim.Now, every, every
			return x, y, nil
		}, nil)
	}
	return sim, sets
}

func roughRun(t *testing.T, seed uint64) string {
	net := synchronizer.Network{
		MinDelay: time.Millisecond, MaxDelay: 80 * time.Millisecond, Cut: 0.1, Repeat: 0.1,
		MinDown: time.Millisecond, MaxDown: time.Second, MaxPoll: 5 * time.Millisecond,
	}
	var settle, every time.Duration
	if seed%2 == 0 { // a protocol with retries also stands this
		net.Reorder, net.Drop = true, 0.2
		every, settle = 100*time.Millisecond, time.Second
	}
	sim, sets := star(seed, net, every)
	defer sim.Close()
	for i := range 60 {
		sets[sim.Rand().IntN(len(sets))].add(fmt.Sprint("i", i))
		require.NoError(t, sim.Run(time.Duration(sim.Rand().IntN(50))*time.Millisecond))
	}
	require.NoError(t, sim.Quiesce(settle), sim.Trace())
	for _, s := range sets {
		require.Len(t, s.all(), 60, "seed %d\n%s", seed, sim.Trace())
	}
	require.NotZero(t, sim.Stats().Cuts)
	return sim.Trace() + sim.String()
}

func TestSim_ConvergesOnARoughNetwork(t *testing.T) {
	for seed := range synchronizer.Seeds(t, 200) {
		roughRun(t, seed)
	}
}

func TestSim_RepeatsARunExactly(t *testing.T) {
	for seed := range synchronizer.Seeds(t, 10) {
		require.Equal(t, roughRun(t, seed), roughRun(t, seed))
	}
}

func TestSim_KeepsOrderUnlessToldOtherwise(t *testing.T) {
	for _, reorder := range []bool{false, true} {
		var got []string
		sim := synchronizer.NewSim(1, &synchronizer.SimOptions{Network: synchronizer.Network{MaxDelay: time.Second, Reorder: reorder}})
		sim.Link("l", func() (a, b synchronizer.Session, err error) { return counting{}, sink{got: &got}, nil }, nil)
		require.NoError(t, sim.Quiesce(0))
		require.Len(t, got, 100)
		require.Equal(t, reorder, !isSorted(got))
	}
}

func isSorted(s []string) bool {
	for i := 1; i < len(s); i++ {
		if s[i-1] > s[i] {
			return false
		}
	}
	return true
}

type counting struct{ failing }

func (counting) Start() (out [][]byte, err error) {
	for i := range 100 {
		out = append(out, fmt.Appendf(nil, "%03d", i))
	}
	return out, nil
}

type sink struct {
	failing
	got *[]string
}

func (sink) Start() ([][]byte, error) { return nil, nil }
func (s sink) Receive(m []byte) ([][]byte, error) {
	*s.got = append(*s.got, string(m))
	return nil, nil
}

func TestSim_FollowsAScript(t *testing.T) {
	sim, sets := star(1, synchronizer.Network{MinDelay: time.Second, MaxDelay: time.Second}, 0)
	defer sim.Close()
	require.NoError(t, sim.Run(0))
	link := sim.Link("1-2", func() (a, b synchronizer.Session, err error) {
		return sets[1].session(), sets[2].session(), nil
	}, &synchronizer.Network{})
	sim.After(time.Second, func() { link.Down(); sets[1].add("x") })
	sim.After(90*time.Second, link.Up)
	require.NoError(t, sim.Run(2*time.Second))
	require.False(t, link.Connected())
	require.Empty(t, sets[2].all())
	require.NoError(t, sim.Run(time.Second))
	require.Equal(t, []string{"x"}, sets[2].all(), "by way of 0")
	require.NoError(t, sim.Run(time.Minute+30*time.Second))
	require.True(t, link.Connected())
	sim.Note("done")
	require.Contains(t, sim.Trace(), "done")
}

func TestSim_FailsWhereASessionFails(t *testing.T) {
	dial := func() (a, b synchronizer.Session, err error) { return shouting{}, newSet().session(), nil }
	sim := synchronizer.NewSim(7, nil)
	sim.Link("l", dial, nil)
	err := sim.Quiesce(0)
	require.Equal(t, synchronizer.CodeMalformed, synchronizer.CodeOf(err))
	require.ErrorContains(t, err, "seed 7")
	require.ErrorContains(t, err, "link l, end 1")
	require.False(t, sim.Step())

	tolerated := 0
	sim = synchronizer.NewSim(7, &synchronizer.SimOptions{
		Network: synchronizer.Network{MinDown: time.Second, MaxDown: time.Second},
		OnError: func(*synchronizer.Link, int, error) bool { tolerated++; return true },
	})
	sim.Link("l", dial, nil)
	require.NoError(t, sim.Run(10*time.Second))
	require.Equal(t, 11, tolerated)
}

func TestSim_GivesUpOnATalkWithoutEnd(t *testing.T) {
	sim := synchronizer.NewSim(1, &synchronizer.SimOptions{MaxSteps: 500})
	sim.Link("l", func() (a, b synchronizer.Session, err error) { return pingpong{}, pingpong{}, nil }, nil)
	require.ErrorContains(t, sim.Quiesce(0), "not at rest after 500 steps")
}

type pingpong struct{ failing }

func (pingpong) Start() ([][]byte, error)           { return [][]byte{{1}}, nil }
func (pingpong) Receive(m []byte) ([][]byte, error) { return [][]byte{m}, nil }

func TestSeeds_NamesTheCommandThatRepeats(t *testing.T) {
	t.Setenv("ROWLOOM_SEED", "17")
	n := 0
	for seed := range synchronizer.Seeds(t, 100) {
		require.EqualValues(t, 17, seed)
		n++
	}
	require.Equal(t, 1, n)
	require.Equal(t, `ROWLOOM_SEED=3 go test -count=1 -run '^A$/^b$' github.com/rowloom/rowloom/synchronizer`, synchronizer.RepeatCommand("A/b", 3))
}
