package ycrdt_test

import (
	"testing"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

var typeNames = map[ycrdt.Kind]string{
	ycrdt.KindMap: "YMap", ycrdt.KindArray: "YArray", ycrdt.KindText: "YText", ycrdt.KindXMLElement: "YXmlElement",
	ycrdt.KindXMLFragment: "YXmlFragment", ycrdt.KindXMLText: "YXmlText", ycrdt.KindXMLHook: "YXmlHook",
}

// eventValue writes a value in the form that events have in the golden data.
func eventValue(v ycrdt.Value) lib0.Any {
	if v.Kind() == ycrdt.KindSubdoc {
		return mark("$doc", field(v.Any(), "guid"))
	}
	if v.IsShared() {
		return mark("$shared", lib0.StringOf(typeNames[v.Kind()]))
	}
	return marked(v.Any())
}

func eventJSON(e ycrdt.Event) lib0.Any {
	path, delta := []lib0.Any{}, []lib0.Any{}
	for _, s := range e.Path {
		if s.InList {
			path = append(path, lib0.NumberOf(float64(s.Index)))
		} else {
			path = append(path, lib0.StringOf(s.Key))
		}
	}
	var keys []lib0.Field
	for _, k := range e.Keys {
		keys = append(keys, lib0.Field{Key: k.Key, Value: lib0.ObjectOf(
			lib0.Field{Key: "action", Value: lib0.StringOf(k.Action.String())},
			lib0.Field{Key: "oldValue", Value: eventValue(k.Old)})})
	}
	for _, op := range e.Delta {
		var fields []lib0.Field
		switch {
		case op.Retain > 0:
			fields = append(fields, lib0.Field{Key: "retain", Value: lib0.NumberOf(float64(op.Retain))})
		case op.Delete > 0:
			fields = append(fields, lib0.Field{Key: "delete", Value: lib0.NumberOf(float64(op.Delete))})
		case op.Elements != nil:
			var list []lib0.Any
			for _, v := range op.Elements {
				list = append(list, eventValue(v))
			}
			fields = append(fields, lib0.Field{Key: "insert", Value: lib0.ListOf(list...)})
		default:
			fields = append(fields, lib0.Field{Key: "insert", Value: eventValue(op.Insert)})
		}
		if op.Attributes != nil {
			fields = append(fields, lib0.Field{Key: "attributes", Value: marked(lib0.ObjectOf(op.Attributes...))})
		}
		delta = append(delta, lib0.ObjectOf(fields...))
	}
	return lib0.ObjectOf(
		lib0.Field{Key: "path", Value: lib0.ListOf(path...)},
		lib0.Field{Key: "target", Value: lib0.StringOf(typeNames[e.Kind])},
		lib0.Field{Key: "keys", Value: lib0.ObjectOf(keys...)},
		lib0.Field{Key: "delta", Value: lib0.ListOf(delta...)},
	)
}

func TestVectors_Events(t *testing.T) {
	list := scenarios(t, "events.json")
	passed := 0
	for _, s := range list {
		c := &differ{t: t}
		d := newDoc(uint64(field(s, "clientID").Number()), true)
		c.ok("before", d.Apply(blob(s, "before_v1"), nil))
		var got []lib0.Any
		for _, root := range []string{"m", "a", "t", "x"} {
			var ref ycrdt.Ref
			d.View(func(r *ycrdt.Reader) { ref = r.Root(root).Ref() })
			d.ObserveDeep(ref, func(events []ycrdt.Event) {
				var out []lib0.Any
				for _, e := range events {
					out = append(out, eventJSON(e))
				}
				got = append(got, lib0.ObjectOf(
					lib0.Field{Key: "root", Value: lib0.StringOf(root)}, lib0.Field{Key: "events", Value: lib0.ListOf(out...)}))
			})
		}
		c.ok("update", d.Apply(blob(s, "update_v1"), nil))
		c.value("events", field(s, "observeDeep"), lib0.ListOf(got...))
		c.value("json", field(s, "json_after"), docJSON(d))
		c.ok("check", ycrdt.Check(d))
		if c.bad {
			t.Logf("^^^ %s", field(s, "id").Str())
		} else {
			passed++
		}
	}
	vectors.Report(t, "events.json", passed, len(list))
}
