package ycrdt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

// scenarios reads a file of golden data. Values are lib0's, which keep the order of keys.
func scenarios(t testing.TB, name string) []lib0.Any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors.Dir(t, "yjs"), name))
	require.NoError(t, err)
	v, err := lib0.ParseJSON(text)
	require.NoError(t, err)
	return field(v, "scenarios").List()
}

func field(v lib0.Any, path ...string) lib0.Any {
	for _, key := range path {
		v, _ = v.Get(key)
	}
	return v
}

func blob(v lib0.Any, path ...string) []byte {
	b, err := base64.StdEncoding.DecodeString(field(v, path...).Str())
	if err != nil {
		panic(err)
	}
	return b
}

// newDoc returns a document with the four roots that the golden data expects.
func newDoc(client uint64, gc bool) *ycrdt.Doc {
	d := ycrdt.New(&ycrdt.Options{ClientID: client, DisableGC: !gc})
	_ = d.Update(nil, func(tx *ycrdt.Txn) error {
		tx.Map("m")
		tx.Array("a")
		tx.Text("t")
		tx.XMLFragment("x")
		return nil
	})
	return d
}

func mark(key string, v lib0.Any) lib0.Any { return lib0.ObjectOf(lib0.Field{Key: key, Value: v}) }

// marked writes a plain value in the form of the golden data.
func marked(v lib0.Any) lib0.Any {
	switch v.Kind() {
	case lib0.Undefined:
		return mark("$undef", lib0.NumberOf(1))
	case lib0.BigInt:
		return mark("$big", lib0.StringOf(strconv.FormatInt(v.BigInt(), 10)))
	case lib0.Bytes:
		return mark("$bin", lib0.StringOf(base64.StdEncoding.EncodeToString(v.Bytes())))
	case lib0.Number:
		n := v.Number()
		switch {
		case n != n:
			return mark("$num", lib0.StringOf("NaN"))
		case math.IsInf(n, 1):
			return mark("$num", lib0.StringOf("Infinity"))
		case math.IsInf(n, -1):
			return mark("$num", lib0.StringOf("-Infinity"))
		case n == 0 && math.Signbit(n):
			return mark("$num", lib0.StringOf("-0"))
		}
	case lib0.List:
		list := make([]lib0.Any, len(v.List()))
		for i, e := range v.List() {
			list[i] = marked(e)
		}
		return lib0.ListOf(list...)
	case lib0.Object:
		fields := make([]lib0.Field, len(v.Fields()))
		for i, f := range v.Fields() {
			fields[i] = lib0.Field{Key: f.Key, Value: marked(f.Value)}
		}
		return lib0.ObjectOf(fields...)
	}
	return v
}

// jsonOf writes a value, with what is below it, in the form of the golden data.
func jsonOf(v ycrdt.Value) lib0.Any {
	s := v.Shared()
	switch v.Kind() {
	case ycrdt.KindSubdoc:
		return mark("$doc", field(v.Any(), "guid"))
	case ycrdt.KindMap, ycrdt.KindXMLHook:
		var fields []lib0.Field
		for k, v := range s.Map().All() {
			fields = append(fields, lib0.Field{Key: k, Value: jsonOf(v)})
		}
		return lib0.ObjectOf(fields...)
	case ycrdt.KindArray:
		var list []lib0.Any
		for _, v := range s.Array().All() {
			list = append(list, jsonOf(v))
		}
		return lib0.ListOf(list...)
	case ycrdt.KindText, ycrdt.KindXMLText, ycrdt.KindXMLElement, ycrdt.KindXMLFragment:
		return lib0.StringOf(s.String())
	}
	return marked(v.Any())
}

func docJSON(d *ycrdt.Doc) lib0.Any {
	var fields []lib0.Field
	d.View(func(r *ycrdt.Reader) {
		names, _ := r.Roots()
		for _, name := range names {
			fields = append(fields, lib0.Field{Key: name, Value: jsonOf(r.Root(name).Value())})
		}
	})
	return lib0.ObjectOf(fields...)
}

func deltaJSON(ops []ycrdt.Delta) lib0.Any {
	var list []lib0.Any
	for _, op := range ops {
		var fields []lib0.Field
		switch {
		case op.Retain > 0:
			fields = append(fields, lib0.Field{Key: "retain", Value: lib0.NumberOf(float64(op.Retain))})
		case op.Delete > 0:
			fields = append(fields, lib0.Field{Key: "delete", Value: lib0.NumberOf(float64(op.Delete))})
		default:
			fields = append(fields, lib0.Field{Key: "insert", Value: jsonOf(op.Insert)})
		}
		if op.Attributes != nil {
			fields = append(fields, lib0.Field{Key: "attributes", Value: marked(lib0.ObjectOf(op.Attributes...))})
		}
		list = append(list, lib0.ObjectOf(fields...))
	}
	return lib0.ListOf(list...)
}

// lookup returns the type at a path of root name, map keys and list indexes.
func lookup(r interface{ Root(string) ycrdt.Shared }, path []string) ycrdt.Shared {
	s := r.Root(path[0])
	for _, step := range path[1:] {
		s = child(s, step).Shared()
	}
	return s
}

func child(s ycrdt.Shared, step string) (v ycrdt.Value) {
	if s.Kind() == ycrdt.KindMap || s.Kind() == ycrdt.KindXMLHook {
		v, _ = s.Map().Get(step)
		return v
	}
	n, _ := strconv.Atoi(step)
	switch s.Kind() {
	case ycrdt.KindXMLElement, ycrdt.KindXMLFragment:
		v, _ = s.XML().Get(n)
	default:
		v, _ = s.Array().Get(n)
	}
	return v
}

// wellFormed replaces halves of surrogate pairs.
func wellFormed(v lib0.Any) lib0.Any {
	switch v.Kind() {
	case lib0.String:
		return lib0.StringOf(lib0.WellFormed(v.Str()))
	case lib0.List:
		list := make([]lib0.Any, len(v.List()))
		for i, e := range v.List() {
			list[i] = wellFormed(e)
		}
		return lib0.ListOf(list...)
	case lib0.Object:
		fields := make([]lib0.Field, len(v.Fields()))
		for i, f := range v.Fields() {
			fields[i] = lib0.Field{Key: lib0.WellFormed(f.Key), Value: wellFormed(f.Value)}
		}
		return lib0.ObjectOf(fields...)
	}
	return v
}

// differ compares and reports.
type differ struct {
	t     *testing.T
	bad   bool
	quiet bool
}

func (c *differ) logf(format string, args ...any) {
	if !c.quiet {
		c.t.Logf(format, args...)
	}
}

func (c *differ) bytes(what string, want, got []byte) {
	if !bytes.Equal(want, got) {
		c.bad = true
		c.logf("%s:\nwant %s\ngot  %s", what, hex.EncodeToString(want), hex.EncodeToString(got))
	}
}

func (c *differ) value(what string, want, got lib0.Any) {
	want = wellFormed(want) // a JavaScript string may hold half of a surrogate pair until it is sent; a Go string may not
	if !want.Equal(got) {
		c.bad = true
		c.logf("%s:\nwant %v\ngot  %v", what, want, got)
	}
}

func (c *differ) ok(what string, err error) bool {
	if err != nil {
		c.bad = true
		c.logf("%s: %v", what, err)
	}
	return err == nil
}

// expect compares a document with the expectation of a scenario.
func (c *differ) expect(d *ycrdt.Doc, want lib0.Any) {
	c.ok("check", ycrdt.Check(d))
	c.bytes("state vector", blob(want, "sv"), d.StateVector())
	v1, err := d.EncodeStateAsUpdate(nil)
	if c.ok("encode v1", err) {
		c.bytes("state v1", blob(want, "state_v1"), v1)
	}
	v2, err := d.EncodeStateAsUpdateV2(nil)
	if c.ok("encode v2", err) {
		c.bytes("state v2", blob(want, "state_v2"), v2)
	}
	c.value("json", field(want, "json"), docJSON(d))
	for _, f := range field(want, "deltas").Fields() {
		d.View(func(r *ycrdt.Reader) {
			c.value("delta of "+f.Key, f.Value, deltaJSON(lookup(r, strings.Split(f.Key, "/")).Text().Delta()))
		})
	}
	p := d.Pending()
	if s := field(want, "pending", "structs"); s.Kind() == lib0.Object {
		c.bytes("pending structs", blob(s, "update_v2"), p.Structs)
	} else if p.Structs != nil {
		c.bad = true
		c.t.Logf("pending structs: none wanted")
	}
	c.bytes("pending deletes", blob(want, "pending", "ds_v2"), p.Deletes)
}

func testApply(t *testing.T, file, format string) {
	list := scenarios(t, file)
	passed := 0
	for _, s := range list {
		c := &differ{t: t}
		d := newDoc(4000000000, field(s, "gc").Bool())
		for i, step := range field(s, "steps").List() {
			apply := d.Apply
			if format == "v2" {
				apply = d.ApplyV2
			}
			c.ok("step "+strconv.Itoa(i), apply(blob(step, format), nil))
			c.bytes("state vector after step "+strconv.Itoa(i), blob(step, "after", "sv"), d.StateVector())
			c.ok("check", ycrdt.Check(d))
			p := d.Pending()
			missing := map[uint64]uint32(nil)
			for _, m := range field(step, "after", "pendingStructs").List() {
				if missing == nil {
					missing = map[uint64]uint32{}
				}
				missing[uint64(m.List()[0].Number())] = uint32(m.List()[1].Number())
			}
			if !maps.Equal(missing, p.Missing) || (p.Deletes != nil) != field(step, "after", "pendingDs").Bool() {
				c.bad = true
				t.Logf("step %d: pending %v, want %v", i, p, field(step, "after"))
			}
			if c.bad {
				break
			}
		}
		if !c.bad {
			c.expect(d, field(s, "expect"))
		}
		if c.bad {
			t.Logf("^^^ %s", field(s, "id").Str())
		} else {
			passed++
		}
	}
	vectors.Report(t, file+" "+format, passed, len(list))
}

func TestVectors_ApplyV1(t *testing.T)   { testApply(t, "apply.json", "v1") }
func TestVectors_ApplyV2(t *testing.T)   { testApply(t, "apply.json", "v2") }
func TestVectors_ForeignV1(t *testing.T) { testApply(t, "foreign.json", "v1") }
func TestVectors_ForeignV2(t *testing.T) { testApply(t, "foreign.json", "v2") }

// sortedJSON is docJSON with the keys of all maps sorted: their order depends on the order in which updates came.
func sortedJSON(d *ycrdt.Doc) string {
	var sorted func(v lib0.Any) lib0.Any
	sorted = func(v lib0.Any) lib0.Any {
		switch v.Kind() {
		case lib0.List:
			list := slices.Clone(v.List())
			for i := range list {
				list[i] = sorted(list[i])
			}
			return lib0.ListOf(list...)
		case lib0.Object:
			fields := slices.Clone(v.Fields())
			for i := range fields {
				fields[i].Value = sorted(fields[i].Value)
			}
			slices.SortFunc(fields, func(a, b lib0.Field) int { return strings.Compare(a.Key, b.Key) })
			return lib0.ObjectOf(fields...)
		}
		return v
	}
	return sorted(docJSON(d)).String()
}
