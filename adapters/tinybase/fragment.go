package tinybase

import (
	"bytes"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// The limits of fragments, as in TinyBase.
const (
	MaxFragments      = 1000 // of one message
	MaxFragmentGroups = 100  // messages of which fragments are missing, per socket
)

// fragment is one piece of a message: messageId LF index LF total LF piece.
type fragment struct {
	id           string
	index, total int
	piece        []byte
}

func parseFragment(rest []byte) (f fragment, ok bool) {
	const idLen = 16
	if len(rest) <= idLen || rest[idLen] != '\n' {
		return f, false
	}
	for _, c := range rest[:idLen] {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return f, false
		}
	}
	f.id = string(rest[:idLen])
	rest = rest[idLen+1:]
	if f.index, rest, ok = cutNumber(rest); !ok {
		return f, false
	}
	f.total, f.piece, ok = cutNumber(rest)
	return f, ok
}

// cutNumber reads digits and a line feed. Numbers beyond what could be legal are all alike.
func cutNumber(b []byte) (n int, rest []byte, ok bool) {
	i := bytes.IndexByte(b, '\n')
	if i < 1 {
		return 0, nil, false
	}
	for _, c := range b[:i] {
		if c < '0' || c > '9' {
			return 0, nil, false
		}
		n = min(n*10+int(c-'0'), 1<<30)
	}
	return n, b[i+1:], true
}

// Split cuts rest, what follows the client in a frame, into pieces of at most size bytes, or of what 1000 pieces need when
// that is more. Pieces end between characters. The message id, 16 characters of the alphabet of stamps, is the same for
// all of them and for no other message. A size of 0 or less, or a rest that fits, gives rest itself.
func Split(rest []byte, size int, messageID string) [][]byte {
	if size < 1 {
		return [][]byte{rest}
	}
	size = max(size, (len(rest)+MaxFragments-1)/MaxFragments+3)
	if len(rest) <= size {
		return [][]byte{rest}
	}
	var cuts []int
	for at := 0; at < len(rest); {
		end := min(at+size, len(rest))
		for end < len(rest) && end > at && !utf8.RuneStart(rest[end]) {
			end--
		}
		if end == at { // one character is longer than size
			for end++; end < len(rest) && !utf8.RuneStart(rest[end]); end++ {
			}
		}
		at = end
		cuts = append(cuts, end)
	}
	if len(cuts) == 1 {
		return [][]byte{rest}
	}
	pieces := make([][]byte, len(cuts))
	from := 0
	for i, to := range cuts {
		p := make([]byte, 0, len(messageID)+12+to-from)
		p = append(p, messageID...)
		p = strconv.AppendInt(append(p, '\n'), int64(i), 10)
		p = strconv.AppendInt(append(p, '\n'), int64(len(cuts)), 10)
		pieces[i] = append(append(p, '\n'), rest[from:to]...)
		from = to
	}
	return pieces
}

// AssemblerOptions bounds an Assembler. Nil, and each zero field, is the default.
type AssemblerOptions struct {
	// Timeout is how long the pieces of a message may take; 1 s when 0. What is late is forgotten, without an error.
	Timeout time.Duration
	// Budget is what the pieces of one socket may hold, shared by its channels; MaxFragmentGroups and MaxFrame when nil.
	Budget *Budget
}

// Assembler puts fragments together. It is one per socket, or per channel.
type Assembler struct {
	timeout time.Duration
	budget  *Budget
	groups  map[string]*group
}

type group struct {
	pieces  []piece // that have come, as they came
	total   int
	size    int
	expires time.Time
}

type piece struct {
	index int
	whole []byte // with its header
	body  []byte
}

// NewAssembler returns an Assembler.
func NewAssembler(o *AssemblerOptions) *Assembler {
	a := &Assembler{timeout: time.Second, groups: map[string]*group{}}
	if o != nil && o.Timeout > 0 {
		a.timeout = o.Timeout
	}
	if o != nil && o.Budget != nil {
		a.budget = o.Budget
	} else {
		a.budget = NewBudget(MaxFragmentGroups, MaxFrame, nil)
	}
	return a
}

// Add takes what followed the client in a frame. When it is no fragment, it comes back at once. When it is the last
// missing piece, the text of the message comes back, with all pieces in order, to be passed on as they are. Otherwise text
// is nil. Add keeps rest. The error is a [*ProtocolError].
func (a *Assembler) Add(client string, rest []byte, now time.Time) (text []byte, pieces [][]byte, err error) {
	f, ok := parseFragment(rest)
	if !ok {
		return rest, [][]byte{rest}, nil
	}
	a.Expire(now)
	if f.total > MaxFragments {
		return nil, nil, overflow(OverFragments, "a message in %d fragments, where %d are allowed", f.total, MaxFragments)
	}
	if f.index >= f.total {
		return nil, nil, invalid("fragment %d of %d", f.index, f.total)
	}
	key := client + "\n" + f.id
	g, size := a.groups[key], len(rest)
	if g == nil {
		size += len(key)
		if !a.budget.take(1, size) {
			return nil, nil, overflow(OverFragments, "too many unfinished messages")
		}
		g = &group{total: f.total, expires: now.Add(a.timeout)}
		a.groups[key] = g
	} else if f.total != g.total || slices.ContainsFunc(g.pieces, func(p piece) bool { return p.index == f.index }) {
		return nil, nil, invalid("fragment %d of %d of a message whose fragments do not fit together", f.index, f.total)
	} else if !a.budget.take(0, size) {
		return nil, nil, overflow(OverFragments, "the fragments of unfinished messages are too long")
	}
	g.pieces = append(g.pieces, piece{f.index, rest, f.piece})
	g.size += size
	if len(g.pieces) < g.total {
		return nil, nil, nil
	}
	a.drop(key, g)
	slices.SortFunc(g.pieces, func(p, q piece) int { return p.index - q.index })
	text = []byte{} // not nil, even when all pieces are empty
	for _, p := range g.pieces {
		text = append(text, p.body...)
		pieces = append(pieces, p.whole)
	}
	return text, pieces, nil
}

func (a *Assembler) drop(key string, g *group) {
	a.budget.give(1, g.size)
	delete(a.groups, key)
}

// Expire forgets messages whose pieces took too long. Add does so by itself.
func (a *Assembler) Expire(now time.Time) {
	for key, g := range a.groups {
		if !now.Before(g.expires) {
			a.drop(key, g)
		}
	}
}

// Close forgets all pieces and gives their budget back.
func (a *Assembler) Close() {
	for key, g := range a.groups {
		a.drop(key, g)
	}
}
