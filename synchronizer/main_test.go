package synchronizer_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rowloom/rowloom/synchronizer"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// set is a replica of a set that only grows, and gossip the simplest protocol that keeps two of them equal: each end says what
// the other does not have.
type set struct {
	mu    sync.Mutex
	items []string
	subs  map[*gossip]bool
}

func newSet(items ...string) *set { return &set{items: items, subs: map[*gossip]bool{}} }

func (s *set) add(items ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, it := range items {
		if !slices.Contains(s.items, it) {
			s.items = append(s.items, it)
		}
	}
	for g := range s.subs {
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
}

func (s *set) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.items))
}

type gossip struct {
	set    *set
	wake   chan struct{}
	said   map[string]bool // said to or heard from the other end
	polls  int
	now    func() time.Time // with every: repeat everything that often
	every  time.Duration
	due    time.Time
	closed int
	big    int // pad each message to this size
}

func (s *set) session() *gossip {
	g := &gossip{set: s, wake: make(chan struct{}, 1), said: map[string]bool{}}
	s.mu.Lock()
	s.subs[g] = true
	s.mu.Unlock()
	return g
}

func (g *gossip) Start() ([][]byte, error) {
	if g.every > 0 {
		g.due = g.now().Add(g.every)
	}
	return g.news(), nil
}
func (g *gossip) Wake() <-chan struct{} { return g.wake }
func (g *gossip) Next() time.Time       { return g.due }
func (g *gossip) Close() {
	g.closed++
	g.set.mu.Lock()
	delete(g.set.subs, g)
	g.set.mu.Unlock()
}

func (g *gossip) Poll() ([][]byte, error) {
	g.polls++
	if g.every > 0 && !g.now().Before(g.due) {
		g.due = g.now().Add(g.every)
		clear(g.said)
	}
	return g.news(), nil
}

func (g *gossip) Receive(msg []byte) ([][]byte, error) {
	text := strings.TrimRight(string(msg), " ")
	switch {
	case text == "bye":
		return [][]byte{[]byte("farewell")}, synchronizer.Errorf(synchronizer.CodeNormal, "bye")
	case text == "farewell":
		return nil, nil
	case !strings.HasPrefix(text, "+"):
		return [][]byte{[]byte("farewell")}, synchronizer.Errorf(synchronizer.CodeMalformed, "want +, got %q", text)
	}
	items := strings.Split(text[1:], ",")
	for _, it := range items {
		g.said[it] = true
	}
	g.set.add(items...)
	return nil, nil
}

func (g *gossip) news() [][]byte {
	var news []string
	for _, it := range g.set.all() {
		if !g.said[it] {
			g.said[it] = true
			news = append(news, it)
		}
	}
	if len(news) == 0 {
		return nil
	}
	return [][]byte{fmt.Appendf(nil, "%-*s", g.big, "+"+strings.Join(news, ","))}
}
