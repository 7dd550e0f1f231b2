package update

import (
	"cmp"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A Deletion is a range of deleted units of one client.
type Deletion struct {
	Client uint64
	Clock  uint32
	Len    uint32
}

// End returns the clock after the last unit.
func (d Deletion) End() uint32 { return d.Clock + d.Len }

// A DeleteSet is a list of deletions. On the wire it is grouped by client.
type DeleteSet []Deletion

// Normalize sorts the deletions by descending client and ascending clock, in place, and joins those that touch or
// overlap. It returns the set.
func (ds DeleteSet) Normalize() DeleteSet {
	byPlace := func(a, b Deletion) int {
		if c := cmp.Compare(b.Client, a.Client); c != 0 {
			return c
		}
		return cmp.Compare(a.Clock, b.Clock)
	}
	if !slices.IsSortedFunc(ds, byPlace) {
		slices.SortFunc(ds, byPlace)
	}
	out := ds[:0]
	for _, d := range ds {
		if n := len(out); n > 0 && out[n-1].Client == d.Client && out[n-1].End() >= d.Clock {
			out[n-1].Len = max(out[n-1].Len, d.End()-out[n-1].Clock)
			continue
		}
		out = append(out, d)
	}
	return out
}

// byClient groups the deletions by descending client and keeps their order within a client.
func (ds DeleteSet) byClient() DeleteSet {
	descending := func(a, b Deletion) int { return cmp.Compare(b.Client, a.Client) }
	if !slices.IsSortedFunc(ds, descending) {
		slices.SortStableFunc(ds, descending)
	}
	return ds
}

// ascending reports whether within each client every deletion begins at or after the end of the one before and none is
// empty, which V2 needs.
func (ds DeleteSet) ascending() bool {
	for i, d := range ds {
		if d.Len == 0 || i > 0 && ds[i-1].Client == d.Client && ds[i-1].End() > d.Clock {
			return false
		}
	}
	return true
}

// Contains reports whether a unit is deleted. The set must be normalized.
func (ds DeleteSet) Contains(id ID) bool {
	i, found := slices.BinarySearchFunc(ds, id, func(d Deletion, id ID) int {
		if d.Client != id.Client {
			return cmp.Compare(id.Client, d.Client)
		}
		return cmp.Compare(d.Clock, id.Clock)
	})
	if found {
		return ds[i].Len > 0
	}
	return i > 0 && ds[i-1].Client == id.Client && id.Clock < ds[i-1].End()
}

// AppendDeleteSet appends ds, which is grouped by client, in the form it has at the end of an update. Within a client V2
// needs ascending, separate and non-empty deletions; for other sets use Normalize.
//
//	V1: clients; per client: client, ranges; per range: clock, length
//	V2: the same with clock less the end of the range before, and length less one
func AppendDeleteSet(b []byte, v Version, ds DeleteSet) []byte {
	if v == V2 && !ds.ascending() {
		ds = slices.DeleteFunc(slices.Clone(ds), func(d Deletion) bool { return d.Len == 0 }).Normalize()
	}
	clients := 0
	for i := range ds {
		if i == 0 || ds[i].Client != ds[i-1].Client {
			clients++
		}
	}
	b = lib0.AppendVarUint(b, uint64(clients))
	for i := 0; i < len(ds); {
		n := i + 1
		for n < len(ds) && ds[n].Client == ds[i].Client {
			n++
		}
		b = lib0.AppendVarUint(b, ds[i].Client)
		b = lib0.AppendVarUint(b, uint64(n-i))
		for end := uint32(0); i < n; i++ {
			if v == V2 {
				b = lib0.AppendVarUint(b, uint64(ds[i].Clock-end))
				b = lib0.AppendVarUint(b, uint64(ds[i].Len-1))
				end = ds[i].End()
			} else {
				b = lib0.AppendVarUint(b, uint64(ds[i].Clock))
				b = lib0.AppendVarUint(b, uint64(ds[i].Len))
			}
		}
	}
	return b
}

// ReadDeleteSet reads a delete set as it stands at the end of an update and in a snapshot, and appends it to ds. Ranges may
// come in any order and overlap. Errors are those of r.
func ReadDeleteSet(r *lib0.Reader, v Version, limits *Limits, ds DeleteSet) DeleteSet {
	clients := r.Count(2, "clients of the delete set")
	if clients > limits.resolve(0).Clients {
		r.Fail(lib0.ErrLimit, "clients of the delete set")
	}
	for ; clients > 0 && !r.Failed(); clients-- {
		client := r.VarUint()
		ranges := r.Count(2, "ranges of the delete set")
		end := uint64(0)
		for ; ranges > 0 && !r.Failed(); ranges-- {
			clock, length := r.VarUint(), r.VarUint()
			if v == V2 {
				clock += end
				length++
			}
			end = clock + length
			if clock > MaxClock || end > MaxClock {
				r.Fail(lib0.ErrRange, "range of the delete set")
			}
			if !r.Failed() {
				ds = append(ds, Deletion{client, uint32(clock), uint32(length)})
			}
		}
	}
	return ds
}
