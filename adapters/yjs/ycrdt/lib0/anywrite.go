package lib0

import "math"

// AppendAny appends one value.
//
// Numbers follow lib0: integers up to 2^31-1 in magnitude (also -0) as integers, then whatever a float32 holds exactly as
// float32, the rest as float64.
func AppendAny(b []byte, v Any) []byte {
	switch v.kind {
	case Null:
		return append(b, tagNull)
	case Bool:
		if v.bits == 1 {
			return append(b, tagTrue)
		}
		return append(b, tagFalse)
	case Number:
		return AppendAnyNumber(b, v.Number())
	case BigInt:
		return AppendInt64(append(b, tagBigInt), int64(v.bits))
	case String:
		return AppendString(append(b, tagString), v.text)
	case Bytes:
		b = AppendVarUint(append(b, tagBytes), uint64(len(v.text)))
		return append(b, v.text...)
	case List:
		b = AppendVarUint(append(b, tagList), uint64(len(v.more.list)))
		for _, e := range v.more.list {
			b = AppendAny(b, e)
		}
		return b
	case Object:
		b = AppendVarUint(append(b, tagObject), uint64(len(v.more.fields)))
		for _, f := range v.more.fields {
			b = AppendAny(AppendString(b, f.Key), f.Value)
		}
		return b
	}
	return append(b, tagUndefined)
}

// AppendAnyNumber appends a number as AppendAny does, without an Any.
func AppendAnyNumber(b []byte, f float64) []byte {
	switch {
	case isInteger(f):
		return AppendVarInt(append(b, tagInteger), uint64(math.Abs(f)), math.Signbit(f))
	case float64(float32(f)) == f:
		return AppendFloat32(append(b, tagFloat32), float32(f))
	case math.Float64bits(f) == goNaN:
		f = math.Float64frombits(jsNaN)
	}
	return AppendFloat64(append(b, tagFloat64), f)
}

// AppendAnyString appends a string as AppendAny does, without an Any.
func AppendAnyString(b []byte, s string) []byte {
	return AppendString(append(b, tagString), s)
}
