package amchange

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// Kind says what a Value is.
type Kind uint8

// The scalar kinds carry Automerge's type codes 0 to 9, with false and true as one kind. Unknown stands for the type codes
// 10 to 15, which nobody uses yet. Map, List, Text and Table are objects.
const (
	Null Kind = iota
	Bool
	Uint
	Int
	Float
	String
	Bytes
	Counter
	Timestamp
	Unknown
	Map
	List
	Text
	Table
)

var kindNames = [...]string{"null", "bool", "uint", "int", "float", "string", "bytes", "counter", "timestamp", "unknown",
	"map", "list", "text", "table"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// IsObject reports whether values of the kind are objects.
func (k Kind) IsObject() bool { return k >= Map }

// IsSequence reports whether the kind is List or Text.
func (k Kind) IsSequence() bool { return k == List || k == Text }

// Value is what an operation puts in its place: a scalar, or the kind of a new object. The zero Value is null.
// Values are comparable.
type Value struct {
	kind Kind
	code uint8 // of Unknown
	num  uint64
	str  string
}

// Constructors of values.
func BoolValue(b bool) Value {
	if b {
		return Value{kind: Bool, num: 1}
	}
	return Value{kind: Bool}
}
func UintValue(n uint64) Value         { return Value{kind: Uint, num: n} }
func IntValue(n int64) Value           { return Value{kind: Int, num: uint64(n)} }
func FloatValue(f float64) Value       { return Value{kind: Float, num: math.Float64bits(f)} }
func StringValue(s string) Value       { return Value{kind: String, str: s} }
func BytesValue(b []byte) Value        { return Value{kind: Bytes, str: string(b)} }
func CounterValue(n int64) Value       { return Value{kind: Counter, num: uint64(n)} }
func TimestampValue(t time.Time) Value { return Value{kind: Timestamp, num: uint64(t.UnixMilli())} }
func objectValue(k Kind) Value         { return Value{kind: k} }

// Kind returns what the value is.
func (v Value) Kind() Kind { return v.kind }

// Bool returns a Bool.
func (v Value) Bool() bool { return v.num != 0 }

// Uint returns a Uint.
func (v Value) Uint() uint64 { return v.num }

// Int returns an Int, a Counter, or the milliseconds of a Timestamp.
func (v Value) Int() int64 { return int64(v.num) }

// Float returns a Float.
func (v Value) Float() float64 { return math.Float64frombits(v.num) }

// Str returns a String, or the contents of Bytes and Unknown.
func (v Value) Str() string { return v.str }

// Time returns a Timestamp.
func (v Value) Time() time.Time { return time.UnixMilli(int64(v.num)).UTC() }

// String returns the value for reading, for example 3, "a", counter 5 or map.
func (v Value) String() string {
	switch v.kind {
	case Null:
		return "null"
	case Bool:
		return strconv.FormatBool(v.Bool())
	case Uint:
		return "uint " + strconv.FormatUint(v.num, 10)
	case Int:
		return strconv.FormatInt(v.Int(), 10)
	case Float:
		return "float " + strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case String:
		return strconv.Quote(v.str)
	case Bytes:
		return fmt.Sprintf("bytes %x", v.str)
	case Counter:
		return "counter " + strconv.FormatInt(v.Int(), 10)
	case Timestamp:
		return "time " + v.Time().Format(time.RFC3339Nano)
	case Unknown:
		return fmt.Sprintf("unknown %d %x", v.code, v.str)
	}
	return v.kind.String()
}

// meta splits the number in the value meta column: the type code and the length of the raw bytes.
func decodeValue(meta uint64, raw *reader) (Value, error) {
	code := byte(meta & 0xf)
	if meta>>4 > uint64(raw.left()) {
		return Value{}, errShort
	}
	s, _ := raw.take(int(meta >> 4))
	r := reader{s: s}
	var v Value
	var err error
	switch code {
	case 0:
	case 1:
		v = BoolValue(false)
	case 2:
		v = BoolValue(true)
	case 3:
		v.kind = Uint
		v.num, err = r.uleb()
	case 4, 8, 9:
		var n int64
		n, err = r.sleb()
		v = Value{kind: [...]Kind{4: Int, 8: Counter, 9: Timestamp}[code], num: uint64(n)}
	case 5:
		if len(s) != 8 {
			return Value{}, errors.New("float is not 8 bytes")
		}
		v.kind = Float
		for i := 7; i >= 0; i-- {
			v.num = v.num<<8 | uint64(s[i])
		}
		return v, nil
	case 6:
		if !utf8.ValidString(s) {
			return Value{}, errors.New("string is not UTF-8")
		}
		return StringValue(s), nil
	case 7:
		return Value{kind: Bytes, str: s}, nil
	default:
		return Value{kind: Unknown, code: code, str: s}, nil
	}
	if err == nil && !r.done() {
		err = errors.New("bytes left over")
	}
	return v, err
}

// encode appends the raw bytes of a scalar and returns the number for the meta column.
func (v Value) encode(raw []byte) (meta uint64, out []byte) {
	code, before := byte(0), len(raw)
	switch v.kind {
	case Bool:
		code = 1 + byte(v.num)
	case Uint:
		code, raw = 3, appendUleb(raw, v.num)
	case Int:
		code, raw = 4, appendSleb(raw, int64(v.num))
	case Float:
		code = 5
		for i := range 8 {
			raw = append(raw, byte(v.num>>(8*i)))
		}
	case String:
		code, raw = 6, append(raw, v.str...)
	case Bytes:
		code, raw = 7, append(raw, v.str...)
	case Counter:
		code, raw = 8, appendSleb(raw, int64(v.num))
	case Timestamp:
		code, raw = 9, appendSleb(raw, int64(v.num))
	case Unknown:
		code, raw = v.code, append(raw, v.str...)
	}
	return uint64(len(raw)-before)<<4 | uint64(code), raw
}
