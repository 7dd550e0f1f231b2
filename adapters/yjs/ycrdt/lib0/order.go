package lib0

import "slices"

// arrayIndex returns the number that key stands for if JavaScript treats it as an array index: digits without a leading
// zero, below 2^32-1. An object lists such keys first, in ascending order, whatever order they were set in.
func arrayIndex[S ~string | ~[]byte](key S) (uint64, bool) {
	if len(key) == 0 || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	n := uint64(0)
	for i := 0; i < len(key); i++ {
		if key[i] < '0' || key[i] > '9' {
			return 0, false
		}
		n = n*10 + uint64(key[i]-'0')
	}
	return n, n < 1<<32-1
}

// orderFields brings fields into the order of a JavaScript object and drops repeated keys, in place if it can.
func orderFields(fields []Field) []Field {
	indexes, sorted, last := 0, true, uint64(0)
	for i, f := range fields {
		if n, ok := arrayIndex(f.Key); ok {
			if i > indexes || indexes > 0 && n <= last {
				sorted = false
			}
			indexes++
			last = n
		}
	}
	fields = dropRepeated(fields)
	if sorted {
		return fields
	}
	slices.SortStableFunc(fields, func(a, b Field) int {
		m, isM := arrayIndex(a.Key)
		n, isN := arrayIndex(b.Key)
		switch {
		case isM && isN:
			return int(int64(m) - int64(n))
		case isM:
			return -1
		case isN:
			return 1
		}
		return 0
	})
	return fields
}

// dropRepeated gives the first field of each key the value of the last one and drops the others.
func dropRepeated(fields []Field) []Field {
	if !hasRepeated(fields) {
		return fields
	}
	place := make(map[string]int, len(fields))
	kept := fields[:0]
	for _, f := range fields {
		if i, ok := place[f.Key]; ok {
			kept[i].Value = f.Value
			continue
		}
		place[f.Key] = len(kept)
		kept = append(kept, f)
	}
	return kept
}

func hasRepeated(fields []Field) bool {
	if len(fields) > 16 {
		seen := make(map[string]struct{}, len(fields))
		for _, f := range fields {
			seen[f.Key] = struct{}{}
		}
		return len(seen) < len(fields)
	}
	for i := range fields {
		for j := range i {
			if fields[i].Key == fields[j].Key {
				return true
			}
		}
	}
	return false
}
