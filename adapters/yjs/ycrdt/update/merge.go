package update

// Merge makes one update of several, which need not follow each other and may overlap. Where clocks of a client are
// missing between two structs the result has a hole (RefSkip). One update is returned as it is, after it has been checked;
// of none the result is the empty update. The delete sets are united.
//
// It is a merge of sorted lists: each update is a list of structs by descending client and ascending clock. The one whose
// next struct comes first is read as long as its structs follow each other; what has been written already is passed over,
// and cut if it has been written in part.
//
//	A  |aaaa|bb|            what A has, up to 6
//	B     |ccc|dd|          ccc ends at 7: its first unit is dropped
//	   |aaaa|bb|cc?|dd|
//
// What several updates have is the same in all of them, except that one may have cut or joined it in other places, or may
// have collected it as garbage already. Which form comes into the result is an accident of the order in which Yjs sorts
// (see placeQueue), which is kept here.
func Merge(v Version, updates [][]byte, limits *Limits) ([]byte, error) {
	if len(updates) == 1 {
		if _, err := NewReader(v, updates[0], limits).DeleteSet(); err != nil {
			return nil, &InputError{0, err}
		}
		return updates[0], nil
	}
	m := merger{version: v, limits: limits, updates: updates, open: make([]*cursor, len(updates)), out: NewWriter(v)}
	for i := range updates {
		if err := m.enter(i); err != nil {
			return nil, err
		}
	}
	m.queue.start()
	if err := m.run(); err != nil {
		return nil, err
	}
	return m.out.Finish(m.deletes.Normalize())
}

// A cursor is a Reader without holes.
type cursor struct{ Reader }

// advance reads the next struct that is no hole.
func (c *cursor) advance() bool {
	for c.Next() {
		if c.cur.Ref != RefSkip {
			return true
		}
	}
	return false
}

type merger struct {
	version Version
	limits  *Limits
	updates [][]byte
	open    []*cursor // by update; nil before its first and after its last struct
	spare   []*cursor
	queue   placeQueue
	out     *Writer
	held    Struct // read but not yet written: what follows may belong to it
	holding bool
	deletes DeleteSet
}

// enter puts update i into the queue. Of many updates only the place of the first struct is remembered: each is opened again
// when its turn has come, so that there are never many cursors at a time.
func (m *merger) enter(i int) error {
	c := m.openCursor(i)
	if !c.advance() {
		return m.closeCursor(i)
	}
	m.queue.add(&c.cur, i)
	if len(m.updates) >= fewPlaces {
		m.open[i] = nil
		m.spare = append(m.spare, c)
	}
	return nil
}

func (m *merger) openCursor(i int) *cursor {
	if len(m.spare) == 0 {
		batch := make([]cursor, min(len(m.updates), 64))
		for k := range batch {
			m.spare = append(m.spare, &batch[k])
		}
	}
	n := len(m.spare) - 1
	c := m.spare[n]
	m.spare = m.spare[:n]
	c.init(m.version, m.updates[i], m.limits)
	m.open[i] = c
	return c
}

// closeCursor reads the delete set of an update, whose structs have all been read.
func (m *merger) closeCursor(i int) (err error) {
	c := m.open[i]
	if m.deletes, err = c.appendDeleteSet(m.deletes); err != nil {
		return &InputError{i, err}
	}
	m.open[i] = nil
	m.spare = append(m.spare, c)
	return nil
}

func (m *merger) run() error {
	for {
		p, ok := m.queue.head()
		if !ok {
			break
		}
		i := int(p.cursor)
		c := m.open[i]
		if c == nil {
			c = m.openCursor(i)
			c.advance()
		}
		alive, err := m.step(c)
		if err != nil {
			return err
		}
		m.queue.moveHead(alive, &c.cur)
		if !alive {
			if err := m.closeCursor(i); err != nil { // also an error in a struct
				return err
			}
		}
	}
	if m.holding {
		return m.out.Write(&m.held)
	}
	return nil
}

// step takes structs from the cursor that comes first until another one may come first. It reports whether the cursor has
// a struct left.
func (m *merger) step(c *cursor) (alive bool, err error) {
	s, held := &c.cur, &m.held
	client := s.ID.Client
	alive = true
	if !m.holding {
		m.holding = true
		*held = *s
		alive = c.advance()
		return m.follow(c, client, alive)
	}
	passed := false
	for alive && s.End() <= held.End() && s.ID.Client >= held.ID.Client {
		alive = c.advance()
		passed = true
	}
	if !alive || s.ID.Client != client || passed && s.ID.Clock > held.End() {
		return alive, nil
	}
	switch {
	case client != held.ID.Client:
		if alive, err = m.swap(c); err != nil {
			return alive, err
		}
	case held.End() < s.ID.Clock:
		hole := Struct{ID: ID{client, held.End()}, Len: s.ID.Clock - held.End(), Ref: RefSkip}
		if err = m.out.Write(held); err != nil {
			return alive, err
		}
		*held = hole
	case held.Ref == RefGC && s.Ref == RefGC:
		held.Len = s.End() - held.ID.Clock
	default:
		if known := held.End() - s.ID.Clock; known > 0 {
			if err = s.cutFront(known, splicing); err != nil {
				return alive, err
			}
		}
		if alive, err = m.swap(c); err != nil {
			return alive, err
		}
	}
	return m.follow(c, client, alive)
}

// swap writes the held struct, holds the cursor's and moves the cursor on.
func (m *merger) swap(c *cursor) (alive bool, err error) {
	if err := m.out.Write(&m.held); err != nil {
		return true, err
	}
	m.held = c.cur
	return c.advance(), nil
}

// follow goes on with the cursor while its structs follow the held one without a gap.
func (m *merger) follow(c *cursor, client uint64, alive bool) (bool, error) {
	for alive && c.cur.ID.Client == client && c.cur.ID.Clock == m.held.End() {
		var err error
		if alive, err = m.swap(c); err != nil {
			return alive, err
		}
	}
	return alive, nil
}
