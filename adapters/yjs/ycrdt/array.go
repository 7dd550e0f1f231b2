package ycrdt

import "iter"

// An Array is a handle of a shared array.
type Array struct{ node }

// Array returns the root array with a name. See Map.
func (a *access) Array(name string) Array { return Array{a.root(name, KindArray)} }

// Len returns the number of elements.
func (r Array) Len() int { return r.length() }

func (n node) length() int {
	ty, err := n.get()
	if err != nil {
		return 0
	}
	return int(ty.length)
}

// All iterates over the elements. The array must not be changed meanwhile.
func (r Array) All() iter.Seq2[int, Value] { return r.elements() }

func (n node) elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		ty, err := n.get()
		if err != nil {
			return
		}
		d := n.a.doc
		index := 0
		for i := ty.start; i != 0; i = d.items.at(i).right {
			it := d.items.at(i)
			if it.gap() {
				continue
			}
			for u := uint32(0); u < it.length; u++ {
				if !yield(index, n.a.valueAt(it, u)) {
					return
				}
				index++
			}
		}
	}
}

// Array returns the handle as that of an array.
func (s Shared) Array() Array {
	if k := s.Kind(); k == KindArray || k == KindUntyped || k == KindUndefined {
		return Array(s)
	}
	return Array{node{a: s.a, gen: uint32(codeKind)}}
}

// Insert inserts values before index. Plain values other than undefined and bigints, byte strings and descriptions of
// shared types (NewMap and others) can be inserted.
func (r Array) Insert(index int, values ...Value) error { return r.insertAt(index, values) }

// Push inserts values at the end.
func (r Array) Push(values ...Value) error {
	ty, err := r.write()
	if err != nil {
		return err
	}
	return r.insertAfter(ty.end, values)
}

// Get returns the element at an index; ok is false if there is none.
func (r Array) Get(index int) (v Value, ok bool) { return r.at(index) }

// Delete deletes count elements from index on.
func (r Array) Delete(index, count int) error { return r.deleteAt(index, count) }
