package ycrdt_test

import (
	"bytes"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
)

// seedUpdates returns some updates made by yjs, small ones of every kind.
func seedUpdates(t testing.TB, format string) (out [][]byte) {
	for _, file := range []string{"apply.json", "foreign.json"} {
		for _, s := range scenarios(t, file) {
			for i, step := range field(s, "steps").List() {
				if u := blob(step, format); i%3 == 0 && len(u) < 400 {
					out = append(out, u)
				}
			}
		}
	}
	return out
}

// fuzzApply applies foreign bytes twice to a document that has something already. Whatever they are, the document must be
// in order afterwards, unchanged if they were refused, and its state must be readable by another document.
func fuzzApply(f *testing.F, format string, apply func(*ycrdt.Doc, []byte) error) {
	for i, u := range seedUpdates(f, format) {
		if i%4 == 0 {
			f.Add(u)
		}
	}
	var base [][]byte
	for _, s := range scenarios(f, "apply.json") {
		if id := field(s, "id").Str(); id == "apply-mixed-inorder-7450" || id == "apply-text-inorder-7350" {
			for _, step := range field(s, "steps").List() {
				base = append(base, blob(step, format))
			}
		}
	}
	f.Fuzz(func(t *testing.T, update []byte) {
		d := newDoc(4000000000, true)
		for _, u := range base {
			require.NoError(t, apply(d, u))
		}
		before, err := d.EncodeStateAsUpdate(nil)
		require.NoError(t, err)
		var m1, m2 runtime.MemStats
		runtime.ReadMemStats(&m1)
		err = apply(d, update)
		runtime.ReadMemStats(&m2)
		if grown := m2.TotalAlloc - m1.TotalAlloc; grown > 1<<20+256*uint64(len(update)) {
			t.Errorf("%d bytes allocated for %d", grown, len(update))
		}
		require.NoError(t, ycrdt.Check(d))
		if err != nil {
			var de *ycrdt.DecodeError
			require.True(t, errors.As(err, &de), "%T", err)
			after, err := d.EncodeStateAsUpdate(nil)
			require.NoError(t, err)
			require.True(t, bytes.Equal(before, after), "changed by an update that was refused")
		}
		_ = apply(d, update)
		require.NoError(t, ycrdt.Check(d))
		state, err := d.EncodeStateAsUpdate(nil)
		require.NoError(t, err)
		_, err = d.EncodeStateAsUpdateV2(nil)
		require.NoError(t, err)
		docJSON(d)
		e := newDoc(4000000001, true)
		require.NoError(t, e.Apply(state, nil))
		require.NoError(t, ycrdt.Check(e))
		if d.Pending().Structs == nil && d.Pending().Deletes == nil {
			require.True(t, bytes.Equal(d.StateVector(), e.StateVector()))
		}
	})
}

func FuzzApplyV1(f *testing.F) {
	fuzzApply(f, "v1", func(d *ycrdt.Doc, b []byte) error { return d.Apply(b, nil) })
}

func FuzzApplyV2(f *testing.F) {
	fuzzApply(f, "v2", func(d *ycrdt.Doc, b []byte) error { return d.ApplyV2(b, nil) })
}
