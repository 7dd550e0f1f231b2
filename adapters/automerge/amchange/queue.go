package amchange

// QueueLimits bounds a Queue. A nil *QueueLimits and zeros mean the defaults.
type QueueLimits struct {
	Changes int // the default is 10,000
	Bytes   int // the default is 16 MiB
}

// Queue holds changes whose dependencies have not arrived yet, and gives them back when they have. It is bounded, because
// a peer can send any number of changes that nobody will ever complete. A change that does not fit is not lost: the sync
// protocol asks for it again.
//
// A Queue is not safe for concurrent use.
type Queue struct {
	lim     QueueLimits
	waiting map[Hash]*Change
	on      map[Hash][]Hash // missing dependency to those who wait for it
	bytes   int
	ready   []Hash
}

// NewQueue returns an empty queue.
func NewQueue(lim *QueueLimits) *Queue {
	q := &Queue{waiting: map[Hash]*Change{}, on: map[Hash][]Hash{}}
	if lim != nil {
		q.lim = *lim
	}
	if q.lim.Changes <= 0 {
		q.lim.Changes = 10_000
	}
	if q.lim.Bytes <= 0 {
		q.lim.Bytes = 16 << 20
	}
	return q
}

// Push adds a change that waits for something that ix lacks. It returns false when the queue is full.
func (q *Queue) Push(ix *Index, c *Change) bool {
	if q.waiting[c.Hash] != nil {
		return true
	}
	if len(q.waiting) >= q.lim.Changes || q.bytes+c.Size() > q.lim.Bytes {
		return false
	}
	q.waiting[c.Hash] = c
	q.bytes += c.Size()
	q.await(ix, c)
	return true
}

// await notes one dependency that the change waits for; when that has come, there may be another.
func (q *Queue) await(ix *Index, c *Change) {
	for _, d := range c.Deps {
		if !ix.Has(d) {
			q.on[d] = append(q.on[d], c.Hash)
			return
		}
	}
	q.ready = append(q.ready, c.Hash)
}

// Added tells the queue that ix has a new change. It must be told of each one. It looks only at those who wait for it.
func (q *Queue) Added(ix *Index, h Hash) {
	list := q.on[h]
	delete(q.on, h)
	for _, w := range list {
		if c := q.waiting[w]; c != nil {
			q.await(ix, c)
		}
	}
}

// Pop takes out a change whose dependencies have all come. It returns nil when there is none.
func (q *Queue) Pop() *Change {
	if len(q.ready) == 0 {
		return nil
	}
	h := q.ready[0]
	q.ready = q.ready[1:]
	c := q.waiting[h]
	delete(q.waiting, h)
	q.bytes -= c.Size()
	return c
}

// Ready reports whether Pop has something to give.
func (q *Queue) Ready() bool { return len(q.ready) > 0 }

// Len returns how many changes wait.
func (q *Queue) Len() int { return len(q.waiting) }

// Bytes returns the size of the changes that wait.
func (q *Queue) Bytes() int { return q.bytes }

// Has reports whether the change waits.
func (q *Queue) Has(h Hash) bool { return q.waiting[h] != nil }
