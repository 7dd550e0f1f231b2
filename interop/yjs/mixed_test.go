package yjs_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/interop/node"
	"github.com/rowloom/rowloom/interop/serve"
)

var (
	firstSchedule = flag.Uint64("seed", 1, "the seed of the first random schedule")
	schedules     = flag.Int("schedules", 20, "how many random schedules")
)

// soakSchedules is what ROWLOOM_SOAK=1 runs, unless -schedules says otherwise.
const soakSchedules = 500

// Two bare Yjs clients, two JavaScript TinyBase Stores, a Go client's Store and the server's edit one room at random, in turn
// and at the same time; clients are cut off and come back, and the server is killed. At rest all documents are equal, both
// Stores in Go are what they hold, and what each has written last where nobody else writes is there. So has it one who comes
// only then.
//
// The Stores in JavaScript may differ from their own documents (createYjsPersister has flaws, of which the tests of
// adapters/yjs tell): nothing is said about them here.
func TestServe_MixedRoomsConvergeUnderRandomSchedules(t *testing.T) {
	node.Require(t)
	count := *schedules
	if os.Getenv("ROWLOOM_SOAK") == "1" && count == 20 {
		count = soakSchedules
	}
	server := serve.Start(t, nil)
	crowds := []*crowd{gather(t, server), gather(t, server)}
	done := map[string]int{}
	for seed := *firstSchedule; seed < *firstSchedule+uint64(count); seed++ {
		m := &mixed{
			t: t, server: server, room: fmt.Sprint("mixed ", seed), rng: rand.New(rand.NewPCG(seed, 0)),
			crowds: crowds, last: map[string]int{}, away: map[string]bool{}, done: done,
		}
		if !t.Run(fmt.Sprint("seed=", seed), m.run) {
			t.Fatalf("again with: go test ./interop/yjs -run MixedRooms -args -seed=%d -schedules=1", seed)
		}
	}
	t.Logf("seeds %d to %d: %v", *firstSchedule, *firstSchedule+uint64(count)-1, done)
}

// mixed is one schedule.
type mixed struct {
	t      *testing.T
	server *serve.Server
	room   string
	rng    *rand.Rand
	crowds []*crowd
	local  *goPeer
	mu     sync.Mutex
	last   map[string]int // by writer: what it has written to the places of its own
	away   map[string]bool
	log    []string
	done   map[string]int // by kind of step
}

const (
	theServer = "server" // the writer that uses the HTTP addresses
	theClient = "client" // the one with a Store in this process
)

// of returns the crowd of a peer in JavaScript, whose name begins with its number.
func (m *mixed) of(peer string) *crowd { return m.crowds[peer[0]-'0'] }

// peers are all but the server.
func (m *mixed) peers() []string {
	names := []string{theClient}
	for _, c := range m.crowds {
		names = append(names, c.names...)
	}
	return names
}

func (m *mixed) cut(peer string) {
	m.away[peer] = true
	if peer == theClient {
		m.local.disconnect()
	} else {
		m.of(peer).disconnect(peer)
	}
}

func (m *mixed) back(peer string) {
	delete(m.away, peer)
	if peer == theClient {
		m.local.connect()
	} else {
		m.of(peer).connect(peer)
	}
}

func (m *mixed) await(peer string) {
	if peer == theClient {
		m.local.awaitStep()
	} else {
		m.of(peer).awaitStep(peer)
	}
}

func (m *mixed) run(t *testing.T) {
	m.t = t
	for i, c := range m.crowds {
		was := c.t
		c.t, c.names = t, nil
		defer func() {
			for _, name := range c.names {
				c.Call("close", named(name), nil)
			}
			c.t, c.names = was, nil
		}()
		if i == 0 {
			own := map[string]any{}
			for _, who := range []string{"0 bare", "0 bound", "1 bare", "1 bound", theServer, theClient} {
				own[who] = map[string]any{"n": 0}
			}
			m.server.Patch(m.room, map[string]any{"tables": map[string]any{"own": own}, "values": map[string]any{"v": 0}})
		}
		c.join(fmt.Sprint(i, " bare"), bare, escape(m.room))
		c.join(fmt.Sprint(i, " bound"), tinybase, escape(m.room))
	}
	m.local = joinGo(t, m.server, escape(m.room))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the schedule was:\n%s", strings.Join(m.log, "\n"))
		}
	})
	for range 12 + m.rng.IntN(20) {
		m.step()
	}
	for _, peer := range m.peers() {
		if m.away[peer] {
			m.back(peer)
		}
		m.await(peer)
	}
	sites := []site{m.crowds[0], m.crowds[1], m.local}
	settle(t, m.server, m.room, sites...)
	m.crowds[0].join("0 late", bare, escape(m.room))
	got := settle(t, m.server, m.room, sites...)
	for who, n := range m.last {
		require.Equal(t, float64(n), got.Values["own "+who], "the value of %s", who)
		require.Equal(t, float64(n), got.Tables["own"][who]["n"], "the cell of %s", who)
	}
}

func escape(room string) string { return strings.ReplaceAll(room, " ", "%20") }

func (m *mixed) note(kind, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done[kind]++
	m.log = append(m.log, kind+" "+fmt.Sprintf(format, args...))
}

// step does one thing at random.
func (m *mixed) step() {
	peers := m.peers()
	peer := peers[m.rng.IntN(len(peers))]
	switch n := m.rng.IntN(40); {
	case n < 1:
		m.note("kill", "")
		m.server.Kill()
		for range m.rng.IntN(3) {
			m.edit(peers[m.rng.IntN(len(peers))])
		}
		m.server.Restart()
	case n < 6 && !m.away[peer]:
		m.note("cut", "%s", peer)
		m.cut(peer)
	case n < 11 && m.away[peer]:
		m.note("back", "%s", peer)
		m.back(peer)
	case n < 14:
		m.note("wait", "")
		for _, p := range peers {
			if !m.away[p] {
				m.await(p)
			}
		}
	case n < 22: // several at the same time
		writers := append(peers, theServer)
		m.rng.Shuffle(len(writers), func(i, j int) { writers[i], writers[j] = writers[j], writers[i] })
		writers = writers[:2+m.rng.IntN(3)]
		var group sync.WaitGroup
		for _, who := range writers {
			edits := m.draw(who)
			group.Go(func() {
				if err := m.write(who, edits); err != nil {
					m.t.Errorf("%s: %v", who, err)
				}
			})
		}
		group.Wait()
	case n < 26:
		m.edit(theServer)
	default:
		m.edit(peer)
	}
	if m.t.Failed() {
		m.t.FailNow()
	}
}

func (m *mixed) edit(who string) { require.NoError(m.t, m.write(who, m.draw(who))) }

// draw makes up a transaction: changes where everybody writes, and the next number where nobody else does.
func (m *mixed) draw(who string) (edits []edit) {
	table, row := fmt.Sprint("t", m.rng.IntN(2)), fmt.Sprint("r", m.rng.IntN(3))
	cell, value := fmt.Sprint("c", m.rng.IntN(3)), any(m.rng.IntN(100))
	if m.rng.IntN(4) == 0 {
		value = []any{who, map[string]any{"b": m.rng.IntN(9), "a": nil}}
	}
	switch m.rng.IntN(10) {
	case 0:
		edits = append(edits, del(table, row, cell))
	case 1:
		edits = append(edits, delRow(table, row))
	case 2:
		edits = append(edits, setValue("v", value))
	case 3:
		edits = append(edits, delValue("v"))
	case 4:
		edits = append(edits, set(table, fmt.Sprint(who, m.rng.IntN(3)), cell, value)) // a new row that nobody else makes
	default:
		edits = append(edits, set(table, row, cell, value))
		if m.rng.IntN(2) == 0 {
			edits = append(edits, set(table, row, fmt.Sprint("c", m.rng.IntN(3)), who))
		}
	}
	m.last[who]++
	return append(edits, set("own", who, "n", m.last[who]), setValue("own "+who, m.last[who]))
}

func (m *mixed) write(who string, edits []edit) error {
	m.note("edit", "%s: %s", who, serve.Show(edits))
	switch who {
	case theServer:
		return m.server.TryPatch(m.room, patch(edits...))
	case theClient:
		return m.local.edit(edits...)
	}
	return m.of(who).tryEdit(who, edits...)
}
