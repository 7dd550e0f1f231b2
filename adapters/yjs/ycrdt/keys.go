package ycrdt

import (
	"hash/maphash"
	"slices"
	"unsafe"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// keys gives every map key, root name and node name of a document a number, from 1 on. 0 means no key: the empty string is
// a key like any other. Strings are packed into large blocks and live as long as the document.
type keys struct {
	seed   maphash.Seed
	table  []uint32   // open addressing, a power of two
	names  []string   // by number
	block  []byte     // the rest of the block being filled
	recent [64]uint32 // asked for lately; columns of a table come again and again
	others bool       // some names are not ASCII
}

func newKeys() keys { return keys{seed: maphash.MakeSeed(), names: make([]string, 1, 8)} }

func (k *keys) name(i uint32) string { return k.names[i] }

// append appends a name as lib0 writes strings.
func (k *keys) append(b []byte, i uint32) []byte {
	if k.others {
		return lib0.AppendString(b, k.names[i])
	}
	b = lib0.AppendVarUint(b, uint64(len(k.names[i])))
	return append(b, k.names[i]...)
}

// keyName returns the key of an item that has one.
func (d *Doc) keyName(it *item) string {
	if it.flags&flagKey != 0 {
		return d.keys.name(it.entry)
	}
	return d.keys.name(d.entries.at(it.entry).key)
}

// find returns the number of s, 0 if it has none.
func (k *keys) find(s string) uint32 {
	if i := *k.lately(s); i != 0 && k.names[i] == s {
		return i
	}
	if len(k.table) == 0 {
		return 0
	}
	mask := uint32(len(k.table) - 1)
	for h := uint32(maphash.String(k.seed, s)) & mask; ; h = (h + 1) & mask {
		i := k.table[h]
		if i == 0 || k.names[i] == s {
			return i
		}
	}
}

// intern returns the number of s, a new one if need be. It keeps a copy of s.
func (k *keys) intern(s []byte) uint32 {
	return k.internString(unsafe.String(unsafe.SliceData(s), len(s)))
}

func (k *keys) internString(s string) uint32 {
	lately := k.lately(s)
	if i := *lately; i != 0 && k.names[i] == s {
		return i
	}
	i := k.internNew(s)
	*lately = i
	return i
}

// lately returns where the number of s is if it was interned lately.
func (k *keys) lately(s string) *uint32 {
	h := len(s)
	if h > 0 {
		h += 7*int(s[h-1]) + 31*int(s[0])
	}
	return &k.recent[h%len(k.recent)]
}

func (k *keys) internNew(s string) uint32 {
	if 4*len(k.names) >= 3*len(k.table) {
		k.grow()
	}
	mask := uint32(len(k.table) - 1)
	h := uint32(maphash.String(k.seed, s)) & mask
	for ; ; h = (h + 1) & mask {
		i := k.table[h]
		if i == 0 {
			break
		}
		if k.names[i] == s {
			return i
		}
	}
	i := uint32(len(k.names))
	k.table[h] = i
	if len(k.names) == cap(k.names) {
		k.names = slices.Grow(k.names, len(k.names)) // append grows large slices by a quarter only
	}
	k.names = append(k.names, k.keep(s))
	k.others = k.others || !lib0.IsASCII(s)
	return i
}

func (k *keys) keep(s string) string {
	if len(s) == 0 {
		return ""
	}
	if len(s) > cap(k.block)-len(k.block) {
		size := min(max(64, 4*len(k.names)), 16<<10)
		if 4*len(s) > size {
			return string(append([]byte(nil), s...))
		}
		k.block = make([]byte, 0, size)
	}
	at := len(k.block)
	k.block = append(k.block, s...)
	return unsafe.String(&k.block[at], len(s))
}

func (k *keys) grow() {
	k.table = make([]uint32, max(16, 2*len(k.table)))
	mask := uint32(len(k.table) - 1)
	for i := 1; i < len(k.names); i++ {
		h := uint32(maphash.String(k.seed, k.names[i])) & mask
		for k.table[h] != 0 {
			h = (h + 1) & mask
		}
		k.table[h] = uint32(i)
	}
}

// truncate forgets the numbers from n on. Removing in reverse order of insertion leaves no gap in any probe sequence.
func (k *keys) truncate(n int) {
	mask := uint32(len(k.table) - 1)
	for i := len(k.names) - 1; i >= n; i-- {
		h := uint32(maphash.String(k.seed, k.names[i])) & mask
		for k.table[h] != uint32(i) {
			h = (h + 1) & mask
		}
		k.table[h] = 0
		k.names[i] = ""
	}
	k.names = k.names[:n]
	clear(k.recent[:])
}
