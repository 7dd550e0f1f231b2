package families_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/serve"
)

var (
	firstSchedule = flag.Uint64("seed", 1, "the seed of the first random schedule")
	schedules     = flag.Int("schedules", 4, "how many random schedules")
)

// soakSchedules is what ROWLOOM_SOAK=1 runs, unless -schedules says otherwise.
const soakSchedules = 100

// All families edit one table at random, in turn and at the same time, while connections are cut and the server is killed. At
// rest all see the same, and what each has written last into a row and a value of its own is there.
func TestFamilies_ConvergeUnderRandomSchedules(t *testing.T) {
	count := *schedules
	if os.Getenv("ROWLOOM_SOAK") == "1" && count == 4 {
		count = soakSchedules
	}
	for seed := *firstSchedule; seed < *firstSchedule+uint64(count); seed++ {
		ok := t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			s := &schedule{t: t, server: start(t), rng: rand.New(rand.NewPCG(seed, 1)), away: map[client]bool{}, last: map[string]int{}}
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the schedule was:\n%s", strings.Join(s.log, "\n"))
				}
			})
			s.run()
		})
		if !ok {
			t.Fatalf("again with: go test ./interop/families -run Random -args -seed=%d -schedules=1", seed)
		}
	}
}

type schedule struct {
	t       *testing.T
	server  *serve.Server
	rng     *rand.Rand
	clients []client
	away    map[client]bool
	last    map[string]int // by client: what it has written last to the places of its own
	log     []string
}

func (s *schedule) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *schedule) run() {
	s.clients = everybody(s.t, s.server, "r")
	for _, c := range s.clients {
		require.NoError(s.t, c.set("pets", c.name(), "n", 0), c.name()) // a row of its own
	}
	settle(s.t, s.server, "r", s.clients)
	for range 15 + s.rng.IntN(20) {
		s.step()
	}
	for _, c := range s.clients {
		require.NoError(s.t, c.join(), c.name())
	}
	got := settle(s.t, s.server, "r", s.clients)
	for who, n := range s.last {
		require.EqualValues(s.t, n, got.Tables["pets"][who]["n"], "the cell of %s", who)
		require.EqualValues(s.t, n, got.Values["of "+who], "the value of %s", who)
	}
}

func (s *schedule) step() {
	c := s.clients[s.rng.IntN(len(s.clients))]
	switch n := s.rng.IntN(20); {
	case n == 0:
		s.note("kill")
		s.server.Kill()
		for range s.rng.IntN(3) {
			c := s.clients[s.rng.IntN(len(s.clients))]
			require.NoError(s.t, s.draw(c)())
		}
		s.server.Restart()
		for _, c := range s.clients {
			if !s.away[c] {
				require.NoError(s.t, c.join(), c.name())
			}
		}
	case n < 4 && !s.away[c]:
		s.note("cut %s", c.name())
		s.away[c] = true
		require.NoError(s.t, c.leave(), c.name())
	case n < 8 && s.away[c]:
		s.note("back %s", c.name())
		delete(s.away, c)
		require.NoError(s.t, c.join(), c.name())
	case n < 12:
		var group sync.WaitGroup
		for _, c := range s.clients {
			if s.rng.IntN(2) == 0 {
				write := s.draw(c)
				group.Go(func() {
					if err := write(); err != nil {
						s.t.Errorf("%s: %v", c.name(), err)
					}
				})
			}
		}
		group.Wait()
	case n < 14:
		cell, value := fmt.Sprint("c", s.rng.IntN(3)), s.rng.IntN(100)
		s.note("server: shared/%s = %d", cell, value)
		s.server.PutCell("r", "pets", "shared", cell, value)
	default:
		require.NoError(s.t, s.draw(c)(), c.name())
	}
	if s.t.Failed() {
		s.t.FailNow()
	}
}

// draw makes up what a client does next: a cell where all write, and the next number in places of its own.
func (s *schedule) draw(c client) func() error {
	cell, value := fmt.Sprint("c", s.rng.IntN(3)), s.rng.IntN(100)
	s.last[c.name()]++
	n := s.last[c.name()]
	s.note("%s: shared/%s = %d, own = %d", c.name(), cell, value, n)
	return func() error {
		if err := c.set("pets", "shared", cell, value); err != nil {
			return err
		}
		if err := c.set("pets", c.name(), "n", n); err != nil {
			return err
		}
		return c.setValue("of "+c.name(), n)
	}
}
