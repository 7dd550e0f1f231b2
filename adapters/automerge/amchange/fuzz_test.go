package amchange_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// seedBodies are bodies of changes that JavaScript wrote.
func seedBodies(f *testing.F) {
	n := 0
	for _, changes := range vectorChanges(f) {
		for _, raw := range changes {
			if c, _, err := amchange.ReadChunk(raw, nil); err == nil && c.Type == amchange.ChangeChunk && len(c.Body) < 400 {
				f.Add(c.Body)
				n++
			}
		}
		if n > 100 {
			return
		}
	}
}

// FuzzParse: what is accepted is written again byte for byte, and its operations can be read.
func FuzzParse(f *testing.F) {
	seedBodies(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		data := chunkOf(1, body)
		changes, err := amchange.ParseAll(data, nil)
		if err != nil {
			return
		}
		c := changes[0]
		require.Equal(t, data, c.Bytes())
		draft := amchange.Draft{Actor: c.Actor, Seq: c.Seq, StartOp: c.StartOp, Seconds: c.Seconds, Message: c.Message, Deps: c.Deps}
		n := 0
		for op := range c.Ops() {
			draft.Ops = append(draft.Ops, op)
			n++
		}
		require.Equal(t, c.Len(), n)
		if c.Extra == "" {
			again, err := draft.Encode()
			require.NoError(t, err)
			require.Equal(t, c.Hash, again.Hash)
		}
	})
}

// FuzzIndex: a change after a base with one object of each kind is added, or refused without a trace.
func FuzzIndex(f *testing.F) {
	base, err := amchange.Draft{Actor: "\xaa", Seq: 1, StartOp: 1, Ops: []amchange.Op{
		{Key: "m", Action: amchange.MakeMap},
		{Key: "l", Action: amchange.MakeList},
		{Key: "t", Action: amchange.MakeText},
		{Key: "c", Action: amchange.Set, Value: amchange.CounterValue(1)},
		{Obj: amchange.OpID{Counter: 2, Actor: "\xaa"}, InSequence: true, Insert: true, Action: amchange.MakeMap},
		{Obj: amchange.OpID{Counter: 3, Actor: "\xaa"}, InSequence: true, Insert: true, Action: amchange.Set, Value: amchange.StringValue("x")},
	}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	seedBodies(f)
	for _, ops := range [][]amchange.Op{
		{{Obj: amchange.OpID{Counter: 1, Actor: "\xaa"}, Key: "x", Action: amchange.MakeMap}},
		{{Key: "c", Action: amchange.Increment, Value: amchange.IntValue(2), Preds: []amchange.OpID{{Counter: 4, Actor: "\xaa"}}}},
		{{Obj: amchange.OpID{Counter: 3, Actor: "\xaa"}, InSequence: true, Elem: amchange.OpID{Counter: 6, Actor: "\xaa"}, Action: amchange.Delete,
			Preds: []amchange.OpID{{Counter: 6, Actor: "\xaa"}}}},
		{{Obj: amchange.OpID{Counter: 5, Actor: "\xaa"}, Key: "x", Action: amchange.Set}, {Key: "m", Action: amchange.Delete,
			Preds: []amchange.OpID{{Counter: 1, Actor: "\xaa"}}}},
	} {
		c, err := amchange.Draft{Actor: "\xbb", Seq: 1, StartOp: 7, Deps: []amchange.Hash{base.Hash}, Ops: ops}.Encode()
		if err != nil {
			f.Fatal(err)
		}
		chunk, _, _ := amchange.ReadChunk(c.Bytes(), nil)
		f.Add(chunk.Body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		changes, err := amchange.ParseAll(chunkOf(1, body), nil)
		if err != nil {
			return
		}
		ix := amchange.NewIndex(nil)
		_, err = ix.Add(base)
		require.NoError(t, err)
		before := ix.State()
		b := ix.Begin()
		if b.Add(changes[0]) != nil {
			require.Equal(t, before, ix.State())
			return
		}
		b.Rollback()
		require.Equal(t, before, ix.State())
		_, err = ix.Add(changes[0])
		require.NoError(t, err)
		ix.State()
		ix.Conflicts()
	})
}

// FuzzChunks: bytes as they may stand in a file.
func FuzzChunks(f *testing.F) {
	for _, changes := range vectorChanges(f) {
		f.Add(changes[0])
	}
	f.Fuzz(func(t *testing.T, b []byte) { _ = amchange.Dump(io.Discard, b, &amchange.Limits{Chunk: 1 << 20}) })
}

// FuzzSyncMessage: a message that is accepted and written again says the same.
func FuzzSyncMessage(f *testing.F) {
	f.Add(unhex(f, "42 00 00 01 00 03 01 00 07 00"))
	f.Add(unhex(f, "42 00 00 01 00 05 01 0a 07 44 44 00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := amchange.ParseSyncMessage(b, &amchange.Limits{Chunk: 1 << 20})
		if err != nil {
			return
		}
		again, err := amchange.ParseSyncMessage(m.Encode(), nil)
		require.NoError(t, err)
		require.Equal(t, m.Encode(), again.Encode())
	})
}
