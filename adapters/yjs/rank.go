package yjs

import (
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// A rank is the place that a value was written to: the descents (see ycrdt.Descent) of the containers around it, the outermost
// first, and its own.
//
// Ranks order all values that were ever written to one cell, wherever that cell lay at the time, and the order is the same
// everywhere, since it depends on nothing but the IDs of items and their origins. It is the order in which one meets the
// values when one walks the document from the first map that stood under "t" to the last one, in each of them from the first
// table of that name to the last one, and so on:
//
//	t: 3:0 -> pets: 3:1 -> fido: 3:2 -> x: 3:3, 5:9
//	                             5:0 -> x: 5:1
//	        -> pets: 7:4 -> fido: 7:5 -> x: 7:6         the highest
//
// Whoever writes, writes behind all that he has: into the last map of each name, which is the one that is shown, or into a new one
// behind it. So a value ranks above all values that its writer had in his document when he wrote it.
type rank []ycrdt.Descent

// compare orders ranks.
func (r rank) compare(s rank) int { return slices.CompareFunc(r, s, ycrdt.Descent.Compare) }

// original returns the ID of the value.
func (r rank) original() ycrdt.ID { return r[len(r)-1].Last() }

// A rank is written as base64 of numbers: for each descent twice the number of runs, plus one if units were left out; how many
// those are; and for each run client, clock and length.

const (
	maxLevels = 4
	maxRuns   = 16
	maxText   = 4 << 10
)

// text returns the rank as it is written.
func (r rank) text() string {
	var b []byte
	for _, d := range r {
		n := uint64(len(d.Runs)) << 1
		if d.Omitted > 0 {
			b = binary.AppendUvarint(b, n|1)
			b = binary.AppendUvarint(b, uint64(d.Omitted))
		} else {
			b = binary.AppendUvarint(b, n)
		}
		for _, s := range d.Runs {
			b = binary.AppendUvarint(b, s.ID.Client)
			b = binary.AppendUvarint(b, uint64(s.ID.Clock))
			b = binary.AppendUvarint(b, uint64(s.Len))
		}
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// parseRank reads a rank.
func parseRank(text string) (r rank, ok bool) {
	if len(text) > maxText {
		return nil, false
	}
	b, err := base64.RawStdEncoding.DecodeString(text)
	ok = err == nil
	number := func(limit uint64) uint64 {
		x, n := binary.Uvarint(b)
		if n <= 0 || x > limit {
			ok, b = false, nil
			return 0
		}
		b = b[n:]
		return x
	}
	for ok && len(b) > 0 {
		var d ycrdt.Descent
		n := number(2*maxRuns + 1)
		if n&1 != 0 {
			d.Omitted = int(number(1 << 31))
		}
		ok = ok && n > 1 && len(r) < maxLevels
		for i := uint64(0); ok && i < n/2; i++ {
			s := ycrdt.Span{ID: ycrdt.ID{Client: number(1<<53 - 1), Clock: uint32(number(1 << 31))}, Len: uint32(number(1 << 31))}
			ok = ok && s.Len > 0
			d.Runs = append(d.Runs, s)
		}
		r = append(r, d)
	}
	return r, ok && len(r) > 0
}
