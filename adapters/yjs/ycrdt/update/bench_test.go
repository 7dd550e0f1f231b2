package update_test

import (
	"fmt"
	"testing"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/update"
)

// cells makes n small updates: each overwrites one of n/4 cells of a map, as 8 clients in turn do it.
func cells(b *testing.B, v update.Version, n int) [][]byte {
	b.Helper()
	const clients = 8
	last := make([]update.ID, n/4)
	next := make([]uint32, clients)
	out := make([][]byte, n)
	for i := range out {
		c := i * 7 % clients
		cell := i * 31 % len(last)
		s := update.Struct{
			ID: update.ID{Client: uint64(1000 + c), Clock: next[c]}, Len: 1, Ref: update.RefAny,
			Content: update.Content{Data: lib0.AppendAny(nil, lib0.NumberOf(float64(i)))},
		}
		next[c]++
		var ds update.DeleteSet
		if old := last[cell]; old.Client != 0 {
			s.HasOrigin, s.Origin = true, old
			ds = update.DeleteSet{{Client: old.Client, Clock: old.Clock, Len: 1}}
		} else {
			s.Root, s.RootName, s.HasKey, s.Key = true, []byte("m"), true, fmt.Appendf(nil, "cell%d", cell)
		}
		last[cell] = s.ID
		w := update.NewWriter(v)
		if err := w.Write(&s); err != nil {
			b.Fatal(err)
		}
		bytes, err := w.Finish(ds)
		if err != nil {
			b.Fatal(err)
		}
		out[i] = bytes
	}
	return out
}

func bench(b *testing.B, size int, f func() ([]byte, error)) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := f(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, v := range versions {
		us := cells(b, v, 10_000)
		size := 0
		for _, u := range us {
			size += len(u)
		}
		b.Run(fmt.Sprintf("updates=10k/%s", v), func(b *testing.B) {
			bench(b, size, func() ([]byte, error) { return update.Merge(v, us, nil) })
		})
		half1, _ := update.Merge(v, us[:5000], nil)
		half2, _ := update.Merge(v, us[4000:], nil)
		b.Run(fmt.Sprintf("updates=2/structs=11k/%s", v), func(b *testing.B) {
			bench(b, len(half1)+len(half2), func() ([]byte, error) { return update.Merge(v, [][]byte{half1, half2}, nil) })
		})
	}
}

func BenchmarkOne(b *testing.B) {
	for _, v := range versions {
		whole, err := update.Merge(v, cells(b, v, 100_000), nil)
		if err != nil {
			b.Fatal(err)
		}
		sv, err := update.StateVectorOf(v, whole, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("convert/structs=100k/%s", v), func(b *testing.B) {
			bench(b, len(whole), func() ([]byte, error) { return update.Convert(whole, v, 3-v, nil) })
		})
		b.Run(fmt.Sprintf("diff/nothing/structs=100k/%s", v), func(b *testing.B) {
			bench(b, len(whole), func() ([]byte, error) { return update.Diff(v, whole, sv, nil) })
		})
		b.Run(fmt.Sprintf("read/structs=100k/%s", v), func(b *testing.B) {
			bench(b, len(whole), func() ([]byte, error) { _, err := update.NewReader(v, whole, nil).DeleteSet(); return nil, err })
		})
	}
}
