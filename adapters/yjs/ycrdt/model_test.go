package ycrdt_test

import (
	"cmp"
	"slices"

	up "github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// A model is a plain and slow implementation of the same rules as Doc, with pointers and maps and without any of its tricks:
// what both agree on is probably right. It applies updates in format V1 and writes its state; it knows no formatting
// cleanup and no pending updates (those wait outside and are tried again).
type model struct {
	clients map[uint64][]*mItem
	roots   map[string]*mType
	gc      bool

	// of the transaction
	before  map[uint64]uint32
	deleted up.DeleteSet
	splits  []*mItem
}

type mItem struct {
	s           up.Struct // ID, Len, Ref, origins and content; Key as bytes
	left, right *mItem
	parent      *mType // nil: GC
	keyed       bool
	key         string
	gone        bool // deleted
	typ         *mType
	values      [][]byte // Any: one by one
	units       []rune   // String: UTF-16 units
}

type mType struct {
	item  *mItem
	name  string
	start *mItem
	last  map[string]*mItem
	order []string
}

func newModel(gc bool) *model {
	return &model{clients: map[uint64][]*mItem{}, roots: map[string]*mType{}, gc: gc}
}

func (m *model) next(client uint64) uint32 {
	list := m.clients[client]
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].s.End()
}

func (m *model) index(id up.ID) int {
	return slices.IndexFunc(m.clients[id.Client], func(x *mItem) bool { return id.Clock >= x.s.ID.Clock && id.Clock < x.s.End() })
}

func (m *model) find(id up.ID) *mItem { return m.clients[id.Client][m.index(id)] }

// cut makes an item begin at id and returns it.
func (m *model) cut(id up.ID) *mItem {
	n := m.index(id)
	x := m.clients[id.Client][n]
	if x.s.ID.Clock == id.Clock || x.s.Ref == up.RefGC {
		return x
	}
	r := m.split(x, id.Clock-x.s.ID.Clock)
	m.clients[id.Client] = slices.Insert(m.clients[id.Client], n+1, r)
	m.splits = append(m.splits, r)
	return r
}

func (m *model) cutAfter(id up.ID) *mItem {
	x := m.find(id)
	if x.s.End()-1 != id.Clock && x.s.Ref != up.RefGC {
		m.cut(up.ID{Client: id.Client, Clock: id.Clock + 1})
		x = m.find(id)
	}
	return x
}

func (m *model) split(x *mItem, n uint32) *mItem {
	r := &mItem{}
	*r = *x
	r.s.ID.Clock += n
	r.s.Len -= n
	r.s.HasOrigin, r.s.Origin = true, up.ID{Client: x.s.ID.Client, Clock: r.s.ID.Clock - 1}
	x.s.Len = n
	switch x.s.Ref {
	case up.RefAny:
		x.values, r.values = slices.Clone(x.values[:n]), slices.Clone(x.values[n:])
	case up.RefString:
		x.units, r.units = slices.Clone(x.units[:n]), slices.Clone(x.units[n:])
		if u := x.units[n-1]; u >= 0xd800 && u < 0xdc00 {
			x.units[n-1], r.units[0] = 0xfffd, 0xfffd
		}
	}
	r.left, x.right = x, r
	if r.right != nil {
		r.right.left = r
	} else if r.keyed && r.parent != nil {
		r.parent.last[r.key] = r
	}
	return r
}

// apply integrates all structs of an update whose time has come and returns whether all have.
func (m *model) apply(b []byte) bool {
	m.before, m.deleted, m.splits = map[uint64]uint32{}, nil, nil
	r := up.NewReader(up.V1, b, nil)
	var structs []up.Struct
	for r.Next() {
		structs = append(structs, *r.Struct())
	}
	ds, err := r.DeleteSet()
	if err != nil {
		panic(err)
	}
	for _, s := range structs {
		m.before[s.ID.Client] = m.next(s.ID.Client)
	}
	// Can everything be integrated? The model works on whole updates only.
	ready := map[uint64]uint32{}
	for _, s := range structs {
		c := s.ID.Client
		if ready[c] == 0 {
			ready[c] = m.next(c)
		}
		if s.Ref == up.RefSkip || s.ID.Clock > ready[c] {
			return false
		}
		ready[c] = max(ready[c], s.End())
	}
	known := func(id up.ID) bool { return id.Clock < max(ready[id.Client], m.next(id.Client)) }
	for _, s := range structs {
		if s.HasOrigin && !known(s.Origin) || s.HasRightOrigin && !known(s.RightOrigin) ||
			s.IsItem() && !s.HasOrigin && !s.HasRightOrigin && !s.Root && !known(s.Parent) {
			return false
		}
	}
	for _, x := range ds {
		if x.Clock+x.Len > max(ready[x.Client], m.next(x.Client)) {
			return false
		}
	}
	// The highest client goes first; what a struct depends on goes before it.
	slices.SortStableFunc(structs, func(a, b up.Struct) int { return cmp.Compare(b.ID.Client, a.ID.Client) })
	for len(structs) > 0 {
		m.integrateFirst(&structs, 0)
	}
	for _, x := range ds {
		m.deleteRange(x)
	}
	m.finish()
	return true
}

// integrateFirst integrates the struct at i of the list, after those that it depends on.
func (m *model) integrateFirst(list *[]up.Struct, i int) {
	s := (*list)[i]
	need := func(id up.ID) bool {
		if id.Client == s.ID.Client || id.Clock < m.next(id.Client) {
			return false
		}
		j := slices.IndexFunc(*list, func(o up.Struct) bool { return o.ID.Client == id.Client })
		m.integrateFirst(list, j)
		return true
	}
	for {
		if s.HasOrigin && need(s.Origin) || s.HasRightOrigin && need(s.RightOrigin) ||
			s.IsItem() && !s.HasOrigin && !s.HasRightOrigin && !s.Root && need(s.Parent) {
			continue
		}
		break
	}
	j := slices.IndexFunc(*list, func(o up.Struct) bool { return o.ID == s.ID })
	*list = slices.Delete(*list, j, j+1)
	m.integrate(s)
}

func (m *model) integrate(s up.Struct) {
	x := &mItem{s: s, keyed: s.HasKey, key: string(s.Key)}
	switch s.Ref {
	case up.RefGC:
		x.gone = true
	case up.RefAny:
		x.values = anyValues(s.Content.Data)
	case up.RefString:
		x.units = units(s.Content.Data)
	}
	next := m.next(s.ID.Client)
	if s.IsItem() {
		if s.HasOrigin {
			x.left = m.cutAfter(s.Origin)
		}
		if s.HasRightOrigin {
			x.right = m.cut(s.RightOrigin)
		}
		switch {
		case x.left != nil && x.left.s.Ref == up.RefGC || x.right != nil && x.right.s.Ref == up.RefGC:
		case x.left != nil:
			x.parent, x.keyed, x.key = x.left.parent, x.left.keyed, x.left.key
		case x.right != nil:
			x.parent, x.keyed, x.key = x.right.parent, x.right.keyed, x.right.key
		case s.Root:
			name := string(s.RootName)
			if m.roots[name] == nil {
				m.roots[name] = &mType{name: name, last: map[string]*mItem{}}
			}
			x.parent = m.roots[name]
		default:
			x.parent = m.find(s.Parent).typ
		}
	}
	if s.End() <= next {
		return
	}
	if offset := next - s.ID.Clock; offset > 0 {
		r := *x
		if s.IsItem() {
			right := m.split(&r, offset)
			right.right, right.left = x.right, m.find(up.ID{Client: s.ID.Client, Clock: next - 1})
			right.parent, right.keyed, right.key = x.parent, x.keyed, x.key
			x = right
		} else {
			x.s.ID.Clock, x.s.Len = next, s.End()-next
		}
	}
	if x.parent == nil {
		x = &mItem{s: up.Struct{ID: x.s.ID, Len: x.s.Len, Ref: up.RefGC}, gone: true}
		m.clients[s.ID.Client] = append(m.clients[s.ID.Client], x)
		return
	}
	m.link(x)
}

// link gives an item its place.
func (m *model) link(x *mItem) {
	t := x.parent
	first := func() *mItem {
		if !x.keyed {
			return t.start
		}
		o := t.last[x.key]
		for o != nil && o.left != nil {
			o = o.left
		}
		return o
	}
	o := first()
	if x.left != nil {
		o = x.left.right
	}
	seen, conflicting := map[*mItem]bool{}, map[*mItem]bool{}
	for ; o != nil && o != x.right; o = o.right {
		seen[o], conflicting[o] = true, true
		if sameID(o.s.HasOrigin, o.s.Origin, x.s.HasOrigin, x.s.Origin) {
			if o.s.ID.Client < x.s.ID.Client {
				x.left = o
				clear(conflicting)
			} else if sameID(o.s.HasRightOrigin, o.s.RightOrigin, x.s.HasRightOrigin, x.s.RightOrigin) {
				break
			}
		} else if o.s.HasOrigin && seen[m.find(o.s.Origin)] {
			if !conflicting[m.find(o.s.Origin)] {
				x.left = o
				clear(conflicting)
			}
		} else {
			break
		}
	}
	if x.left != nil {
		x.right = x.left.right
		x.left.right = x
	} else {
		x.right = first()
		if !x.keyed {
			t.start = x
		}
	}
	if x.keyed && t.last[x.key] == nil {
		t.order = append(t.order, x.key)
	}
	if x.right != nil {
		x.right.left = x
	} else if x.keyed {
		t.last[x.key] = x
		if x.left != nil {
			m.delete(x.left)
		}
	}
	m.clients[x.s.ID.Client] = append(m.clients[x.s.ID.Client], x)
	switch x.s.Ref {
	case up.RefDeleted:
		m.note(x)
		x.gone = true
	case up.RefType:
		x.typ = &mType{item: x, last: map[string]*mItem{}}
	}
	if t.item != nil && t.item.gone || x.keyed && x.right != nil {
		m.delete(x)
	}
}

func sameID(hasA bool, a up.ID, hasB bool, b up.ID) bool {
	return hasA == hasB && (!hasA || a == b)
}

func (m *model) note(x *mItem) {
	m.deleted = append(m.deleted, up.Deletion{Client: x.s.ID.Client, Clock: x.s.ID.Clock, Len: x.s.Len})
}

func (m *model) delete(x *mItem) {
	if x.gone {
		return
	}
	x.gone = true
	m.note(x)
	if x.typ == nil {
		return
	}
	below := func(c *mItem) {
		if b, touched := m.before[c.s.ID.Client]; c.gone && (!touched || c.s.ID.Clock < b) {
			m.splits = append(m.splits, c)
		}
		m.delete(c)
	}
	for c := x.typ.start; c != nil; c = c.right {
		below(c)
	}
	for _, k := range x.typ.order {
		below(x.typ.last[k])
	}
}

func (m *model) deleteRange(r up.Deletion) {
	client := r.Client
	if x := m.find(up.ID{Client: client, Clock: r.Clock}); !x.gone {
		m.cut(up.ID{Client: client, Clock: r.Clock})
	}
	for clock := r.Clock; clock < r.Clock+r.Len; {
		x := m.find(up.ID{Client: client, Clock: clock})
		if !x.gone {
			if x.s.End() > r.Clock+r.Len {
				m.cut(up.ID{Client: client, Clock: r.Clock + r.Len})
			}
			m.delete(x)
		}
		clock = x.s.End()
	}
}
