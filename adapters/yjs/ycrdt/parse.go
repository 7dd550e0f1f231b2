package ycrdt

import (
	"cmp"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A run is the structs of one client in an update, as slots of the slab that are not integrated yet.
type run struct {
	client   uint32
	from, to int    // part of parser.refs that is still to be integrated
	parked   bool   // it has to wait for other updates
	first    uint32 // from this struct on
}

// A parser reads an update into the slab without changing the document: first everything is read and checked, then it is
// integrated. If something is wrong, undo takes back the slots, names and bytes.
type parser struct {
	doc    *Doc
	refs   []uint32
	runs   []run
	spans  []span
	input  int
	source uint32 // the buffer that holds the update, 0 if payloads are copied one by one
	held   []byte // that buffer

	names, clients, types int // sizes before
	bufs, all, live       int
	open                  uint32
	arena                 buffer
}

// keepAt is the size from which an update is kept whole, with the payloads left in it.
const keepAt = 2048

// start prepares for an update and returns the bytes to read it from.
func (p *parser) start(d *Doc, update []byte) []byte {
	c := &d.content
	*p = parser{
		doc: d, refs: p.refs[:0], runs: p.runs[:0], spans: p.spans[:0], input: len(update),
		names: len(d.keys.names), clients: len(d.clients.list), types: len(d.types.list),
		bufs: len(c.bufs), all: c.all, live: c.live, open: c.open, arena: c.bufs[c.open],
	}
	c.grow = true
	if len(update) >= keepAt {
		update = append([]byte(nil), update...)
		p.source, p.held = c.retain(update), update
	}
	return update
}

// undo takes back everything that reading an update has put into the document.
func (p *parser) undo() {
	d := p.doc
	for n := len(p.refs) - 1; n >= 0; n-- {
		d.items.release(p.refs[n])
	}
	d.items.trim()
	for n := len(d.types.list) - 1; n >= p.types; n-- {
		delete(d.types.roots, d.types.list[n].name)
	}
	d.types.list = d.types.list[:p.types]
	d.keys.truncate(p.names)
	d.clients.truncate(p.clients)
	c := &d.content
	clear(c.bufs[p.bufs:])
	c.bufs = c.bufs[:p.bufs]
	c.open, c.all, c.live = p.open, p.all, p.live
	if c.open != 0 {
		c.bufs[c.open] = p.arena
	}
	c.grow = false
	p.release()
}

// discard gives back an item that was read but is not integrated.
func (p *parser) discard(i uint32) {
	p.doc.content.drop(p.doc.items.at(i))
	p.doc.items.release(i)
}

// release lets go of scratch memory that a large update has needed.
func (p *parser) release() {
	if cap(p.refs) > 1<<14 {
		p.refs, p.runs, p.spans = nil, nil, nil
	}
}

// block begins the structs of a client.
func (p *parser) block(client uint64) uint32 {
	ci := p.doc.clients.intern(client)
	p.runs = append(p.runs, run{client: ci, from: len(p.refs), to: len(p.refs)})
	return ci
}

// finish ends the reading: nothing is taken back any more. It ends the runs, sorts them by client, ascending, and drops those without structs. Of several for one client only
// the last is kept, as in Yjs.
func (p *parser) finish() {
	p.doc.content.grow = false
	for i := range p.runs {
		p.runs[i].to = len(p.refs)
		if i+1 < len(p.runs) {
			p.runs[i].to = p.runs[i+1].from
		}
	}
	clients := p.doc.clients.list
	slices.SortStableFunc(p.runs, func(a, b run) int { return cmp.Compare(clients[a.client].id, clients[b.client].id) })
	kept := p.runs[:0]
	for i, r := range p.runs {
		if i+1 < len(p.runs) && p.runs[i+1].client == r.client {
			for _, ref := range p.refs[r.from:r.to] {
				p.discard(ref)
			}
			continue
		}
		if r.from < r.to {
			kept = append(kept, r)
		}
	}
	p.runs = kept
}

// root returns the root type with a name, making an untyped one if need be.
func (d *Doc) root(name uint32) uint32 {
	if t, ok := d.types.roots[name]; ok {
		return t
	}
	t := uint32(len(d.types.list))
	d.types.list = append(d.types.list, stype{kind: KindUntyped, name: name, used: true})
	d.types.roots[name] = t
	return t
}

// parseV1 reads an update in format V1.
func (p *parser) parseV1(update []byte) error {
	d := p.doc
	r := lib0.NewReader(update)
	blocks := r.Count(3, "clients")
	if blocks > d.limits.Clients {
		r.Fail(ErrLimit, "clients")
	}
	for ; blocks > 0 && !r.Failed(); blocks-- {
		structs := r.Count(2, "structs")
		at := r.Offset()
		client, clock := r.VarUint(), r.VarUint()
		if clock > maxClock {
			r.FailAt(ErrRange, "clock", at)
		}
		if len(p.refs)+structs > d.limits.Structs {
			r.FailAt(ErrLimit, "structs", at)
		}
		if r.Failed() {
			break
		}
		ci := p.block(client)
		p.refs = slices.Grow(p.refs, structs)
		for ; structs > 0; structs-- {
			clock = p.structV1(&r, ci, clock)
			if r.Failed() {
				return r.Err()
			}
		}
	}
	blocks = r.Count(2, "deletes")
	for ; blocks > 0 && !r.Failed(); blocks-- {
		client := r.VarUint()
		n := r.Count(2, "deletes")
		if r.Failed() {
			break
		}
		ci := d.clients.intern(client)
		for ; n > 0; n-- {
			at := r.Offset()
			p.span(&r, ci, r.VarUint(), r.VarUint(), at)
		}
	}
	return r.End()
}

func (p *parser) span(r *lib0.Reader, ci uint32, clock, length uint64, at int) {
	switch {
	case r.Failed() || length == 0:
	case clock > maxClock || length > maxClock || clock+length > maxClock:
		r.FailAt(ErrRange, "deletes", at)
	default:
		p.spans = append(p.spans, span{ci, uint32(clock), uint32(length)})
	}
}

// draft makes a slot for a struct.
func (p *parser) draft(client uint32, clock uint64, k kind) *item {
	i, it := p.doc.draft()
	it.client, it.clock, it.kind = client, uint32(clock), k
	p.refs = append(p.refs, i)
	return it
}

// structV1 reads one struct and returns the clock after it.
func (p *parser) structV1(r *lib0.Reader, ci uint32, clock uint64) uint64 {
	d := p.doc
	at, start := r.Offset(), r.Pos()
	r.SetLoose(false)
	info := r.Byte()
	it := p.draft(ci, clock, kind(info&31))
	switch it.kind {
	case kindGC, kindSkip:
		return p.fill(r, it, r.VarUint(), at)
	}
	if it.kind > kindDoc {
		r.FailAt(ErrTag, "struct", at)
		return 0
	}
	if info&0x80 != 0 {
		it.originClient, it.originClock = p.id(r, it, at)
	}
	if info&0x40 != 0 {
		it.rightClient, it.rightClock = p.id(r, it, at)
	}
	if info&0xc0 == 0 {
		switch r.VarUint() {
		case 1:
			if name := r.Str(); !r.Failed() {
				it.parent = d.root(d.keys.intern(name))
			}
		case 0:
			it.originClient, it.originClock = p.id(r, it, at)
			it.flags |= flagParentID
		default:
			r.FailAt(ErrTag, "parent", at)
		}
		if info&0x20 != 0 {
			if key := r.Str(); !r.Failed() {
				it.entry = d.keys.intern(key)
				it.flags |= flagKey
			}
		}
	}
	if r.Failed() {
		return 0
	}
	end := p.contentV1(r, it, at)
	if n := len(p.refs); n > 1 && p.source != 0 && it.buf == p.source && !r.Loose() {
		if prev := d.items.at(p.refs[n-2]); prev.buf == p.source && int(prev.off+prev.size) == start {
			it.flags |= flagVerbatim
		}
	}
	return end
}

// id reads an ID, which must be older than the item if it is the item's own client's.
func (p *parser) id(r *lib0.Reader, it *item, at int) (client, clock uint32) {
	c, n := r.VarUint(), r.VarUint()
	if r.Failed() {
		return 0, 0
	}
	return p.checkID(r, it, c, n, at)
}

func (p *parser) checkID(r *lib0.Reader, it *item, c, n uint64, at int) (client, clock uint32) {
	if n > maxClock {
		r.FailAt(ErrRange, "clock", at)
		return 0, 0
	}
	client, clock = p.doc.clients.intern(c), uint32(n)
	if client == it.client && clock >= it.clock {
		r.FailAt(ErrInvalid, "struct that refers to itself", at)
	}
	return client, clock
}

// fill ends a struct with its length.
func (p *parser) fill(r *lib0.Reader, it *item, length uint64, at int) uint64 {
	end := uint64(it.clock) + length
	if length > maxClock || end > maxClock {
		r.FailAt(ErrRange, "length", at)
	}
	if r.Failed() {
		return 0
	}
	if it.length = uint32(length); length == 0 { // structs without units are dropped
		p.discard(p.refs[len(p.refs)-1])
		p.refs = p.refs[:len(p.refs)-1]
	}
	return end
}

func (p *parser) contentV1(r *lib0.Reader, it *item, at int) uint64 {
	length := uint64(1)
	switch it.kind {
	case kindDeleted:
		length = r.VarUint()
	case kindJSON:
		length = p.jsons(r, it)
	case kindBinary:
		p.payload(it, r.Bytes(), r)
	case kindString:
		s := r.Str()
		length = uint64(lib0.UTF16Len(s))
		p.payload(it, s, r)
	case kindEmbed:
		p.put(it, p.json(r, r.Str()), r)
	case kindFormat:
		key := r.Str()
		text := p.json(r, r.Str())
		p.put(it, lib0.AppendBytes(nil, key), r, text)
	case kindType:
		p.typ(r, it, r.VarUint(), at)
		if k := kindOfRef(it.off); !r.Failed() && k.named() {
			if name := r.Str(); !r.Failed() {
				it.size = p.doc.keys.intern(name)
			}
		}
	case kindAny:
		length = uint64(r.Count(1, "values"))
		p.values(r, it, int(length))
	case kindDoc:
		guid := r.Str()
		p.put(it, lib0.AppendBytes(nil, guid), r, p.options(r))
	}
	return p.fill(r, it, length, at)
}

func (p *parser) typ(r *lib0.Reader, it *item, ref uint64, at int) {
	if ref >= typeRefs {
		r.FailAt(ErrTag, "type", at)
		return
	}
	it.off = uint32(ref)
}

// values reads the values of an Any item. What is loose in the struct so far is taken for loose values: that is safe.
func (p *parser) values(r *lib0.Reader, it *item, n int) {
	start := r.Pos()
	for i := 0; i < n && !r.Failed(); i++ {
		r.SkipAny()
	}
	if !r.Loose() || r.Failed() {
		p.payload(it, r.Since(start), r)
		return
	}
	again := lib0.NewReader(r.Since(start))
	var b []byte
	for range n {
		b = lib0.AppendAny(b, again.Any())
	}
	p.put(it, b, r)
}

// jsons reads the texts of a legacy JSON item.
func (p *parser) jsons(r *lib0.Reader, it *item) uint64 {
	n := r.Count(1, "values")
	start := r.Pos()
	same := true
	var b []byte
	for i := 0; i < n && !r.Failed(); i++ {
		at := r.Pos()
		text := r.Str()
		if r.Failed() {
			break
		}
		canonical := text
		if string(text) != "undefined" {
			canonical = p.json(r, text)
		}
		if same && !sameBytes(canonical, text) {
			same = false
			b = append(b, r.Since(start)[:at-start]...)
		}
		if !same {
			b = lib0.AppendBytes(b, canonical)
		}
	}
	if same && !r.Loose() {
		p.payload(it, r.Since(start), r)
	} else if same {
		again := lib0.NewReader(r.Since(start))
		for range n {
			b = lib0.AppendBytes(b, again.Str())
		}
		p.put(it, b, r)
	} else {
		p.put(it, b, r)
	}
	return uint64(n)
}

func sameBytes(a, b []byte) bool { return string(a) == string(b) }

// json returns a JSON text as JSON.stringify would write it.
func (p *parser) json(r *lib0.Reader, text []byte) []byte {
	if r.Failed() || plainJSON(text) {
		return text
	}
	v, err := lib0.ParseJSON(text)
	if err == nil {
		text, err = lib0.AppendJSON(nil, v)
	}
	if err != nil {
		r.Fail(ErrJSON, "value")
	}
	return text
}

// plainJSON reports whether a text is one of the short scalars that formats mostly are.
func plainJSON(text []byte) bool {
	switch string(text) {
	case "true", "false", "null":
		return true
	}
	n := len(text)
	if n < 2 || text[0] != '"' || text[n-1] != '"' {
		return false
	}
	for _, c := range text[1 : n-1] {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// payload makes b, a piece of the update, the payload of it.
func (p *parser) payload(it *item, b []byte, r *lib0.Reader) {
	if r.Failed() || len(b) == 0 {
		return
	}
	if p.source == 0 {
		p.doc.content.put(it, b)
		return
	}
	p.doc.content.share(it, p.source, uint32(r.Pos()-len(b)), uint32(len(b)))
}

// put stores b and what follows as the payload of it.
func (p *parser) put(it *item, b []byte, r *lib0.Reader, more ...[]byte) {
	if r.Failed() {
		return
	}
	if len(more) == 0 {
		p.doc.content.put(it, b)
		return
	}
	p.doc.content.put(it, b, more[0])
}
