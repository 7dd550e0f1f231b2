package yjs

// ReadRank reads what stands beside a restored value, and writes it again.
func ReadRank(text string) (again string, levels int, ok bool) {
	r, ok := parseRank(text)
	if !ok {
		return "", 0, false
	}
	_, _ = r.original(), r.compare(r)
	return r.text(), len(r), true
}
