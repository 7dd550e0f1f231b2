package update

import (
	"cmp"
	"maps"
	"slices"

	"github.com/rowloom/rowloom/adapters/yjs/ycrdt/lib0"
)

// A StateVector says of each client how much is known: the next clock. A client that is not in it is at 0.
type StateVector map[uint64]uint32

// DecodeStateVector reads a state vector, which has one form for both versions. Of several entries for one client the
// last counts.
func DecodeStateVector(b []byte, limits *Limits) (StateVector, error) {
	r := lib0.NewReader(b)
	sv := ReadStateVector(&r, limits)
	if r.Failed() {
		return nil, r.Err()
	}
	if !limits.resolve(0).AllowTrailing {
		return sv, r.End()
	}
	return sv, nil
}

// ReadStateVector reads a state vector. Errors are those of r.
func ReadStateVector(r *lib0.Reader, limits *Limits) StateVector {
	clients := r.Count(2, "clients of the state vector")
	if clients > limits.resolve(0).Clients {
		r.Fail(lib0.ErrLimit, "clients of the state vector")
	}
	sv := make(StateVector)
	for ; clients > 0 && !r.Failed(); clients-- {
		client, clock := r.VarUint(), r.VarUint()
		if clock > MaxClock {
			r.Fail(lib0.ErrRange, "clock of the state vector")
		}
		if !r.Failed() {
			sv[client] = uint32(clock)
		}
	}
	return sv
}

// Encode returns the state vector as bytes, clients descending, as Yjs does.
func (sv StateVector) Encode() []byte { return AppendStateVector(nil, sv) }

// AppendStateVector appends the state vector, clients descending.
func AppendStateVector(b []byte, sv StateVector) []byte {
	clients := slices.SortedFunc(maps.Keys(sv), func(a, b uint64) int { return cmp.Compare(b, a) })
	b = lib0.AppendVarUint(b, uint64(len(clients)))
	for _, c := range clients {
		b = lib0.AppendVarUint(lib0.AppendVarUint(b, c), uint64(sv[c]))
	}
	return b
}
