package store_test

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// JavaScript values of the golden vectors: nil is null, bool, float64, string, []any, *object, special.
type (
	// object keeps the order of its keys.
	object struct {
		keys []string
		at   map[string]any
	}
	// special is what JSON cannot hold: undefined, NaN, a function and so on.
	special string
	// mapping is a function that is given to setCell and setValue.
	mapping string
	// thrown is an exception.
	thrown string
)

const undefined = special("undefined")

func newObject() *object { return &object{at: map[string]any{}} }

func (o *object) set(key string, v any) {
	if _, ok := o.at[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.at[key] = v
}

// get returns undefined for a key that is not there.
func (o *object) get(key string) any {
	if v, ok := o.at[key]; ok {
		return v
	}
	return undefined
}

// under returns the object under key, which it makes.
func (o *object) under(key string) *object {
	if _, ok := o.at[key]; !ok {
		o.set(key, newObject())
	}
	return o.at[key].(*object)
}

func parseJS(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	var read func() any
	read = func() any {
		token, err := d.Token()
		if err != nil {
			panic(err)
		}
		switch token {
		case json.Delim('{'):
			o := newObject()
			for d.More() {
				key, _ := d.Token()
				o.set(key.(string), read())
			}
			_, _ = d.Token()
			if s, ok := o.at["$"].(string); ok {
				return special(s)
			}
			if s, ok := o.at["$fn"].(string); ok {
				return mapping(s)
			}
			return o
		case json.Delim('['):
			list := []any{}
			for d.More() {
				list = append(list, read())
			}
			_, _ = d.Token()
			return list
		}
		return token
	}
	return read()
}

// show prints a value for comparison: the keys of objects sorted.
func show(v any) string {
	var b strings.Builder
	var write func(v any)
	write = func(v any) {
		switch v := v.(type) {
		case *object:
			b.WriteByte('{')
			for i, key := range slices.Sorted(slices.Values(v.keys)) {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(strconv.Quote(key) + ":")
				write(v.at[key])
			}
			b.WriteByte('}')
		case []any:
			b.WriteByte('[')
			for i, x := range v {
				if i > 0 {
					b.WriteByte(',')
				}
				write(x)
			}
			b.WriteByte(']')
		case special:
			b.WriteString("<" + string(v) + ">")
		case int:
			write(float64(v))
		case store.Value:
			write(fromValue(v))
		case string:
			b.WriteString(strconv.Quote(v))
		default:
			text, _ := json.Marshal(v)
			b.Write(text)
		}
	}
	write(v)
	return b.String()
}

// idOf is how JavaScript makes an id of anything.
func idOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return store.Of(v).String()
	case nil:
		return "null"
	case special:
		return string(v)
	}
	return show(v)
}

// stringify appends JSON.stringify of v.
func stringify(b []byte, v any) []byte {
	switch v := v.(type) {
	case *object:
		b = append(b, '{')
		first := true
		for _, key := range v.keys {
			if x := v.at[key]; x == any(undefined) || x == any(special("function")) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(store.Of(key).AppendJSON(b), ':')
			b = stringify(b, v.at[key])
		}
		return append(b, '}')
	case []any:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = stringify(b, x)
		}
		return append(b, ']')
	case special, nil:
		return append(b, "null"...)
	case string:
		return store.Of(v).AppendJSON(b)
	case float64:
		return store.Of(v).AppendJSON(b)
	}
	return strconv.AppendBool(b, v.(bool))
}

// toValue makes a Value of what a setter is given. What JavaScript has and a Value has not is a number that is none, which
// every setter refuses; the functions of this package make the same of it.
func toValue(v any) store.Value {
	switch v := v.(type) {
	case nil:
		return store.NullValue()
	case bool:
		return store.Of(v)
	case float64:
		return store.Of(v)
	case string:
		return store.Of(v)
	case *object, []any:
		x, err := store.ParseJSON(string(stringify(nil, v)))
		if err != nil {
			panic(err)
		}
		return x
	}
	return store.Of(math.NaN())
}

func fromValue(v store.Value) any {
	if !v.Exists() {
		return undefined
	}
	return parseJS(v.AppendJSON(nil))
}
