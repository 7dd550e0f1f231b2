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
	return Value{bits: uint64(String), str: v.String()}
}

// asReflect writes v through the pointer to a scalar of any named or sized type.
func asReflect(v Value, ptr any) bool {
	p := reflect.ValueOf(ptr).Elem()
	switch {
	case p.CanInt():
		i := int64(v.Number())
		if v.Kind() != Number || float64(i) != v.Number() || math.Abs(v.Number()) > maxExact || p.OverflowInt(i) {
			return false
		}
		p.SetInt(i)
	case p.CanUint():
		u := uint64(v.Number())
		if v.Kind() != Number || v.Number() < 0 || v.Number() > maxExact || float64(u) != v.Number() || p.OverflowUint(u) {
			return false
		}
		p.SetUint(u)
	case p.CanFloat():
		if v.Kind() != Number || p.Kind() == reflect.Float32 && float64(float32(v.Number())) != v.Number() {
			return false
		}
		p.SetFloat(v.Number())
	case p.Kind() == reflect.Bool:
		if v.Kind() != Bool {
			return false
		}
		p.SetBool(v.Bool())
	default:
		if v.Kind() != String {
			return false
		}
		p.SetString(v.str)
	}
	return true
}
