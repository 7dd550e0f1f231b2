package ycrdt

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// A subdocChange is a subdocument that a transaction has added or removed.
type subdocChange struct {
	item  uint32
	added bool
}

// Subdoc describes a subdocument, to be set or inserted: a document of its own, of which this one holds only the guid and
// options. Its content travels separately. Options other than gc (only if false), autoLoad (only if true) and meta (unless
// null) are not kept by Yjs.
func Subdoc(guid string, opts ...Field) Value {
	return Value{kind: KindSubdoc, prelim: &prelim{name: guid, opts: lib0.ObjectOf(opts...)}}
}

// A SubdocInfo is what a document knows of a subdocument.
type SubdocInfo struct {
	GUID    string
	Options []Field // gc: false, autoLoad: true, meta
}

// A SubdocEvent tells which subdocuments a transaction has added and removed, and which of them are to be loaded at once.
type SubdocEvent struct {
	Origin                 any
	Local                  bool
	Added, Loaded, Removed []SubdocInfo
}

// OnSubdocs calls fn after every transaction that has added or removed subdocuments. See OnCommit for when and by whom.
func (d *Doc) OnSubdocs(fn func(SubdocEvent)) *Subscription {
	return subscribe(d, &d.mail.subdocs, fn)
}

// Subdocs returns the subdocuments that are in the document.
func (a *access) Subdocs() (out []SubdocInfo) {
	if a.doc == nil {
		return nil
	}
	d := a.doc
	for ci := range d.clients.list {
		for _, b := range d.clients.list[ci].list.blocks {
			for _, r := range b.refs {
				if it := d.items.at(r.item); it.kind == kindDoc && !it.deleted() {
					out = append(out, d.subdocInfo(it))
				}
			}
		}
	}
	return out
}

func (d *Doc) subdocInfo(it *item) SubdocInfo {
	r := lib0.NewReader(d.content.of(it))
	guid := string(r.Bytes())
	return SubdocInfo{guid, r.Any().Fields()}
}

// subdocEvent sorts out what has become of the subdocuments that a transaction has touched. One that was added and removed
// again is not mentioned.
func (d *Doc) subdocEvent(t *txn) SubdocEvent {
	e := SubdocEvent{Origin: t.origin, Local: t.mine}
	added := map[uint32]bool{}
	for _, c := range t.subdocs {
		if c.added {
			added[c.item] = true
		}
	}
	for _, c := range t.subdocs {
		it := d.items.at(c.item)
		info := d.subdocInfo(it)
		switch {
		case !c.added && !added[c.item]:
			e.Removed = append(e.Removed, info)
		case c.added && !it.deleted():
			e.Added = append(e.Added, info)
			if auto, _ := lib0.ObjectOf(info.Options...).Get("autoLoad"); auto.Bool() || t.local {
				e.Loaded = append(e.Loaded, info)
			}
		}
	}
	return e
}

// options reads the options of a subdocument and returns what Yjs keeps of them: gc if it is false, autoLoad if it is true,
// and meta unless it is null.
func (p *parser) options(r *lib0.Reader) []byte {
	v := r.Any()
	var kept []Field
	if gc, ok := v.Get("gc"); ok && gc.Kind() != lib0.Undefined && !truthy(gc) {
		kept = append(kept, Field{Key: "gc", Value: lib0.BoolOf(false)})
	}
	if load, ok := v.Get("autoLoad"); ok && truthy(load) {
		kept = append(kept, Field{Key: "autoLoad", Value: lib0.BoolOf(true)})
	}
	if meta, ok := v.Get("meta"); ok && meta.Kind() != lib0.Null && meta.Kind() != lib0.Undefined {
		kept = append(kept, Field{Key: "meta", Value: meta})
	}
	return lib0.AppendAny(nil, lib0.ObjectOf(kept...))
}

// truthy is what JavaScript's if asks.
func truthy(v Any) bool {
	switch v.Kind() {
	case lib0.Undefined, lib0.Null:
		return false
	case lib0.Bool:
		return v.Bool()
	case lib0.Number:
		return v.Number() != 0 && v.Number() == v.Number()
	case lib0.BigInt:
		return v.BigInt() != 0
	case lib0.String:
		return v.Str() != ""
	}
	return true
}
