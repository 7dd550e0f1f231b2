package lib0_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// row is a value as tables hold it.
func row() lib0.Any {
	return lib0.ObjectOf(
		lib0.Field{Key: "name", Value: lib0.StringOf("Zoë Example")},
		lib0.Field{Key: "price", Value: lib0.NumberOf(12.5)},
		lib0.Field{Key: "count", Value: lib0.NumberOf(4711)},
		lib0.Field{Key: "tags", Value: lib0.ListOf(lib0.StringOf("a"), lib0.StringOf("b"), lib0.NullOf(), lib0.BoolOf(true))},
	)
}

func run(b *testing.B, size int, f func()) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		f()
	}
}

func BenchmarkAny(b *testing.B) {
	v := row()
	bytes := lib0.AppendAny(nil, v)
	buf := make([]byte, 0, 1000)
	b.Run("append/row", func(b *testing.B) { run(b, len(bytes), func() { buf = lib0.AppendAny(buf[:0], v) }) })
	b.Run("read/row", func(b *testing.B) {
		run(b, len(bytes), func() {
			r := lib0.NewReader(bytes)
			r.Any()
		})
	})
	b.Run("skip/row", func(b *testing.B) {
		run(b, len(bytes), func() {
			r := lib0.NewReader(bytes)
			r.SkipAny()
		})
	})
}

func BenchmarkJSON(b *testing.B) {
	v := row()
	text, _ := lib0.AppendJSON(nil, v)
	buf := make([]byte, 0, 1000)
	b.Run("append/row", func(b *testing.B) { run(b, len(text), func() { buf, _ = lib0.AppendJSON(buf[:0], v) }) })
	b.Run("parse/row", func(b *testing.B) { run(b, len(text), func() { _, _ = lib0.ParseJSON(text) }) })
	b.Run("check/row", func(b *testing.B) { run(b, len(text), func() { _ = lib0.ValidJSON(text) }) })
}

func BenchmarkVarUint(b *testing.B) {
	for _, n := range []uint64{5, 300, 1 << 20, 1<<32 - 1, lib0.MaxSafe} {
		var bytes []byte
		for range 1000 {
			bytes = lib0.AppendVarUint(bytes, n)
		}
		b.Run(fmt.Sprintf("read/bytes=%d", len(bytes)/1000), func(b *testing.B) {
			run(b, len(bytes), func() {
				r := lib0.NewReader(bytes)
				for !r.Done() {
					r.VarUint()
				}
			})
		})
	}
}

func BenchmarkColumns(b *testing.B) {
	const n = 1000
	var u lib0.UintOptRleEncoder
	var i lib0.IntDiffOptRleEncoder
	var s, mixed lib0.StringEncoder
	for k := range n {
		u.Write(uint64(k / 3))
		i.Write(int64(k * k % 97))
		s.WriteString("cell" + strings.Repeat("x", k%5))
		mixed.WriteString("日本" + strings.Repeat("x", k%5))
	}
	b.Run("uintOptRle/read/values=1k", func(b *testing.B) {
		run(b, len(u.Bytes()), func() {
			d := lib0.NewUintOptRleDecoder(lib0.NewReader(u.Bytes()))
			for range n {
				d.Read()
			}
		})
	})
	b.Run("intDiffOptRle/read/values=1k", func(b *testing.B) {
		run(b, len(i.Bytes()), func() {
			d := lib0.NewIntDiffOptRleDecoder(lib0.NewReader(i.Bytes()))
			for range n {
				d.Read()
			}
		})
	})
	for name, e := range map[string]*lib0.StringEncoder{"ascii": &s, "mixed": &mixed} {
		bytes := e.AppendTo(nil)
		b.Run("strings/"+name+"/read/values=1k", func(b *testing.B) {
			run(b, len(bytes), func() {
				d := lib0.NewStringDecoder(lib0.NewReader(bytes))
				for range n {
					d.Read()
				}
			})
		})
	}
}
