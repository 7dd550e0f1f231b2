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
			for _, i := range b.items {
				if it := d.items.at(i); it.kind == kindDoc && !it.deleted() {
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
