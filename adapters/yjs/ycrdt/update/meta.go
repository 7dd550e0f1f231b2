package update

// StateVectorOf returns the state of a document that has this update only: for each client the end of the run that
// begins at clock 0 and has no hole. Clients without such a run are left out.
func StateVectorOf(v Version, b []byte, limits *Limits) (StateVector, error) {
	r := NewReader(v, b, limits)
	sv := make(StateVector)
	var counting bool
	var client uint64
	for first := true; r.Next(); first = false {
		s := r.Struct()
		if first || s.ID.Client != client {
			client = s.ID.Client
			counting = s.ID.Clock == 0
		}
		if s.Ref == RefSkip {
			counting = false
		}
		if counting && s.End() > 0 {
			sv[client] = s.End()
		}
	}
	if _, err := r.DeleteSet(); err != nil {
		return nil, err
	}
	return sv, nil
}

// Meta says which clocks an update spans, holes included: for each client the first clock, and the clock after the last.
type Meta struct {
	From, To StateVector
}

// MetaOf returns the Meta of an update.
func MetaOf(v Version, b []byte, limits *Limits) (Meta, error) {
	r := NewReader(v, b, limits)
	m := Meta{From: make(StateVector), To: make(StateVector)}
	var client uint64
	for first := true; r.Next(); first = false {
		s := r.Struct()
		if first || s.ID.Client != client {
			client = s.ID.Client
			m.From[client] = s.ID.Clock
		}
		m.To[client] = s.End()
	}
	if _, err := r.DeleteSet(); err != nil {
		return Meta{}, err
	}
	return m, nil
}
