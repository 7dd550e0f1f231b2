package tinybase

import (
	"maps"
	"slices"
	"time"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store/mergeable"
)

// question is a request that has not been answered.
type question struct {
	to      string // who must answer; "" is anybody
	kind    Kind
	pull    *pull // nil of the first question of a client
	expires time.Time
	answer  func(from string, body []byte) error
}

// pull is one exchange in which this end learns what it lacks: tables, then the rows of those that differ, then the cells
// of those; and values. What comes is merged at once, so that a connection lost half-way leaves something.
type pull struct {
	from   string
	txn    string // the first part of the ids of all its questions
	theirs summary
	runs   bool
	asked  time.Time // the last question
	open   int       // questions without an answer
	tries  int       // how often it was given up before
}

// maxTries is how often a pull is begun when the peer does not answer.
const maxTries = 3

// One peer is asked after the other, so that nothing comes twice. But one that does not answer, because it has gone for example, must not keep those who
// would: when it has been silent for so long, the next one is asked too.
const silence = time.Second

// maxPulls bounds the exchanges that run and wait, maxRunning those that run.
const maxPulls, maxRunning = 100, 16

// ask sends a question and returns its id. The second part of an id is never the same again: drawn at random, as in TinyBase, two questions of
// one exchange would have the same one in 16 million.
func (e *engine) ask(to, txn string, k Kind, body func([]byte) []byte, answer func(from string, body []byte) error) (id string) {
	e.asks++
	id = txn + "." + idChars(e.asks, 4)
	e.pending[id] = &question{to: to, kind: k, expires: e.Now().Add(e.Timeout), answer: answer}
	e.send(to, Message{ID: id, Kind: k}, body)
	return id
}

// answered passes a response on to whom has asked. Nobody, when it is late, or comes from somebody else.
func (e *engine) answered(from string, m Message) error {
	q := e.pending[m.ID]
	if q == nil || m.NoID || !e.server && q.to != "" && q.to != from {
		return nil
	}
	if m.ID != e.hello { // to which more than one may answer
		delete(e.pending, m.ID)
	}
	return q.answer(from, m.Body)
}

// expire gives up questions that nobody answered.
func (e *engine) expire(now time.Time) {
	for id, q := range e.pending {
		if now.Before(q.expires) {
			continue
		}
		delete(e.pending, id)
		if q.kind == GetContentHashes { // which is answered by who is there, and wants to
			e.hello = ""
			continue
		}
		if e.OnError != nil {
			e.OnError(&TimeoutError{q.to, q.kind, id})
		}
		if p := q.pull; p != nil {
			e.drop(p)
			same := func(q *pull) bool { return !q.runs && q.from == p.from }
			if p.tries+1 < maxTries && !slices.ContainsFunc(e.pulls, same) {
				e.pulls = append(e.pulls, &pull{from: p.from, txn: e.id(11), theirs: p.theirs, tries: p.tries + 1})
			} else if e.greeting {
				e.greeting = false
				e.announce("")
			}
		}
	}
	e.nextPull()
	if !e.helloAt.IsZero() && !now.Before(e.helloAt) {
		e.helloAt = time.Time{}
		e.greeting = false
		e.announce("")
	}
}

// greet asks all what they have. Who answers is pulled from; then all are told what this end has.
func (e *engine) greet() {
	e.greeting, e.helloAt = true, e.Now().Add(greetAfter)
	e.hello = e.askHashes()
}

// await begins to wait for a client to say what it has.
func (e *engine) await() {
	if e.Greeting > 0 {
		e.stranger = e.Now().Add(e.Greeting)
	}
}

// compare asks a client what it has, and pulls that. A client whose WebSocket has come back by itself goes on as if nothing
// had happened: what was on the way when the connection was lost, in either direction, only this brings. Who may only read
// is told what is here instead. A client that has not started to synchronize does not answer, which is no mistake.
func (e *engine) compare() {
	e.stranger = time.Time{}
	if e.ReadOnly {
		e.announce("")
		return
	}
	e.askHashes()
}

// askHashes asks all what they have, and pulls from who answers. It returns the id of the question.
func (e *engine) askHashes() (id string) {
	txn := e.id(11)
	return e.ask("", txn, GetContentHashes, func(dst []byte) []byte { return append(dst, `""`...) }, func(from string, body []byte) error {
		e.helloAt = time.Time{}
		r := jsjson.NewReader(body, nil)
		if r.BeginArray(); !r.NextElement() || r.Peek() != jsjson.Number {
			return invalid("not the answer to the question for hashes")
		}
		e.pull(from, txn, summary{hashes: readContentHashes(body)})
		return nil
	})
}

// greetAfter is how long a client waits for somebody in an empty room before it tells what it has.
const greetAfter = time.Second

// drop forgets a pull and its questions.
func (e *engine) drop(p *pull) {
	for id, q := range e.pending {
		if q.pull == p {
			delete(e.pending, id)
		}
	}
	e.pulls = slices.DeleteFunc(e.pulls, func(q *pull) bool { return q == p })
}

// pull learns from a peer what this end lacks, after those that run already. theirs is what the peer has.
func (e *engine) pull(from, txn string, theirs summary) {
	if txn == "" {
		txn = e.id(11)
	}
	for _, p := range e.pulls {
		if !p.runs && p.from == from {
			p.theirs = theirs
			return
		}
	}
	if len(e.pulls) >= maxPulls {
		return
	}
	e.pulls = append(e.pulls, &pull{from: from, txn: txn, theirs: theirs})
	e.nextPull()
}

// nextPull begins the next exchange, if those that run are silent.
func (e *engine) nextPull() {
	if p := e.waiting(); p != nil && !e.Now().Before(e.silentAt()) {
		e.startPull(p)
	}
}

// waiting returns the pull that is to begin next, or nil.
func (e *engine) waiting() *pull {
	running := 0
	for _, p := range e.pulls {
		if p.runs {
			running++
		}
	}
	for _, p := range e.pulls {
		if !p.runs && running < maxRunning && !slices.ContainsFunc(e.pulls, func(q *pull) bool { return q.runs && q.from == p.from }) {
			return p
		}
	}
	return nil
}

// silentAt returns from when on all peers that were asked have been silent.
func (e *engine) silentAt() (at time.Time) {
	for _, p := range e.pulls {
		if t := p.asked.Add(silence); p.runs && t.After(at) {
			at = t
		}
	}
	return at
}

func (e *engine) startPull(p *pull) {
	p.runs = true
	mine := e.summary()
	// When the hashes are equal, but the contents are not, hashes are no help: all is asked for.
	all := p.theirs.hashes == mine.hashes && !p.theirs.same(mine)
	tables, values := e.m.TableHashes, e.m.ValueHashes
	if all {
		tables, values = func() mergeable.TableHashes { return nil }, func() mergeable.ValueHashes { return nil }
	}
	within := func(appendJSON func([]byte) []byte) func([]byte) []byte {
		if question := appendJSON(nil); len(question) <= e.MaxAnswer {
			return func(dst []byte) []byte { return append(dst, question...) }
		}
		return mergeable.TableHashes{}.AppendJSON // no frame would hold the question, so all is asked for
	}
	if all || p.theirs.hashes[0] != mine.hashes[0] {
		e.next1(p, GetTableDiff, within(tables().AppendJSON), func(body []byte) error {
			differ, err := e.takePair(body, func(r *jsjson.Reader) any { return mergeable.TableHashes(mergeable.ReadHashes(r)) })
			if tables, ok := differ.(mergeable.TableHashes); ok && err == nil && len(tables) > 0 {
				e.pullRows(p, e.rowPortions(e.m.RowHashes(tables)))
			}
			return err
		})
	}
	if all || p.theirs.hashes[1] != mine.hashes[1] {
		e.next1(p, GetValueDiff, within(values().AppendJSON), func(body []byte) error {
			c, err := mergeable.ReadValues(jsjson.NewReader(body, nil))
			return e.take(c, err)
		})
	}
	if p.open == 0 {
		e.endPull(p)
	}
}

// pullRows asks about rows, one question after the other.
func (e *engine) pullRows(p *pull, portions []mergeable.RowHashes) {
	if len(portions) == 0 {
		return
	}
	e.next1(p, GetRowDiff, portions[0].AppendJSON, func(body []byte) error {
		differ, err := e.takePair(body, func(r *jsjson.Reader) any { return mergeable.ReadRowHashes(r) })
		if err != nil {
			return err
		}
		if rows, ok := differ.(mergeable.RowHashes); ok {
			e.pullCells(p, rowsOf(rows))
		}
		e.pullRows(p, portions[1:])
		return nil
	})
}

// rowPortions cuts a question for rows so that frames hold it. Of a table that is too large by itself all rows are asked for.
func (e *engine) rowPortions(mine mergeable.RowHashes) (portions []mergeable.RowHashes) {
	size := 0
	for _, id := range slices.Sorted(maps.Keys(mine)) {
		rows, n := mine[id], sizeOfID(id)
		for row := range rows {
			n += sizeOfID(row)
		}
		if n > e.MaxAnswer {
			rows, n = nil, sizeOfID(id)
		}
		if size += n; len(portions) == 0 || size > e.MaxAnswer {
			portions, size = append(portions, mergeable.RowHashes{}), n
		}
		portions[len(portions)-1][id] = rows
	}
	return portions
}

// sizeOfID is how much an id adds to a question, with a hash.
func sizeOfID(id string) int {
	n := len(id) + 15
	for i := range len(id) {
		switch c := id[i]; {
		case c < ' ':
			n += 5
		case c == '"' || c == '\\':
			n++
		}
	}
	return n
}

// rowHash is one row that differs.
type rowHash struct {
	table, row string
	hash       uint32
}

func rowsOf(h mergeable.RowHashes) (rows []rowHash) {
	for _, table := range slices.Sorted(maps.Keys(h)) {
		for _, row := range slices.Sorted(maps.Keys(h[table])) {
			rows = append(rows, rowHash{table, row, h[table][row]})
		}
	}
	return rows
}

// maxRows is of how many rows the cells are asked for at once.
const maxRows = 50_000

// pullCells asks for cells of rows, one question after the other.
func (e *engine) pullCells(p *pull, rows []rowHash) {
	if len(rows) == 0 {
		return
	}
	n := min(len(rows), maxRows)
	question := e.askCells(rows[:n])
	for ; len(question) > e.MaxAnswer && n > 1; question = e.askCells(rows[:n]) {
		n = (n + 1) / 2
	}
	if string(question) == "{}" { // they do not differ any more
		e.pullCells(p, rows[n:])
		return
	}
	if len(question) > e.MaxAnswer { // one row, so all its cells
		row := mergeable.CellHashes{rows[0].table: {rows[0].row: nil}}
		question = row.AppendJSON(nil)
	}
	e.next1(p, GetCellDiff, func(dst []byte) []byte { return append(dst, question...) }, func(body []byte) error {
		c, err := mergeable.ReadTables(jsjson.NewReader(body, nil))
		if err = e.take(c, err); err == nil {
			e.pullCells(p, rows[n:])
		}
		return err
	})
}

func (e *engine) askCells(rows []rowHash) []byte {
	of := mergeable.RowHashes{}
	for _, r := range rows {
		if of[r.table] == nil {
			of[r.table] = map[string]uint32{}
		}
		of[r.table][r.row] = r.hash
	}
	return e.m.CellHashes(of).AppendJSON(nil)
}

// next1 asks one question of a pull, and ends the pull when it was the last one.
func (e *engine) next1(p *pull, k Kind, body func([]byte) []byte, answer func(body []byte) error) {
	p.open++
	p.asked = e.Now()
	id := e.ask(p.from, p.txn, k, body, func(_ string, body []byte) error {
		err := answer(body)
		if p.open--; p.open == 0 {
			e.endPull(p)
		}
		return err
	})
	e.pending[id].pull = p
}

// takePair merges the first part of an answer and reads the second.
func (e *engine) takePair(body []byte, read func(*jsjson.Reader) any) (any, error) {
	r := jsjson.NewReader(body, nil)
	r.BeginArray()
	r.NextElement()
	c, err := mergeable.ReadTables(r)
	if err != nil {
		return nil, invalid("not the answer to the question: %v", err)
	}
	r.NextElement()
	hashes := read(r)
	r.NextElement()
	if err := r.End(); err != nil {
		return nil, invalid("not the answer to the question: %v", err)
	}
	return hashes, e.take(c, nil)
}

// endPull ends a pull that runs. When the peer still has other hashes, it is told ours, so that it can pull in turn;
// but not twice the same, since two that cannot agree would never end.
func (e *engine) endPull(p *pull) {
	if !slices.Contains(e.pulls, p) {
		return
	}
	e.drop(p)
	if e.greeting {
		e.greeting = false
		e.announce("")
		e.nextPull()
		return
	}
	mine := e.summary()
	if t := (tellings{p.theirs, mine}); !mine.same(p.theirs) && e.told[p.from] != t {
		if len(e.told) > 1000 {
			clear(e.told)
		}
		e.told[p.from] = t
		e.announce(p.from)
	}
	e.nextPull()
}

// apply merges the body of a ContentDiff.
func (e *engine) apply(body []byte) error {
	if e.ReadOnly && e.server {
		if e.OnError != nil {
			e.OnError(ErrReadOnly)
		}
		return nil
	}
	r := jsjson.NewReader(body, nil)
	c, err := mergeable.ReadChanges(r, mergeable.ChangesShape, mergeable.Encoded)
	return e.take(c, err)
}

// take merges what a peer has sent.
func (e *engine) take(c *mergeable.Changes, err error) error {
	if err != nil {
		return invalid("%v", err)
	}
	if c.IsEmpty() {
		return nil
	}
	report, err := e.m.Apply(e, c)
	if e.OnReport != nil && (report.RefusedCount > 0 || len(report.Clashes) > 0 || report.NewClient != nil) {
		e.OnReport(report)
	}
	if err != nil && e.OnError != nil {
		e.OnError(err) // this end's own trouble; the peer did nothing wrong
	}
	return nil
}
