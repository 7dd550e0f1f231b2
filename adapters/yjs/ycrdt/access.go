package ycrdt

// An access is what a transaction and a reader have in common: a document, locked.
type access struct {
	doc *Doc // nil when it is over
	txn *txn // nil when it is for reading
}

// A Txn gives access to a document inside Update.
type Txn struct{ access }

// A Reader gives access to a document inside View.
type Reader struct{ access }

func (a *access) writable() error {
	switch {
	case a.doc == nil:
		return ErrClosed
	case a.txn == nil:
		return ErrReadOnly
	}
	return nil
}

// ClientID returns the client ID that writes in this transaction.
func (a *access) ClientID() uint64 {
	if a.doc == nil {
		return 0
	}
	return a.doc.clientID
}

// root returns the handle of a root. In a transaction it is made if there is none, and an untyped one gets the kind k.
func (a *access) root(name string, k Kind) node {
	if a.doc == nil {
		return node{a: a, gen: uint32(codeClosed)}
	}
	d := a.doc
	var key uint32
	if a.txn != nil {
		key = d.keys.internString(name)
	} else if key = d.keys.find(name); key == 0 {
		return node{a: a, gen: uint32(codeAbsent)}
	}
	t, ok := d.types.roots[key]
	if !ok {
		if a.txn == nil {
			return node{a: a, gen: uint32(codeAbsent)}
		}
		t = d.root(key)
	}
	ty := d.types.at(t)
	switch {
	case ty.kind == k:
	case ty.kind == KindUntyped && a.txn != nil:
		// Yjs makes a new object for the type here, which has not seen any formatting yet.
		ty.kind, ty.formatting, ty.unmarked = k, false, false
	case ty.kind == KindUntyped:
	default:
		return node{a: a, gen: uint32(codeKind)}
	}
	return node{a: a, t: t, gen: ty.gen}
}

// Map returns the root map with a name. As in Yjs a root exists as soon as somebody asks for it, and the first one to ask in
// a transaction says what it is; if it is something else, the methods of the handle return ErrKind. Inside View a root
// that does not exist is empty.
func (a *access) Map(name string) Map { return Map{a.root(name, KindMap)} }

// Roots returns the names and kinds of all roots, in the order in which they came up.
func (a *access) Roots() (names []string, kinds []Kind) {
	if a.doc == nil {
		return nil, nil
	}
	d := a.doc
	for i := range d.types.list {
		if ty := &d.types.list[i]; ty.used && ty.item == 0 {
			names = append(names, d.keys.name(ty.name))
			kinds = append(kinds, ty.kind)
		}
	}
	return names, kinds
}

// A node is a shared type as a handle sees it: the number in the table of types, and the generation of that slot.
type node struct {
	a   *access
	t   uint32 // 0: there is none, and gen says why
	gen uint32
}

type code uint32

const (
	codeAbsent code = iota
	codeKind
	codeClosed
)

// get returns the type, nil with an error if it is gone.
func (n node) get() (*stype, error) {
	if n.a != nil && n.a.doc == nil {
		return nil, ErrClosed
	}
	if n.t == 0 {
		switch code(n.gen) {
		case codeKind:
			return nil, ErrKind
		case codeClosed:
			return nil, ErrClosed
		}
		return nil, ErrDeleted
	}
	d := n.a.doc
	if int(n.t) >= len(d.types.list) {
		return nil, ErrDeleted
	}
	ty := d.types.at(n.t)
	if !ty.used || ty.dead || ty.gen != n.gen {
		return nil, ErrDeleted
	}
	return ty, nil
}

// write is get for those who write.
func (n node) write() (*stype, error) {
	if n.a == nil {
		return nil, ErrDeleted
	}
	if err := n.a.writable(); err != nil {
		return nil, err
	}
	return n.get()
}

// Err returns nil if the type exists, and otherwise ErrDeleted, ErrKind or ErrClosed.
func (n node) Err() error {
	_, err := n.get()
	return err
}

// Kind returns what the type is, KindUndefined if it does not exist.
func (n node) Kind() Kind {
	ty, err := n.get()
	if err != nil {
		return KindUndefined
	}
	return ty.kind
}

// ID returns the ID of the item that holds the type. Roots have none.
func (n node) ID() (ID, bool) {
	ty, err := n.get()
	if err != nil || ty.item == 0 {
		return ID{}, false
	}
	return n.a.doc.idOf(n.a.doc.items.at(ty.item)), true
}

// Name returns the name of a root, or the node name of an XML element or hook.
func (n node) Name() string {
	ty, err := n.get()
	if err != nil || ty.name == 0 {
		return ""
	}
	return n.a.doc.keys.name(ty.name)
}

// Parent returns the type that this one lies in and, if that is under a map key, the key. ok is false for roots.
func (n node) Parent() (parent Shared, key string, ok bool) {
	ty, err := n.get()
	if err != nil || ty.item == 0 {
		return Shared{}, "", false
	}
	d := n.a.doc
	it := d.items.at(ty.item)
	if it.entry != 0 {
		key = d.keyName(it)
	}
	return Shared{n.a.node(it.parent)}, key, true
}

// Same reports whether two handles are of the same type of the same document.
func (n node) Same(m Shared) bool {
	return n.t != 0 && n.t == m.t && n.gen == m.gen && n.a.doc == m.a.doc
}

func (a *access) node(t uint32) node { return node{a, t, a.doc.types.at(t).gen} }

func (d *Doc) idOf(it *item) ID { return ID{d.clients.list[it.client].id, it.clock} }

// A Ref remembers a shared type beyond the transaction in which its handle was obtained.
type Ref struct{ t, gen uint32 }

// Ref returns what At takes to find the type again in another transaction.
func (n node) Ref() Ref { return Ref{n.t, n.gen} }

// At returns the handle of the type that a Ref of the same document remembers. If it has been deleted, so says Err.
func (a *access) At(r Ref) Shared { return Shared{node{a, r.t, r.gen}} }

// A Shared is a handle of a shared type of any kind. The zero Shared is none.
type Shared struct{ node }

// Map returns the handle as that of a map (or XML hook, which is a map).
func (s Shared) Map() Map {
	if k := s.Kind(); k == KindMap || k == KindXMLHook || k == KindUntyped || k == KindUndefined {
		return Map(s)
	}
	return Map{node{a: s.a, gen: uint32(codeKind)}}
}

// Root returns the handle of a root of any kind. In contrast to Map and its like it makes no root and gives none its kind.
func (a *access) Root(name string) Shared {
	if a.doc == nil {
		return Shared{node{a: a, gen: uint32(codeClosed)}}
	}
	if key := a.doc.keys.find(name); key != 0 {
		if t, ok := a.doc.types.roots[key]; ok {
			return Shared{a.node(t)}
		}
	}
	return Shared{node{a: a, gen: uint32(codeAbsent)}}
}

// Value returns the type as a value; undefined if it does not exist.
func (n node) Value() Value {
	ty, err := n.get()
	if err != nil {
		return Value{}
	}
	return Value{kind: ty.kind, shared: n}
}
