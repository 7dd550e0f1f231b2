package ycrdt

import (
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// columns are the parts of an update in format V2, each with its own cursor into the input.
type columns struct {
	keyClock   lib0.IntDiffOptRleDecoder
	clients    lib0.UintOptRleDecoder
	leftClock  lib0.IntDiffOptRleDecoder
	rightClock lib0.IntDiffOptRleDecoder
	info       lib0.RleDecoder
	text       lib0.StringDecoder
	parentInfo lib0.RleDecoder
	typeRef    lib0.UintOptRleDecoder
	length     lib0.UintOptRleDecoder
	rest       lib0.Reader
	keys       [][]byte // keys that came with a number; yjs itself never uses one twice, others do
}

func newColumns(update []byte) *columns {
	r := lib0.NewReader(update)
	if r.VarUint() != 0 {
		r.Fail(ErrTag, "feature flag")
	}
	c := &columns{
		keyClock:   lib0.NewIntDiffOptRleDecoder(r.Sub()),
		clients:    lib0.NewUintOptRleDecoder(r.Sub()),
		leftClock:  lib0.NewIntDiffOptRleDecoder(r.Sub()),
		rightClock: lib0.NewIntDiffOptRleDecoder(r.Sub()),
		info:       lib0.NewRleDecoder(r.Sub()),
		text:       lib0.NewStringDecoder(r.Sub()),
		parentInfo: lib0.NewRleDecoder(r.Sub()),
		typeRef:    lib0.NewUintOptRleDecoder(r.Sub()),
		length:     lib0.NewUintOptRleDecoder(r.Sub()),
	}
	c.rest = r
	return c
}

// err returns the first error of any column.
func (c *columns) err() error {
	for _, err := range [...]error{
		c.rest.Err(), c.info.Err(), c.clients.Err(), c.leftClock.Err(), c.rightClock.Err(), c.text.Err(),
		c.parentInfo.Err(), c.typeRef.Err(), c.length.Err(), c.keyClock.Err(),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *columns) failed() bool {
	return c.rest.Failed() || c.info.Failed() || c.clients.Failed() || c.leftClock.Failed() || c.rightClock.Failed() ||
		c.text.Failed() || c.parentInfo.Failed() || c.typeRef.Failed() || c.length.Failed() || c.keyClock.Failed()
}

// key reads a format key or node name.
func (c *columns) key() []byte {
	n := c.keyClock.Read()
	if n >= 0 && n < int64(len(c.keys)) {
		return c.keys[n]
	}
	k := c.text.Read()
	c.keys = append(c.keys, k)
	return k
}

// parseV2 reads an update in format V2. Run-length encoding can make a few bytes stand for many structs, so their number is
// limited in proportion to the size.
func (p *parser) parseV2(update []byte) error {
	d := p.doc
	c := newColumns(update)
	r := &c.rest
	most := min(64*len(update)+1024, d.limits.Structs)
	blocks := int(min(r.VarUint(), 1<<40))
	if blocks > d.limits.Clients || blocks > r.Len() {
		r.Fail(ErrLimit, "clients")
	}
	for ; blocks > 0 && !c.failed(); blocks-- {
		at := r.Offset()
		structs := r.VarUint()
		client, clock := c.clients.Read(), r.VarUint()
		if clock > maxClock {
			r.FailAt(ErrRange, "clock", at)
		}
		if structs > uint64(most-len(p.refs)) {
			r.FailAt(ErrLimit, "structs", at)
		}
		if c.failed() {
			break
		}
		ci := p.block(client)
		p.refs = slices.Grow(p.refs, min(int(structs), r.Len()))
		for ; structs > 0; structs-- {
			clock = p.structV2(c, ci, clock)
			if c.failed() {
				return c.err()
			}
		}
	}
	if c.failed() {
		return c.err()
	}
	blocks = r.Count(2, "deletes")
	for ; blocks > 0 && !r.Failed(); blocks-- {
		client := r.VarUint()
		n := r.Count(2, "deletes")
		if r.Failed() {
			break
		}
		ci := d.clients.intern(client)
		clock := uint64(0)
		for ; n > 0; n-- {
			at := r.Offset()
			clock += r.VarUint()
			length := r.VarUint() + 1
			p.span(r, ci, clock, length, at)
			clock += length
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	return c.err()
}

// structV2 reads one struct and returns the clock after it.
func (p *parser) structV2(c *columns, ci uint32, clock uint64) uint64 {
	d, r := p.doc, &c.rest
	at := r.Offset()
	r.SetLoose(false)
	info := c.info.Read()
	it := p.draft(ci, clock, kind(info&31))
	switch it.kind {
	case kindGC:
		return p.fill(r, it, c.length.Read(), at)
	case kindSkip:
		return p.fill(r, it, r.VarUint(), at)
	}
	if it.kind > kindDoc {
		r.FailAt(ErrTag, "struct", at)
		return 0
	}
	if info&0x80 != 0 {
		it.originClient, it.originClock = p.checkID(r, it, c.clients.Read(), uint64(c.leftClock.Read()), at)
	}
	if info&0x40 != 0 {
		it.rightClient, it.rightClock = p.checkID(r, it, c.clients.Read(), uint64(c.rightClock.Read()), at)
	}
	if info&0xc0 == 0 {
		switch c.parentInfo.Read() {
		case 1:
			if name := c.text.Read(); !c.failed() {
				it.parent = d.root(d.keys.intern(name))
			}
		case 0:
			it.originClient, it.originClock = p.checkID(r, it, c.clients.Read(), uint64(c.leftClock.Read()), at)
			it.flags |= flagParentID
		default:
			r.FailAt(ErrTag, "parent", at)
		}
		if info&0x20 != 0 {
			if key := c.text.Read(); !c.failed() {
				it.entry = d.keys.intern(key)
				it.flags |= flagKey
			}
		}
	}
	if c.failed() {
		return 0
	}
	return p.contentV2(c, it, at)
}

func (p *parser) contentV2(c *columns, it *item, at int) uint64 {
	d, r := p.doc, &c.rest
	length := uint64(1)
	switch it.kind {
	case kindDeleted:
		length = c.length.Read()
	case kindJSON:
		length = c.length.Read()
		if length > uint64(p.input) {
			r.FailAt(ErrLimit, "values", at)
			return 0
		}
		var b []byte
		for i := uint64(0); i < length && !c.failed(); i++ {
			text := c.text.Read()
			if string(text) != "undefined" {
				text = p.json(r, text)
			}
			b = lib0.AppendBytes(b, text)
		}
		p.put(it, b, r)
	case kindBinary:
		p.payload(it, r.Bytes(), r)
	case kindString:
		s := c.text.Read()
		length = uint64(lib0.UTF16Len(s))
		p.text(it, s, c)
	case kindEmbed:
		it.flags |= flagAny
		p.put(it, p.jsonAny(r), r)
	case kindFormat:
		it.flags |= flagAny
		key := c.key()
		p.put(it, lib0.AppendBytes(nil, key), r, p.jsonAny(r))
	case kindType:
		p.typ(r, it, c.typeRef.Read(), at)
		if k := kindOfRef(it.off); !c.failed() && k.named() {
			if name := c.key(); !c.failed() {
				it.size = d.keys.intern(name)
			}
		}
	case kindAny:
		length = c.length.Read()
		if length > uint64(r.Len()) {
			r.FailAt(ErrEnd, "values", at)
			return 0
		}
		p.values(r, it, int(length))
	case kindDoc:
		guid := c.text.Read()
		p.put(it, lib0.AppendBytes(nil, guid), r, p.options(r))
	}
	if c.failed() {
		d.content.drop(it)
		return 0
	}
	return p.fill(r, it, length, at)
}

// jsonAny reads a value that must have a JSON text, because format V1 needs one.
func (p *parser) jsonAny(r *lib0.Reader) []byte {
	b := p.canonical(r)
	if r.Failed() || b[0] >= 119 && b[0] <= 126 && b[0] != 122 {
		return b // a string, a boolean, a number or null
	}
	again := lib0.NewReader(b)
	if _, err := lib0.AppendJSON(nil, again.Any()); err != nil {
		r.Fail(ErrJSON, "value")
	}
	return b
}

// canonical reads a value and returns its bytes as lib0 would write them.
func (p *parser) canonical(r *lib0.Reader) []byte {
	r.SetLoose(false)
	start := r.Pos()
	r.SkipAny()
	b := r.Since(start)
	if r.Loose() && !r.Failed() {
		again := lib0.NewReader(b)
		b = lib0.AppendAny(nil, again.Any())
	}
	return b
}

// text makes s, which comes from the column of strings, the payload of it.
func (p *parser) text(it *item, s []byte, c *columns) {
	if !c.failed() {
		p.doc.content.put(it, s)
	}
}
