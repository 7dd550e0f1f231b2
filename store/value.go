package store

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind says what a [Value] holds.
type Kind uint8

// The kinds of a Value. Undefined, the kind of the zero Value, means absent: no cell of a Store holds it.
const (
	Undefined Kind = iota
	Null
	Bool
	Number
	String
	Object // a JSON object, held as its text
	Array  // a JSON array, held as its text
	invalid
)

var kindNames = [...]string{"undefined", "null", "boolean", "number", "string", "object", "array", "invalid"}

// String returns TinyBase's name of the kind, for example "boolean".
func (k Kind) String() string { return kindNames[min(k, invalid)] }

// Value is one cell or one keyed value: null, a boolean, a finite number (a float64, as in JavaScript), a string, or a
// JSON object or array.
//
// Values are comparable: == is equality. Objects and arrays are held as compact JSON text whose keys keep their order,
// so {"a":1,"b":2} and {"b":2,"a":1} differ, as they do in TinyBase. The zero Value is absent.
type Value struct {
	// bits is the kind, as a small number, or the complement of the bits of a Number. Only a NaN has a small complement, and
	// no Value holds a NaN.
	bits uint64
	str  string // String; JSON text of Object and Array; the reason of an invalid Value
}

// The bits of a Value that is not a Number: its kind, and this for true.
const trueBit = 16

func (v Value) number() float64 { return math.Float64frombits(^v.bits) }

// Scalar is what [Of] makes a Value from and [As] makes from a Value.
type Scalar interface {
	~bool | ~string |
		~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 |
		~float32 | ~float64
}

// maxExact is the greatest integer up to which a float64 holds every integer.
const maxExact = 1 << 53

// Of returns x as a Value. A number that a finite float64 cannot hold exactly (NaN, an infinity, an integer beyond 2^53)
// gives a Value that every setter refuses with an error; see [Value.Err].
func Of[T Scalar](x T) Value {
	switch x := any(x).(type) { // the common types, without reflection
	case string:
		return Value{bits: uint64(String), str: x}
	case float64:
		return number(x)
	case int:
		return integer(int64(x))
	case bool:
		return boolean(x)
	}
	return ofReflect(x)
}

func boolean(b bool) Value {
	if b {
		return Value{bits: uint64(Bool) | trueBit}
	}
	return Value{bits: uint64(Bool)}
}

func number(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{bits: uint64(invalid), str: fmt.Sprintf("the number %v is not finite", f)}
	}
	return Value{bits: ^math.Float64bits(f + 0)} // -0 becomes 0
}

func integer(i int64) Value {
	if i > maxExact || i < -maxExact {
		return Value{bits: uint64(invalid), str: fmt.Sprintf("the integer %d is beyond 2^53, so a number cannot hold it exactly", i)}
	}
	return Value{bits: ^math.Float64bits(float64(i))}
}

// NullValue returns the null Value, which is a value of its own and not the absence of one.
func NullValue() Value { return Value{bits: uint64(Null)} }

// Kind says what v holds.
func (v Value) Kind() Kind {
	if v.bits > 2*trueBit {
		return Number
	}
	return Kind(v.bits &^ trueBit)
}

// Exists says whether v is a value at all, that is, not Undefined.
func (v Value) Exists() bool { return v.bits != 0 }

// Bool returns the boolean v holds, or false.
func (v Value) Bool() bool { return v.bits == uint64(Bool)|trueBit }

// Number returns the number v holds, or 0.
func (v Value) Number() float64 {
	if v.Kind() != Number {
		return 0
	}
	return v.number()
}

// Text returns the string v holds, or the JSON text of an object or array, or "".
func (v Value) Text() string {
	if v.Kind() == invalid {
		return ""
	}
	return v.str
}

// Err says why setters refuse v, or returns nil if they do not. What they refuse: numbers that are not finite or not
// exact, strings that are not Unicode, and the strings that TinyBase's encoding reserves: U+FFFC alone, and U+FFFD at the
// beginning.
func (v Value) Err() error {
	switch v.Kind() {
	case invalid:
		return invalidValue(v.str)
	case String:
		if len(v.str) >= 3 && v.str[0] == 0xEF {
			if v.str == undefinedMark {
				return invalidValue("the string U+FFFC is reserved: it marks an absent value")
			}
			if strings.HasPrefix(v.str, objectMark) {
				return invalidValue("a string that begins with U+FFFD is reserved: it marks an object or array")
			}
		}
		if !validText(v.str) {
			return invalidValue("the string is not valid UTF-8")
		}
	}
	return nil
}

// TinyBase's markers in encoded content.
const (
	undefinedMark = "\uFFFC" // the whole string: an absent value
	objectMark    = "\uFFFD" // a prefix: the rest is the JSON text of an object or array
)

// Encoded returns v as TinyBase stores it in documents and files: an object or array as a string of U+FFFD and its
// JSON text, Undefined as the string U+FFFC, anything else as itself.
func (v Value) Encoded() Value {
	switch v.Kind() {
	case Object, Array:
		return Value{bits: uint64(String), str: objectMark + v.str}
	case Undefined:
		return Value{bits: uint64(String), str: undefinedMark}
	}
	return v
}

// Decoded is the inverse of [Value.Encoded]. A string that begins with U+FFFD must go on with the JSON text of an object
// or array.
func (v Value) Decoded() (Value, error) {
	if v.Kind() != String || len(v.str) < 3 || v.str[0] != 0xEF {
		return v, nil
	}
	if v.str == undefinedMark {
		return Value{}, nil
	}
	if text, ok := strings.CutPrefix(v.str, objectMark); ok {
		d, err := ParseJSON(text)
		if err == nil && d.Kind() != Object && d.Kind() != Array {
			err = invalidValue("the text behind U+FFFD is neither an object nor an array")
		}
		return d, err
	}
	return v, nil
}

// String returns v as JSON, and "undefined" for the zero Value. It is for people and for golden files.
func (v Value) String() string {
	if v.Kind() == Undefined {
		return "undefined"
	}
	if v.Kind() == invalid {
		return "invalid: " + v.str
	}
	return string(v.AppendJSON(nil))
}

// As returns v as a T. It reports false when v holds another kind, or a number that T cannot hold exactly.
func As[T Scalar](v Value) (x T, ok bool) {
	switch p := any(&x).(type) {
	case *string:
		*p, ok = v.str, v.Kind() == String
		if !ok {
			*p = ""
		}
		return x, ok
	case *float64:
		*p = v.Number()
		return x, v.Kind() == Number
	case *bool:
		*p = v.Bool()
		return x, v.Kind() == Bool
	}
	return x, asReflect(v, &x)
}

// validText accepts UTF-8 and, in their three-byte form, the lone surrogates that JavaScript strings may hold.
func validText(s string) bool {
	if utf8.ValidString(s) {
		return true
	}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			if i+3 > len(s) || s[i] != 0xED || s[i+1] < 0xA0 || s[i+1] > 0xBF || s[i+2]&0xC0 != 0x80 {
				return false
			}
			n = 3
		}
		i += n
	}
	return true
}

// quoteID prints an id: bare when it is plain, quoted otherwise.
func quoteID(id string) string {
	if id == "" || strings.ContainsFunc(id, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return strconv.Quote(id)
	}
	return id
}
