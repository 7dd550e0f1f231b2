package store

import (
	"math"
	"reflect"
)

// ofReflect makes a Value from a scalar of any named or sized type.
func ofReflect(x any) Value {
	v := reflect.ValueOf(x)
	switch {
	case v.CanInt():
		return integer(v.Int())
	case v.CanUint():
		if u := v.Uint(); u > maxExact {
			return integer(math.MaxInt64)
		}
		return integer(int64(v.Uint()))
	case v.CanFloat():
		return number(v.Float())
	case v.Kind() == reflect.Bool:
		return boolean(v.Bool())
	}
	return Value{kind: String, str: v.String()}
}

// asReflect writes v through the pointer to a scalar of any named or sized type.
func asReflect(v Value, ptr any) bool {
	p := reflect.ValueOf(ptr).Elem()
	switch {
	case p.CanInt():
		i := int64(v.num)
		if v.kind != Number || float64(i) != v.num || math.Abs(v.num) > maxExact || p.OverflowInt(i) {
			return false
		}
		p.SetInt(i)
	case p.CanUint():
		u := uint64(v.num)
		if v.kind != Number || v.num < 0 || v.num > maxExact || float64(u) != v.num || p.OverflowUint(u) {
			return false
		}
		p.SetUint(u)
	case p.CanFloat():
		if v.kind != Number || p.Kind() == reflect.Float32 && float64(float32(v.num)) != v.num {
			return false
		}
		p.SetFloat(v.num)
	case p.Kind() == reflect.Bool:
		if v.kind != Bool {
			return false
		}
		p.SetBool(v.num != 0)
	default:
		if v.kind != String {
			return false
		}
		p.SetString(v.str)
	}
	return true
}
