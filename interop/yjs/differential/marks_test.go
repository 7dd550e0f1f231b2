package differential_test

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// Values travel as JSON in which objects with one key that begins with $ stand for what JSON does not have.

func get(v lib0.Any, path ...string) lib0.Any {
	for _, key := range path {
		v, _ = v.Get(key)
	}
	return v
}

func blob(v lib0.Any) []byte {
	b, err := base64.StdEncoding.DecodeString(v.Str())
	if err != nil {
		panic(err)
	}
	return b
}

func blobs(v lib0.Any) [][]byte {
	out := make([][]byte, len(v.List()))
	for i, e := range v.List() {
		out[i] = blob(e)
	}
	return out
}

func each(v lib0.Any, f func(lib0.Any) lib0.Any) lib0.Any {
	switch v.Kind() {
	case lib0.List:
		list := make([]lib0.Any, len(v.List()))
		for i, e := range v.List() {
			list[i] = f(e)
		}
		return lib0.ListOf(list...)
	case lib0.Object:
		fields := make([]lib0.Field, len(v.Fields()))
		for i, e := range v.Fields() {
			fields[i] = lib0.Field{Key: e.Key, Value: f(e.Value)}
		}
		return lib0.ObjectOf(fields...)
	}
	return v
}

// unmark reads a plain value.
func unmark(v lib0.Any) lib0.Any {
	if v.Kind() != lib0.Object || len(v.Fields()) != 1 {
		return each(v, unmark)
	}
	switch f := v.Fields()[0]; f.Key {
	case "$undef":
		return lib0.UndefinedOf()
	case "$big":
		n, err := strconv.ParseInt(f.Value.Str(), 10, 64)
		if err != nil {
			panic(err)
		}
		return lib0.BigIntOf(n)
	case "$bin":
		return lib0.BytesOf(blob(f.Value))
	case "$num":
		if f.Value.Str() == "-0" {
			return lib0.NumberOf(math.Copysign(0, -1))
		}
		n, err := strconv.ParseFloat(f.Value.Str(), 64)
		if err != nil {
			panic(err)
		}
		return lib0.NumberOf(n)
	}
	return each(v, unmark)
}

func one(key string, v lib0.Any) lib0.Any { return lib0.ObjectOf(lib0.Field{Key: key, Value: v}) }

// mark writes a plain value.
func mark(v lib0.Any) lib0.Any {
	switch v.Kind() {
	case lib0.Undefined:
		return one("$undef", lib0.NumberOf(1))
	case lib0.BigInt:
		return one("$big", lib0.StringOf(strconv.FormatInt(v.BigInt(), 10)))
	case lib0.Bytes:
		return one("$bin", lib0.StringOf(base64.StdEncoding.EncodeToString(v.Bytes())))
	case lib0.Number:
		switch n := v.Number(); {
		case math.IsNaN(n):
			return one("$num", lib0.StringOf("NaN"))
		case math.IsInf(n, 0):
			return one("$num", lib0.StringOf(map[bool]string{true: "Infinity", false: "-Infinity"}[n > 0]))
		case n == 0 && math.Signbit(n):
			return one("$num", lib0.StringOf("-0"))
		}
	}
	return each(v, mark)
}

// wanted makes the value that a marked one describes, which may be a shared type.
func wanted(v lib0.Any) ycrdt.Value {
	if doc := get(v, "$doc"); doc.Kind() == lib0.Object {
		return ycrdt.Subdoc(get(doc, "guid").Str(), get(doc, "opts").Fields()...)
	}
	init := get(v, "init")
	switch get(v, "$type").Str() {
	case "map":
		return ycrdt.NewMap(wantedMembers(init)...)
	case "array":
		return ycrdt.NewArray(wantedList(init)...)
	case "text":
		return ycrdt.NewText(init.Str())
	case "xmltext":
		return ycrdt.NewXMLText(init.Str())
	case "xmlfrag":
		return ycrdt.NewXMLFragment()
	case "xmlhook":
		return ycrdt.NewXMLHook(get(v, "name").Str())
	case "xml":
		return ycrdt.NewXMLElement(get(v, "name").Str(), wantedMembers(get(v, "attrs")), wantedList(get(v, "children"))...)
	}
	return ycrdt.Plain(unmark(v))
}

func wantedList(v lib0.Any) (out []ycrdt.Value) {
	for _, e := range v.List() {
		out = append(out, wanted(e))
	}
	return out
}

func wantedMembers(v lib0.Any) (out []ycrdt.Member) {
	for _, e := range v.List() {
		out = append(out, ycrdt.Member{Key: e.List()[0].Str(), Value: wanted(e.List()[1])})
	}
	return out
}

// contentOf writes what a document holds at a value.
func contentOf(v ycrdt.Value) lib0.Any {
	switch v.Kind() {
	case ycrdt.KindSubdoc:
		return one("$doc", get(v.Any(), "guid"))
	case ycrdt.KindMap, ycrdt.KindXMLHook:
		var fields []lib0.Field
		for key, e := range v.Shared().Map().All() {
			fields = append(fields, lib0.Field{Key: key, Value: contentOf(e)})
		}
		return lib0.ObjectOf(fields...)
	case ycrdt.KindArray:
		var list []lib0.Any
		for _, e := range v.Shared().Array().All() {
			list = append(list, contentOf(e))
		}
		return lib0.ListOf(list...)
	case ycrdt.KindText, ycrdt.KindXMLText, ycrdt.KindXMLElement, ycrdt.KindXMLFragment:
		return lib0.StringOf(v.Shared().String())
	}
	return mark(v.Any())
}

// deltaOf writes a text with its formatting.
func deltaOf(text ycrdt.Text) lib0.Any {
	var list []lib0.Any
	for _, op := range text.Delta() {
		fields := []lib0.Field{{Key: "insert", Value: contentOf(op.Insert)}}
		if op.Attributes != nil {
			fields = append(fields, lib0.Field{Key: "attributes", Value: mark(lib0.ObjectOf(op.Attributes...))})
		}
		list = append(list, lib0.ObjectOf(fields...))
	}
	return lib0.ListOf(list...)
}

// wellFormed replaces the halves of surrogate pairs that a JavaScript string in memory may hold, and no sent one can.
func wellFormed(v lib0.Any) lib0.Any {
	switch v.Kind() {
	case lib0.String:
		return lib0.StringOf(lib0.WellFormed(v.Str()))
	default:
		return each(v, wellFormed)
	}
}
