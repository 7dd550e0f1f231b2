package hub

import (
	"net/http"
	"net/url"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store"
)

// contested is a [Document] that keeps the values that have lost to others set at the same time. Automerge's does, until somebody sets the
// place again. Yjs remembers who lost and drops what, unless a document collects no garbage; TinyBase keeps nothing.
type contested interface {
	Document
	// conflicts returns cells and values that have losers, at most limit of them, and whether there are more.
	conflicts(limit int) (all []conflict, more bool)
}

// conflict is one cell or value that several have set at the same time.
type conflict struct {
	at     store.Path
	winner claim
	losers []claim
}

// claim is what one of them has set. The value is absent if the Store cannot hold it.
type claim struct {
	value store.Value
	by    string // whom the family knows: an actor id
}

const (
	maxConflicts     = 1000
	maxConflictBytes = 1 << 20 // when an answer has become so long, it ends; and longer ones are not remembered
)

// conflicts answers with the places of a room where a value has lost, and is still kept:
//
//	{"conflicts":[{"family":"automerge","at":"tables/pets/fido/price","table":"pets","row":"fido","cell":"price",
//	  "winner":{"value":5,"by":"a1b2"},"losers":[{"value":7,"by":"09ff"}]}]}
//
// If there are more than it says, it ends with "more":true.
func (a *answer) conflicts(r *Room) error {
	return a.send(http.StatusOK, jsonType, r.conflicts())
}

// conflicts returns the answer. It looks at the documents once for each state that they are in, however many ask.
func (r *Room) conflicts() []byte {
	r.contest.Lock()
	defer r.contest.Unlock()
	r.pendingMu.Lock()
	saved := r.saved // what is changed while we look is counted later, so that the next one looks again
	r.pendingMu.Unlock()
	if r.contest.answer != nil && r.contest.saved == saved {
		return r.contest.answer
	}
	b := []byte(`{"conflicts":[`)
	left, more := maxConflicts, false
	first := true
	for _, d := range r.docs {
		doc, ok := d.doc.(contested)
		if !ok {
			continue
		}
		list, others := doc.conflicts(left)
		left -= len(list)
		more = more || others
		for _, c := range list {
			if len(b) > maxConflictBytes {
				more = true
				break
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = c.append(b, d.family)
		}
	}
	b = append(b, ']')
	if more {
		b = append(b, `,"more":true`...)
	}
	b = append(b, "}\n"...)
	if r.contest.answer = nil; len(b) <= maxConflictBytes {
		r.contest.answer, r.contest.saved = b, saved
	}
	return b
}

func (c *conflict) append(b []byte, family string) []byte {
	table, row, cell := c.at.IDs()
	b = jsjson.AppendString(append(b, `{"family":`...), family)
	if c.at.Level() == store.AtValue {
		b = jsjson.AppendString(append(b, `,"at":`...), "values/"+url.PathEscape(cell))
		b = jsjson.AppendString(append(b, `,"value":`...), cell)
	} else {
		b = jsjson.AppendString(append(b, `,"at":`...), "tables/"+url.PathEscape(table)+"/"+url.PathEscape(row)+"/"+url.PathEscape(cell))
		b = jsjson.AppendString(append(b, `,"table":`...), table)
		b = jsjson.AppendString(append(b, `,"row":`...), row)
		b = jsjson.AppendString(append(b, `,"cell":`...), cell)
	}
	b = c.winner.append(append(b, `,"winner":`...))
	b = append(b, `,"losers":[`...)
	for i, l := range c.losers {
		if i > 0 {
			b = append(b, ',')
		}
		b = l.append(b)
	}
	return append(b, "]}"...)
}

func (c claim) append(b []byte) []byte {
	b = append(b, '{')
	if c.value.Exists() {
		b = append(c.value.AppendJSON(append(b, `"value":`...)), ',')
	}
	return append(jsjson.AppendString(append(b, `"by":`...), c.by), '}')
}
