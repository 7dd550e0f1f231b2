package ycrdt_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt"
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
	"github.com/rowloom/rowloom/internal/vectors"
)

// unmarked reads a plain value in the form of the golden data.
func unmarked(v lib0.Any) lib0.Any {
	switch v.Kind() {
	case lib0.List:
		list := make([]lib0.Any, len(v.List()))
		for i, e := range v.List() {
			list[i] = unmarked(e)
		}
		return lib0.ListOf(list...)
	case lib0.Object:
		fs := v.Fields()
		if len(fs) == 1 && strings.HasPrefix(fs[0].Key, "$") {
			text := fs[0].Value.Str()
			switch fs[0].Key {
			case "$undef":
				return lib0.UndefinedOf()
			case "$big":
				n, _ := strconv.ParseInt(text, 10, 64)
				return lib0.BigIntOf(n)
			case "$bin":
				b, _ := base64.StdEncoding.DecodeString(text)
				return lib0.BytesOf(b)
			case "$num":
				n, _ := strconv.ParseFloat(text, 64)
				if text == "-0" {
					n = math.Copysign(0, -1)
				}
				return lib0.NumberOf(n)
			}
		}
		fields := make([]lib0.Field, len(fs))
		for i, f := range fs {
			fields[i] = lib0.Field{Key: f.Key, Value: unmarked(f.Value)}
		}
		return lib0.ObjectOf(fields...)
	}
	return v
}

// toValue reads a value, which may describe a shared type.
func toValue(v lib0.Any) ycrdt.Value {
	if doc := field(v, "$doc"); doc.Kind() == lib0.Object {
		var opts []lib0.Field
		for _, f := range field(doc, "opts").Fields() {
			if f.Key == "gc" && f.Value.Bool() || f.Key == "autoLoad" && !f.Value.Bool() {
				continue
			}
			opts = append(opts, f)
		}
		return ycrdt.Subdoc(field(doc, "guid").Str(), opts...)
	}
	list := func(v lib0.Any) (out []ycrdt.Value) {
		for _, e := range v.List() {
			out = append(out, toValue(e))
		}
		return out
	}
	members := func(v lib0.Any) (out []ycrdt.Member) {
		for _, e := range v.List() {
			out = append(out, ycrdt.Member{Key: e.List()[0].Str(), Value: toValue(e.List()[1])})
		}
		return out
	}
	init := field(v, "init")
	switch field(v, "$type").Str() {
	case "map":
		return ycrdt.NewMap(members(init)...)
	case "array":
		return ycrdt.NewArray(list(init)...)
	case "text":
		return ycrdt.NewText(init.Str())
	case "xml":
		return ycrdt.NewXMLElement(field(v, "name").Str(), members(field(v, "attrs")), list(field(v, "children"))...)
	case "xmltext":
		return ycrdt.NewXMLText(init.Str())
	case "xmlfrag":
		return ycrdt.NewXMLFragment()
	case "xmlhook":
		return ycrdt.NewXMLHook(field(v, "name").Str())
	}
	return ycrdt.Plain(unmarked(v))
}

var errUnknown = errors.New("operation not known")

// perform does one operation of a script.
func perform(tx *ycrdt.Txn, op []lib0.Any) error {
	var path []string
	for _, p := range op[1].List() {
		if p.Kind() == lib0.Number {
			path = append(path, strconv.Itoa(int(p.Number())))
		} else {
			path = append(path, p.Str())
		}
	}
	s := lookup(tx, path)
	num := func(i int) int { return int(op[i].Number()) }
	values := func(i int) (out []ycrdt.Value) {
		for _, e := range op[i].List() {
			out = append(out, toValue(e))
		}
		return out
	}
	xml := s.Kind() == ycrdt.KindXMLElement || s.Kind() == ycrdt.KindXMLFragment
	switch op[0].Str() {
	case "set":
		return s.Map().Set(op[2].Str(), toValue(op[3]))
	case "mdel":
		return s.Map().Delete(op[2].Str())
	case "clear":
		return s.Map().Clear()
	case "ins":
		if xml {
			return s.XML().Insert(num(2), values(3)...)
		}
		return s.Array().Insert(num(2), values(3)...)
	case "push":
		if xml {
			return s.XML().Insert(s.XML().Len(), values(2)...)
		}
		return s.Array().Push(values(2)...)
	case "del":
		switch {
		case xml:
			return s.XML().Delete(num(2), num(3))
		case s.Kind() == ycrdt.KindArray:
			return s.Array().Delete(num(2), num(3))
		}
		return s.Text().Delete(num(2), num(3))
	case "tins":
		if op[4].Kind() == lib0.Null {
			return s.Text().Insert(num(2), op[3].Str())
		}
		return s.Text().InsertWith(num(2), op[3].Str(), unmarked(op[4]).Fields()...)
	case "fmt":
		return s.Text().Format(num(2), num(3), unmarked(op[4]).Fields()...)
	case "embed":
		return s.Text().InsertEmbed(num(2), toValue(op[3]), unmarked(op[4]).Fields()...)
	case "delta":
		var delta []ycrdt.Delta
		for _, o := range op[2].List() {
			insert, _ := o.Get("insert")
			delta = append(delta, ycrdt.Delta{
				Insert: toValue(insert), Retain: int(field(o, "retain").Number()), Delete: int(field(o, "delete").Number()),
				Attributes: unmarked(field(o, "attributes")).Fields(),
			})
		}
		return s.Text().ApplyDelta(delta)
	case "attr":
		if xml {
			return s.XML().SetAttribute(op[2].Str(), toValue(op[3]))
		}
		return s.Text().SetAttribute(op[2].Str(), toValue(op[3]))
	case "rattr":
		if xml {
			return s.XML().RemoveAttribute(op[2].Str())
		}
		return s.Text().RemoveAttribute(op[2].Str())
	}
	return fmt.Errorf("%w: %s", errUnknown, op[0])
}

func testScripts(t *testing.T, file string) {
	list := scenarios(t, file)
	passed, total := 0, 0
	for _, s := range list {
		c := &differ{t: t}
		d := newDoc(uint64(field(s, "clientID").Number()), field(s, "gc").Bool())
		var v1, v2 [][]byte
		d.OnUpdate(func(u ycrdt.UpdateEvent) { v1 = append(v1, u.Update) })
		d.OnUpdateV2(func(u ycrdt.UpdateEvent) { v2 = append(v2, u.Update) })
		skip := false
		for i, txn := range field(s, "txns").List() {
			v1, v2 = nil, nil
			err := d.Update(nil, func(tx *ycrdt.Txn) error {
				for _, op := range txn.List() {
					if err := perform(tx, op.List()); err != nil {
						return err
					}
				}
				return nil
			})
			if errors.Is(err, errUnknown) {
				skip = true
				break
			}
			what := "transaction " + strconv.Itoa(i)
			c.ok(what, err)
			c.ok("check", ycrdt.Check(d))
			want := field(s, "updates").List()[i].List()
			if len(want) != len(v1) || len(want) != len(v2) {
				c.bad = true
				t.Logf("%s: %d updates, want %d", what, len(v1), len(want))
				break
			}
			for j, w := range want {
				c.bytes(what+" v1", blob(w, "v1"), v1[j])
				c.bytes(what+" v2", blob(w, "v2"), v2[j])
			}
			if c.bad {
				break
			}
		}
		if skip {
			continue
		}
		total++
		if !c.bad {
			c.expect(d, field(s, "expect"))
		}
		if c.bad {
			t.Logf("^^^ %s", field(s, "id").Str())
		} else {
			passed++
		}
	}
	vectors.Report(t, file, passed, total)
}

func TestVectors_Scripts(t *testing.T) { testScripts(t, "scripts.json") }
func TestVectors_Values(t *testing.T)  { testScripts(t, "values.json") }
