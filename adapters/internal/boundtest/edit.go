package boundtest

import "github.com/rowloom/rowloom/store"

// Container is a map in a document, in a transaction.
type Container interface {
	Child(key string) (Container, bool)
	Make(key string) (Container, error)
	Set(key string, v store.Value) error
	Delete(key string) error
	IsEmpty() bool
}

// Edit writes a cell or value as a JavaScript client does in the layout Nested, or deletes what is below at if v is absent:
// containers are made on demand, and deleted when they become empty, which deletes what others write into them at the same
// time. It returns those that were deleted so. The keys of below lead from in to the container of all.
func Edit(in Container, at store.Path, v store.Value, below ...string) (pruned []store.Path, err error) {
	table, row, cell := at.IDs()
	keys := append(below, "t", table, row, cell)
	switch at.Level() {
	case store.AtValue:
		keys = append(below, "v", cell)
	case store.AtRow:
		keys = append(below, "t", table, row)
	case store.AtTable:
		keys = append(below, "t", table)
	}
	path := []Container{in}
	last := len(keys) - 1
	for i, key := range keys[:last] {
		in, ok := path[i].Child(key)
		if !ok && !v.Exists() {
			return nil, nil
		}
		if !ok {
			if in, err = path[i].Make(key); err != nil {
				return nil, err
			}
		}
		path = append(path, in)
	}
	if v.Exists() {
		return nil, path[last].Set(keys[last], v)
	}
	err = path[last].Delete(keys[last])
	for up := at.Up(); err == nil && last > len(below)+1 && path[last].IsEmpty(); up = up.Up() {
		last--
		err = path[last].Delete(keys[last])
		pruned = append(pruned, up)
	}
	return pruned, err
}
