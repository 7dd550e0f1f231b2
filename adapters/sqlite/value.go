package sqlite

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/rowloom/rowloom/store"
)

// mark begins a text that stands for something else, as in TinyBase.
const mark = "\uFFFD"

// toSQL returns what stands in a column for v.
func toSQL(v store.Value, plain bool) any {
	switch v.Kind() {
	case store.Undefined:
		return nil
	case store.Null:
		if plain {
			return nil
		}
		return mark + "null"
	case store.Bool:
		switch {
		case !plain:
			return mark + v.String()
		case v.Bool():
			return int64(1)
		}
		return int64(0)
	case store.Number:
		if f := v.Number(); f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return int64(f)
		}
		return v.Number()
	}
	return v.Encoded().Text()
}

// fromSQL is the inverse. ok is false for NULL and for what a Store cannot hold.
func fromSQL(x any, declared string) (v store.Value, ok bool) {
	switch x := x.(type) {
	case int64:
		if strings.EqualFold(declared, "BOOLEAN") && (x == 0 || x == 1) {
			return store.Of(x == 1), true
		}
		v = store.Of(x)
	case float64:
		v = store.Of(x)
	case string:
		switch x {
		case mark + "true":
			return store.Of(true), true
		case mark + "false":
			return store.Of(false), true
		case mark + "null":
			return store.NullValue(), true
		}
		d, err := store.Of(x).Decoded()
		if err != nil {
			return v, false
		}
		v = d
	default:
		return v, false
	}
	return v, v.Exists() && v.Err() == nil
}

// encodeName makes a name of any id, so that no two names are equal to SQLite. See [Tabular.All].
func encodeName(id string) string {
	if id == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(id) {
		if c := id[i]; c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// escapeFirst is encodeName for a name that is taken.
func escapeFirst(id string) string {
	first := fmt.Sprintf("%%%02x", id[0])
	if len(id) == 1 {
		return first
	}
	return first + encodeName(id[1:])
}

// decodeName is the inverse of both. ok is false for a name that neither has made.
func decodeName(name string) (id string, ok bool) {
	if name == "%" {
		return "", true
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_':
			b.WriteByte(c)
		case c == '%' && i+2 < len(name):
			n, err := strconv.ParseUint(name[i+1:i+3], 16, 8)
			if err != nil || strings.ToLower(name[i+1:i+3]) != name[i+1:i+3] {
				return "", false
			}
			b.WriteByte(byte(n))
			i += 2
		default:
			return "", false
		}
	}
	return b.String(), name != ""
}
