package update

// Diff returns what of an update somebody needs who has the state sv: the structs at and above sv, the first of them cut
// if sv lies inside, and the whole delete set. Clients that are not in sv are at 0. A hole at the start of a client is
// left out.
func Diff(v Version, b []byte, sv StateVector, limits *Limits) ([]byte, error) {
	r := NewReader(v, b, limits)
	w := NewWriter(v)
	var begun bool // the current client's structs are being written
	var client uint64
	for r.Next() {
		s := r.Struct()
		if s.ID.Client != client {
			begun, client = false, s.ID.Client
		}
		if !begun {
			have := sv[client]
			if s.Ref == RefSkip || s.End() <= have {
				continue
			}
			if have > s.ID.Clock {
				if err := s.cutFront(have-s.ID.Clock, slicing); err != nil {
					return nil, err
				}
			}
			begun = true
		}
		if err := w.Write(s); err != nil {
			return nil, err
		}
	}
	ds, err := r.DeleteSet()
	if err != nil {
		return nil, err
	}
	return w.Finish(ds.byClient())
}
