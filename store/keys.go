package store

import (
	"slices"
	"strings"
)

// keys are the sorted keys of a node.
//
// Looking for a key compares strings, and strings lie all over the memory. So the keys of a node are cut to eight bytes
// behind their common prefix, as one number each (the idea of prefix truncation and poor man's normalized keys: Graefe and
// Larson, B-tree indexes and CPU caches, 2001), and a string is looked at only where these numbers are equal.
type keys struct {
	gen   *edit // who may write
	skip  int   // a length of prefix that all keys have in common; of a branch, all but the first
	pre   uint64
	list  []string
	heads []uint64 // nil as long as there are few keys
}

// manyKeys is the number of keys from which there are heads.
const manyKeys = 6

// search returns the first place from which on all keys are at least key, and whether the key there is equal. It begins at
// from: 0 in a leaf, 1 in a branch.
func (k *keys) search(key string, from int) (int, bool) {
	lo, hi := from, len(k.list)
	if k.heads == nil || lo >= hi {
		for lo < hi {
			mid := int(uint(lo+hi) >> 1)
			if k.list[mid] < key {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		return lo, lo < len(k.list) && k.list[lo] == key
	}
	if k.skip > 0 && !k.hasPrefix(key, from) {
		if key > k.list[from] {
			return hi, false
		}
		return from, false
	}
	h := headOf(key, k.skip)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if k.heads[mid] < h {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < len(k.list) && k.heads[lo] == h; lo++ {
		s := k.list[lo]
		if len(s) == len(key) && len(s)-k.skip <= 8 {
			return lo, true
		}
		if d := strings.Compare(s, key); d >= 0 {
			return lo, d == 0
		}
	}
	return lo, false
}

// hasPrefix says whether key begins as all keys do.
func (k *keys) hasPrefix(key string, from int) bool {
	if len(key) < k.skip {
		return false
	}
	if k.skip <= 8 {
		return (headOf(key, 0)^k.pre)>>(64-8*k.skip) == 0
	}
	return key[:k.skip] == k.list[from][:k.skip]
}

// headOf returns the eight bytes of key behind the first skip ones, as a number in byte order. Missing bytes are 0.
func headOf(key string, skip int) (h uint64) {
	if len(key) <= skip {
		return 0
	}
	key = key[skip:]
	switch n := len(key); {
	case n >= 8:
		return uint64(be32(key))<<32 | uint64(be32(key[4:]))
	case n >= 4: // the second half overlaps the first
		return uint64(be32(key))<<32 | uint64(be32(key[n-4:]))<<(64-8*n)
	case n == 3:
		return uint64(key[0])<<56 | uint64(key[1])<<48 | uint64(key[2])<<40
	case n == 2:
		return uint64(key[0])<<56 | uint64(key[1])<<48
	}
	return uint64(key[0]) << 56
}

// be32 reads four bytes; the compiler makes one load of it.
func be32(s string) uint32 {
	_ = s[3]
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

// index makes the heads anew.
func (k *keys) index(from int) {
	n := len(k.list)
	if n < manyKeys {
		k.heads = nil
		return
	}
	first, last := k.list[from], k.list[n-1]
	k.skip = 0
	for k.skip < len(first) && k.skip < len(last) && first[k.skip] == last[k.skip] {
		k.skip++
	}
	k.pre = headOf(first, 0)
	if cap(k.heads) < n {
		k.heads = make([]uint64, n, cap(k.list))
	}
	k.heads = k.heads[:n]
	for i, s := range k.list {
		k.heads[i] = headOf(s, k.skip)
	}
}

// insert returns keys with key at i that gen owns.
func (k *keys) insert(gen *edit, i int, key string, from int) *keys {
	if k.gen == gen {
		k.list = slices.Insert(k.list, i, key)
		if k.heads == nil || k.skip > 0 && !k.hasPrefix(key, from) {
			k.index(from)
			return k
		}
		k.heads = slices.Insert(k.heads, i, headOf(key, k.skip))
		return k
	}
	if len(k.list) == 0 {
		one := &struct {
			keys
			list [1]string
		}{list: [1]string{key}}
		one.gen, one.keys.list = gen, one.list[:]
		return &one.keys
	}
	list := make([]string, len(k.list)+1)
	copy(list, k.list[:i])
	list[i] = key
	copy(list[i+1:], k.list[i:])
	return newKeys(gen, list, from)
}

// delete returns keys without the one at i that gen owns.
func (k *keys) delete(gen *edit, i, from int) *keys {
	if k.gen == gen {
		k.list = slices.Delete(k.list, i, i+1)
		if from > 0 || len(k.list) < manyKeys {
			k.index(from)
		} else if k.heads != nil {
			k.heads = slices.Delete(k.heads, i, i+1)
		}
		return k
	}
	list := make([]string, len(k.list)-1)
	copy(list, k.list[:i])
	copy(list[i:], k.list[i+1:])
	return newKeys(gen, list, from)
}

// split gives the keys from at on to a neighbour.
func (k *keys) split(gen *edit, at, from int) (left, right *keys) {
	right = newKeys(gen, append(make([]string, 0, maxFan+1), k.list[at:]...), from)
	if k.gen == gen {
		clear(k.list[at:])
		k.list = k.list[:at]
		k.index(from)
		return k, right
	}
	return newKeys(gen, slices.Clone(k.list[:at]), from), right
}

func newKeys(gen *edit, list []string, from int) *keys {
	k := &keys{gen: gen, list: list}
	if len(list) > from {
		k.index(from)
	}
	return k
}

// check reports the first broken rule, for tests.
func (k *keys) check(from int) string {
	if k.heads == nil {
		return ""
	}
	if len(k.heads) != len(k.list) {
		return "as many heads as keys no longer"
	}
	for i, s := range k.list[from:] {
		if len(s) < k.skip || s[:k.skip] != k.list[from][:k.skip] || headOf(s, k.skip) != k.heads[from+i] {
			return "a wrong head"
		}
	}
	return ""
}
