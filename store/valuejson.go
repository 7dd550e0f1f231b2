package store

import (
	"encoding/json"
	"fmt"

	"github.com/rowloom/rowloom/internal/jsjson"
)

// ParseJSON reads one JSON value. Objects and arrays become what JSON.stringify(JSON.parse(text)) gives, so that equal
// texts give equal Values; the order of keys is kept.
func ParseJSON(text string) (Value, error) {
	r := jsjson.NewReader([]byte(text), nil)
	v := ReadJSON(r)
	if err := r.End(); err != nil {
		return Value{}, err
	}
	return v, v.Err()
}

// ReadJSON reads the next value of r. Errors stay in r.
func ReadJSON(r *jsjson.Reader) Value {
	switch r.Peek() {
	case jsjson.Null:
		r.Null()
		return NullValue()
	case jsjson.Bool:
		return boolean(r.Bool())
	case jsjson.Number:
		return number(r.Number())
	case jsjson.String:
		return Value{bits: uint64(String), str: string(r.Text())}
	case jsjson.Object:
		return Value{bits: uint64(Object), str: string(r.AppendCanonical(nil))}
	case jsjson.Array:
		return Value{bits: uint64(Array), str: string(r.AppendCanonical(nil))}
	}
	r.Skip()
	return Value{}
}

// AppendJSON appends v as JSON, in the form of JavaScript's JSON.stringify. Undefined appends nothing.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.Kind() {
	case Null:
		return append(dst, "null"...)
	case Bool:
		if v.Bool() {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case Number:
		return jsjson.AppendNumber(dst, v.number())
	case String:
		return jsjson.AppendString(dst, v.str)
	case Object, Array:
		return append(dst, v.str...)
	}
	return dst
}

// MarshalJSON returns v as JSON; an absent Value is an error, as JSON has no word for it.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.Kind() == Undefined || v.Kind() == invalid {
		return nil, fmt.Errorf("store: %v has no JSON form", v)
	}
	return v.AppendJSON(nil), nil
}

// UnmarshalJSON reads one JSON value.
func (v *Value) UnmarshalJSON(text []byte) (err error) {
	*v, err = ParseJSON(string(text))
	return err
}

// FromAny returns x as a Value: a Value as it is, nil as null, scalars as [Of] does, anything else by way of
// encoding/json.
func FromAny(x any) (Value, error) {
	switch x := x.(type) {
	case Value:
		return x, x.Err()
	case nil:
		return NullValue(), nil
	case string:
		v := Of(x)
		return v, v.Err()
	case bool:
		return Of(x), nil
	case float64:
		v := Of(x)
		return v, v.Err()
	case int:
		v := Of(x)
		return v, v.Err()
	case int64:
		v := Of(x)
		return v, v.Err()
	}
	text, err := json.Marshal(x)
	if err != nil {
		return Value{}, fmt.Errorf("store: %w", err)
	}
	return ParseJSON(string(text))
}
