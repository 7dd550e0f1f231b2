package amchange

import (
	"fmt"
	"slices"
	"strings"
)

// State renders everything that an index knows, apart from numbers of freed texts, so that tests can compare.
func (ix *Index) State() string {
	var lines []string
	note := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	note("%s max %d keys %d", ix, ix.maxOp, len(ix.keys))
	for _, a := range ix.actors {
		note("actor %s %d %d %d", a.id, a.seq, a.maxOp, ix.actorOf[a.id])
	}
	for i, k := range ix.keys {
		note("key %q %d %d", k, i, ix.keyOf[k])
	}
	for h, n := range ix.history {
		_, head := ix.heads[h]
		note("change %s %d %d %v", h, n, ix.changes[n].maxOp, head)
		if ix.changes[n].hash != h {
			panic("change is lost")
		}
	}
	for i, o := range ix.objects {
		note("object %d: %s %d in %d/%d at depth %d", i, o.kind, o.op, o.parent, o.key, o.depth)
		if i > 0 && ix.objOf[o.op] != uint32(i) {
			panic("object is not found")
		}
		if o.seq != nil {
			n, at := 0, o.seq.first
			for b := at; b != nil; b = b.next {
				if len(b.items) == 0 && (b.next != nil || b.prev != nil) || b.next != nil && b.next.prev != b {
					panic("chain of blocks is broken")
				}
				for _, it := range b.items {
					note("item %d/%d: %d %d", i, n, it.op(), it.char)
					if !o.seq.has(it.op()) || o.seq.where != nil && o.seq.where[it.op()] != b {
						panic("element is lost")
					}
					n++
				}
			}
		}
		for e := range o.slots.all {
			note("slot %d/%d: %d %v %v", i, e.key, e.op, ix.value(e), e.more)
			if list := ix.multi[slotKey{uint32(i), e.key}]; e.more != (len(list) > 1) || e.more && list[len(list)-1] != e {
				panic("slot and conflict set disagree")
			}
		}
	}
	for k, list := range ix.multi {
		for _, e := range list {
			note("multi %v: %d %v", k, e.op, ix.value(e))
		}
	}
	for k, list := range ix.dead {
		note("dead %v: %v", k, list)
	}
	if live := len(ix.texts.all) - len(ix.texts.free); live >= 0 {
		note("texts %d", live)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// EncodeAnyhow writes a draft without any check, for hostile changes.
func (d Draft) EncodeAnyhow() []byte {
	c := &Change{Actor: d.Actor, Seq: d.Seq, StartOp: d.StartOp, Seconds: d.Seconds, Message: d.Message, Deps: d.Deps}
	var w opWriter
	w.init()
	d.write(c, &w)
	return seal(appendBody(nil, c, &w))
}
