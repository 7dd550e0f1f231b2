package ycrdt

import "slices"

// A span is a run of deleted units of one client.
type span struct{ client, clock, length uint32 }

// A deleteSet is a list of spans. Sorted, it has all spans of a client together, clients in the order of their first
// deletion, without overlaps.
type deleteSet struct {
	spans  []span
	sorted bool
	index  map[uint32][]span // by client, made by has
}

// clear empties the set and keeps its memory.
func (ds *deleteSet) clear() {
	ds.spans, ds.sorted = ds.spans[:0], false
	if ds.index != nil {
		ds.index = nil
	}
}

// add appends a span, or makes the last one longer.
func (ds *deleteSet) add(client, clock, length uint32) {
	if n := len(ds.spans); n > 0 {
		if s := &ds.spans[n-1]; s.client == client && s.clock+s.length == clock {
			s.length += length
			return
		}
	}
	ds.spans = append(ds.spans, span{client, clock, length})
	ds.sorted = false
}

// sort brings the spans into order and joins those that touch.
func (ds *deleteSet) sort(c *clients) {
	if ds.sorted || len(ds.spans) < 2 {
		ds.sorted = true
		return
	}
	group := uint32(0)
	for _, s := range ds.spans {
		c.list[s.client].group = 0
	}
	for _, s := range ds.spans {
		if g := &c.list[s.client].group; *g == 0 {
			group++
			*g = group
		}
	}
	less := func(a, b span) int {
		if a.client != b.client {
			return int(c.list[a.client].group) - int(c.list[b.client].group)
		}
		switch {
		case a.clock < b.clock:
			return -1
		case a.clock > b.clock:
			return 1
		}
		return 0
	}
	if !slices.IsSortedFunc(ds.spans, less) {
		slices.SortStableFunc(ds.spans, less)
	}
	ds.spans = joinSpans(ds.spans)
	ds.sorted = true
}

// arrange brings together the spans of each client. If those of one overlap or are out of order, which only foreign
// writers send, all are sorted and joined; otherwise they stay as they came.
func (ds *deleteSet) arrange(c *clients) {
	ends := map[uint32]uint32{}
	last := uint32(0)
	for _, s := range ds.spans {
		end, known := ends[s.client]
		if known && (s.client != last || s.clock < end) {
			ds.sort(c)
			return
		}
		ends[s.client], last = s.clock+s.length, s.client
	}
}

func joinSpans(spans []span) []span {
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 {
			if l := &out[n-1]; l.client == s.client && l.clock+l.length >= s.clock {
				l.length = max(l.length, s.clock+s.length-l.clock)
				continue
			}
		}
		out = append(out, s)
	}
	return out
}

// groups calls fn for the spans of each client.
func (ds *deleteSet) groups(fn func(client uint32, spans []span)) {
	for from := 0; from < len(ds.spans); {
		to := from + 1
		for to < len(ds.spans) && ds.spans[to].client == ds.spans[from].client {
			to++
		}
		fn(ds.spans[from].client, ds.spans[from:to])
		from = to
	}
}

// without returns what is in a sorted set but not in another one.
func (ds *deleteSet) without(other *deleteSet) (rest deleteSet) {
	less := map[uint32][]span{}
	other.groups(func(client uint32, spans []span) { less[client] = spans })
	for _, s := range ds.spans {
		out := less[s.client]
		for len(out) > 0 && out[0].clock+out[0].length <= s.clock {
			out = out[1:]
		}
		less[s.client] = out
		for _, o := range out {
			if o.clock >= s.clock+s.length {
				break
			}
			if o.clock > s.clock {
				rest.add(s.client, s.clock, o.clock-s.clock)
			}
			end := s.clock + s.length
			s.clock = min(end, o.clock+o.length)
			s.length = end - s.clock
		}
		if s.length > 0 {
			rest.add(s.client, s.clock, s.length)
		}
	}
	rest.sorted = true
	return rest
}

// has reports whether a unit is in the sorted set.
func (ds *deleteSet) has(client, clock uint32) bool {
	if len(ds.spans) <= 8 {
		for _, s := range ds.spans {
			if s.client == client && clock-s.clock < s.length {
				return true
			}
		}
		return false
	}
	if ds.index == nil {
		ds.index = map[uint32][]span{}
		ds.groups(func(client uint32, spans []span) { ds.index[client] = spans })
	}
	_, found := slices.BinarySearchFunc(ds.index[client], clock, func(s span, clock uint32) int {
		switch {
		case s.clock+s.length <= clock:
			return -1
		case s.clock > clock:
			return 1
		}
		return 0
	})
	return found
}
