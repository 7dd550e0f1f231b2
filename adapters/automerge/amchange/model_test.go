package amchange_test

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rowloom/rowloom/adapters/automerge/amchange"
)

// model is a naive Automerge document: it keeps every operation and computes everything when asked. It trusts its input.
type model struct {
	objects map[amchange.OpID]*modelObject
}

type modelObject struct {
	kind   amchange.Kind
	places map[string][]*modelOp
	order  []amchange.OpID // of a sequence
	elems  map[amchange.OpID][]*modelOp
}

type modelOp struct {
	amchange.Op
	replaced bool
	plus     int64
}

func newModel() *model {
	m := &model{objects: map[amchange.OpID]*modelObject{}}
	m.make(amchange.OpID{}, amchange.Map)
	return m
}

func (m *model) make(id amchange.OpID, kind amchange.Kind) {
	m.objects[id] = &modelObject{kind: kind, places: map[string][]*modelOp{}, elems: map[amchange.OpID][]*modelOp{}}
}

func (m *model) add(c *amchange.Change) {
	for op := range c.Ops() {
		m.apply(op)
	}
}

func (m *model) apply(op amchange.Op) {
	o := m.objects[op.Obj]
	switch op.Action {
	case amchange.MakeMap:
		m.make(op.ID, amchange.Map)
	case amchange.MakeList:
		m.make(op.ID, amchange.List)
	case amchange.MakeText:
		m.make(op.ID, amchange.Text)
	case amchange.MakeTable:
		m.make(op.ID, amchange.Table)
	}
	list := o.places[op.Key]
	if op.InSequence {
		list = o.elems[op.Elem]
	}
	if op.Insert {
		list = nil
		at := 0
		if !op.Elem.IsZero() {
			at = slices.Index(o.order, op.Elem) + 1
		}
		for at < len(o.order) && o.order[at].Compare(op.ID) > 0 {
			at++
		}
		o.order = slices.Insert(o.order, at, op.ID)
	}
	for _, p := range op.Preds {
		for _, old := range list {
			if old.ID == p {
				if op.Action == amchange.Increment && old.Value.Kind() == amchange.Counter && old.Action == amchange.Set {
					old.plus += op.Value.Int()
				} else {
					old.replaced = true
				}
			}
		}
	}
	if op.Action != amchange.Delete && op.Action != amchange.Increment {
		list = append(list, &modelOp{Op: op})
		slices.SortFunc(list, func(a, b *modelOp) int { return a.ID.Compare(b.ID) })
	}
	switch {
	case op.Insert:
		o.elems[op.ID] = list
	case op.InSequence:
		o.elems[op.Elem] = list
	default:
		o.places[op.Key] = list
	}
}

func live(list []*modelOp) []*modelOp {
	var out []*modelOp
	for _, o := range list {
		if !o.replaced && o.Action != amchange.Mark {
			out = append(out, o)
		}
	}
	return out
}

// json returns the typed JSON of an object, as the vectors have it.
func (m *model) json(id amchange.OpID) any {
	o := m.objects[id]
	switch o.kind {
	case amchange.Text:
		var b strings.Builder
		for _, e := range o.order {
			if l := live(o.elems[e]); len(l) > 0 {
				if last := l[len(l)-1]; last.Action == amchange.Set {
					b.WriteString(last.Value.Str())
				} else {
					b.WriteString("\uFFFC") // a block
				}
			}
		}
		return b.String()
	case amchange.List:
		out := []any{}
		for _, e := range o.order {
			if l := live(o.elems[e]); len(l) > 0 {
				out = append(out, m.value(l[len(l)-1]))
			}
		}
		return out
	}
	out := map[string]any{}
	for key, list := range o.places {
		if l := live(list); len(l) > 0 {
			out[key] = m.value(l[len(l)-1])
		}
	}
	return out
}

func (m *model) value(o *modelOp) any {
	if o.Action != amchange.Set {
		return m.json(o.ID)
	}
	v := o.Value
	if v.Kind() == amchange.Counter {
		return map[string]any{"$": "counter", "v": float64(v.Int() + o.plus)}
	}
	return typedJSON(v)
}

func typedJSON(v amchange.Value) any {
	switch v.Kind() {
	case amchange.Bool:
		return v.Bool()
	case amchange.Uint:
		return map[string]any{"$": "int", "v": strconv.FormatUint(v.Uint(), 10)}
	case amchange.Int:
		if n := v.Int(); n >= 1<<53-1 || n < -(1<<53-1) {
			return map[string]any{"$": "int", "v": strconv.FormatInt(n, 10)}
		}
		return float64(v.Int())
	case amchange.Float:
		switch f := v.Float(); {
		case math.IsNaN(f):
			return map[string]any{"$": "f64", "v": "NaN"}
		case math.IsInf(f, 1):
			return map[string]any{"$": "f64", "v": "Infinity"}
		case math.IsInf(f, -1):
			return map[string]any{"$": "f64", "v": "-Infinity"}
		default:
			return f
		}
	case amchange.String:
		return map[string]any{"$": "scalarString", "v": v.Str()}
	case amchange.Bytes:
		return map[string]any{"$": "bytes", "b64": base64.StdEncoding.EncodeToString([]byte(v.Str()))}
	case amchange.Counter:
		return map[string]any{"$": "counter", "v": float64(v.Int())}
	case amchange.Timestamp:
		return map[string]any{"$": "date", "ms": float64(v.Int())}
	}
	return nil
}

// differences calls report with the path of every place in nested maps that differs.
func differences(a, b any, path []string, report func([]string)) {
	x, isX := a.(map[string]any)
	y, isY := b.(map[string]any)
	if !isX || !isY || x["$"] != nil || y["$"] != nil {
		if !equalJSON(a, b) {
			report(slices.Clone(path))
		}
		return
	}
	for k := range x {
		if _, ok := y[k]; !ok {
			report(append(slices.Clone(path), k))
		} else {
			differences(x[k], y[k], append(slices.Clone(path), k), report)
		}
	}
	for k := range y {
		if _, ok := x[k]; !ok {
			report(append(slices.Clone(path), k))
		}
	}
}
