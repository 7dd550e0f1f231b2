package awareness

import (
	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// An Entry is what a message says of one client. State is JSON text as JSON.stringify writes it, or "null" if the client is
// gone.
type Entry struct {
	Client uint64
	Clock  uint64
	State  string
}

// gone is the state of a client that is not there.
const gone = "null"

// maxClock is the largest clock that is accepted.
const maxClock = 1 << 52

// Decode reads a message: the number of entries, and for each client, clock and state. Errors are *lib0.DecodeError.
func Decode(message []byte, opts *Options) ([]Entry, error) {
	o := opts.resolve()
	r := lib0.NewReader(message)
	n := r.Count(3, "clients")
	if n > o.PerMessage {
		r.Fail(lib0.ErrLimit, "clients")
	}
	var out []Entry
	for ; n > 0 && !r.Failed(); n-- {
		e := Entry{Client: r.VarUint(), Clock: r.VarUint()}
		if e.Clock > maxClock {
			r.Fail(lib0.ErrRange, "clock")
		}
		text := r.Str()
		if len(text) > o.StateBytes {
			r.Fail(lib0.ErrLimit, "size of a state")
		}
		if r.Failed() {
			break
		}
		same, err := lib0.CheckJSON(text)
		if err != nil {
			bad := err.(*lib0.DecodeError)
			r.FailAt(bad.Kind, bad.What, r.Offset()-len(text)+bad.Offset)
			break
		}
		if same {
			e.State = string(text)
		} else if e.State, err = canonical(text); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, r.End()
}

// canonical returns JSON text as JSON.stringify writes it.
func canonical(text []byte) (string, error) {
	v, err := lib0.ParseJSON(text)
	if err != nil {
		return "", err
	}
	out, err := lib0.AppendJSON(nil, v)
	return string(out), err
}

// Encode returns the message that Decode reads.
func Encode(entries []Entry) []byte {
	b := lib0.AppendVarUint(nil, uint64(len(entries)))
	for _, e := range entries {
		b = lib0.AppendVarUint(b, e.Client)
		b = lib0.AppendVarUint(b, e.Clock)
		b = lib0.AppendString(b, e.State)
	}
	return b
}

// Modify returns the message with other states: change gets each client's state (null if it is gone) and returns the one
// to put in its place. A server uses it to add or remove fields as messages pass through.
func Modify(message []byte, opts *Options, change func(client uint64, state lib0.Any) lib0.Any) ([]byte, error) {
	entries, err := Decode(message, opts)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		v, err := lib0.ParseJSON([]byte(entries[i].State))
		if err != nil {
			return nil, err
		}
		text, err := lib0.AppendJSON(nil, change(entries[i].Client, v))
		if err != nil {
			return nil, err
		}
		entries[i].State = string(text)
	}
	return Encode(entries), nil
}

// sameState compares JSON texts as values: the order of keys does not count.
func sameState(a, b string) bool {
	if a == b {
		return true
	}
	v, err := lib0.ParseJSON([]byte(a))
	if err != nil {
		return false
	}
	w, err := lib0.ParseJSON([]byte(b))
	return err == nil && sameValue(v, w)
}

func sameValue(v, w lib0.Any) bool {
	switch {
	case v.Kind() == lib0.Object && w.Kind() == lib0.Object:
		if len(v.Fields()) != len(w.Fields()) {
			return false
		}
		fields := make(map[string]lib0.Any, len(w.Fields()))
		for _, f := range w.Fields() {
			fields[f.Key] = f.Value
		}
		for _, f := range v.Fields() {
			if other, ok := fields[f.Key]; !ok || !sameValue(f.Value, other) {
				return false
			}
		}
		return true
	case v.Kind() == lib0.List && w.Kind() == lib0.List:
		if len(v.List()) != len(w.List()) {
			return false
		}
		for i := range v.List() {
			if !sameValue(v.List()[i], w.List()[i]) {
				return false
			}
		}
		return true
	case v.Kind() == lib0.Number && w.Kind() == lib0.Number:
		return v.Number() == w.Number()
	}
	return v.Equal(w)
}
