package ycrdt

import "github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"

// The content of an item stays encoded. Its payload is
//
//	JSON     the JSON texts, each with its length before it
//	Binary   the bytes
//	String   the text; it is ASCII if and only if it has as many bytes as units
//	Embed    JSON text, or an "any" value with flagAny
//	Format   the key with its length before it, then JSON text or an "any" value
//	Any      the "any" values
//	Doc      the guid with its length before it, then the options as an "any" value
//
// and lies in one of the document's buffers. Bytes once written never change, only new ones are appended: readers and
// other items may share them. GC, Deleted, Skip and Type have no payload.
type content struct {
	bufs []buffer
	open uint32   // the buffer that small payloads are appended to
	free []uint32 // buffers that are not used any more
	grow bool     // do not reuse buffers: an update is being read, which may be taken back
	live int      // bytes some item refers to
	all  int      // bytes in all buffers
}

type buffer struct {
	bytes []byte
	live  int // bytes some item refers to
}

const (
	arenaMin = 256
	arenaMax = 64 << 10
)

func newContent() content { return content{bufs: make([]buffer, 1, 4)} }

func (c *content) of(it *item) []byte {
	return c.bufs[it.buf].bytes[it.off : it.off+it.size : it.off+it.size]
}

// retain makes b, which must never change, a buffer and returns its number.
func (c *content) retain(b []byte) uint32 {
	c.all += len(b)
	if n := len(c.free); n > 0 && !c.grow {
		i := c.free[n-1]
		c.free = c.free[:n-1]
		c.bufs[i] = buffer{bytes: b}
		return i
	}
	c.bufs = append(c.bufs, buffer{bytes: b})
	return uint32(len(c.bufs) - 1)
}

// room returns the number of a buffer that has at least n free bytes.
func (c *content) room(n int) uint32 {
	if b := c.bufs[c.open].bytes; cap(b)-len(b) >= n {
		return c.open
	}
	size := arenaMin
	for size < arenaMax && size < c.all {
		size *= 2
	}
	if 4*n > size {
		return c.retain(make([]byte, 0, n))
	}
	full := c.open
	c.open = c.retain(make([]byte, 0, size))
	if full != 0 && c.bufs[full].live == 0 && !c.grow {
		c.release(full)
	}
	return c.open
}

// put stores a payload that consists of the given parts, one after the other.
func (c *content) put(it *item, parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n == 0 {
		it.buf, it.off, it.size = 0, 0, 0
		return
	}
	i := c.room(n)
	b := &c.bufs[i]
	it.buf, it.off, it.size = i, uint32(len(b.bytes)), uint32(n)
	at := len(b.bytes)
	b.bytes = b.bytes[:at+n]
	for _, p := range parts {
		at += copy(b.bytes[at:], p)
	}
	b.live += n
	c.live += n
	c.all += n
}

// share makes it refer to a part of a retained buffer.
func (c *content) share(it *item, buf, off, size uint32) {
	if size == 0 {
		return
	}
	it.buf, it.off, it.size = buf, off, size
	c.bufs[buf].live += int(size)
	c.live += int(size)
}

// drop takes the payload away.
func (c *content) drop(it *item) {
	c.shrink(it.buf, it.size)
	it.buf, it.off, it.size = 0, 0, 0
}

func (c *content) shrink(buf, size uint32) {
	if buf == 0 || size == 0 {
		return
	}
	b := &c.bufs[buf]
	b.live -= int(size)
	c.live -= int(size)
	if b.live == 0 && buf != c.open && !c.grow {
		c.release(buf)
	}
}

// release gives back a buffer that no item refers to.
func (c *content) release(buf uint32) {
	b := &c.bufs[buf]
	c.all -= len(b.bytes)
	*b = buffer{}
	c.free = append(c.free, buf)
}

// join appends the payload of r to that of l. The item r is about to vanish.
func (c *content) join(l, r *item) {
	switch {
	case r.size == 0:
		return
	case l.size == 0:
		l.buf, l.off, l.size = r.buf, r.off, r.size
		return
	case l.kind == kindString && halfPair(c.of(l)):
		joined := lib0.JoinText(c.of(l), c.of(r))
		c.drop(r)
		c.drop(l)
		c.put(l, joined)
		return
	case l.buf == r.buf && l.off+l.size == r.off:
		l.size += r.size
		return
	}
	b := &c.bufs[l.buf]
	if n := len(b.bytes); int(l.off+l.size) == n && cap(b.bytes)-n >= int(r.size) {
		b.bytes = append(b.bytes, c.of(r)...)
		b.live += int(r.size)
		c.live += int(r.size)
		c.all += int(r.size)
		l.size += r.size
		c.drop(r)
		return
	}
	left, right := c.of(l), c.of(r)
	if n := len(left) + len(right); n > 128 {
		// A buffer of its own with room to grow: appending again and again stays linear.
		own := append(append(make([]byte, 0, 2*n), left...), right...)
		c.drop(r)
		c.drop(l)
		l.buf, l.off, l.size = c.retain(own), 0, uint32(n)
		c.bufs[l.buf].live = n
		c.live += n
		return
	}
	joined := *l
	c.put(&joined, left, right)
	c.drop(r)
	c.drop(l)
	l.buf, l.off, l.size = joined.buf, joined.off, joined.size
}

// halfPair reports whether text ends with the first half of a surrogate pair in its three-byte form.
func halfPair(text []byte) bool {
	n := len(text)
	return n >= 3 && text[n-3] == 0xed && text[n-2] >= 0xa0 && text[n-2] < 0xb0
}

// split cuts the payload of l before unit n: l keeps the head, r gets the tail. The lengths of both are set by the caller.
func (c *content) split(l, r *item, n uint32) {
	switch l.kind {
	case kindString:
		if l.size == l.length { // ASCII
			c.cut(l, r, n)
			return
		}
		at, inPair := lib0.UTF16Offset(c.of(l), int(n))
		if !inPair {
			if head := c.of(l)[:at]; halfPair(head) {
				// Yjs looks at the last unit only, and a lone half becomes U+FFFD like any other; so does the
				// first unit to the right.
				c.replaceCut(l, r, n)
				return
			}
			c.cut(l, r, uint32(at))
			return
		}
		c.replaceCut(l, r, n)
	case kindAny, kindJSON:
		c.cut(l, r, uint32(skipValues(l.kind, c.of(l), int(n))))
	}
}

// replaceCut splits a text inside a surrogate pair: both halves become U+FFFD, as in Yjs.
func (c *content) replaceCut(l, r *item, n uint32) {
	head, tail := lib0.SplitUTF16(c.of(l), int(n))
	c.drop(l)
	c.put(l, head)
	c.put(r, tail)
}

func (c *content) cut(l, r *item, at uint32) {
	if l.size > at {
		r.buf, r.off, r.size = l.buf, l.off+at, l.size-at
	}
	if l.size = at; at == 0 {
		l.buf, l.off = 0, 0
	}
}

// skipValues returns the number of bytes that the first n values of a payload take.
func skipValues(k kind, payload []byte, n int) int {
	r := lib0.NewReader(payload)
	for range n {
		if k == kindAny {
			r.SkipAny()
		} else {
			r.SkipBytes()
		}
	}
	return r.Pos()
}
