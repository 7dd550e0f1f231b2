package ysync

import (
	"bytes"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// ClientState is the state of one client in an awareness update.
type ClientState struct {
	Client uint64
	Clock  uint64
	State  []byte // JSON text; nil: the client is gone
}

// AppendAwareness appends an awareness update, without a framing.
//
//	update = count, for each: client, clock, JSON text (null: gone)
func AppendAwareness(b []byte, states []ClientState) []byte {
	b = lib0.AppendVarUint(b, uint64(len(states)))
	for _, s := range states {
		b = lib0.AppendVarUint(b, s.Client)
		b = lib0.AppendVarUint(b, s.Clock)
		if s.State == nil {
			b = lib0.AppendString(b, "null")
		} else {
			b = lib0.AppendString(b, s.State)
		}
	}
	return b
}

// ReadAwareness takes an awareness update apart. The states alias b; each is checked to be JSON. An update of more than
// max clients is refused with [lib0.ErrLimit]; so is a state of more than maxState bytes. Zero means no such limit.
func ReadAwareness(b []byte, max, maxState int) ([]ClientState, error) {
	r := lib0.NewReader(b)
	n := r.Count(3, "awareness clients")
	if max > 0 && n > max {
		r.FailAt(lib0.ErrLimit, "awareness clients", 0)
		n = 0
	}
	states := make([]ClientState, 0, n)
	for range n {
		s := ClientState{Client: r.VarUint(), Clock: r.VarUint()}
		at := r.Offset()
		s.State = r.Str()
		switch {
		case r.Failed():
			return nil, r.Err()
		case maxState > 0 && len(s.State) > maxState:
			r.FailAt(lib0.ErrLimit, "awareness state", at)
		case bytes.Equal(bytes.TrimSpace(s.State), []byte("null")):
			s.State = nil
		default:
			if err := lib0.ValidJSON(s.State); err != nil {
				r.FailAt(lib0.ErrInvalid, "awareness state: "+err.Error(), at)
			}
		}
		states = append(states, s)
	}
	if r.Failed() {
		return nil, r.Err()
	}
	return states, nil
}

// MapAwareness returns an awareness update with every state changed by fn, for example so that clients cannot pose as others. Nil stands for gone, before and after.
func MapAwareness(b []byte, fn func(client uint64, state []byte) []byte) ([]byte, error) {
	states, err := ReadAwareness(b, 0, 0)
	if err != nil {
		return nil, err
	}
	for i, s := range states {
		states[i].State = fn(s.Client, s.State)
	}
	return AppendAwareness(nil, states), nil
}

// sameJSON reports whether two JSON texts mean the same, whatever the order of their keys.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if a == nil || b == nil {
		return false
	}
	x, errX := lib0.ParseJSON(a)
	y, errY := lib0.ParseJSON(b)
	return errX == nil && errY == nil && sameAny(x, y)
}

func sameAny(a, b lib0.Any) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case lib0.List:
		return slices.EqualFunc(a.List(), b.List(), sameAny)
	case lib0.Object:
		if len(a.Fields()) != len(b.Fields()) {
			return false
		}
		in := make(map[string]lib0.Any, len(b.Fields()))
		for _, f := range b.Fields() {
			in[f.Key] = f.Value
		}
		for _, f := range a.Fields() {
			if v, ok := in[f.Key]; !ok || !sameAny(f.Value, v) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}
