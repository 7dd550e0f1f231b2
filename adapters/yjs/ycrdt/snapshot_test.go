package ycrdt_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

// newRoots is newDoc with other options.
func newRoots(t require.TestingT, opts *ycrdt.Options) *ycrdt.Doc {
	return withRoots(t, ycrdt.New(opts))
}

// withRoots asks for the four roots that the golden data expects.
func withRoots(t require.TestingT, d *ycrdt.Doc) *ycrdt.Doc {
	require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error {
		tx.Map("m")
		tx.Array("a")
		tx.Text("t")
		tx.XMLFragment("x")
		return nil
	}))
	return d
}

func TestVectors_Snapshots(t *testing.T) {
	list := scenarios(t, "snapshots.json")
	passed := 0
	for _, s := range list {
		c := &differ{t: t}
		d := newRoots(t, &ycrdt.Options{DisableGC: true})
		c.ok("apply", d.Apply(blob(s, "full_state_v1"), nil))
		snap, err := ycrdt.DecodeSnapshot(blob(s, "snapshot_v1"))
		c.ok("decode v1", err)
		snap2, err := ycrdt.DecodeSnapshotV2(blob(s, "snapshot_v2"))
		c.ok("decode v2", err)
		if !snap.Equal(snap2) {
			c.bad = true
			t.Log("the versions differ")
		}
		c.bytes("encode v1", blob(s, "snapshot_v1"), snap.Encode())
		c.bytes("encode v2", blob(s, "snapshot_v2"), snap.EncodeV2())
		old, err := d.Restore(snap, nil)
		if c.ok("restore", err) {
			withRoots(t, old)
			c.ok("check", ycrdt.Check(old))
			b, err := old.EncodeStateAsUpdate(nil)
			c.ok("encode", err)
			c.bytes("restored v1", blob(s, "restored_state_v1"), b)
			b, err = old.EncodeStateAsUpdateV2(nil)
			c.ok("encode", err)
			c.bytes("restored v2", blob(s, "restored_state_v2"), b)
			sameObject(c, "json", field(s, "restored_json"), docJSON(old))
			c.bytes("snapshot of what was restored", snap.Encode(), old.Snapshot().Encode())
			whole, err := d.EncodeStateAsUpdate(nil)
			c.ok("encode", err)
			for u, want := range map[string]bool{string(blob(s, "restored_state_v1")): true, string(whole): d.Snapshot().Equal(snap)} {
				got, err := snap.ContainsUpdate([]byte(u))
				c.ok("contains", err)
				if got != want {
					c.bad = true
					t.Logf("contains: %v, want %v", got, want)
				}
			}
		}
		sameObject(c, "json now", sorted(field(s, "json_now")), sorted(docJSON(d)))
		if c.bad {
			t.Logf("^^^ %s", field(s, "id").Str())
		} else {
			passed++
		}
	}
	vectors.Report(t, "yjs/snapshots", passed, len(list))
}

// sameObject compares the roots of documents, whatever their order.
func sameObject(c *differ, what string, want, got lib0.Any) {
	for _, f := range want.Fields() {
		c.value(what+" "+f.Key, f.Value, field(got, f.Key))
	}
}

// sorted orders all keys: the order in a map is that in which they came to this copy.
func sorted(v lib0.Any) lib0.Any {
	fields := slices.Clone(v.Fields())
	for i := range fields {
		fields[i].Value = sorted(fields[i].Value)
	}
	slices.SortFunc(fields, func(a, b lib0.Field) int { return strings.Compare(a.Key, b.Key) })
	if v.Kind() == lib0.Object {
		return lib0.ObjectOf(fields...)
	}
	return v
}

func TestRestore_GivesWhatWasThereAtEveryMoment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newRoots(t, &ycrdt.Options{ClientID: 1, DisableGC: true})
		var snaps []ycrdt.Snapshot
		var states []lib0.Any
		for range rapid.IntRange(1, 12).Draw(t, "transactions") {
			require.NoError(t, d.Update(nil, func(tx *ycrdt.Txn) error {
				text, m := tx.Text("t"), tx.Map("m")
				at := rapid.IntRange(0, text.Len()).Draw(t, "at")
				switch rapid.IntRange(0, 3).Draw(t, "what") {
				case 0:
					return text.Insert(at, rapid.SampledFrom([]string{"a", "bcd", "é日"}).Draw(t, "text"))
				case 1:
					return text.Delete(at, rapid.IntRange(0, text.Len()-at).Draw(t, "n"))
				case 2:
					return m.Set(rapid.SampledFrom([]string{"", "k"}).Draw(t, "key"), ycrdt.NewMap(ycrdt.Member{Key: "n", Value: ycrdt.Number(1)}))
				}
				return m.Delete(rapid.SampledFrom([]string{"", "k"}).Draw(t, "key"))
			}))
			snaps = append(snaps, d.Snapshot())
			states = append(states, docJSON(d))
		}
		for i, s := range snaps {
			old, err := d.Restore(s, nil)
			require.NoError(t, err)
			require.NoError(t, ycrdt.Check(old))
			require.Equal(t, sorted(states[i]).String(), sorted(docJSON(withRoots(t, old))).String())
			require.True(t, s.Equal(old.Snapshot()))
		}
	})
}

func TestRestore_NeedsTheContent(t *testing.T) {
	d := ycrdt.New(nil)
	_, err := d.Restore(d.Snapshot(), nil)
	require.ErrorIs(t, err, ycrdt.ErrCollected)
	d = ycrdt.New(&ycrdt.Options{DisableGC: true})
	_, err = d.Restore(ycrdt.Snapshot{State: map[uint64]uint32{7: 1}}, nil)
	require.ErrorIs(t, err, ycrdt.ErrRange)
}

func TestVectors_RelativePositions(t *testing.T) {
	list := scenarios(t, "relative-positions.json")
	passed, total := 0, 0
	for _, s := range list {
		before, after := newRoots(t, nil), newRoots(t, nil)
		require.NoError(t, before.Apply(blob(s, "base_v1"), nil))
		require.NoError(t, after.Apply(blob(s, "after_v1"), nil))
		for _, want := range field(s, "positions").List() {
			total++
			c := &differ{t: t}
			index, assoc := int(field(want, "index").Number()), int(field(want, "assoc").Number())
			before.View(func(r *ycrdt.Reader) {
				p, err := r.Root(field(s, "root").Str()).PositionAt(index, assoc)
				c.ok("position", err)
				c.bytes("encoded", blob(want, "bytes"), p.Encode())
				text, err := json.Marshal(p)
				c.ok("json", err)
				got, err := lib0.ParseJSON(text)
				c.ok("json", err)
				for _, f := range field(want, "json").Fields() {
					if g := field(got, f.Key); f.Value.Kind() == lib0.Null {
						c.value(f.Key, lib0.UndefinedOf(), g)
					} else {
						c.value(f.Key, f.Value, g)
					}
				}
				var back ycrdt.RelativePosition
				c.ok("json", json.Unmarshal(text, &back))
				if back != p {
					c.bad = true
				}
			})
			p, err := ycrdt.DecodeRelativePosition(blob(want, "bytes"))
			c.ok("decode", err)
			after.View(func(r *ycrdt.Reader) {
				list, at, ok := r.Resolve(p)
				to := field(want, "resolved_after")
				if ok != (to.Kind() == lib0.Object) || ok && (at != int(field(to, "index").Number()) || !list.Same(r.Root(field(s, "root").Str()))) {
					c.bad = true
					t.Logf("%v resolves to %d, %v; want %v", p, at, ok, to)
				}
			})
			if c.bad {
				t.Logf("^^^ %s index %d assoc %d", field(s, "id").Str(), index, assoc)
			} else {
				passed++
			}
		}
	}
	vectors.Report(t, "yjs/relative-positions", passed, total)
}

func TestDecodeRelativePosition_BadBytesAreErrors(t *testing.T) {
	for _, b := range [][]byte{nil, {3}, {0, 1}, {1, 5, 'a'}, {0, 1, 1, 0, 0}, {2, 1}} {
		_, err := ycrdt.DecodeRelativePosition(b)
		require.Error(t, err, "%x", b)
	}
	p, err := ycrdt.DecodeRelativePosition([]byte{1, 1, 'a'})
	require.NoError(t, err)
	require.Equal(t, ycrdt.RelativePosition{Root: "a", HasRoot: true}, p)
}
