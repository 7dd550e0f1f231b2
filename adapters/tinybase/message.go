package tinybase

import (
	"fmt"
	"math"
	"strconv"

	"github.com/rowloom/rowloom/internal/jsjson"
	"github.com/rowloom/rowloom/store/hlc"
)

// Kind is the number of a message.
type Kind uint8

// The messages. Bodies are JSON; "stamps" are [thing,hlc], or [thing] where the stamp is empty.
const (
	Response         Kind = iota // what was asked for
	GetContentHashes             // "": who is there, and what have you got?
	ContentHashes                // [tablesHash,valuesHash]: this is what I have got; ask me for what you lack
	ContentDiff                  // [tablesStamp,valuesStamp,1]: this has changed
	GetTableDiff                 // {table:hash}: answered by [tablesStamp,{table:hash}]
	GetRowDiff                   // {table:{row:hash}}: answered by [tablesStamp,{table:{row:hash}}]
	GetCellDiff                  // {table:{row:{cell:hash}}}: answered by a tables stamp
	GetValueDiff                 // {value:hash}: answered by a values stamp
)

// String returns TinyBase's name of the message.
func (k Kind) String() string {
	names := [...]string{"Response", "GetContentHashes", "ContentHashes", "ContentDiff", "GetTableDiff", "GetRowDiff", "GetCellDiff", "GetValueDiff"}
	if int(k) < len(names) {
		return names[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Message is one message of the protocol: [id,kind,body]. A request's id comes back in its response; TinyBase 5.0 to 5.3
// leave it out of announcements.
type Message struct {
	ID   string
	NoID bool // the id is null
	Kind Kind
	Body []byte // JSON text; what ParseMessage returns has been checked
}

// String says what the message is, without the body.
func (m Message) String() string {
	id := strconv.Quote(m.ID)
	if m.NoID {
		id = "null"
	}
	return fmt.Sprintf("%s %s, %d bytes", m.Kind, id, len(m.Body))
}

// Append appends the JSON text of the message.
func (m Message) Append(dst []byte) []byte {
	dst = append(dst, '[')
	if m.NoID {
		dst = append(dst, "null"...)
	} else {
		dst = jsjson.AppendString(dst, m.ID)
	}
	dst = append(dst, ',', '0'+byte(m.Kind), ',')
	dst = append(dst, m.Body...)
	return append(dst, ']')
}

// maxDepth is how deep a message may nest: ten levels of its own, and the objects that cells may hold.
const maxDepth = 1000

// ParseMessage reads and checks a message by the rules of TinyBase 9.4 and later: a body must have exactly the form of its
// kind, stamps must be well-formed (but may lie in the future), hashes must be whole numbers of 32 bits, and stamps with
// hashes are refused. The error is a [*ProtocolError]. The Body is a part of text.
func ParseMessage(text []byte) (Message, error) {
	r := jsjson.NewReader(text, &jsjson.Options{MaxDepth: maxDepth})
	var m Message
	element := func() {
		if !r.NextElement() {
			r.Failf("a message has three elements")
		}
	}
	r.BeginArray()
	element()
	if m.NoID = r.Peek() == jsjson.Null; m.NoID {
		r.Null()
	} else if m.ID = string(r.Text()); m.ID == undefined {
		r.Failf("an id is null or a string")
	}
	element()
	kind := r.Number()
	if r.Err() == nil && (kind != math.Trunc(kind) || kind < 0 || kind > float64(GetValueDiff)) {
		r.Failf("there is no message %v", kind)
	}
	m.Kind = Kind(kind)
	element()
	r.Peek() // moves over white space
	from := r.Offset()
	checkBody(r, m.Kind)
	to := r.Offset()
	if r.NextElement() {
		r.Failf("a message has three elements")
	}
	if err := r.End(); err != nil {
		return Message{}, invalid("not a message: %v", err)
	}
	m.Body = text[from:to:to]
	return m, nil
}

// undefined stands in JSON for JavaScript's undefined: a deleted cell.
const undefined = "\uFFFC"

func checkBody(r *jsjson.Reader, k Kind) {
	switch k {
	case Response:
		checkResponse(r)
	case GetContentHashes:
		if len(r.Text()) > 0 {
			r.Failf("the body of %v is an empty string", k)
		}
	case ContentHashes:
		r.BeginArray()
		checkHashes(r)
	case ContentDiff:
		checkChanges(r)
	case GetTableDiff, GetValueDiff:
		checkTree(r, 0)
	case GetRowDiff:
		checkTree(r, 1)
	case GetCellDiff:
		checkTree(r, 2)
	}
}

// checkHashes reads what follows the bracket of [hash,hash].
func checkHashes(r *jsjson.Reader) {
	for range 2 {
		if !r.NextElement() {
			r.Failf("two hashes were expected")
		}
		readHash(r)
	}
	endArray(r)
}

func endArray(r *jsjson.Reader) {
	if r.NextElement() {
		r.Failf("an array is too long")
	}
}

func readHash(r *jsjson.Reader) uint32 {
	h := r.Number()
	if r.Err() == nil && (h != math.Trunc(h) || h < 0 || h > math.MaxUint32) {
		r.Failf("%v is not a hash", h)
	}
	return uint32(int64(h))
}

// checkTree reads hashes in objects: depth 0 is {id:hash}.
func checkTree(r *jsjson.Reader, depth int) {
	r.BeginObject()
	for r.NextKey() {
		if depth > 0 {
			checkTree(r, depth-1)
		} else {
			readHash(r)
		}
	}
}

// checkStamp reads [thing] or [thing,hlc]. A thing is an object of stamps, depth levels deep, then a cell.
func checkStamp(r *jsjson.Reader, depth int) {
	r.BeginArray()
	checkStampRest(r, depth)
}

func checkStampRest(r *jsjson.Reader, depth int) {
	if !r.NextElement() {
		r.Failf("a stamp is an array of a thing and its time")
		return
	}
	if depth == 0 {
		checkCell(r)
	} else {
		r.BeginObject()
		for r.NextKey() {
			checkStamp(r, depth-1)
		}
	}
	if r.NextElement() {
		checkTime(r)
		endArray(r)
	}
}

func checkTime(r *jsjson.Reader) {
	if _, err := hlc.Parse(r.Text()); err != nil {
		r.Fail(err)
	}
}

func checkCell(r *jsjson.Reader) {
	if r.Peek() == jsjson.Number {
		if f := r.Number(); math.IsInf(f, 0) {
			r.Failf("a cell cannot be infinite")
		}
		return
	}
	r.Skip()
}

func checkChanges(r *jsjson.Reader) {
	r.BeginArray()
	for _, depth := range []int{3, 1} {
		if !r.NextElement() {
			r.Failf("changes are tables and values")
		}
		checkStamp(r, depth)
	}
	if r.NextElement() {
		if r.Number() != 1 {
			r.Failf("the third element of changes is 1")
		}
		endArray(r)
	}
}

// checkResponse reads one of [hash,hash], a tables stamp, a values stamp and [tablesStamp,hashes].
func checkResponse(r *jsjson.Reader) {
	r.BeginArray()
	if !r.NextElement() {
		r.Failf("an empty response")
		return
	}
	switch r.Peek() {
	case jsjson.Number:
		readHash(r)
		if !r.NextElement() {
			r.Failf("two hashes were expected")
		}
		readHash(r)
		endArray(r)
	case jsjson.Object:
		// The cells of a values stamp may be objects, so every tables stamp looks like a values stamp too.
		r.BeginObject()
		for r.NextKey() {
			checkStamp(r, 0)
		}
		if r.NextElement() {
			checkTime(r)
			endArray(r)
		}
	default:
		checkStamp(r, 3)
		if !r.NextElement() {
			r.Failf("hashes were expected after the tables")
		}
		checkEitherTree(r)
		endArray(r)
	}
}

// checkEitherTree reads {id:hash} or {id:{id:hash}}, not mixed.
func checkEitherTree(r *jsjson.Reader) {
	r.BeginObject()
	var kind jsjson.Kind
	for r.NextKey() {
		if k := r.Peek(); kind == jsjson.Invalid {
			kind = k
		} else if k != kind {
			r.Failf("hashes of two depths")
		}
		if kind == jsjson.Object {
			checkTree(r, 0)
		} else {
			readHash(r)
		}
	}
}
