package ycrdt_test

import (
	"cmp"
	"slices"
	"unicode/utf16"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	up "github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// finish collects garbage and merges.
func (m *model) finish() {
	for _, r := range m.deleted {
		for _, x := range m.clients[r.Client] {
			if m.gc && x.s.Ref != up.RefGC && x.gone && x.s.ID.Clock < r.Clock+r.Len && x.s.End() > r.Clock {
				collectBelow(x.typ)
				x.s.Ref, x.s.Content, x.typ, x.values, x.units = up.RefDeleted, up.Content{}, nil, nil, nil
			}
		}
	}
	for _, r := range slices.Backward(m.deleted.Normalize()) {
		last := min(len(m.clients[r.Client])-1, 1+m.index(up.ID{Client: r.Client, Clock: r.End() - 1}))
		for i := last; i > 0 && m.clients[r.Client][i].s.ID.Clock >= r.Clock; {
			i -= 1 + m.mergeLefts(r.Client, i)
		}
	}
	for client, before := range m.before {
		if m.next(client) == before {
			continue
		}
		first := max(1, m.index(up.ID{Client: client, Clock: before}))
		for i := len(m.clients[client]) - 1; i >= first; {
			i -= 1 + m.mergeLefts(client, i)
		}
	}
	for _, x := range slices.Backward(m.splits) {
		client := x.s.ID.Client
		i := m.index(x.s.ID)
		if i+1 < len(m.clients[client]) && m.mergeLefts(client, i+1) > 1 {
			continue
		}
		m.mergeLefts(client, i)
	}
}

// mergeLefts merges the struct at i with its left neighbour, the result with the next one, and so on.
func (m *model) mergeLefts(client uint64, i int) (merged int) {
	for ; i > 0; i-- {
		list := m.clients[client]
		if !m.merge(list[i-1], list[i]) {
			break
		}
		m.clients[client] = slices.Delete(list, i, i+1)
		merged++
	}
	return merged
}

func collectBelow(t *mType) {
	if t == nil {
		return
	}
	collect := func(c *mItem) {
		collectBelow(c.typ)
		*c = mItem{s: up.Struct{ID: c.s.ID, Len: c.s.Len, Ref: up.RefGC}, gone: true}
	}
	for c := t.start; c != nil; {
		next := c.right
		collect(c)
		c = next
	}
	for _, k := range t.order {
		for c := t.last[k]; c != nil; {
			next := c.left
			collect(c)
			c = next
		}
	}
}

func (m *model) merge(l, r *mItem) bool {
	if l.s.Ref != r.s.Ref || l.gone != r.gone {
		return false
	}
	if l.s.Ref == up.RefGC {
		l.s.Len += r.s.Len
		return true
	}
	if !r.s.HasOrigin || r.s.Origin != (up.ID{Client: l.s.ID.Client, Clock: l.s.End() - 1}) || l.right != r ||
		!sameID(l.s.HasRightOrigin, l.s.RightOrigin, r.s.HasRightOrigin, r.s.RightOrigin) {
		return false
	}
	switch l.s.Ref {
	case up.RefDeleted:
	case up.RefAny:
		l.values = append(slices.Clone(l.values), r.values...)
	case up.RefString:
		l.units = append(slices.Clone(l.units), r.units...)
	default:
		return false
	}
	l.s.Len += r.s.Len
	if l.right = r.right; l.right != nil {
		l.right.left = l
	} else if l.keyed {
		l.parent.last[l.key] = l
	}
	return true
}

// encode writes the state in format V1.
func (m *model) encode() []byte {
	w := up.NewWriter(up.V1)
	clients := []uint64{}
	for c := range m.clients {
		clients = append(clients, c)
	}
	slices.SortFunc(clients, func(a, b uint64) int { return cmp.Compare(b, a) })
	var ds up.DeleteSet
	for _, c := range clients {
		for _, x := range m.clients[c] {
			s := m.structOf(x)
			if err := w.Write(&s); err != nil {
				panic(err)
			}
			if x.gone {
				ds = append(ds, up.Deletion{Client: c, Clock: s.ID.Clock, Len: s.Len})
			}
		}
	}
	b, err := w.Finish(ds.Normalize())
	if err != nil {
		panic(err)
	}
	return b
}

// structOf returns an item as it is written.
func (m *model) structOf(x *mItem) up.Struct {
	s := up.Struct{
		ID: x.s.ID, Len: x.s.Len, Ref: x.s.Ref, HasOrigin: x.s.HasOrigin, HasRightOrigin: x.s.HasRightOrigin,
		Origin: x.s.Origin, RightOrigin: x.s.RightOrigin, HasKey: x.keyed, Key: []byte(x.key), Content: x.s.Content,
	}
	if t := x.parent; t != nil {
		if s.Root = t.item == nil; s.Root {
			s.RootName = []byte(t.name)
		} else {
			s.Parent = t.item.s.ID
		}
	}
	switch x.s.Ref {
	case up.RefAny:
		s.Content = up.Content{Data: slices.Concat(x.values...)}
	case up.RefString:
		s.Content = up.Content{Data: textOf(x.units)}
	}
	return s
}

func anyValues(b []byte) (out [][]byte) {
	for r := lib0.NewReader(b); !r.Done(); {
		start := r.Pos()
		r.SkipAny()
		out = append(out, r.Since(start))
	}
	return out
}

func units(b []byte) (out []rune) {
	for _, u := range utf16.Encode([]rune(string(b))) {
		out = append(out, rune(u))
	}
	return out
}

func textOf(units []rune) []byte {
	all := make([]uint16, len(units))
	for i, u := range units {
		all[i] = uint16(u)
	}
	return []byte(string(utf16.Decode(all)))
}
