package amrepo

// maxHeard is how many authors of ephemeral messages are remembered, and maxEphemeral how many bytes one message may have.
const (
	maxHeard     = 1 << 12
	maxEphemeral = 1 << 20
)

// ephemeral takes somebody's ephemeral message, unless it has been here before, and passes it on to everybody else. Clients
// send back what they receive, so without the counts a message would go round for ever.
func (s *Session) ephemeral(m *message) error {
	r := s.repo
	if m.SenderID == r.opts.ID || len(m.Data) > maxEphemeral || !r.opts.Access(s.peer, m.DocumentID) {
		return nil
	}
	r.mu.Lock()
	fresh := r.heard.newer(source{m.SenderID, m.SessionID}, m.Count)
	var sessions []*Session
	if fresh {
		sessions = r.watchers(m.DocumentID, s)
	}
	r.mu.Unlock()
	if !fresh {
		return nil
	}
	for _, to := range sessions {
		if to.peer.ID != m.SenderID {
			to.relay(*m)
		}
	}
	if r.opts.OnEphemeral != nil {
		r.opts.OnEphemeral(Ephemeral{Document: m.DocumentID, Author: m.SenderID, Data: m.Data, Session: m.SessionID, Count: m.Count})
	}
	return nil
}

type source struct {
	peer    PeerID
	session string
}

// counts remembers the greatest count of each source, for a bounded number of sources: in two generations, of which the
// older one is forgotten when the younger one is full.
type counts struct {
	limit      int
	young, old map[source]uint64
}

func newCounts(limit int) *counts { return &counts{limit: limit, young: map[source]uint64{}} }

// newer notes the count and reports whether it is greater than all before.
func (c *counts) newer(s source, n uint64) bool {
	last, ok := c.young[s]
	if !ok {
		last, ok = c.old[s]
	}
	if ok && n <= last {
		return false
	}
	if len(c.young) >= c.limit/2 {
		if _, there := c.young[s]; !there {
			c.old, c.young = c.young, map[source]uint64{}
		}
	}
	c.young[s] = n
	return true
}
